"""Unites the policy file and the managed objects, with the lines of the file."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from jupyterhub_platform.core.claimed_people import (
    ClaimedLogin,
    derive_people,
    list_named_claims,
)
from jupyterhub_platform.core.errors import Fault, Place, PolicyError
from jupyterhub_platform.core.fed_groups import FedGroups
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject, Sources
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.documents import ReadPolicy
from jupyterhub_platform.store import claimed_people
from jupyterhub_platform.store.store import Store


def unite(
    read: ReadPolicy,
    objects: Mapping[Key, ManagedObject],
    logins: Iterable[ClaimedLogin],
    now: datetime,
) -> tuple[Sources, Policy]:
    """Return what a file, managed objects, and its rules for users of providers are together.

    Raises
    ------
    PolicyError
        Raised, with lines of the file, if a name is in both or they do not fit together.
    """
    groups, tiers = (_unite_section(read.document, objects, k) for k in (Kind.GROUP, Kind.TIER))
    fed = FedGroups.of((name, (each or {}).get("from") or ()) for name, each in groups.items())
    named = list_named_claims(groups, tiers)
    claimed = derive_people(logins, read.policy.identity, fed.list_fed, now, named)
    sources = Sources(read.document, objects, claimed)
    if not objects and not claimed:
        return sources, read.policy
    lines = read.policy.lines
    try:
        return sources, sources.unite(now).with_parts(lines=lines)
    except PolicyError as error:
        raise PolicyError(tuple(_place(each, lines) for each in error.faults)) from None


def _unite_section(
    document: Mapping[str, Any], objects: Mapping[Key, ManagedObject], kind: Kind
) -> dict[str, Mapping[str, Any] | None]:
    managed = {key.name: each.document for key, each in objects.items() if key.kind is kind}
    return {**(document.get(kind.section) or {}), **managed}


def list_logins(store: Store) -> list[ClaimedLogin]:
    """Return who has logged in by a provider, with what it said of them last."""
    with store.read() as transaction:
        return claimed_people.list_logins(transaction)


def _place(fault: Fault, lines: Mapping[str, Place]) -> Fault:
    """Say at which line of a file a fault is, if it is in the file at all."""
    keys = (".".join(map(str, fault.path[:end])) for end in range(len(fault.path), 1, -1))
    place = next((lines[key] for key in keys if key in lines), None)
    if place is None:
        return replace(fault, what=f"{fault.what} (it is managed in the Hub)")
    return fault.at(place)
