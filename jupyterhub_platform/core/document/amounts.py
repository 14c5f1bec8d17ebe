"""Checks that the amounts of a tier make sense beside each other."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath
from jupyterhub_platform.core.document.units import example
from jupyterhub_platform.core.quantities import parse_quantity, render_quantity, write_quantity
from jupyterhub_platform.core.resource_names import CPU, HUGEPAGES, MEMORY, SERVERS, is_indivisible

CAN_BE_UNLIMITED: Final = frozenset({CPU, MEMORY, "ephemeral-storage"})
"""What Kubernetes gives without a limit, as far as a node has it."""


def check_amounts(
    faults: FaultCollector,
    path: KeyPath,
    requests: Mapping[str, int],
    limits: Mapping[str, int],
    unlimited: AbstractSet[str] = frozenset(),
    *,
    has_devices: bool = False,
) -> None:
    """Report amounts that Kubernetes would not take, or that would bound nothing.

    What is ``unlimited`` needs a request, which quotas count then. With devices, which quotas
    count, CPU and memory may have neither.
    """
    for key, amounts in (("requests", requests), ("limits", limits)):
        if SERVERS in amounts:
            what = "a tier does not ask for servers; every server counts as one"
            faults.add((*path, key, SERVERS), what, "remove it, or use at_once")
        for name, amount in amounts.items():
            _check_alone(faults, (*path, key, name), name, amount)
    for name in (CPU, MEMORY):
        if name in unlimited and name not in requests:
            if not has_devices:
                faults.add(
                    (*path, "requests", name),
                    "is missing, and without a limit the request is what quotas count",
                    f"write for example {name}: {example(name)}",
                    rests_on=[(*path, "limits", name)],
                )
        elif name not in requests and name not in limits:
            or_open = f", or limits: {{{name}: unlimited}}" if has_devices else ""
            faults.add(
                (*path, "requests", name),
                "is missing, so that nothing would bound it",
                f"write for example {name}: {example(name)}{or_open}",
                rests_on=[(*path, "limits", name)],
            )
    for name in requests:
        if name in limits:
            _check_pair(faults, (*path, "requests", name), requests[name], limits[name])


def _check_alone(faults: FaultCollector, path: KeyPath, name: str, amount: int) -> None:
    if amount == 0 and name in {CPU, MEMORY}:
        what = "is 0, which Kubernetes takes for no limit at all"
        faults.add(path, what, f"write {example(name)} or so")
    elif amount == 0 and is_indivisible(name):
        faults.add(path, "is 0, so that no server gets any of it", "remove it, or write 1")
    elif name.startswith(HUGEPAGES):
        size = parse_quantity(name.removeprefix(HUGEPAGES), MEMORY)
        if size and amount % size:
            what = f"{write_quantity(name, amount)} is not a whole number of such pages"
            faults.add(path, what, f"write {render_quantity(MEMORY, size)} times a whole number")


def _check_pair(faults: FaultCollector, path: KeyPath, request: int, limit: int) -> None:
    name = str(path[-1])
    limit_path = (*path[:-2], "limits", name)
    asked, maximum = write_quantity(name, request), write_quantity(name, limit)
    if request != limit and is_indivisible(name):
        what = f"{asked} is not the limit, {maximum}, and Kubernetes does not share out {name}"
        faults.add(path, what, "write the same in both", rests_on=[limit_path])
    elif request > limit:
        what = f"{asked} is above the limit, {maximum}"
        fix = f"lower it, or raise {dotted(limit_path)}"
        faults.add(path, what, fix, rests_on=[limit_path])


def dotted(path: KeyPath) -> str:
    """Write where something stands as one word: ``tiers.small.requests``."""
    return ".".join(str(key) for key in path)
