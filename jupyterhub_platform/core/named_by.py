"""What of a policy names a user, a group, an image or a tier."""

from collections.abc import Callable, Iterator

from jupyterhub_platform.core.access import Access
from jupyterhub_platform.core.policy import Policy


def find_naming(policy: Policy, section: str, name: str) -> Iterator[str]:
    """Yield the key paths that name an object of a section, which can go only without them."""
    if section == "users":
        yield from (
            f"groups.{each}"
            for each in policy.declared_groups(name)
            if name not in policy.groups[each].joined or name in policy.groups[each].managers
        )
        yield from _list_opened(policy, lambda access: access.names_user(name))
        yield from (g.path for g in policy.grants if name in {g.user, g.by})
    elif section == "groups":
        joined = policy.groups[name].joined
        yield from (f"users.{each}" for each in joined)
        charging = (p.name for p in policy.people.values() if p.account == name)
        yield from (f"users.{each}" for each in charging if each not in joined)
        yield from _list_opened(policy, lambda access: access.names_group(name))
        yield from (g.path for g in policy.grants if name in {g.group, g.account})
        observed = policy.observed_pods.values()
        yield from (f"observed_pods.{each.name}" for each in observed if each.account == name)
    elif section == "images":
        yield from (f"tiers.{t.name}" for t in policy.tiers.values() if name in t.images)
    elif section == "tiers":
        yield from ("defaults.tier" for _ in range(policy.defaults.tier == name))
        yield from (g.path for g in policy.grants if g.tier == name)


def _list_opened(policy: Policy, names: Callable[[Access], bool]) -> Iterator[str]:
    """Yield the tiers and images whose access names a user or a group."""
    for tier in policy.tiers.values():
        if any(map(names, (tier.access, *(size.access for size in tier.sizes)))):
            yield f"tiers.{tier.name}"
    yield from (f"images.{each.name}" for each in policy.images.values() if names(each.access))
