"""What a new policy gives considerably less of: in tiers, and by quotas."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.quotas import Value, resolve
from jupyterhub_platform.core.resource_names import is_accelerator, resource_order
from jupyterhub_platform.core.resources import Resources

PERCENT: Final = 10
"""A cut by more than this is one to look at."""


@dataclass(frozen=True, slots=True)
class Cut:
    """An amount that is cut; ``None`` is no limit. ``path`` is where the new one is said."""

    path: str
    resource: str
    before: int | None
    after: int

    @property
    def sentence(self) -> str:
        """What is cut, and by how much."""
        new = describe_amount(self.resource, self.after)
        if self.before is None:
            return f"{self.path} sets a limit where there was none: {new}"
        percent = 100 - 100 * self.after // self.before
        old = describe_amount(self.resource, self.before)
        return f"{self.path} is cut by {percent} %: {old} to {new}"


def list_cuts(before: Policy, after: Policy) -> tuple[Cut, ...]:
    """Return all cuts, by their paths."""
    found = [*_list_quotas(before, after), *_list_tiers(before, after)]
    return tuple(sorted(found, key=lambda each: (each.path, resource_order(each.resource))))


def _list_quotas(before: Policy, after: Policy) -> Iterator[Cut]:
    yield from _compare_values("quota", resolve(before.quota), resolve(after.quota))
    for key in ("user", "group", "member"):
        old, new = (resolve(getattr(policy.defaults, key)) for policy in (before, after))
        yield from _compare_values(f"defaults.{key}_quota", old, new)
    for name in before.groups.keys() & after.groups.keys():
        groups = before.groups[name], after.groups[name]
        for key in ("quota", "member_quota"):
            rules = [getattr(group, key) for group in groups]
            # What the defaults give is compared once, above.
            if any(rule.quota for rule in rules):
                default = "group" if key == "quota" else "member"
                old, new = (
                    resolve(rule, getattr(policy.defaults, default))
                    for rule, policy in zip(rules, (before, after), strict=True)
                )
                yield from _compare_values(f"groups.{name}.{key}", old, new)
    for name in before.people.keys() & after.people.keys():
        people = before.people[name], after.people[name]
        if any(person.quota.quota for person in people):
            old, new = (policy.personal_values(name, "")[1] for policy in (before, after))
            yield from _compare_values(f"users.{name}.quota", old, new)


def _list_tiers(before: Policy, after: Policy) -> Iterator[Cut]:
    for name in before.tiers.keys() & after.tiers.keys():
        sizes = {each.size: each for each in before.tiers[name].variants}
        for new in after.tiers[name].variants:
            old = sizes.get(new.size)
            if old is not None:
                requests = dict(_compare(old.requests, new.requests))
                for name, amounts in requests.items():
                    yield Cut(f"{new.path}.requests", name, *amounts)
                for name, amounts in _compare(old.limits, new.limits):
                    # A tier that does not say its limits has its requests for them.
                    if requests.get(name) != amounts:
                        yield Cut(f"{new.path}.limits", name, *amounts)


def _compare_values(path: str, old: tuple[Value, ...], new: tuple[Value, ...]) -> Iterator[Cut]:
    given = {each.resource: each.maximum for each in new}
    known: dict[str, int | None] = {each.resource: each.maximum for each in old}
    for name in {*given, *known}:
        # An accelerator that no rule names is denied.
        nothing = 0 if is_accelerator(name) else None
        before, after = known.get(name, nothing), given.get(name, nothing)
        if after is not None and _is_cut(before, after):
            yield Cut(path, name, before, after)


def _compare(old: Resources, new: Resources) -> Iterator[tuple[str, tuple[int, int]]]:
    for name in old.keys() & new.keys():
        if _is_cut(old[name], new[name]):
            yield name, (old[name], new[name])


def _is_cut(before: int | None, after: int) -> bool:
    return before is None or 100 * (before - after) > PERCENT * before
