"""Faults in what is managed in the Hub: lost updates, and managers who take more than is theirs."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

MANAGED: Final = (
    *noticed_by(
        "tests/core/test_delegation.py",
        ("managers change tiers", "why_not_touch", Never("kind in {Kind.TIER, Kind.IMAGE}")),
        (
            "managers change any group",
            "why_not_touch",
            Never("kind is Kind.GROUP and name not in policy.managed_groups(manager)"),
        ),
        ("managers raise themselves", "_why_not_person", Never("name == manager")),
        (
            "managers change people of other groups",
            "_why_not_person",
            Never("not groups <= policy.managed_groups(manager)"),
        ),
        ("managers change operators", "_why_not_person", Never("(why_not := why_raised(...))")),
        ("managers change who is to be operator", "Policy.levels_to_come", Drop("*granted")),
        ("managers make managers", "_why_not_level", Never("_is_raised(new.own_level)")),
        ("managers change quotas of their group", "why_not_put", Never("old != new")),
        ("managers give to themselves", "_refuse_grant", Never("grant.user == manager")),
        ("grants name another maker", "_refuse_grant", Never("grant.by != manager")),
        (
            "managers open tiers that they may not start",
            "_refuse_grant",
            Replace("not all(...)", "False"),
        ),
        (
            "grants are measured at their ends alone",
            "_list_moments",
            Replace("first < turn < last", "False"),
        ),
        (
            "suspended users are made again",
            "why_not_retire",
            Never("is_suspended or person.suspended is not None"),
        ),
        (
            "limited users are made again",
            "why_not_retire",
            Never("person.quota.quota or person.within"),
        ),
        (
            "one member holds more than the group",
            "_exceeds",
            Never("ceiling is not None and limit.maximum > ceiling"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_managed.py -k sqlite",
        (
            "a change may leave suspended admins alone",
            "managed_steps:take",
            Never("lockout is not None"),
        ),
        (
            "a change of others is lost",
            "managed_steps:find",
            Never("seen is not None and seen != (current.version if current else 0)"),
        ),
        (
            "declared objects are changed",
            "refuse_declared",
            Never("snapshot.sources.is_declared(key)"),
        ),
        (
            "a rollback undoes what was not seen",
            "RollBack.check",
            Never("snapshot.revision != self.seen"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_access_requests.py -k sqlite",
        (
            "users approve what they asked for",
            "access_requests:_check_open",
            Never("request.user == by"),
        ),
        ("more is approved than was asked for", "Approve.check", Drop("self._check_less()")),
        (
            "any tier can be asked for",
            "Ask._check_tier",
            Never("tier is None or not tier.requestable"),
        ),
        ("requests never expire", "AccessRequest.is_over", Return("False")),
        (
            "requests outlast a suspension",
            "overdue_requests:_find_end",
            Never("snapshot.suspension_of(request.user, now) is not None"),
        ),
    ),
    *noticed_by(
        "tests/hub/api/test_live_managed.py",
        (
            "managers act as admins",
            "ChangeHandler.authority",
            Always("self.has_scope(roles.ADMIN)"),
        ),
        ("a change needs no version", "ChangeHandler.read_seen", Never("match is None")),
    ),
    *noticed_by(
        "tests/hub/people/test_membership_sync.py -k sqlite",
        (
            "memberships that failed are not settled later",
            "MembershipSync.sync_if_due",
            Drop("await self.settle()"),
        ),
        (
            "a failed settling counts as done",
            "MembershipSync._note_failure",
            Replace("self._settled = None", "self._settled = self._in_force"),
        ),
        (
            "one that succeeds hides one that failed",
            "MembershipSync.settle_moved",
            Always("moved is not None and self._settled is before"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_adoption.py -k sqlite",
        (
            "a file that says something else is adopted",
            "AdoptObject._compare",
            Never("not self.take_file and ..."),
        ),
        ("what the file does not declare is adopted", "AdoptObject._compare", Never("not entries")),
        (
            "what the file declares is managed beside it",
            "refuse_declared",
            Never("snapshot.sources.is_declared(key)"),
        ),
    ),
)
