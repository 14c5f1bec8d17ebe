"""Sums up what a pod manifest asks for, as the Kubernetes scheduler does.

Containers and sidecars add up; init containers run before them, one after the other, so the
largest counts. A request that is missing is as large as the limit.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import parse_quantity
from jupyterhub_platform.core.resource_names import is_indivisible
from jupyterhub_platform.core.resources import Resources

Manifest: TypeAlias = Mapping[str, Any]
"""A Kubernetes object, or a part of one, as it goes to the API: camelCase keys, plain values."""


def part(manifest: Manifest, *keys: str) -> Manifest:
    """Return the mapping below ``keys``, empty if there is none."""
    for key in keys:
        below = manifest.get(key)
        manifest = below if isinstance(below, Mapping) else {}
    return manifest


def items(manifest: Manifest, key: str) -> tuple[Manifest, ...]:
    """Return the mappings listed under ``key``."""
    found = manifest.get(key)
    listed = found if isinstance(found, list | tuple) else ()
    return tuple(one for one in listed if isinstance(one, Mapping))


def containers(spec: Manifest) -> Iterator[tuple[str, Manifest]]:
    """Yield every container with its path: ``spec.containers[notebook]``."""
    for key in ("containers", "initContainers"):
        for container in items(spec, key):
            yield f"spec.{key}[{container.get('name', '')}]", container


def is_sidecar(container: Manifest) -> bool:
    """Tell whether an init container goes on running beside the others."""
    return container.get("restartPolicy") == "Always"


def limit_of(resources: Manifest, name: str) -> int | None:
    """Return a limit in base units, ``None`` for no limit; a limit of zero limits nothing.

    Raises
    ------
    QuantityError
        Raised if it is not a quantity.
    """
    limits = part(resources, "limits")
    if is_indivisible(name):
        return _read(limits.get(name, part(resources, "requests").get(name, 0)), name)
    return _read(limits[name], name) or None if name in limits else None


def request_of(resources: Manifest, name: str) -> int:
    """Return a request in base units.

    Raises
    ------
    QuantityError
        Raised if it is not a quantity.
    """
    limits, requests = part(resources, "limits"), part(resources, "requests")
    return _read(requests.get(name, limits.get(name, 0)), name)


def _read(quantity: Any, name: str) -> int:
    return parse_quantity(quantity, name)


def names_in(spec: Manifest) -> frozenset[str]:
    """Return the names of all resources that any part of a pod asks for."""
    parts = [part(container, "resources") for _, container in containers(spec)]
    parts.append(part(spec, "resources"))
    listed = {name for one in parts for key in ("requests", "limits") for name in part(one, key)}
    return frozenset(listed | set(part(spec, "overhead")))


def total(spec: Manifest, name: str, amount: Callable[[Manifest, str], int | None]) -> int:
    """Add up ``amount`` of each container's resources over the pod.

    Raises
    ------
    QuantityError
        Raised if ``amount`` raises it, or the overhead is not a quantity.
    """
    regular = sum(amount(part(one, "resources"), name) or 0 for one in items(spec, "containers"))
    running = peak = 0
    for one in items(spec, "initContainers"):
        own = amount(part(one, "resources"), name) or 0
        if is_sidecar(one):
            running += own
            peak = max(peak, running)
        else:
            peak = max(peak, running + own)
    overhead = _read(part(spec, "overhead").get(name, 0), name)
    return max(regular + running, peak) + overhead


def read_demand(spec: Manifest) -> Resources:
    """Return what the scheduler sets aside for a pod: its requests, and its overhead.

    What the pod asks for as a whole takes the place of what its containers ask for.

    Raises
    ------
    QuantityError
        Raised if something that it asks for is not a quantity.
    """
    whole, overhead, amounts = part(spec, "resources"), part(spec, "overhead"), {}
    for name in names_in(spec):
        amount = total(spec, name, request_of)
        if any(name in part(whole, key) for key in _KEYS):
            amount = request_of(whole, name) + _read(overhead.get(name, 0), name)
        if amount:
            amounts[name] = amount
    return Resources.of(amounts)


def unreadable(spec: Manifest) -> Iterator[tuple[str, str]]:
    """Yield the path of every amount that is not a quantity, and what is wrong with it."""
    parts = [(f"{path}.resources", part(one, "resources")) for path, one in containers(spec)]
    parts.append(("spec.resources", part(spec, "resources")))
    listed = [(f"{path}.{key}", part(one, key)) for path, one in parts for key in _KEYS]
    listed.append(("spec.overhead", part(spec, "overhead")))
    for path, amounts in listed:
        for name, quantity in amounts.items():
            try:
                _read(quantity, name)
            except QuantityError as error:
                yield f"{path}.{name}", str(error)


_KEYS = ("requests", "limits")
