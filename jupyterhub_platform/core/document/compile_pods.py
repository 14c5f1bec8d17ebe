"""Compiles the pod settings of tiers and groups, and checks that they are consistent."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote, split_message
from jupyterhub_platform.core.document.schema import Declaration, DeclaredGroup, DeclaredTier
from jupyterhub_platform.core.document.schema_pods import DeclaredHome, DeclaredNodeRule
from jupyterhub_platform.core.document.units import read_amount
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.pods import Device, Home, InitContainer, NodeRule, Pod, SharedVolume
from jupyterhub_platform.core.resource_names import MEMORY, is_accelerator
from jupyterhub_platform.core.resources import check_resource_name

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_VALUES: Final[Mapping[str, tuple[int, int]]] = {
    "Exists": (0, 0),
    "DoesNotExist": (0, 0),
    "Gt": (1, 1),
    "Lt": (1, 1),
}
"""How many values an operator of node affinity takes, at least and at most; else 1 to any."""


def read_pod(
    declaration: Declaration, faults: FaultCollector, path: KeyPath, tier: DeclaredTier
) -> Pod:
    """Return how servers of the ``tier`` at ``path`` run; faults go to ``faults``."""
    context = tier.security_context
    for at, rule in faults.number((*path, "node_affinity"), tier.node_affinity):
        _check_rule(faults, at, rule)
    return Pod(
        node_selector=tier.node_selector,
        node_affinity=tuple(
            NodeRule(rule.key, rule.operator, rule.values, rule.weight)
            for rule in tier.node_affinity
        ),
        tolerations=tuple(each.model_dump(exclude_none=True) for each in tier.tolerations),
        priority_class=tier.priority_class or "",
        runtime_class=tier.runtime_class or "",
        service_account=tier.service_account or "",
        environment=tier.environment,
        user=context.run_as_user,
        group=context.run_as_group,
        volumes_group=context.fs_group,
        home=_read_home(declaration, faults, path, tier),
        init_containers=tuple(_read_init_containers(declaration, faults, path, tier)),
        devices=tuple(_read_devices(faults, path, tier)),
    )


def read_shared(group: DeclaredGroup) -> tuple[SharedVolume, ...]:
    """Return the volumes that members of ``group`` share."""
    return tuple(SharedVolume(each.claim, each.mount, each.read_only) for each in group.volumes)


def check_mounts(declaration: Declaration, faults: FaultCollector) -> None:
    """Report volumes that could meet in one server at the same place."""
    taken: dict[str, str] = {}
    homes: list[tuple[KeyPath, DeclaredHome | None]] = [
        (("defaults", "home"), declaration.defaults.home),
        *((("tiers", name, "home"), tier.home) for name, tier in declaration.tiers.items()),
    ]
    for path, home in homes:
        if home is not None:
            taken.setdefault(home.mount, ".".join(map(str, (*path, "mount"))))
    for name, group in declaration.groups.items():
        for path, volume in faults.number(("groups", name, "volumes"), group.volumes):
            at = (*path, "mount")
            if volume.mount in taken:
                what = f"{quote(volume.mount)} is where {taken[volume.mount]} is"
                faults.add(at, what, "choose another directory: a person may have both")
            taken.setdefault(volume.mount, ".".join(map(str, at)))


def _check_rule(faults: FaultCollector, path: KeyPath, rule: DeclaredNodeRule) -> None:
    minimum, maximum = _VALUES.get(rule.operator, (1, None))
    if rule.operator in {"Gt", "Lt"} and not all(map(_INTEGER.fullmatch, rule.values)):
        what = f"{rule.operator} compares whole numbers, and {quote(rule.values[0])} is not one"
        faults.add((*path, "values"), what, "write a whole number")
    if minimum <= len(rule.values) and (maximum is None or len(rule.values) <= maximum):
        return
    wanted = {0: "no value", 1: "one value"}[minimum] if maximum is not None else "a value"
    what = f"{rule.operator} takes {wanted}, and {len(rule.values)} are here"
    faults.add((*path, "values"), what, "correct it", rests_on=[(*path, "operator")])


def _read_home(
    declaration: Declaration, faults: FaultCollector, path: KeyPath, tier: DeclaredTier
) -> Home | None:
    home, at = tier.home, (*path, "home", "size")
    if home is None:
        home, at = declaration.defaults.home, ("defaults", "home", "size")
    if home is None:
        return None
    size = read_amount(faults, at, home.size, MEMORY)
    if size == 0:
        faults.add(at, "is nothing", "write for example 10Gi")
    return Home(size or 0, home.mount, home.storage_class or "")


def _read_init_containers(
    declaration: Declaration, faults: FaultCollector, path: KeyPath, tier: DeclaredTier
) -> Iterator[InitContainer]:
    seen: set[str] = set()
    for at, each in faults.number((*path, "init_containers"), tier.init_containers):
        _refuse_repeated(faults, (*at, "name"), each.name, seen)
        if each.image not in declaration.images:
            fix = faults.suggest(each.image, declaration.images, "add it under images")
            what = f"{quote(each.image)} is not declared under images"
            faults.add((*at, "image"), what, fix, rests_on=[("images",)])
            continue
        if not each.command:
            faults.add((*at, "command"), "is empty", "write for example [mkdir, -p, /home/x]")
        yield InitContainer(each.name, declaration.images[each.image].reference, each.command)


def _read_devices(faults: FaultCollector, path: KeyPath, tier: DeclaredTier) -> Iterator[Device]:
    seen: set[str] = set()
    for at, each in faults.number((*path, "devices"), tier.devices):
        _refuse_repeated(faults, (*at, "name"), each.name, seen)
        if _is_device(faults, (*at, "resource"), each.resource):
            for key in ("requests", "limits"):
                if each.resource in getattr(tier, key):
                    _refuse_twice(faults, (*at, "resource"), (*path, key, each.resource))
            yield Device(each.name, each.template, each.resource, each.count)


def _refuse_repeated(faults: FaultCollector, path: KeyPath, name: str, seen: set[str]) -> None:
    """Report a name that one of the same list has; ``seen`` are those before it."""
    if name in seen:
        faults.add(path, f"{quote(name)} is there twice", "choose another name")
    seen.add(name)


def _is_device(faults: FaultCollector, path: KeyPath, resource: str) -> bool:
    fix = "write DOMAIN/NAME, such as nvidia.com/gpu"
    try:
        if is_accelerator(check_resource_name(resource)):
            return True
    except QuantityError as error:
        faults.add(path, *split_message(str(error), fix))
    else:
        faults.add(path, f"{quote(resource)} is not a device: its name has no domain", fix)
    return False


def _refuse_twice(faults: FaultCollector, path: KeyPath, other: KeyPath) -> None:
    what = f"{quote(other[-1])} is also among the {other[-2]}, so that a server would get both"
    fix = "name it in one place: what a device plugin gives is requested, the rest is claimed"
    faults.add(path, what, fix, rests_on=[other])
