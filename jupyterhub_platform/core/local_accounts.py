"""Who may log in with a password that the platform keeps: everybody, admins alone, or nobody."""

from typing import Final

from jupyterhub_platform.core.identity_providers import LocalAccounts
from jupyterhub_platform.core.policy import Policy

OFF: Final = (
    "Nobody logs in with a password of this platform. Choose another way on the login page."
)
ADMINS: Final = (
    "Only admins log in with a password of this platform. Choose another way on the login page."
)


def why_no_password(policy: Policy, name: str) -> str:
    """Say why a user may not log in with a password; empty if they may."""
    local = policy.identity.local
    if local is LocalAccounts.OFF:
        return OFF
    if local is LocalAccounts.ADMINS and name not in policy.admins():
        return ADMINS
    return ""
