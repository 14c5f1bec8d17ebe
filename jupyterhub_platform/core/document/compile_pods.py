"""Compiles the pod settings of tiers, and checks that they are consistent."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from jupyterhub_platform.core.document.compile_volumes import (
    read_empty_dirs,
    read_home,
    read_shared,
)
from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote, split_message
from jupyterhub_platform.core.document.schema import Declaration, DeclaredTier
from jupyterhub_platform.core.document.schema_pods import DeclaredNodeRule
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.pods import Device, InitContainer, NodeRule, Pod
from jupyterhub_platform.core.resource_names import is_accelerator
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
        labels=tier.labels,
        annotations=tier.annotations,
        user=context.run_as_user,
        group=context.run_as_group,
        volumes_group=context.fs_group,
        home=read_home(declaration, faults, path, tier),
        init_containers=tuple(_read_init_containers(declaration, faults, path, tier)),
        devices=tuple(_read_devices(faults, path, tier)),
        shared=read_shared(faults, path, tier.volumes),
        empty_dirs=read_empty_dirs(faults, path, tier),
    )


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
        reference = declaration.images[each.image].reference
        if reference is None:
            what = f"{quote(each.image)} is a pattern, and this is one image"
            faults.add((*at, "image"), what, "name an image with a reference")
            continue
        if not each.command:
            faults.add((*at, "command"), "is empty", "write for example [mkdir, -p, /home/x]")
        yield InitContainer(each.name, reference, each.command)


def _read_devices(faults: FaultCollector, path: KeyPath, tier: DeclaredTier) -> Iterator[Device]:
    seen: set[str] = set()
    for at, each in faults.number((*path, "devices"), tier.devices):
        _refuse_repeated(faults, (*at, "name"), each.name, seen)
        if _is_device(faults, (*at, "resource"), each.resource):
            for where, amounts in _list_amounts(path, tier):
                if each.resource in amounts:
                    _refuse_twice(faults, (*at, "resource"), (*where, each.resource))
            yield Device(each.name, each.template, each.resource, each.count)


def _list_amounts(
    path: KeyPath, tier: DeclaredTier
) -> Iterator[tuple[KeyPath, Mapping[str, object]]]:
    """Yield what a tier and its sizes request and limit, each with its place."""
    yield (*path, "requests"), tier.requests
    yield (*path, "limits"), tier.limits
    for name, size in tier.sizes.items():
        yield (*path, "sizes", name, "requests"), size.requests
        yield (*path, "sizes", name, "limits"), size.limits


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
