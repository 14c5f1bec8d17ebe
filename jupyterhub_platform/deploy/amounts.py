"""What the servers of a tier ask the API server for, with what a namespace adds to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.core.resources import (
    CPU,
    MEMORY,
    SERVERS,
    describe_amount,
    is_accelerator,
    parse_quantity,
)
from jupyterhub_platform.core.tiers import Tier, pod_amounts


@dataclass(frozen=True, slots=True)
class Amounts:
    """Requests and limits in base units; what is not named was left open."""

    requests: Mapping[str, int]
    limits: Mapping[str, int]


def amounts_of(tier: Tier, limit_ranges: Iterable[Manifest]) -> Amounts:
    """Return what a server of ``tier`` asks for once LimitRanges have filled in what it leaves."""
    own = pod_amounts(tier)
    requests, limits = dict(own.requests), dict(own.limits)
    for entry in entries_of(limit_ranges, "Container"):
        defaults = read_amounts(part(entry, "default"))
        for name, amount in defaults.items():
            limits.setdefault(name, amount)
        for name, amount in {**defaults, **read_amounts(part(entry, "defaultRequest"))}.items():
            requests.setdefault(name, amount)
    return Amounts(requests, limits)


def entries_of(limit_ranges: Iterable[Manifest], kind: str) -> list[Manifest]:
    """Return the entries of LimitRanges that are about one kind of thing."""
    entries = (entry for each in limit_ranges for entry in items(part(each, "spec"), "limits"))
    return [entry for entry in entries if entry.get("type") == kind]


def read_amounts(amounts: Mapping[str, Any]) -> dict[str, int]:
    """Read quantities by name; what is none is left out: the API server has refused it before."""
    read = {}
    for name, quantity in amounts.items():
        try:
            read[name] = parse_quantity(quantity, resource_of(name))
        except QuantityError:
            continue
    return read


def resource_of(name: str) -> str:
    """Return the resource that a name of a ResourceQuota is about: ``requests.cpu`` is ``cpu``."""
    name = name.removeprefix("requests.").removeprefix("limits.")
    return MEMORY if name.endswith("storage") and name != "ephemeral-storage" else name


def say(name: str, amount: int) -> str:
    """Say an amount in the unit that people use."""
    if name.startswith("count/") or name.endswith("persistentvolumeclaims"):
        return str(amount)
    resource = resource_of(name)
    if resource in {SERVERS, CPU, MEMORY, "ephemeral-storage"} or is_accelerator(resource):
        return describe_amount(resource, amount)
    return str(amount)
