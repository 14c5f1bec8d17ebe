"""The Hub groups of a user: declared memberships, and those that were added in the Hub.

Pure: the Hub's door reads and writes the groups.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import level_group
from jupyterhub_platform.core.persistent_map import list_changed
from jupyterhub_platform.core.policy import Policy


def declared_memberships(policy: Policy, user: str) -> frozenset[str]:
    """Return the Hub groups that the policy puts ``user`` into, that of their level among them."""
    person = policy.people.get(user)
    if person is None:
        return frozenset()
    return policy.declared_groups(user) | {level_group(person.level)}


def settle_memberships(
    policy: Policy,
    user: str,
    current: frozenset[str],
    applied: frozenset[str],
    *,
    levels_only: bool = False,
) -> frozenset[str]:
    """Return the groups that ``user`` should be in.

    ``current`` are those they are in, ``applied`` those that an earlier policy put them into. A
    membership that was added on the Hub's own pages stays. One that the policy no longer declares
    goes. A level comes from the policy alone, whatever was added. Groups that are fed by one of an
    identity provider's come with it. With ``levels_only`` every other group is left as it is.
    """
    declared = declared_memberships(policy, user)
    if levels_only:
        declared, applied = frozenset(filter(is_level_group, declared)), frozenset()
    added_elsewhere = {group for group in current - applied if not is_level_group(group)}
    fed = frozenset() if levels_only else policy.groups_fed_by(added_elsewhere)
    return frozenset(added_elsewhere | declared | fed)


@dataclass(frozen=True, slots=True)
class Membership:
    """A group that a user is in, and what says so.

    ``path`` is the key path of the policy that declares it, ``provided_by`` are the groups of an
    identity provider that feed it. With neither, the Hub alone has it.
    """

    group: str
    path: str
    provided_by: tuple[str, ...]

    @property
    def is_provided(self) -> bool:
        """Whether an identity provider gives it: by its groups, or by a rule for its claims."""
        return bool(self.provided_by) or self.path.startswith("identity.") or self._is_fed

    @property
    def _is_fed(self) -> bool:
        return self.path == f"groups.{self.group}.from"

    def say(self) -> str:
        """Say what gives it."""
        theirs = ", ".join(f"“{each}”" for each in self.provided_by)
        provided = f"the identity provider, by {theirs}" if theirs else ""
        return " and ".join(filter(None, (self.path, provided))) or "added in the Hub"


def list_memberships(policy: Policy, user: str, current: frozenset[str]) -> tuple[Membership, ...]:
    """Return the groups of the policy that a user is in whom the Hub has in ``current``."""
    found = []
    for name in sorted(policy.accounts_of(user, current)):
        group = policy.groups[name]
        path = policy.membership_path(user, name)
        # Every member of a group is in the Hub's of that name, for whatever reason.
        provided = (each for each in group.provided_by if each in current and each != name)
        found.append(Membership(name, path, tuple(provided)))
    return tuple(found)


class Refed(NamedTuple):
    """Groups that providers' groups feed otherwise than before.

    ``lost`` are the providers' groups that feed each one no longer, ``named`` all that are about.
    """

    lost: Mapping[str, frozenset[str]]
    named: frozenset[str]


def list_refed(before: Policy, after: Policy) -> Refed:
    """Return what providers' groups feed otherwise in another policy."""
    lost: dict[str, frozenset[str]] = {}
    named: set[str] = set()
    for name in list_changed(before.groups, after.groups):
        old, new = before.groups.get(name), after.groups.get(name)
        was, now = (frozenset(each.provided_by if each else ()) for each in (old, new))
        named |= was ^ now
        if was - now:
            lost[name] = was - now
    return Refed(lost, frozenset(named))


def list_declared(policy: Policy) -> Mapping[str, frozenset[str]]:
    """Return the declared memberships of all users, by name."""
    return share_sets((name, declared_memberships(policy, name)) for name in policy.people)


def share_sets(memberships: Iterable[tuple[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """Return the groups of users by name; equal sets are one object.

    Many users are in the same groups. To free a hundred thousand sets at once takes 40 ms, in which
    no other thread runs.
    """
    known: dict[frozenset[str], frozenset[str]] = {}
    return {name: known.setdefault(groups, groups) for name, groups in memberships}


def list_moved(before: Policy, after: Policy) -> frozenset[str]:
    """Return the names of all users whose level or groups differ between two policies."""
    moved: set[str] = set()
    for name in list_changed(before.people, after.people):
        old, new = before.people.get(name), after.people.get(name)
        if old is None or new is None or old.level is not new.level:
            moved.add(name)
    for name in list_changed(before.groups, after.groups):
        was, now = before.groups.get(name), after.groups.get(name)
        there = was.members | was.managers if was else frozenset()
        here = now.members | now.managers if now else frozenset()
        moved |= there ^ here
    return frozenset(moved)
