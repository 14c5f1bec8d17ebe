"""Compiles tiers with their sizes, and images, and reads who may use them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from jupyterhub_platform.core.access import Access, AccessRule
from jupyterhub_platform.core.document.amounts import CAN_BE_UNLIMITED, check_amounts
from jupyterhub_platform.core.document.compile_pods import read_pod
from jupyterhub_platform.core.document.compile_volumes import check_sizes
from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, split_message
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.document.schema import Declaration
from jupyterhub_platform.core.document.schema_tiers import (
    DeclaredAccess,
    DeclaredAccessRule,
    DeclaredImage,
    DeclaredSize,
    DeclaredTier,
)
from jupyterhub_platform.core.document.units import read_amount
from jupyterhub_platform.core.document.value_types import UNLIMITED
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.image_references import ImageReferenceError, parse_pattern
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.resource_names import CPU, MEMORY, SERVERS, is_accelerator
from jupyterhub_platform.core.resources import Resources, check_resource_name
from jupyterhub_platform.core.tiers import Asked, AtOnce, Image, Size, Tier


def read_tier(
    declaration: Declaration, faults: FaultCollector, name: str, tier: DeclaredTier
) -> Tier:
    """Return the tier that is declared by this ``name``; faults go to ``faults``."""
    path = ("tiers", name)
    pod = read_pod(declaration, faults, path, tier)
    own = _read_amounts_of(faults, path, tier)
    sizes = tuple(_read_size(faults, path, tier, own, key) for key in tier.sizes)
    whole = Asked(sizes[0].requests, sizes[0].limits) if sizes else _settle(faults, path, tier, own)
    limits = (whole.limits, *(size.limits for size in sizes))
    bounds = filter(None, (each.amount(MEMORY) for each in limits))
    check_sizes(faults, path, pod.empty_dirs, min(bounds, default=None))
    return Tier(
        name=name,
        title=tier.title or name,
        description=tier.description,
        requests=whole.requests,
        limits=whole.limits,
        images=tier.images,
        access=read_access(tier.access),
        at_once=AtOnce(tier.at_once.platform, tier.at_once.account, tier.at_once.user),
        requestable=tier.requestable,
        observe=tier.observe,
        pod=pod,
        max_lifetime=tier.max_lifetime,
        idle_timeout=tier.idle_timeout,
        sizes=sizes,
    )


class _Amounts(NamedTuple):
    """What was written of amounts, read; ``unlimited`` are those that have no limit."""

    requests: dict[str, int]
    limits: dict[str, int]
    unlimited: frozenset[str]

    def with_size(self, size: "_Amounts") -> "_Amounts":
        """Return what a size says, and for the rest what its tier says."""
        kept = {name: limit for name, limit in self.limits.items() if name not in size.unlimited}
        return _Amounts(
            {**self.requests, **size.requests},
            {**kept, **size.limits},
            (self.unlimited - size.limits.keys()) | size.unlimited,
        )


def _read_size(
    faults: FaultCollector, path: KeyPath, tier: DeclaredTier, own: _Amounts, key: str
) -> Size:
    size, at = tier.sizes[key], (*path, "sizes", key)
    asked = _settle(faults, at, tier, own.with_size(_read_amounts_of(faults, at, size)))
    return Size(
        name=key,
        title=size.title or key,
        description=size.description,
        requests=asked.requests,
        limits=asked.limits,
        access=read_access(size.access),
        node_selector=size.node_selector,
    )


def _settle(faults: FaultCollector, path: KeyPath, tier: DeclaredTier, amounts: _Amounts) -> Asked:
    """Return what a server asks for, with limits for what has only requests, and the reverse."""
    requests, limits, unlimited = amounts
    bounds = {**requests, **limits}
    has_devices = bool(tier.devices) or any(map(is_accelerator, bounds))
    check_amounts(faults, path, requests, limits, unlimited, has_devices=has_devices)
    return Asked(
        Resources.of({**limits, **requests}),
        Resources.of({name: amount for name, amount in bounds.items() if name not in unlimited}),
    )


def _read_amounts_of(
    faults: FaultCollector, path: KeyPath, asked: DeclaredTier | DeclaredSize
) -> _Amounts:
    bounded = {name: text for name, text in asked.limits.items() if text != UNLIMITED}
    open_ended = asked.limits.keys() - bounded.keys()
    return _Amounts(
        read_amounts(faults, (*path, "requests"), asked.requests),
        read_amounts(faults, (*path, "limits"), bounded),
        _read_unlimited(faults, (*path, "limits"), open_ended),
    )


def _read_unlimited(faults: FaultCollector, path: KeyPath, names: Iterable[str]) -> frozenset[str]:
    """Return what has no limit; what nothing else bounds needs one."""
    found = set()
    for name in sorted(names):
        if name not in CAN_BE_UNLIMITED:
            what = f"is unlimited, and Kubernetes shares out no {name} without a limit"
            faults.add((*path, name), what, "write an amount")
        else:
            found.add(name)
    return frozenset(found)


def read_amounts(
    faults: FaultCollector, path: KeyPath, amounts: Mapping[str, object]
) -> dict[str, int]:
    """Return the amounts below ``path`` by the names of their resources."""
    found = {name: read_named_amount(faults, (*path, name), text) for name, text in amounts.items()}
    return {name: amount for name, amount in found.items() if amount is not None}


def read_named_amount(faults: FaultCollector, path: KeyPath, text: object) -> int | None:
    """Return the amount; nothing if it is null (the next rule says it) or none at all."""
    if not is_resource(faults, path) or text is None:
        return None
    return read_amount(faults, path, text, str(path[-1]))


def is_resource(faults: FaultCollector, path: KeyPath) -> bool:
    """Tell whether the last key of ``path`` names a resource."""
    name = str(path[-1])
    try:
        check_resource_name(name)
    except QuantityError as error:
        what, fix = split_message(str(error), "write the name that Kubernetes gives it")
        known = {SERVERS, CPU, MEMORY, "ephemeral-storage"}
        faults.add(path, what, faults.suggest(name, known, fix, likeness=0.8))
        return False
    return True


def read_access(declared: DeclaredAccess) -> Access:
    """Return who may use something."""
    groups, users, levels = _read_named(declared)
    rules = tuple(AccessRule(*_read_named(rule)) for rule in declared.rules)
    return Access(groups, users, levels, rules)


def _read_named(
    declared: DeclaredAccess | DeclaredAccessRule,
) -> tuple[frozenset[str], frozenset[str], frozenset[Level]]:
    users = frozenset(map(fold_user, declared.users))
    return frozenset(declared.groups), users, frozenset(declared.levels)


def read_image(faults: FaultCollector, name: str, image: DeclaredImage) -> Image:
    """Return the image that is declared by this ``name``."""
    path, pattern = ("images", name), None
    fix = "write for example reference: quay.io/jupyter/scipy-notebook:2025-03-31"
    keys = ("reference", "pattern")
    named = faults.find_one_of(path, image, keys, "a reference is one image", fix)
    if named == "pattern" and image.pattern is not None:
        try:
            pattern = parse_pattern(image.pattern)
        except ImageReferenceError as error:
            fix = "write REGISTRY/REPOSITORY, with * for a part of a name: quay.io/acme/*"
            faults.add((*path, "pattern"), str(error), fix)
    return Image(
        name,
        image.title or name,
        image.reference or "",
        image.description,
        read_access(image.access),
        pattern,
    )
