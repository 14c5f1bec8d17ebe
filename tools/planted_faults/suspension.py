"""Faults in who is suspended, and what that ends."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

SUSPENSION: Final = (
    *noticed_by(
        "tests/usecases/test_suspensions.py",
        ("people suspend themselves", "check_may_suspend", Never("name == by")),
        (
            "the last admin is suspended",
            "check_may_suspend",
            Never("snapshot.policy.admins_let_in(...) == (name,)"),
        ),
        (
            "what is over is a suspension",
            "check_may_suspend",
            Never("until is not None and until <= now"),
        ),
        (
            "what the policy declares is lifted elsewhere",
            "check_may_resume",
            Never("suspension is not None and suspension.path"),
        ),
        (
            "shares are not remembered",
            "Suspensions.keep_shares",
            Drop("suspensions.keep_shares(transaction, shares)"),
        ),
        ("a suspended user lifts their own suspension", "check_may_resume", Never("name == by")),
    ),
    *noticed_by(
        "tests/hub/people/test_live_suspension.py -k everywhere",
        (
            "tokens outlive a suspension",
            "end_access",
            Drop("*database.query(orm.APIToken).filter(orm.APIToken.user_id.in_(user_ids))"),
        ),
        (
            "codes for tokens outlive a suspension",
            "end_access",
            Drop("*database.query(orm.OAuthCode).filter(orm.OAuthCode.user_id.in_(user_ids))"),
        ),
        (
            "share codes outlive a suspension",
            "end_access",
            Drop("*database.query(orm.ShareCode).filter(orm.ShareCode.owner_id.in_(user_ids))"),
        ),
        (
            "a user who was checked lately stays in",
            "SuspensionEnforcer._stop_servers",
            Drop("expire_auth(user)"),
        ),
        (
            "cookies outlive a suspension",
            "end_access",
            Drop("database.bulk_update_mappings(orm.User, rows)"),
        ),
        (
            "servers outlive a suspension",
            "SuspensionEnforcer._stop_servers",
            Replace("names = list_active(user)", "names: list[str] = []"),
        ),
        (
            "shares outlive a suspension",
            "SuspensionEnforcer._revoke_shares",
            Drop("self._app.db.delete(share)"),
        ),
        (
            "shares are not given back",
            "give_share",
            Drop("orm.Share.grant(database, spawner, ...)"),
        ),
    ),
    *noticed_by(
        "tests/hub/people/test_live_suspension.py -k 'last_of_the_two or namesake'",
        (
            "a user who is still suspended gets shares",
            "SuspensionEnforcer._give_back",
            Drop("not any(map(self._is_out, share.people))"),
        ),
        (
            "a namesake gets the shares, with another id",
            "give_share",
            Never("ids != (share.owner_id, share.spawner_id, share.shared_with_id)"),
        ),
        (
            "a namesake gets the shares, with the same id",
            "give_share",
            Never("user.created.replace(tzinfo=UTC) > share.at"),
        ),
    ),
    *noticed_by(
        "tests/hub/people/test_live_suspension.py -k still_be_open",
        (
            "what stays open through a group is not named",
            "list_visited",
            Replace("orm_user.all_shared_with_me", "orm_user.shared_with_me"),
        ),
    ),
    *noticed_by(
        "tests/hub/people/test_live_suspension.py -k 'lifts_nothing or delays_no_other'",
        (
            "one failure holds up everybody",
            "SuspensionEnforcer._settle_one",
            Drop("except Exception: ..."),
        ),
        ("what is over is not lifted", "_read_suspended", Always("each.holds(now)")),
    ),
    *noticed_by(
        "tests/core/test_suspensions.py",
        ("a suspension never ends", "Suspension.holds", Return("True")),
        ("a suspension with an end does not count", "Suspension.holds", Drop("now < self.until")),
    ),
    *noticed_by(
        "tests/usecases/test_reports.py",
        (
            "a door does not hear of suspensions",
            "Snapshot.subject",
            Replace("self.suspension_of(name, now)", "None"),
        ),
    ),
)
