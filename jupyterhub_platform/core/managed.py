"""The sources of policy: what the file declares and what is managed in the Hub become one policy.

A managed object has the shape of the same object in the file, and is checked by the same code. A
name is either declared or managed. What rules give to users by their provider's claims stands below
both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from jupyterhub_platform.core.claimed_people import (
    ClaimedLogin,
    ClaimedPerson,
    MergedUsers,
    derive_person,
    list_named_claims,
)
from jupyterhub_platform.core.document.compile import EARLIEST
from jupyterhub_platform.core.document.faults import join, quote
from jupyterhub_platform.core.document.names import Names, fold_user
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.named_by import find_naming
from jupyterhub_platform.core.partial_document import (
    GRANTS,
    NAMED,
    PartialDocument,
    is_judged_alone,
    make_partial,
)
from jupyterhub_platform.core.people import NO_CLAIMS, Person
from jupyterhub_platform.core.persistent_map import PersistentMap
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.policy_parts import (
    compile_partial,
    drop_object,
    put_limits,
    put_object,
)
from jupyterhub_platform.core.times import describe_instant
from jupyterhub_platform.core.typed_names import render_command

IDENTITY: Final = "identity"
"""The section that says who vouches for people; no change of an object needs it judged."""


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
    claimed: Mapping[str, ClaimedPerson] = field(default_factory=dict)
    _objects: Mapping[str, PersistentMap[str, Any]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _named: frozenset[str] | None = field(default=None, repr=False, compare=False)

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

    def is_own(self, user: str) -> bool:
        """Tell whether the file declares a user, or the Hub manages them."""
        return user in self._objects["users"]

    def unite(self, now: datetime = EARLIEST) -> Policy:
        """Return the one policy of all sources.

        Raises
        ------
        PolicyError
            Raised if a name is both declared and managed, or if what is managed no longer fits to
            what is declared.
        """
        self._check_names()
        sections = self._sections()
        found = {section: dict(sections[section]) for section in NAMED}
        grants = self._objects[GRANTS]
        whole = PartialDocument(
            {**self._rest(), **found, GRANTS: list(grants.values())}, tuple(grants)
        )
        policy = compile_partial(whole, Names.of(whole.document, self.claimed), now)
        people = {name: self._mark(policy.people[name]) for name in self.claimed}
        if people:
            policy = policy.with_parts(people=PersistentMap.of(policy.people).put_all(people))
        return policy.with_levels(now)

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
        if new.key.kind is Kind.USER and (alike := policy.find_look_alike(name)):
            what = f"looks like {quote(alike)}, who is another person"
            raise PolicyError((Fault((section, name), what, "choose another name"),))
        if not is_judged_alone(policy, section, name):
            return sources, sources.unite(now).with_parts(lines=policy.lines)
        if new.key.kind is Kind.USER:
            return sources, self._put_user(sources, policy, name, now)
        judged = sources._judge(policy, section, name, now)
        if new.key.kind is Kind.GROUP:
            before = self._objects["groups"].get(name) or {}
            limited = {fold_user(each) for each in (before.get("users") or ())}
            policy = put_limits(policy, judged, name, limited)
        return sources, put_object(policy, judged, section, name).with_levels(now)

    def claim(self, policy: Policy, new: ClaimedPerson, now: datetime) -> tuple[Self, Policy]:
        """Take over what a rule gives to a user; return the sources and the policy with it.

        Raises
        ------
        PolicyError
            Raised if it does not fit to the policy.
        """
        claimed = PersistentMap.of(self.claimed).put(new.name, new)
        sources = replace(self, claimed=claimed)
        return sources, self._put_user(sources, policy, new.name, now)

    def log_in(self, policy: Policy, login: ClaimedLogin, now: datetime) -> tuple[Self, Policy]:
        """Take over what the rules in force give to a user who has logged in.

        Raises
        ------
        ClaimsError
            Raised if a claim that decides cannot be read.
        PolicyError
            Raised if it does not fit to the policy.
        """
        new = derive_person(login, policy.identity, policy.groups_fed_by, now, self._list_named())
        if self.claimed.get(login.name) == new:
            return self, policy
        return self.claim(policy, new, now)

    def _list_named(self) -> frozenset[str]:
        """Return the claims that servers are told; looked for once, and not at each login."""
        if self._named is None:
            named = list_named_claims(self._objects["groups"], self._objects["tiers"])
            object.__setattr__(self, "_named", named)
        return self._named or frozenset()

    def forget(self, policy: Policy, name: str, now: datetime) -> tuple[Self, Policy]:
        """Take away what a rule gives to a user, who may log in anew like any other.

        Raises
        ------
        PolicyError
            Raised with whatever still names a user who is neither declared nor managed.
        """
        sources = replace(self, claimed=PersistentMap.of(self.claimed).drop(name))
        if sources.is_own(name):
            return sources, self._put_user(sources, policy, name, now)
        self._refuse_named(policy, Key(Kind.USER, name))
        policy = self._with_memberships(policy, name, ())
        return sources, drop_object(policy, "users", name).with_levels(now)

    def _put_user(self, sources: Self, policy: Policy, name: str, now: datetime) -> Policy:
        """Return ``policy`` with a user as ``sources`` have them, instead of as these have."""
        judged = sources._judge(policy, "users", name, now)
        after = sources._sections()["users"][name] or {}
        policy = self._with_memberships(policy, name, after.get("groups") or ())
        policy = put_object(policy, judged, "users", name)
        person = sources._mark(policy.people[name])
        people = PersistentMap.of(policy.people).put(name, person)
        return policy.with_parts(people=people).with_levels(now)

    def _judge(self, policy: Policy, section: str, name: str, now: datetime) -> Policy:
        """Return the policy of the smallest document with an object."""
        sections = self._sections()
        rest = {key: each for key, each in self._rest().items() if key != IDENTITY}
        partial = make_partial(rest, sections, policy, section, name)
        names = Names({each: sections[each].keys() for each in NAMED}, self.claimed.keys())
        return compile_partial(partial, names, now)

    def _mark(self, person: Person) -> Person:
        """Return a person with what a rule gives them, and the name that their provider has."""
        claimed = self.claimed.get(person.name)
        if claimed is None:
            return replace(person, claimed=None, claims=NO_CLAIMS, is_own=True, level_rule="")
        own = self._objects["users"].get(person.name) or {}
        return replace(
            person,
            title=person.title or claimed.title,
            claimed=claimed,
            claims=claimed.named_claims,
            is_own=self.is_own(person.name),
            level_rule="" if claimed.level is None or "level" in own else claimed.rule,
        )

    def _sections(self) -> dict[str, Mapping[str, Any]]:
        """Return all objects by section, users with what rules give them."""
        users = MergedUsers(self._objects["users"], self.claimed)
        return {**self._objects, "users": users} if self.claimed else {**self._objects}

    def retire(self, policy: Policy, key: Key, now: datetime) -> tuple[Self, Policy]:
        """Take an object away that nothing names any more; return the sources and the policy left.

        Raises
        ------
        PolicyError
            Raised with whatever still names it.
        """
        if key.kind is Kind.GROUP:
            left, policy = self._stop_feeding(policy, key.name, now)
        else:
            left = self
        sources = left._with(key, None)
        if key.kind is Kind.USER and policy.own_admins() == (key.name,):
            # The whole document says it in its own words.
            sources.unite(now)
        if key.kind is Kind.USER and key.name in self.claimed:
            return sources, self._put_user(sources, policy, key.name, now)
        sources._refuse_named(policy, key)
        if key.kind is Kind.USER:
            policy = self._with_memberships(policy, key.name, ())
        return sources, drop_object(policy, key.kind.section, key.name).with_levels(now)

    def _stop_feeding(self, policy: Policy, group: str, now: datetime) -> tuple[Self, Policy]:
        """Take a group that is retired from those whom their provider's groups put there."""
        sources = self
        for name in policy.groups[group].joined:
            claimed = self.claimed.get(name)
            if claimed is not None and group in claimed.fed:
                left = tuple(each for each in claimed.fed if each != group)
                sources, policy = sources.claim(policy, replace(claimed, fed=left), now)
        return sources, policy

    def _refuse_named(self, policy: Policy, key: Key) -> None:
        naming = sorted(find_naming(policy, key.kind.section, key.name))
        if naming:
            what = f"is still named by {join(naming)}"
            raise PolicyError((Fault((key.kind.section, key.name), what, "change those first"),))

    def _with(self, key: Key, new: ManagedObject | None) -> Self:
        managed, section = PersistentMap.of(self.managed), self._objects[key.kind.section]
        if new is None:
            managed, section = managed.drop(key), section.drop(key.name)
        else:
            managed, section = managed.put(key, new), section.put(key.name, new.document)
        objects = {**self._objects, key.kind.section: section}
        named = None if key.kind in {Kind.GROUP, Kind.TIER} else self._named
        return replace(self, managed=managed, _objects=objects, _named=named)

    def _with_memberships(self, policy: Policy, user: str, after: Iterable[str]) -> Policy:
        """Return ``policy`` with the groups that a user names, in place of those named before."""
        before = set((self._sections()["users"].get(user) or {}).get("groups") or ())
        now = set(after)
        if before == now:
            return policy
        groups = PersistentMap.of(policy.groups)
        for name in before ^ now:
            group = groups[name]
            stays = name in now or self._lists(name, user)
            change = group.members.union if stays else group.members.difference
            rejoin = group.joined.union if name in now else group.joined.difference
            new = replace(group, members=change({user}), joined=rejoin({user}))
            groups = groups.put(name, new)
        return policy.with_parts(groups=groups)

    def _lists(self, group: str, user: str) -> bool:
        """Tell whether a group lists a user itself."""
        members = (self._objects["groups"].get(group) or {}).get("members") or ()
        return any(fold_user(str(each)) == user for each in members)

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
                "remove it here, or move it into the file with "
                + render_command(f"jhp adopt {key.kind}", key.name),
            )
            for key, each in sorted(self.managed.items())
            if key.name in declared.get(key.kind.section, ())
        ]
        if faults:
            raise PolicyError(tuple(faults))
