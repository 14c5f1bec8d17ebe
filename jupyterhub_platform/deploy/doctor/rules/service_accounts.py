"""The service accounts that servers run as."""

from typing import Final

from jupyterhub_platform.core.policy import Policy

DEFAULT_ACCOUNT: Final = "default"


def list_service_accounts(policy: Policy | None) -> frozenset[str]:
    """Return the service accounts that tiers and groups name, and the default one."""
    if policy is None:
        return frozenset({DEFAULT_ACCOUNT})
    named = {tier.pod.service_account for tier in policy.tiers.values()}
    named |= {group.service_account for group in policy.groups.values()}
    return frozenset({DEFAULT_ACCOUNT, *named} - {""})
