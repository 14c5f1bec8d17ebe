"""Compiles one object, and puts it into a policy that is compiled, or takes it out.

That costs what the object names, where to compile the whole document costs what the platform has.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.document.names import Names
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.partial_document import GRANTS, PartialDocument
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.persistent_map import PersistentMap
from jupyterhub_platform.core.policy import Policy

_Object = TypeVar("_Object")


def compile_partial(partial: PartialDocument, names: Names | None, now: datetime) -> Policy:
    """Compile a document whose grants are called by their ids, also in its faults."""
    try:
        policy = compile_policy(partial.document, names=names, now=now)
    except PolicyError as error:
        raise PolicyError(
            tuple(
                replace(each, path=(GRANTS, partial.grants[each.path[1]], *each.path[2:]))
                if each.path[:1] == (GRANTS,) and isinstance(each.path[1], int)
                else each
                for each in error.faults
            )
        ) from None
    grants = zip(policy.grants, partial.grants, strict=True)
    return policy.with_parts(
        grants=tuple(replace(each, path=f"{GRANTS}.{name}") for each, name in grants)
    )


def put_object(policy: Policy, judged: Policy, section: str, name: str) -> Policy:
    """Return ``policy`` with an object as it was compiled in a partial document."""
    match section:
        case "users":
            old = policy.people.get(name)
            person = replace(judged.people[name], within=old.within if old else {})
            return policy.with_parts(people=PersistentMap.of(policy.people).put(name, person))
        case "groups":
            groups = PersistentMap.of(policy.groups).put(name, judged.groups[name])
            return policy.with_parts(groups=groups)
        case "images":
            return policy.with_parts(images={**policy.images, name: judged.images[name]})
        case "tiers":
            return policy.with_parts(tiers={**policy.tiers, name: judged.tiers[name]})
        case _:
            new = tuple(each for each in judged.grants if each.path == f"{GRANTS}.{name}")
            return policy.with_parts(grants=(*_other_grants(policy, name), *new))


def put_limits(policy: Policy, judged: Policy, group: str, before: Iterable[str]) -> Policy:
    """Return ``policy`` with what a group gives single people of it."""
    given = {name for name, person in judged.people.items() if group in person.within}
    people: dict[str, Person] = {}
    for name in given | {each for each in before if each in policy.people}:
        person = policy.people[name]
        within = {k: rule for k, rule in person.within.items() if k != group}
        if name in given:
            within[group] = judged.people[name].within[group]
        people[name] = replace(person, within=within)
    return (
        policy.with_parts(people=PersistentMap.of(policy.people).put_all(people))
        if people
        else policy
    )


def drop_object(policy: Policy, section: str, name: str) -> Policy:
    """Return ``policy`` without an object."""
    match section:
        case "users":
            return policy.with_parts(people=PersistentMap.of(policy.people).drop(name))
        case "groups":
            return policy.with_parts(groups=PersistentMap.of(policy.groups).drop(name))
        case "images":
            return policy.with_parts(images=_drop(policy.images, name))
        case "tiers":
            return policy.with_parts(tiers=_drop(policy.tiers, name))
        case _:
            return policy.with_parts(grants=_other_grants(policy, name))


def _drop(objects: Mapping[str, _Object], name: str) -> dict[str, _Object]:
    return {other: each for other, each in objects.items() if other != name}


def _other_grants(policy: Policy, name: str) -> tuple[Grant, ...]:
    return tuple(each for each in policy.grants if each.path != f"{GRANTS}.{name}")
