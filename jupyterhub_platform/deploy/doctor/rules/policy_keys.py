"""The key of the policy file that sets an amount, so that advice names one that is there."""

from collections.abc import Mapping
from typing import Final

from jupyterhub_platform.core.policy import Policy

_EQUALS: Final[Mapping[str, str]] = {"requests": "limits", "limits": "requests"}
"""Where one of the two is missing, it equals the other."""


def policy_key(policy: Policy, tier: str, key: str) -> str:
    """Return the key path that says what ``key`` of a tier is: ``defaults.home.size``, for example.

    A policy that no file was read for has no lines, and every key counts as one of the tier.
    """
    part, _, rest = key.partition(".")
    name, _, size = tier.partition("/")
    own = f"tiers.{name}"
    sized = f"{own}.sizes.{size}"
    if any(f"{sized}.{each}.{rest}" in policy.lines for each in (part, _EQUALS.get(part))):
        own = sized
    if part == "home" and f"{own}.home" not in policy.lines and "defaults.home" in policy.lines:
        return f"defaults.{key}"
    equal = f"{own}.{_EQUALS.get(part, part)}.{rest}"
    if f"{own}.{key}" not in policy.lines and equal in policy.lines:
        return equal
    return f"{own}.{key}"
