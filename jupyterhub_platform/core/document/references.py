"""Checks that the names in a declaration are valid, and refer to something that is declared."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from jupyterhub_platform.core.document.faults import (
    FaultCollector,
    KeyPath,
    join,
    quote,
    split_message,
)
from jupyterhub_platform.core.document.names import KINDS, Names, fold_user
from jupyterhub_platform.core.document.schema import (
    Declaration,
    DeclaredGrant,
    DeclaredGroup,
    DeclaredPerson,
    DeclaredTier,
)
from jupyterhub_platform.core.document.schema_tiers import DeclaredAccess, DeclaredAccessRule
from jupyterhub_platform.core.errors import Fault, IdentityError
from jupyterhub_platform.core.identity import (
    check_name,
    is_level_group,
    normalise_user,
)
from jupyterhub_platform.core.identity_providers import AUTHENTICATOR
from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.look_alikes import LookAlikes
from jupyterhub_platform.core.times import describe_instant


def check_declaration(
    declaration: Declaration, names: Names, faults: FaultCollector, now: datetime
) -> None:
    """Report every invalid name, every reference to something undeclared, and a lock-out."""
    checks = _Checks(declaration, names, faults)
    checks.check_keys()
    if not declaration.tiers:
        what = "declares no tier, so that nothing can start"
        faults.add(("tiers",), what, "declare one below it")
    for name, person in declaration.users.items():
        if person is not None and (person.groups or person.account):
            checks.check_person(("users", name), person)
    for name, group in declaration.groups.items():
        checks.check_group(("groups", name), group)
    for name, image in declaration.images.items():
        checks.check_access(("images", name, "access"), image.access)
    for name, tier in declaration.tiers.items():
        checks.check_tier(("tiers", name), tier)
    checks.check_default_tier()
    for path, grant in faults.number(("grants",), declaration.grants):
        checks.check_grant(path, grant)
    checks.check_identity()
    checks.check_admins(now)


class _Checks:
    def __init__(self, declaration: Declaration, names: Names, faults: FaultCollector) -> None:
        self._declaration = declaration
        self._names = names
        self._faults = faults
        self._people = {fold_user(name): name for name in reversed(declaration.users)}

    def check_keys(self) -> None:
        """Report keys that are not names, and user names with the same normal form."""
        seen: dict[str, str] = {}
        for name in self._declaration.users:
            try:
                first = seen.setdefault(normalise_user(name), name)
            except IdentityError as error:
                self._note(("users", name), *split_message(str(error), "choose another name"))
                continue
            if first != name:
                what = (
                    f"is the same person as {quote(first)}: both are {quote(normalise_user(name))}"
                )
                self._note(("users", name), what, "remove one of the two")
        self._check_look_alikes(seen)
        for section, kind in KINDS.items():
            for name in getattr(self._declaration, section):
                self._check_key((section, name), kind)

    def _check_look_alikes(self, people: Mapping[str, str]) -> None:
        look_alikes = LookAlikes.of(people)
        for form, name in people.items() if look_alikes.by_skeleton else ():
            if alike := look_alikes.find(form, people):
                what = f"looks like {quote(people[alike])}, who is another person"
                self._note(("users", name), what, "rename one of the two")

    def _check_key(self, path: KeyPath, kind: str) -> None:
        name = str(path[-1])
        if is_level_group(name):
            what = "groups that begin with “level:” belong to the platform, and are never accounts"
            self._note(path, what, "choose another name; levels are given under users")
            return
        try:
            check_name(name, kind)
        except IdentityError as error:
            what, fix = split_message(str(error), "choose another name")
            if kind == "group":
                fix += f"; what a provider calls it goes below: from: [{quote(name)}]"
            self._note(path, what, fix)

    def _note(self, path: KeyPath, what: str, fix: str) -> None:
        self._faults.note(Fault(path, what, fix))

    def check_person(self, path: KeyPath, person: DeclaredPerson) -> None:
        """Report unknown or repeated groups, and those that list the person themselves.

        Whether they are in the group of their account, the Hub and a provider may know, too.
        """
        self._check_names((*path, "groups"), person.groups, "groups")
        if person.account is not None:
            self._check_reference((*path, "account"), person.account, "groups")
        name = fold_user(str(path[-1]))
        if name in self._names.claimed:
            return
        for at, group in self._faults.number((*path, "groups"), person.groups):
            declared = self._declaration.groups.get(group)
            if declared is not None and name in map(fold_user, declared.members):
                self._faults.add(
                    at,
                    f"groups.{group}.members names {quote(name)} too",
                    "remove one of the two",
                    rests_on=[("groups", group, "members")],
                )

    def check_group(self, path: KeyPath, group: DeclaredGroup) -> None:
        """Report unknown or repeated people, and managers without the level for it."""
        self._check_names((*path, "members"), group.members, "users")
        self._check_names((*path, "managers"), group.managers, "users")
        self._check_provided((*path, "from"), group.provided_by)
        for at, name in self._faults.number((*path, "managers"), group.managers):
            self._check_manager(at, name)
        for name in group.users:
            at = (*path, "users", name)
            self._check_reference(at, name, "users")
            self._check_in_group(at, name, str(path[-1]))

    def _check_provided(self, path: KeyPath, names: tuple[str, ...]) -> None:
        self._check_repeated(path, names)
        for at, name in self._faults.number(path, names):
            if is_level_group(name):
                what = f"{quote(name)} would be a level, which the policy alone gives"
                self._faults.add(at, what, "remove it; levels are given under users")
            elif name != path[1] and name in self._names.declared["groups"]:
                # Its managers would decide who is in this group, too.
                what = f"{quote(name)} is a group of the policy, not one of an identity provider"
                self._faults.add(at, what, "name the provider's group, or rename the other one")

    def _check_manager(self, path: KeyPath, name: str) -> None:
        person = self._declaration.users.get(self._people.get(fold_user(name), ""))
        level = (person and person.level) or self._declaration.defaults.level
        if LEVELS[level].manages_groups:
            return
        may = [str(other) for other in Level if LEVELS[other].manages_groups]
        self._faults.add(
            path,
            f"{quote(name)} has the level {level}, and only {join(may)} may manage groups",
            f"write level: manager for {name} under users, or name another user",
            rests_on=[
                ("users", self._people.get(fold_user(name), name), "level"),
                ("defaults", "level"),
            ],
        )

    def check_admins(self, now: datetime) -> None:
        """Report a document that leaves no admin at ``now``, as the API refuses to do."""
        people = self._declaration.users
        level = self._declaration.defaults.level
        admins = {
            name: person.suspended if person else None
            for name, person in people.items()
            if ((person and person.level) or level) is Level.ADMIN
        }
        rests_on = [("users",), ("defaults", "level")]
        if not admins:
            self._faults.add(
                ("users",),
                "no user has the level admin, so that no user could govern the platform",
                "write level: admin for one of them",
                rests_on=rests_on,
            )
        elif all(s is not None and (s.until is None or now < s.until) for s in admins.values()):
            *others, last = admins
            also = f", as {join(map(quote, others))} {'is' if len(others) == 1 else 'are'}"
            self._faults.add(
                ("users", last, "suspended"),
                f"suspends {quote(last)}, the last admin{also if others else ''}, so that no user "
                "could govern the platform",
                "remove it, or write level: admin for another user under users",
                rests_on=rests_on,
            )

    def _check_in_group(self, path: KeyPath, user: str, group: str) -> None:
        declared = self._declaration.groups.get(group)
        if declared is None:
            return
        if fold_user(user) in map(fold_user, (*declared.members, *declared.managers)):
            return
        person = self._declaration.users.get(self._people.get(fold_user(user), ""))
        if person is not None and group in person.groups:
            return
        above = ("groups", group)
        self._faults.add(
            path,
            f"{quote(user)} is not in the group {group}",
            f"add {user} to groups.{group}.members, or name a group that they are in",
            rests_on=[(*above, "members"), (*above, "managers"), (*path[:-1], "user")],
        )

    def check_tier(self, path: KeyPath, tier: DeclaredTier) -> None:
        """Report unknown or repeated images, groups and people, and empty tolerations."""
        self._check_names((*path, "images"), tier.images, "images")
        if not tier.images:
            self._faults.add(
                (*path, "images"), "names no image, so that nothing can start", "name one image"
            )
        elif all(self._is_pattern(name) for name in tier.images):
            what = "names patterns alone, so that nothing can start unless an image is named"
            self._faults.add((*path, "images"), what, "name an image with a reference, too")
        self.check_access((*path, "access"), tier.access)
        for name, size in tier.sizes.items():
            self._check_key((*path, "sizes", name), "size")
            self.check_access((*path, "sizes", name, "access"), size.access)
        for at, toleration in self._faults.number((*path, "tolerations"), tier.tolerations):
            if toleration.operator == "Exists" and toleration.value is not None:
                what = "means nothing with the operator Exists"
                self._faults.add((*at, "value"), what, "remove it, or write operator: Equal")
            if toleration.operator == "Equal" and toleration.key is None:
                what = "is missing, and Equal compares the value of a key"
                self._faults.add((*at, "key"), what, "name the key, or write operator: Exists")

    def _is_pattern(self, image: str) -> bool:
        declared = self._declaration.images.get(image)
        return declared is not None and declared.pattern is not None

    def check_access(self, path: KeyPath, access: DeclaredAccess) -> None:
        """Report unknown or repeated groups and people, and rules that name nobody."""
        self._check_named(path, access)
        for at, rule in self._faults.number((*path, "rules"), access.rules):
            self._check_named(at, rule)
            if not (rule.groups or rule.users or rule.levels):
                what = "names no one, so that it would open it to everybody"
                self._faults.add(at, what, "name a group, a user or a level, or remove it")

    def _check_named(self, path: KeyPath, named: DeclaredAccess | DeclaredAccessRule) -> None:
        self._check_names((*path, "groups"), named.groups, "groups")
        self._check_names((*path, "users"), named.users, "users")
        self._check_repeated((*path, "levels"), named.levels)

    def check_default_tier(self) -> None:
        """Report a default tier that is unknown, or not open to all users."""
        path, name = ("defaults", "tier"), self._declaration.defaults.tier
        if not name:
            return
        self._check_reference(path, name, "tiers")
        tier = self._declaration.tiers.get(name)
        if tier is None:
            return
        images = [self._declaration.images[i] for i in tier.images if i in self._declaration.images]
        named = [each.access for each in images if each.pattern is None]
        for key, choices in (
            ("access", [tier.access]),
            ("sizes", [size.access for size in tier.sizes.values()]),
            ("images", named),
        ):
            if choices and not any(map(_is_open, choices)):
                what = f"{quote(name)} is not for every user, and a default tier must be"
                fix = f"choose another one, or remove tiers.{name}.access"
                if key != "access":
                    what = f"none of the {key} of {quote(name)} is for every user"
                    fix = "choose another one, or open one of them"
                self._faults.add(path, what, fix, rests_on=[("tiers", name, key)])

    def check_grant(self, path: KeyPath, grant: DeclaredGrant) -> None:
        """Report a grant without a user or group, an addition, a duration or a granter."""
        if (grant.user is None) == (grant.group is None):
            what = (
                "names no user or group" if grant.user is None else "names both a user and a group"
            )
            rests_on = [(*path, "user"), (*path, "group")]
            self._faults.add(
                (*path, "user"),
                f"the grant {what}",
                "name one user or one group",
                rests_on=rests_on,
            )
        references = (("user", "users"), ("group", "groups"), ("account", "groups"))
        for key, section in (*references, ("tier", "tiers"), ("by", "users")):
            name = getattr(grant, key)
            if name is not None:
                self._check_reference((*path, key), name, section)
        if grant.account is not None:
            self._check_account((*path, "account"), grant, grant.account)
        if not grant.add and grant.tier is None and grant.level is None:
            what = "is missing, and no tier or level is named either: the grant gives nothing"
            fix = "write for example add: {cpu: 2}, or tier: NAME"
            self._faults.add(
                (*path, "add"), what, fix, rests_on=[(*path, "tier"), (*path, "level")]
            )
        if grant.level is not None and (grant.user is None or grant.account is not None):
            self._faults.add(
                (*path, "level"),
                "is of one person, on the whole platform",
                "name a user and no account, or remove it; a tier or amounts are another grant",
                rests_on=[(*path, key) for key in ("user", "group", "account")],
            )
        if grant.starts is not None and grant.until <= grant.starts:
            what = f"ends at {describe_instant(grant.until)}, before it begins"
            fix = f"write a time after {describe_instant(grant.starts)}"
            self._faults.add((*path, "until"), what, fix, rests_on=[(*path, "from")])

    def check_identity(self) -> None:
        """Report providers whose key is no name, and rules that name something unknown."""
        identity = self._declaration.identity
        if identity.local == "off" and not identity.providers:
            self._faults.add(
                ("identity", "local"),
                "turns local accounts off, and there is no provider, so that nobody could log in",
                "declare one under identity.providers, or write local: admins",
                rests_on=[("identity", "providers")],
            )
        for key in identity.providers:
            self._check_key(("identity", "providers", key), "provider")
        own = [key for key, each in identity.providers.items() if each.kind == AUTHENTICATOR]
        for key in own[1:]:
            self._faults.add(
                ("identity", "providers", key, "kind"),
                f"stands for the Hub's authenticator, as {quote(own[0])} does, and it has one",
                "remove one of the two",
                rests_on=[("identity", "providers", own[0], "kind")],
            )
        for path, rule in self._faults.number(("identity", "rules"), identity.rules):
            self._check_names((*path, "groups"), rule.groups, "groups")
            if rule.provider is not None and rule.provider not in identity.providers:
                known = "add it under identity.providers, or remove it here"
                self._faults.add(
                    (*path, "provider"),
                    f"{quote(rule.provider)} is not a provider",
                    self._faults.suggest(rule.provider, identity.providers, known),
                    rests_on=[("identity", "providers")],
                )

    def _check_account(self, path: KeyPath, grant: DeclaredGrant, account: str) -> None:
        if grant.user is not None:
            self._check_in_group(path, grant.user, account)
        elif grant.group is not None:
            fix = "remove it, or name a user instead of the group"
            self._faults.add(path, "is for grants to a user; this one is to a group", fix)

    def _check_names(self, path: KeyPath, names: tuple[str, ...], section: str) -> None:
        for at, name in self._faults.number(path, names):
            self._check_reference(at, name, section)
        self._check_repeated(path, [fold_user(n) if section == "users" else n for n in names])

    def _check_reference(self, path: KeyPath, name: str, section: str) -> None:
        known = self._names.declared[section]
        if (fold_user(name) if section == "users" else name) in known:
            return
        if not self._faults.is_readable((section,)):
            return
        fix = self._faults.suggest(name, known, f"add it under {section}, or remove it here")
        self._faults.add(path, f"{quote(name)} is not declared under {section}", fix)

    def _check_repeated(self, path: KeyPath, names: Iterable[str]) -> None:
        seen: set[str] = set()
        for at, name in self._faults.number(path, list(names)):
            if name in seen:
                self._faults.add(at, f"{quote(name)} is named twice", "remove one of the two")
            seen.add(name)


def _is_open(access: DeclaredAccess) -> bool:
    return not (access.groups or access.users or access.levels or access.rules)
