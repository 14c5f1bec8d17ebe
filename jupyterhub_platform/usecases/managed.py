"""Objects that are managed in the Hub: made, changed and retired."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from jupyterhub_platform.core import delegation
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.usecases.changes import Record
from jupyterhub_platform.usecases.managed_steps import (
    NoObjectError,
    NotAllowedError,
    Step,
    find,
    record,
    take,
)
from jupyterhub_platform.usecases.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Authority:
    """On whose authority an object is changed: an admin's by default.

    Attributes
    ----------
    manager
        The manager who does it, within the groups that they are in charge of.
    memberships
        The Hub's groups of the user that is changed, which may be more than the policy declares.
    """

    manager: str = ""
    memberships: frozenset[str] = frozenset()


ADMIN: Final = Authority()


@dataclass(frozen=True, slots=True)
class PutObject:
    """Makes an object, or replaces what it says.

    Attributes
    ----------
    seen
        The version that the caller saw; 0 if the object must be new, None to replace any.
    groups
        Which groups a new user joins in the same change: a managed group lists them from then on,
        and they themselves name one that the file declares.
    """

    key: Key
    document: Mapping[str, Any]
    reason: str
    by: str
    seen: int | None = None
    groups: Sequence[str] = ()
    authority: Authority = ADMIN

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse what the file declares, a lost update, and whatever the file could not say.

        Raises
        ------
        NotAllowedError
            Raised if it is done on a manager's authority, and exceeds that.
        ManagedError
            Raised if the object is declared, or was changed meanwhile.
        PolicyError
            Raised with every fault of the object, and of what no longer fits to it.
        """
        after, steps = self.plan(snapshot, now)
        return partial(record, after, steps, self, now)

    def plan(self, snapshot: Snapshot, now: datetime) -> tuple[Snapshot, list[Step]]:
        """Return what would be in force, and the steps to it; it is refused as by :meth:`check`."""
        after, step, joined = self.plan_alone(snapshot, now)
        steps = [step]
        for name in joined:
            steps.append(join(after, [self.key.name], name))
            after = take(after, steps[-1], self.by, now)
        return after, steps

    def plan_alone(self, snapshot: Snapshot, now: datetime) -> tuple[Snapshot, Step, list[str]]:
        """Return the object's own step, and the managed groups that are still to be joined."""
        check_touch(snapshot, self.key, self.authority, now)
        found = find(snapshot, self.key, self.seen)
        before = found.document if found else None
        document, joined = self._divide(snapshot)
        step = Step(self.key, before, document)
        after = take(snapshot, step, self.by, now)
        if self.authority.manager:
            why_not = delegation.why_not_put(
                snapshot.policy,
                after.policy,
                self.authority.manager,
                self.key,
                (before, document),
                joined,
                now,
            )
            if why_not:
                raise NotAllowedError(why_not)
        return after, step, joined

    def _divide(self, snapshot: Snapshot) -> tuple[Mapping[str, Any], list[str]]:
        """Return what the object says with the declared groups that it joins, and the others."""
        is_declared = {n: snapshot.sources.is_declared(Key(Kind.GROUP, n)) for n in self.groups}
        declared = [name for name, here in is_declared.items() if here]
        joined = [name for name, here in is_declared.items() if not here]
        if not declared:
            return self.document, joined
        named = dict.fromkeys((*(self.document.get("groups") or ()), *declared))
        return {**self.document, "groups": list(named)}, joined


@dataclass(frozen=True, slots=True)
class RetireObject:
    """Takes an object away that nothing names any more; its revisions stay."""

    key: Key
    reason: str
    by: str
    seen: int | None = None
    authority: Authority = ADMIN

    def check(self, snapshot: Snapshot, now: datetime) -> Record:
        """Refuse what is not there, what the file declares, a lost update, and what is in use.

        Raises
        ------
        NotAllowedError
            Raised if it is done on a manager's authority, and exceeds that.
        ManagedError
            Raised if the object is not managed, is declared, or was changed meanwhile.
        PolicyError
            Raised with whatever still names it.
        """
        after, steps = self.plan(snapshot, now)
        return partial(record, after, steps, self, now)

    def plan(self, snapshot: Snapshot, now: datetime) -> tuple[Snapshot, list[Step]]:
        """Return what would be in force, and the steps to it; it is refused as by :meth:`check`."""
        check_touch(snapshot, self.key, self.authority, now)
        before = find(snapshot, self.key, self.seen)
        kind, name = self.key
        if before is None:
            raise NoObjectError(self.key)
        if self.authority.manager:
            is_suspended = kind is Kind.USER and snapshot.suspension_of(name, now) is not None
            why_not = delegation.why_not_retire(
                snapshot.policy, self.key, is_suspended=is_suspended
            )
            if why_not:
                raise NotAllowedError(why_not)
        freed = _remove_from_all(snapshot, name) if kind is Kind.USER else ()
        steps, after = [*freed, Step(self.key, before.document, None)], snapshot
        for step in steps:
            after = take(after, step, self.by, now)
        return after, steps


def check_touch(snapshot: Snapshot, key: Key, authority: Authority, now: datetime) -> None:
    """Refuse a manager what is not theirs, in the same words whether it exists or not.

    Raises
    ------
    NotAllowedError
        Raised if they may not change what stands at ``key`` now.
    """
    if authority.manager:
        why_not = delegation.why_not_touch(
            snapshot.policy, authority.manager, key, authority.memberships, now
        )
        if why_not:
            raise NotAllowedError(why_not)


def join(snapshot: Snapshot, users: Sequence[str], group: str) -> Step:
    """Return the step by which users join a managed group.

    Raises
    ------
    NoObjectError
        Raised if no such group is managed.
    """
    before = snapshot.sources.managed.get(Key(Kind.GROUP, group))
    if before is None:
        raise NoObjectError(Key(Kind.GROUP, group))
    members = list(before.document.get("members") or ())
    document = {**before.document, "members": [*members, *users]}
    return Step(before.key, before.document, document)


def _remove_from_all(snapshot: Snapshot, user: str) -> Iterator[Step]:
    """Yield the steps that take a user out of managed groups, and end their managed grants.

    What the file declares of them stays, and keeps them from being retired.
    """
    for key, each in snapshot.sources.managed.items():
        if key.kind is Kind.GROUP and key.name in snapshot.policy.declared_groups(user):
            yield Step(key, each.document, _without_member(each.document, user))
        elif key.kind is Kind.GRANT and fold_user(str(each.document.get("user") or "")) == user:
            yield Step(key, each.document, None)


def _without_member(group: Mapping[str, Any], user: str) -> dict[str, Any]:
    """Return what a group says without a user."""
    lists = {
        part: [each for each in group[part] if fold_user(str(each)) != user]
        for part in ("members", "managers")
        if part in group
    }
    limits = {each: v for each, v in (group.get("users") or {}).items() if fold_user(each) != user}
    return {**group, **lists, **({"users": limits} if "users" in group else {})}
