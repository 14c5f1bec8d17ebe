"""What users are told about invites to their own account."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jupyterhub_platform.store.credentials import Credentials
from jupyterhub_platform.usecases.reports.invites import TOLD_FOR, say_invite

NOW = datetime(2030, 5, 2, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
PLAIN = Credentials("kim", "hash", NOW - 9 * DAY, None, None, None, None, NOW - 9 * DAY, NOW)
INVITED = replace(
    PLAIN, invite_hash="x", invite_by="boss", invite_expires_at=NOW + DAY, updated_at=NOW - DAY
)
USED = replace(INVITED, invite_used_at=NOW - DAY, password_set_at=NOW - DAY)


def test_an_open_invite_to_who_has_a_password_is_told_of() -> None:
    said = say_invite(INVITED, NOW)
    assert said.startswith("boss invited you to set a new password on 01 May 2030 09:30 UTC.")
    assert "the link is void then" in said


def test_a_password_that_was_set_with_an_invite_is_told_of() -> None:
    said = say_invite(USED, NOW)
    assert said.startswith(
        "Your password was set on 01 May 2030 09:30 UTC, after an invite of boss."
    )
    assert "tell an admin" in said


@pytest.mark.parametrize(
    "account",
    [
        None,
        PLAIN,
        replace(INVITED, password_hash=None, password_set_at=None),
        replace(INVITED, invite_expires_at=NOW),
        replace(USED, password_set_at=NOW),
        replace(USED, invite_used_at=NOW - 2 * TOLD_FOR, password_set_at=NOW - 2 * TOLD_FOR),
    ],
    ids=["no account", "no invite", "a newcomer", "expired", "changed since", "long ago"],
)
def test_otherwise_nothing_is_told(account: Credentials | None) -> None:
    assert say_invite(account, NOW) == ""
