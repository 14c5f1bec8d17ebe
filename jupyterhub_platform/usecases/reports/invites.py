"""Tells a user about invites: the holder of an invite link sets their password."""

from datetime import datetime, timedelta
from typing import Final

from jupyterhub_platform.core.times import describe_instant
from jupyterhub_platform.store.credentials import Credentials

TOLD_FOR: Final = timedelta(days=14)
"""For how long after its use an invite is told of, unless they have set another password since."""


def say_invite(credentials: Credentials | None, now: datetime) -> str:
    """Say who has invited a user to a new password, or with whose invite it was set last.

    It is empty if there is nothing that they would not know.
    """
    if credentials is None or credentials.invite_expires_at is None:
        return ""
    by = credentials.invite_by or "an admin"
    if credentials.has_open_invite(now):
        if credentials.password_hash is None:
            return ""
        at = describe_instant(credentials.updated_at)
        return (
            f"{by} invited you to set a new password on {at}. Your password "
            "works until the link is used to set a new one. If you did not ask for that, set "
            "a new password yourself: the link is void then."
        )
    used, last = credentials.invite_used_at, credentials.password_set_at
    # A password that they changed while an invite was open ends it, and is told of as well.
    if used is None or used != last or now - used > TOLD_FOR:
        return ""
    at = describe_instant(used)
    return (
        f"Your password was set on {at}, after an invite of {by}. If that was not you, "
        "tell an admin."
    )
