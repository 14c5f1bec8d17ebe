"""Faults in levels, scopes, and who is in charge of whom."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace

LEVELS: Final = (
    *noticed_by(
        "tests/core/test_managed.py -k 'level or higher'",
        ("a lent level is lent for good", "level_at", Drop("each.is_live(now)")),
        ("an admin is lent a lower level", "level_at", Drop("own is not Level.ADMIN")),
        (
            "a lent level counts as one that lasts",
            "partial_document:_levels",
            Replace("person.own_level", "person.level"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_access_requests.py -k 'sqlite and level'",
        ("a lent level stays in force", "Changes.follow_clock", Never("policy is not ...")),
        (
            "a level is lent for longer than was asked for",
            "Approve._check_less",
            Never("self.lasts and asked.lasts and self.lasts > asked.lasts"),
        ),
        (
            "any grant is prolonged without a group",
            "Ask._prolongs_level",
            Drop("each.level"),
        ),
    ),
    *noticed_by(
        "tests/cli/test_hub_client.py -k 'service or token'",
        (
            "a token is sent without TLS",
            "locate_service",
            Replace('httpx.URL(hub).scheme == "https"', "False"),
        ),
    ),
    *noticed_by(
        "tests/hub/spawn_page/test_blocking_servers.py -k 'grant or lent'",
        (
            "a tier of a grant has no end",
            "find_end_of_access",
            Replace(
                "tier.access.admits(user, person.own_level, account)",
                "tier.access.admits(user, person.level, account)",
            ),
        ),
    ),
    *noticed_by(
        "tests/hub/people/test_memberships.py",
        (
            "a new admin is added as if they were none",
            "add_people",
            Replace("level_group(Level.ADMIN) not in shall[name]", "True"),
        ),
        (
            "new users are given no role",
            "add_users",
            Drop('database.execute(orm.Base.metadata.tables["user_role_map"].insert(), rows)'),
        ),
    ),
    *noticed_by(
        "tests/core/test_levels.py",
        (
            "viewers start servers",
            "LEVELS",
            Replace(
                "may_start=False",
                "may_start=True",
                within='LevelRule("opens what is shared with them", ...)',
            ),
        ),
        (
            "auditors start servers",
            "LEVELS",
            Replace(
                "may_start=False",
                "may_start=True",
                within='LevelRule("reads everything, changes nothing", ...)',
            ),
        ),
        (
            "operators do not read",
            "LEVELS",
            Drop(
                "reads_everything=True",
                within='LevelRule("sees and stops servers, runs maintenance", ...)',
            ),
        ),
        (
            "managers read everything",
            "LEVELS",
            Replace(
                "manages_groups=True",
                "manages_groups=True, reads_everything=True",
                within='LevelRule("also manages people and grants inside their own groups", ...)',
            ),
        ),
    ),
    *noticed_by(
        "tests/hub/people/test_roles.py",
        (
            "managers have everything of ours",
            "LEVEL_SCOPES",
            Replace(
                "(*_EVERYBODY, *_SHARING, MANAGE)",
                '(*_EVERYBODY, *_SHARING, MANAGE, "custom:platform")',
            ),
        ),
        (
            "operators reach servers",
            "LEVEL_SCOPES",
            Replace(
                '(*_EVERYBODY, *_SEEING, OPERATE, "delete:servers", "admin-ui")',
                (
                    '(*_EVERYBODY, *_SEEING, OPERATE, "delete:servers", "admin-ui", '
                    '"access:servers")'
                ),
            ),
        ),
        ("developers share for everybody", "_SHARING", Replace('"shares!user"', '"shares"')),
        (
            "auditors see nothing",
            "LEVEL_SCOPES",
            Drop("*_SEEING", within="(*_EVERYBODY, *_SEEING, AUDIT)"),
        ),
        (
            "a role of services and people is not looked at",
            "_is_for_admins_or_services",
            Drop("users - set(admins)"),
        ),
        (
            "a role of admins and others is not looked at",
            "_is_for_admins_or_services",
            Drop("groups - {level_group(Level.ADMIN)}"),
        ),
        (
            "a role of a level goes to every user",
            "list_wrong_bearers",
            Replace("sorted(named)", "()"),
        ),
        (
            "any filter makes a scope safe",
            "_danger",
            Drop('kind == "group" and name in UNSAFE_WITHIN_GROUPS'),
        ),
        ("no scope is unsafe", "_danger", Never("each in UNSAFE")),
        (
            "power over an account that several use comes with a scope of a site",
            "_danger",
            Replace(
                "all(each in POWER_OVER_SERVERS for each in _expand_scope(...))",
                "any(each in POWER_OVER_SERVERS for each in _expand_scope(name, custom_scopes))",
            ),
        ),
        (
            "power over one other person is safe",
            "_danger",
            Replace('f"has power over {whom}" if why and whom not in {"", bearer} else ""', '""'),
        ),
        ("any group makes admins", "list_wrong_bearers", Replace("sorted(groups)", "()")),
        (
            "scopes for everybody are not looked at",
            "find_refused",
            Replace("[*specs, everybody]", "[*specs]"),
        ),
        (
            "any role inherits",
            "list_dangers",
            Replace('(name, scope) != ("token", "inherit")', 'scope != "inherit"'),
        ),
        ("unsafe roles are passed over", "refused_roles:_find", Never("if whats: ...")),
    ),
    *noticed_by(
        "tests/hub/people/test_role_reach.py",
        (
            "a bearer reaches those above them",
            "role_reach:_narrow",
            Never("not is_higher(value.partition('/')[0])"),
        ),
        (
            "a group hides those above its staff",
            "role_reach:_narrow",
            Never("any(map(is_higher, members))"),
        ),
        (
            "everybody in a group is reached if one is above",
            "role_reach:_narrow",
            Replace("is_higher(each)", "False"),
        ),
        (
            "JupyterHub asks no limit",
            "scope_narrowing:_narrowed",
            Always("_narrow is None or not isinstance(owner, orm.User)"),
        ),
        (
            "what is refused of a role stays in the Hub's database",
            "take_away",
            Replace("scope not in each.scopes", "True"),
        ),
        (
            "who may not bear a role goes on bearing it",
            "take_away",
            Drop("_strip(database, role, bearer)"),
        ),
    ),
    *noticed_by(
        "tests/hub/api/test_live_api.py",
        (
            "every member of a group is in charge of it",
            "PlatformAPIHandler.in_charge_of",
            Replace(
                "self.platform.snapshot.policy.managed_groups",
                "self.platform.snapshot.policy.declared_groups",
            ),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_live_invites.py",
        (
            "managers take over users of other groups, too",
            "why_not_for_manager",
            Never("not groups <= managed"),
        ),
        ("managers take over members", "why_not_for_manager", Never("has_password")),
        ("managers invite everybody", "why_not_for_manager", Never("not groups & managed")),
        ("groups of the Hub are passed over", "why_not_for_manager", Replace("memberships", "()")),
        (
            "readers of everything are invited by managers",
            "_is_raised",
            Drop("LEVELS[level].reads_everything"),
        ),
        (
            "managers of groups are invited by managers",
            "_is_raised",
            Drop("LEVELS[level].manages_groups"),
        ),
        (
            "an operator whose level a grant lowers is invited by managers",
            "Policy.levels_to_come",
            Drop("person.own_level"),
        ),
        (
            "an invite outlives what its maker may do",
            "is_still_good",
            Always("not why_not_for_manager(...)"),
        ),
        (
            "a caller without the right invites",
            "InviteHandler._check_manager",
            Never("if why_not: ..."),
        ),
    ),
    *noticed_by(
        "tests/hub/matrix/test_live_matrix.py",
        (
            "a caller who is not logged in is answered",
            "PlatformAPIHandler.prepare",
            Never("self.current_user is None"),
        ),
        ("scopes are not asked for", "PlatformAPIHandler.require", Never("not any(...)")),
        (
            "managers see what is held elsewhere",
            "UsageHandler.get",
            Replace("(each for each in accounts if self.in_charge_of(each))", "accounts"),
        ),
        (
            "everybody asks for everybody",
            "DecideHandler.post",
            Never("not (self.has_scope(roles.READ) or self._may_start(name))"),
        ),
        (
            "decisions of others are shown",
            "DecisionHandler.get",
            Never("not (mine or managed or self.has_scope(roles.READ))"),
        ),
        (
            "decisions are shown by their owner's level alone",
            "DecisionHandler.get",
            Replace("self.in_charge_of(recorded.account)", "self.has_scope(roles.MANAGE)"),
        ),
        (
            "everybody reloads",
            "ReloadHandler.post",
            Drop("self.require(*RELOAD.scopes)"),
        ),
    ),
    *noticed_by(
        "tests/service/test_levels.py",
        (
            "a person is shown to managers of other groups",
            "Person.read",
            Drop("not viewer.sees_person(facts, name)"),
        ),
    ),
)
