"""The sources of policy: what the file declares and what is managed in the Hub become one policy.

A managed object has the shape of the same object in the file, and is checked by the same code. A
name is either declared or managed. What rules give by a provider's claims is not yet a source.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from jupyterhub_platform.core.access import Access
from jupyterhub_platform.core.document.compile import EARLIEST
from jupyterhub_platform.core.document.faults import join, quote
from jupyterhub_platform.core.document.references import Names, fold_user
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.partial_document import (
    GRANTS,
    NAMED,
    PartialDocument,
    is_judged_alone,
    make_partial,
)
from jupyterhub_platform.core.persistent_map import PersistentMap
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.policy_parts import (
    compile_partial,
    drop_object,
    put_limits,
    put_object,
)
from jupyterhub_platform.core.times import describe_instant


class Kind(StrEnum):
    """What can be managed: one kind for each section of the file that has named objects."""

    USER = "user"
    GROUP = "group"
    IMAGE = "image"
    TIER = "tier"
    GRANT = "grant"

    @property
    def section(self) -> str:
        """The section of the file that has objects of this kind."""
        return f"{self}s"


class Key(NamedTuple):
    """Which object: its kind, and its name in normal form. The name of a grant is an id."""

    kind: Kind
    name: str

    @property
    def path(self) -> str:
        """The key path at which it would stand in the file."""
        return f"{self.kind.section}.{self.name}"


@dataclass(frozen=True, slots=True)
class ManagedObject:
    """An object that is managed in the Hub.

    ``document`` is what would stand below its name in the file. ``version`` counts its changes: a
    caller who changes it says which one they saw. ``by`` and ``at`` are of the last change.
    """

    key: Key
    document: Mapping[str, Any]
    version: int
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sources:
    """What people, groups, images, tiers and grants are made of, by where it was said.

    ``declared`` is the file as plain values, which has been compiled without faults.
    """

    declared: Mapping[str, Any]
    managed: Mapping[Key, ManagedObject] = field(default_factory=dict)
    _objects: Mapping[str, PersistentMap[str, Any]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self._objects:
            return
        objects: dict[str, dict[str, Any]] = {
            section: dict(self.declared.get(section) or {}) for section in NAMED
        }
        objects["users"] = {fold_user(name): user for name, user in objects["users"].items()}
        grants = self.declared.get(GRANTS) or ()
        objects[GRANTS] = {str(number): grant for number, grant in enumerate(grants)}
        for key, each in self.managed.items():
            objects[key.kind.section][key.name] = each.document
        tables = {section: PersistentMap(entries) for section, entries in objects.items()}
        object.__setattr__(self, "_objects", tables)

    def is_declared(self, key: Key) -> bool:
        """Tell whether the file declares an object of this name."""
        return key not in self.managed and key.name in self._objects[key.kind.section]

    def find(self, key: Key) -> Mapping[str, Any] | None:
        """Return what an object says, declared or managed; ``None`` if there is no such object.

        Grants of the file are called by their number in it.
        """
        objects = self._objects[key.kind.section]
        return objects[key.name] or {} if key.name in objects else None

    def unite(self, now: datetime = EARLIEST) -> Policy:
        """Return the one policy of all sources.

        Raises
        ------
        PolicyError
            Raised if a name is both declared and managed, or if what is managed no longer fits to
            what is declared.
        """
        self._check_names()
        found = {section: dict(self._objects[section]) for section in NAMED}
        grants = self._objects[GRANTS]
        whole = PartialDocument(
            {**self._rest(), **found, GRANTS: list(grants.values())}, tuple(grants)
        )
        return compile_partial(whole, None, now).with_levels(now)

    def change(
        self, policy: Policy, key: Key, document: Mapping[str, Any] | None, by: str, now: datetime
    ) -> tuple[Self, Policy]:
        """Put what ``document`` says, or retire the object if that is None.

        Raises
        ------
        PolicyError
            Raised as by :meth:`put` and :meth:`retire`.
        """
        if document is None:
            return self.retire(policy, key, now)
        before = self.managed.get(key)
        version = before.version + 1 if before else 1
        return self.put(policy, ManagedObject(key, document, version, by, now), now)

    def put(self, policy: Policy, new: ManagedObject, now: datetime) -> tuple[Self, Policy]:
        """Make or change an object; return the sources and the policy with it.

        ``policy`` is what these sources have been united to. It costs what the object names.

        Raises
        ------
        PolicyError
            Raised with every fault of the object, and of what no longer fits to it.
        """
        sources = self._with(new.key, new)
        section, name = new.key.kind.section, new.key.name
        if not is_judged_alone(policy, section, name):
            return sources, sources.unite(now).with_parts(lines=policy.lines)
        partial = make_partial(self._rest(), sources._objects, policy, section, name)
        names = Names({each: sources._objects[each].keys() for each in NAMED})
        judged = compile_partial(partial, names, now)
        if new.key.kind is Kind.GROUP:
            before = self._objects["groups"].get(name) or {}
            limited = {fold_user(each) for each in (before.get("users") or ())}
            policy = put_limits(policy, judged, name, limited)
        if new.key.kind is Kind.USER:
            policy = self._with_memberships(policy, name, new.document)
        return sources, put_object(policy, judged, section, name).with_levels(now)

    def retire(self, policy: Policy, key: Key, now: datetime) -> tuple[Self, Policy]:
        """Take an object away that nothing names any more; return the sources and the policy left.

        Raises
        ------
        PolicyError
            Raised with whatever still names it.
        """
        naming = sorted(self._find_naming(policy, key))
        if naming:
            what = f"is still named by {join(naming)}"
            raise PolicyError((Fault((key.kind.section, key.name), what, "change those first"),))
        sources = self._with(key, None)
        if key.kind is Kind.USER and policy.own_admins() == (key.name,):
            # The whole document says it in its own words.
            sources.unite(now)
        if key.kind is Kind.USER:
            policy = self._with_memberships(policy, key.name, {})
        return sources, drop_object(policy, key.kind.section, key.name).with_levels(now)

    def _with(self, key: Key, new: ManagedObject | None) -> Self:
        managed, section = PersistentMap.of(self.managed), self._objects[key.kind.section]
        if new is None:
            managed, section = managed.drop(key), section.drop(key.name)
        else:
            managed, section = managed.put(key, new), section.put(key.name, new.document)
        objects = {**self._objects, key.kind.section: section}
        return replace(self, managed=managed, _objects=objects)

    def _with_memberships(self, policy: Policy, user: str, after: Mapping[str, Any]) -> Policy:
        """Return ``policy`` with the groups that a user names, in place of those named before."""
        before = set((self._objects["users"].get(user) or {}).get("groups") or ())
        now = set(after.get("groups") or ())
        if before == now:
            return policy
        groups = PersistentMap.of(policy.groups)
        for name in before ^ now:
            group = groups[name]
            change = group.members.union if name in now else group.members.difference
            rejoin = group.joined.union if name in now else group.joined.difference
            new = replace(group, members=change({user}), joined=rejoin({user}))
            groups = groups.put(name, new)
        return policy.with_parts(groups=groups)

    def _rest(self) -> dict[str, Any]:
        return {k: v for k, v in self.declared.items() if k not in {*NAMED, GRANTS}}

    def _check_names(self) -> None:
        declared = {
            section: set(map(fold_user if section == "users" else str, entries))
            for section in NAMED
            if isinstance(entries := self.declared.get(section), Mapping)
        }
        faults = [
            Fault(
                (key.kind.section, key.name),
                f"{quote(key.name)} is managed in the Hub, where {each.by} changed it "
                f"{describe_instant(each.at)}",
                f"remove it here, or move it into the file with jhp adopt {key.kind} {key.name}",
            )
            for key, each in sorted(self.managed.items())
            if key.name in declared.get(key.kind.section, ())
        ]
        if faults:
            raise PolicyError(tuple(faults))

    def _find_naming(self, policy: Policy, key: Key) -> Iterable[str]:
        kind, name = key
        if kind is Kind.USER:
            yield from (
                f"groups.{each}"
                for each in policy.declared_groups(name)
                if name not in policy.groups[each].joined or name in policy.groups[each].managers
            )
            yield from _list_opened(policy, lambda access: access.names_user(name))
            yield from (g.path for g in policy.grants if name in {g.user, g.by})
        elif kind is Kind.GROUP:
            yield from (f"users.{each}" for each in policy.groups[name].joined)
            yield from _list_opened(policy, lambda access: access.names_group(name))
            yield from (g.path for g in policy.grants if name in {g.group, g.account})
        elif kind is Kind.IMAGE:
            yield from (f"tiers.{t.name}" for t in policy.tiers.values() if name in t.images)
        elif kind is Kind.TIER:
            yield from ("defaults.tier" for _ in range(policy.defaults.tier == name))
            yield from (g.path for g in policy.grants if g.tier == name)


def _list_opened(policy: Policy, names: Callable[[Access], bool]) -> Iterable[str]:
    """Yield the tiers and images whose access has a name in it."""
    for tier in policy.tiers.values():
        if any(map(names, (tier.access, *(size.access for size in tier.sizes)))):
            yield f"tiers.{tier.name}"
    yield from (f"images.{each.name}" for each in policy.images.values() if names(each.access))
