"""The smallest document that validates one object: the object, and all that its checks refer to.

A change of one group of ten thousand is checked by the code that checks the whole document, on a
part of it: that costs what the object names, not what the platform has.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.policy import Policy

Section = Mapping[str, Any]
"""The objects of one section, by name: those of users by their normal form, grants by an id."""

NAMED: Final = ("users", "groups", "images", "tiers")
GRANTS: Final = "grants"
_MOUNTED: Final = frozenset({"home", "volumes", "empty_dirs"})
"""What a tier says of directories of its servers."""


@dataclass(frozen=True, slots=True)
class PartialDocument:
    """A document that can be compiled, and the ids of its grants, in their order."""

    document: Mapping[str, Any]
    grants: tuple[str, ...]


def is_judged_alone(policy: Policy, section: str, name: str) -> bool:
    """Tell whether a part can judge an object.

    The default tier is compared with every rule, and an image with the tiers that start it.
    """
    if section == "images" and name in policy.images:
        reference = policy.images[name].reference
        return not any(
            name in tier.images or any(each.image == reference for each in tier.pod.init_containers)
            for tier in policy.tiers.values()
        )
    return not (section == "tiers" and name == policy.defaults.tier)


def make_partial(
    rest: Mapping[str, Any],
    objects: Mapping[str, Section],
    policy: Policy,
    section: str,
    name: str,
) -> PartialDocument:
    """Return what judges the object ``name`` of ``section``.

    Parameters
    ----------
    rest
        What the document says beside its sections: version, name, quota and defaults.
    objects
        All objects by section, the new one among them.
    policy
        The policy before the change, of which the indexes are asked.
    """
    found: dict[str, dict[str, Any]] = {each: {} for each in (*NAMED, GRANTS)}
    tier = policy.defaults.tier or next(iter(objects["tiers"]), "")
    for each, picked in (
        ("users", dict(_other_admin(policy, name if section == "users" else ""))),
        ("tiers", {tier: objects["tiers"][tier]} if tier else {}),
        *_list_read(objects, policy, section, name),
        (section, {name: objects[section][name]}),
    ):
        found[each] |= picked
    for each in found["tiers"].values():
        found["images"] |= {n: objects["images"][n] for n in _list_images(each, objects["images"])}
    grants = found.pop(GRANTS)
    return PartialDocument({**rest, **found, GRANTS: list(grants.values())}, tuple(grants))


def _list_images(tier: Mapping[str, Any], known: Section) -> Iterator[str]:
    """Yield the images that a tier names, as far as they are there: what is not is a fault."""
    initial = (each.get("image") for each in tier.get("init_containers") or ())
    yield from (str(name) for name in (*(tier.get("images") or ()), *initial) if name in known)


def _other_admin(policy: Policy, name: str) -> Iterator[tuple[str, Any]]:
    """Yield one admin who is not ``name`` and not suspended: a document without one has a fault."""
    for admin in policy.own_admins():
        if admin != name and policy.people[admin].suspended is None:
            yield admin, {"level": "admin"}
            return


def _list_read(
    objects: Mapping[str, Section], policy: Policy, section: str, name: str
) -> Iterator[tuple[str, Section]]:
    """Yield what the checks of an object look into, reduced to what they ask of it."""
    new = objects[section][name] or {}
    if section == "users":
        groups, theirs = objects["groups"], {*policy.declared_groups(name)}
        theirs |= groups.keys() & (new.get("groups") or ())
        yield "groups", {each: _reduce_group(groups[each] or {}, name) for each in sorted(theirs)}
        yield GRANTS, {id_: g for id_, g in objects[GRANTS].items() if _is_within(g, name)}
    if section == "groups":
        named = (*(new.get("managers") or ()), *(new.get("users") or ()))
        yield "users", dict(_levels(policy, named))
        before = policy.groups.get(name)
        for user in sorted(before.joined if before else ()):
            yield "users", {user: {"level": str(policy.people[user].level), "groups": [name]}}
        counting = objects[GRANTS].items()
        yield GRANTS, {id_: grant for id_, grant in counting if grant.get("account") == name}
        yield "groups", {each: {"from": [name]} for each in sorted(policy.groups_fed_by([name]))}
    if section == GRANTS and new.get("account") in objects["groups"]:
        account = policy.groups[new["account"]]
        yield "groups", {account.name: {"members": sorted(account.members | account.managers)}}
    if (section == "groups" and "volumes" in new) or (section == "tiers" and _MOUNTED & new.keys()):
        # Wherever they are, volumes must not meet in one server.
        yield "tiers", {n: tier for n, tier in objects["tiers"].items() if _MOUNTED & tier.keys()}
        having = {n: g for n, g in objects["groups"].items() if "volumes" in (g or ())}
        yield "groups", {n: {"volumes": group["volumes"]} for n, group in having.items()}


def _reduce_group(group: Mapping[str, Any], user: str) -> dict[str, Any]:
    """Return what a group says of one user."""
    lists: dict[str, Any] = {
        part: [each for each in group.get(part) or () if fold_user(str(each)) == user]
        for part in ("members", "managers")
    }
    limits = group.get("users") or {}
    return {**lists, "users": {each: v for each, v in limits.items() if fold_user(each) == user}}


def _is_within(grant: Mapping[str, Any], user: str) -> bool:
    """Tell whether a grant is for a user within one group."""
    return bool(grant.get("account")) and fold_user(str(grant.get("user") or "")) == user


def _levels(policy: Policy, users: Iterable[object]) -> Iterator[tuple[str, Any]]:
    for user in users:
        person = policy.people.get(fold_user(str(user)))
        if person is not None:
            yield person.name, {"level": str(person.own_level)}
