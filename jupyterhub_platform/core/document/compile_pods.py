"""Makes of a declaration what tiers and groups say about pods, and checks that it goes together."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from jupyterhub_platform.core.document.faults import Findings, KeyPath, quote, split_message
from jupyterhub_platform.core.document.schema import Declaration, DeclaredGroup, DeclaredTier
from jupyterhub_platform.core.document.schema_pods import DeclaredHome, DeclaredNodeRule
from jupyterhub_platform.core.document.units import read_amount
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.pods import Device, Home, InitContainer, NodeRule, Pod, SharedVolume
from jupyterhub_platform.core.resources import (
    MEMORY,
    check_resource_name,
    is_accelerator,
)

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_VALUES: Final[Mapping[str, tuple[int, int]]] = {
    "Exists": (0, 0),
    "DoesNotExist": (0, 0),
    "Gt": (1, 1),
    "Lt": (1, 1),
}
"""How many values an operator of node affinity takes, at least and at most; else 1 to any."""


def read_pod(
    declaration: Declaration, findings: Findings, path: KeyPath, tier: DeclaredTier
) -> Pod:
    """Return how servers of the ``tier`` at ``path`` run; faults go to ``findings``."""
    context = tier.security_context
    for at, rule in findings.number((*path, "node_affinity"), tier.node_affinity):
        _check_rule(findings, at, rule)
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
        home=_read_home(declaration, findings, path, tier),
        init_containers=tuple(_read_init_containers(declaration, findings, path, tier)),
        devices=tuple(_read_devices(findings, path, tier)),
    )


def read_shared(group: DeclaredGroup) -> tuple[SharedVolume, ...]:
    """Return the volumes that members of ``group`` share."""
    return tuple(SharedVolume(each.claim, each.mount, each.read_only) for each in group.volumes)


def check_mounts(declaration: Declaration, findings: Findings) -> None:
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
        for path, volume in findings.number(("groups", name, "volumes"), group.volumes):
            at = (*path, "mount")
            if volume.mount in taken:
                what = f"{quote(volume.mount)} is where {taken[volume.mount]} is"
                findings.add(at, what, "choose another directory: a person may have both")
            taken.setdefault(volume.mount, ".".join(map(str, at)))


def _check_rule(findings: Findings, path: KeyPath, rule: DeclaredNodeRule) -> None:
    minimum, maximum = _VALUES.get(rule.operator, (1, None))
    if rule.operator in {"Gt", "Lt"} and not all(map(_INTEGER.fullmatch, rule.values)):
        what = f"{rule.operator} compares whole numbers, and {quote(rule.values[0])} is not one"
        findings.add((*path, "values"), what, "write a whole number")
    if minimum <= len(rule.values) and (maximum is None or len(rule.values) <= maximum):
        return
    wanted = {0: "no value", 1: "one value"}[minimum] if maximum is not None else "a value"
    what = f"{rule.operator} takes {wanted}, and {len(rule.values)} are here"
    findings.add((*path, "values"), what, "correct it", rests_on=[(*path, "operator")])


def _read_home(
    declaration: Declaration, findings: Findings, path: KeyPath, tier: DeclaredTier
) -> Home | None:
    home, at = tier.home, (*path, "home", "size")
    if home is None:
        home, at = declaration.defaults.home, ("defaults", "home", "size")
    if home is None:
        return None
    size = read_amount(findings, at, home.size, MEMORY)
    if size == 0:
        findings.add(at, "is nothing", "write for example 10Gi")
    return Home(size or 0, home.mount, home.storage_class or "")


def _read_init_containers(
    declaration: Declaration, findings: Findings, path: KeyPath, tier: DeclaredTier
) -> Iterator[InitContainer]:
    seen: set[str] = set()
    for at, each in findings.number((*path, "init_containers"), tier.init_containers):
        _refuse_repeated(findings, (*at, "name"), each.name, seen)
        if each.image not in declaration.images:
            fix = findings.suggest(each.image, declaration.images, "add it under images")
            what = f"{quote(each.image)} is not declared under images"
            findings.add((*at, "image"), what, fix, rests_on=[("images",)])
            continue
        if not each.command:
            findings.add((*at, "command"), "is empty", "write for example [mkdir, -p, /home/x]")
        yield InitContainer(each.name, declaration.images[each.image].reference, each.command)


def _read_devices(findings: Findings, path: KeyPath, tier: DeclaredTier) -> Iterator[Device]:
    seen: set[str] = set()
    for at, each in findings.number((*path, "devices"), tier.devices):
        _refuse_repeated(findings, (*at, "name"), each.name, seen)
        if _is_device(findings, (*at, "resource"), each.resource):
            for key in ("requests", "limits"):
                if each.resource in getattr(tier, key):
                    _refuse_twice(findings, (*at, "resource"), (*path, key, each.resource))
            yield Device(each.name, each.template, each.resource, each.count)


def _refuse_repeated(findings: Findings, path: KeyPath, name: str, seen: set[str]) -> None:
    """Report a name that one of the same list has; ``seen`` are those before it."""
    if name in seen:
        findings.add(path, f"{quote(name)} is there twice", "choose another name")
    seen.add(name)


def _is_device(findings: Findings, path: KeyPath, resource: str) -> bool:
    fix = "write DOMAIN/NAME, such as nvidia.com/gpu"
    try:
        if is_accelerator(check_resource_name(resource)):
            return True
    except QuantityError as error:
        findings.add(path, *split_message(str(error), fix))
    else:
        findings.add(path, f"{quote(resource)} is not a device: its name has no domain", fix)
    return False


def _refuse_twice(findings: Findings, path: KeyPath, other: KeyPath) -> None:
    what = f"{quote(other[-1])} is also among the {other[-2]}, so that a server would get both"
    fix = "name it in one place: what a device plugin gives is requested, the rest is claimed"
    findings.add(path, what, fix, rests_on=[other])
