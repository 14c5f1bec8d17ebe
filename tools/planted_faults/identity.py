"""Faults in who a user is, and what a provider says of them."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, Never, Replace, Return

IDENTITY: Final = (
    *noticed_by(
        "tests/core/test_claims.py",
        (
            "an address that is not verified counts",
            "claims:read_values",
            Never("claim == EMAIL and not trust_email and not _is_verified(claims)"),
        ),
        ("any number of values is read", "claims:read_values", Never("len(found) > MAX_VALUES")),
        ("a value of any length is read", "claims:_read_value", Never("len(text) > MAX_LENGTH")),
        ("what is no text is read as nothing", "claims:_read_value", Never("text is None")),
        (
            "a rule is for all providers",
            "claims:find_rule",
            Replace("rule.provider in {None, identity.provider}", "True"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_claimed_people.py",
        (
            "a user whom no rule lets in is let in",
            "LogIn._record",
            Never("before is None and not person.is_let_in(now)"),
        ),
        (
            "a user is refreshed as another",
            "LogIn._record",
            Never("self.known and (before is None or before.name != self.known)"),
        ),
        ("two users have a name", "LogIn._choose_name", Never("holder is not None")),
        (
            "a name that users choose makes another user of them",
            "check_new_name",
            Never("not provider.assigns_names"),
        ),
        (
            "a look-alike logs in",
            "check_new_name",
            Never("(alike := policy.find_look_alike(name))"),
        ),
        (
            "a user whose rule has ended stays",
            "ClaimedPeople.refresh",
            Replace("person is not None and person.is_let_in(now)", "True"),
        ),
        (
            "nothing said of groups means none",
            "take_claims",
            Never("before is not None and missing"),
        ),
        (
            "groups of long ago count for ever",
            "take_claims",
            Replace("now - grouped_at < GROUPS_LAST", "True"),
        ),
        (
            "an admin by a rule counts as the last one",
            "Policy.own_admins",
            Replace("not p.level_rule", "True"),
        ),
    ),
    *noticed_by(
        "tests/hub/stock_api/test_live_bad_input.py",
        (
            "a user is deleted from under their servers",
            "GovernedAuthenticator.delete_user",
            Drop("await stop_server(self.platform.app, ...)"),
        ),
    ),
    *noticed_by(
        "tests/core/test_look_alikes.py",
        (
            "look-alikes are in the file",
            "_Checks._check_look_alikes",
            Never("(alike := look_alikes.find(form, people))"),
        ),
        (
            "look-alikes are managed",
            "Sources.put",
            Never("new.key.kind is Kind.USER and (alike := policy.find_look_alike(name))"),
        ),
    ),
    *noticed_by(
        "tests/hub/people/test_membership_sync.py",
        (
            "who was fed stays",
            "apply_to_fed",
            Replace("settle_people(app.db, after.snapshot.policy, names, was)", "None"),
        ),
        (
            "what was added goes with what was fed",
            "apply_to_fed",
            Replace(
                "frozenset(each for each in lost if lost[each] & theirs[name]) - added_of(name)",
                "frozenset(each for each in lost if lost[each] & theirs[name])",
            ),
        ),
    ),
    *noticed_by(
        "tests/core/test_default_account.py",
        (
            "an account that was left is charged",
            "choose_account",
            Replace("each[0] in asker.accounts", "each[0]"),
        ),
        (
            "a tier is lost with its account",
            "still_meant",
            Never("account and (is_theirs(account) and not is_theirs(charged))"),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_governed_authenticator.py",
        (
            "look-alikes log in",
            "GovernedAuthenticator.validate_username",
            Replace("return not alike", "return True"),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_claimed_logins.py",
        (
            "tokens of an authenticator are kept as claims",
            "claimed_logins:_list_said",
            Replace(
                "state.get(state_key) if state_key and isinstance(state, Mapping) else None",
                "state",
            ),
        ),
        (
            "a site's groups may be called like levels",
            "claimed_logins:read_identity",
            Replace("read_groups(model[GROUPS], name)", "map(str, model[GROUPS])"),
        ),
        (
            "what is said of a user names another one",
            "claimed_logins:read_identity",
            Replace(
                "unite_claims(*sources, {OWN_NAME: name})",
                "unite_claims({OWN_NAME: name}, *sources)",
            ),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_live_site_rules.py",
        (
            "a user whom no rule of a site lets in any more stays",
            "claimed_logins:refresh_vouched",
            Replace("error.status_code != 403", "True"),
        ),
        (
            "groups alone take back what else was said",
            "claimed_logins:refresh_vouched",
            Replace("adds = not _list_said(model, key)", "adds = False"),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_governed_authenticator.py",
        (
            "a login loses the groups of the configuration",
            "GovernedAuthenticator.unite",
            Replace("added | self._loaded.get(name, frozenset())", "added"),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/providers/test_registry.py",
        (
            "a site's own authenticator is a button",
            "Providers.list_declared",
            Replace("each.kind != AUTHENTICATOR", "True"),
        ),
        (
            "a site's own authenticator is a way to log in",
            "Providers.find",
            Never("provider is None or provider.kind == AUTHENTICATOR"),
        ),
    ),
    *noticed_by(
        "tests/core/test_policy_index.py",
        (
            "a user who leaves their only group for another stays in both",
            "PolicyIndex._follow_groups",
            Replace(
                "theirs[user] if user in theirs else self.groups_of.get(user, frozenset())",
                "theirs.get(user) or self.groups_of.get(user, frozenset())",
            ),
        ),
        (
            "a look-alike that is gone is found",
            "LookAlikes.follow",
            Replace("differing.get(skeleton, before)", "differing.get(skeleton) or before"),
        ),
    ),
    *noticed_by(
        "tests/core/test_fed_groups.py",
        ("a provider feeds levels", "_Checks._check_provided", Never("is_level_group(name)")),
        ("nothing is fed", "FedGroups.list_fed", Return("frozenset()")),
        (
            "what is fed is not written",
            "settle_memberships",
            Replace("added_elsewhere | declared | fed", "added_elsewhere | declared"),
        ),
        (
            "what is fed cannot be charged",
            "Policy.accounts_of",
            Replace(
                "self.declared_groups(user) | memberships | self.groups_fed_by(memberships)",
                "self.declared_groups(user) | memberships",
            ),
        ),
        (
            "a group of the policy feeds another",
            "_Checks._check_provided",
            Never('name != path[1] and name in self._names.declared["groups"]'),
        ),
    ),
    *noticed_by(
        "tests/core/test_identity.py tests/core/test_generated_names.py",
        (
            "names are not folded",
            "normalise_user",
            Replace(
                'unicodedata.normalize("NFKC", name.strip()).casefold()',
                'unicodedata.normalize("NFKC", name.strip())',
            ),
        ),
        ("what cannot be seen is passed over", "normalise_user", Never("not name.isprintable()")),
        (
            "only controls cannot be seen",
            "identity:_find_invisible",
            Replace('unicodedata.category(c)[0] == "C"', 'unicodedata.category(c) == "Cc"'),
        ),
        ("names have slashes", "identity:_why_no_name", Never('"/" in folded')),
        ("names have codes", "identity:_why_no_name", Never("_ENCODED.search(folded)")),
        ("dots are a name", "identity:_why_no_name", Never('not folded.strip(".")')),
        (
            "any blanks are a name",
            "identity:_why_no_name",
            Never('" ".join(folded.split()) != folded'),
        ),
        (
            "any signs are in names",
            "identity:_why_no_name",
            Never("(odd := say_odd_character(folded))"),
        ),
        ("scripts are mixed", "identity:_why_no_name", Never("(mixed := find_mixture(folded))")),
        (
            "letters have no shape",
            "confusables:_BLANK",
            Replace('"\\u115f\\u1160\\u17b4\\u17b5"', '""'),
        ),
        (
            "loose accents are letters",
            "say_odd_character",
            Replace("is_mark and script", "is_mark"),
        ),
        (
            "a name only begins as one",
            "is_folded",
            Replace("_PRINTABLE.fullmatch", "_PRINTABLE.match"),
        ),
        ("names have any length", "normalise_user", Never("len(folded) > MAX_CHARACTERS")),
        (
            "forms are not folded together",
            "normalise_user",
            Replace(
                (
                    'unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", '
                    "name.strip()).casefold())"
                ),
                '"".join(name.strip()).casefold()',
            ),
        ),
        ("a group only begins as one", "check_name", Replace("_NAME.fullmatch", "_NAME.match")),
        ("groups of levels are accounts", "is_level_group", Return("False")),
        ("two that fall together are let through", "list_collisions", Replace("1", "2")),
        (
            "what comes after a bad name is not looked at",
            "list_collisions",
            Replace("continue", "break"),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_governed_authenticator.py",
        (
            "names that look alike are one",
            "GovernedAuthenticator.normalize_username",
            Replace("form if fold_case(mapped) == form else mapped", "form"),
        ),
        (
            "the Kelvin sign is a k",
            "identity:_lower",
            Replace("lower.isascii() is character.isascii()", "True"),
        ),
        (
            "any form of a name is added by hand",
            "GovernedAuthenticator.validate_username",
            Never("normal != username or not super().validate_username(username)"),
        ),
        (
            "a user who was dropped stays in",
            "GovernedAuthenticator._is_declared",
            Drop("is_let_in"),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_live_foreign_authenticator.py",
        (
            "every user whom the site knows comes in",
            "GovernedAuthenticator.refuse_undeclared",
            Never("not policy.lets_in(name, now)"),
        ),
    ),
    *noticed_by(
        # A later check refuses as well, but no longer with the status of the denial.
        "tests/faults/test_races.py -k denied_need_not_wait",
        (
            "admission is not asked before a start",
            "GovernedAuthenticator.pre_spawn_start",
            Never("isinstance(spawner, AdmissionMixin)"),
        ),
    ),
    *noticed_by(
        "tests/hub/people/test_live_suspension.py -k everywhere",
        (
            "the suspended log in",
            "GovernedAuthenticator.check_blocked_users",
            Drop("self.refuse_suspended(username)"),
        ),
    ),
    *noticed_by(
        "tests/hub/auth/test_provider_data.py",
        (
            "a provider gives levels",
            "provider_data:read_groups",
            Replace("texts - reserved", "texts"),
        ),
        ("a provider gives the roles of levels", "_read_role", Never("is_ours(name)")),
        (
            "a provider gives scopes of admins",
            "_read_role",
            Replace("list_safe(scopes, custom_scopes)", "scopes"),
        ),
        (
            "a provider gives roles of services to people",
            "read_roles_of_person",
            Never("list_safe(has, custom_scopes) != has"),
        ),
        (
            "a provider makes admins",
            "provider_data:_list_roles",
            Drop('read["name"] not in _OF_THE_HUB'),
        ),
        ("names that no database takes are believed", "is_name", Drop("is_storable(value)")),
        ("a role of any name is believed", "_read_role", Drop("not _ROLE_NAME.fullmatch(name)")),
        (
            "scopes that do not exist are believed",
            "_read_role",
            Drop("_is_known(scope, custom_scopes)"),
        ),
        (
            "a role that comes twice keeps the Hub from starting",
            "read_managed_roles",
            Never('role["name"] in kept'),
        ),
        (
            "a provider fills the Hub with groups",
            "provider_data:read_groups",
            Replace("sorted(texts - reserved)[:MAX_ENTRIES]", "texts - reserved"),
        ),
        ("what no JSON has is kept of a person", "_is_json_object", Drop("json.dumps(value)")),
    ),
    *noticed_by(
        "tests/hub/auth/test_live_provider.py -k gives_no_level",
        (
            "what a provider says is not united with the policy",
            "GovernedAuthenticator.get_authenticated_user",
            Replace('self.unite(model, handler.find_user(model["name"]))', "model"),
        ),
    ),
    *noticed_by(
        "tests/hub/configuration/test_live_hardening.py -k outrun",
        (
            "a provider that is slow outruns a suspension",
            "GovernedAuthenticator.refresh_user",
            Drop("self.refuse_suspended(user.name)", within="with provider_errors_as_502(): ..."),
        ),
    ),
    *noticed_by(
        "tests/faults/test_database.py -k stranger",
        ("a database that fails makes strangers", "_raise_failure", Never("failure is not None")),
    ),
)
