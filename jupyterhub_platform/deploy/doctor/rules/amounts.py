"""Amounts that a tier's servers ask the API server for, with what a namespace adds to them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.document.faults import quote
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.core.quantities import describe_amount, read_quantity
from jupyterhub_platform.core.resource_names import CPU, MEMORY, SERVERS, is_accelerator
from jupyterhub_platform.core.tiers import Tier, pod_amounts
from jupyterhub_platform.deploy.doctor.findings import Finding, unknown

OF_DEVICE_CLASS: Final = ".deviceclass.resource.k8s.io/devices"


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


def read_amounts(amounts: Mapping[str, Any], *, bound: bool = False) -> dict[str, int]:
    """Read quantities by name; what cannot be read is left to :func:`find_unreadable`.

    What is a ``bound`` is above nothing of which it is a part less.
    """
    read = {}
    for name, quantity in amounts.items():
        try:
            read[name] = read_quantity(quantity, resource_of(name), bound=bound)
        except QuantityError:
            continue
    return read


def find_unreadable(whose: str, amounts: Mapping[str, Any], why: str) -> Iterator[Finding]:
    """Yield what cannot be read, so that it is never taken for well, nor for nothing."""
    read = read_amounts(amounts)
    for name in sorted(set(amounts) - set(read)):
        yield unknown(
            f"{whose} says {quote(amounts[name])} of {name}, which cannot be read.",
            why,
            "kubectl describe it, and write an amount as Kubernetes does, such as 500m or 8Gi.",
        )


def resource_of(name: str) -> str:
    """Return the resource that a name of a ResourceQuota is about: ``requests.cpu`` is ``cpu``."""
    name = name.removeprefix("requests.").removeprefix("limits.")
    return MEMORY if name.endswith("storage") and name != "ephemeral-storage" else name


def describe(name: str, amount: int) -> str:
    """Say an amount in the unit that people use."""
    if name.startswith("count/") or name.endswith(("persistentvolumeclaims", OF_DEVICE_CLASS)):
        return str(amount)
    resource = resource_of(name)
    if resource in {SERVERS, CPU, MEMORY, "ephemeral-storage"} or is_accelerator(resource):
        return describe_amount(resource, amount)
    return str(amount)
