"""Compiles the volumes of tiers, groups and all servers, and checks that they can be together."""

from collections.abc import Iterable

from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote
from jupyterhub_platform.core.document.schema import Declaration, DeclaredTier
from jupyterhub_platform.core.document.schema_volumes import (
    SHARED_MEMORY,
    DeclaredHome,
    DeclaredNfs,
    DeclaredVolume,
)
from jupyterhub_platform.core.document.units import read_amount
from jupyterhub_platform.core.pods import PERSONAL_NAMES, EmptyDir, Home, Nfs, SharedVolume
from jupyterhub_platform.core.quantities import write_quantity
from jupyterhub_platform.core.resource_names import MEMORY


def read_home(
    declaration: Declaration, faults: FaultCollector, path: KeyPath, tier: DeclaredTier
) -> Home | None:
    """Return the home of servers of the ``tier`` at ``path``; faults go to ``faults``."""
    home, at = tier.home, (*path, "home")
    if home is None:
        home, at = declaration.defaults.home, ("defaults", "home")
    if home is None:
        return None
    _check_home(faults, at, home)
    size = None
    if home.size is not None:
        size = read_amount(faults, (*at, "size"), home.size, MEMORY)
        if size == 0:
            faults.add((*at, "size"), "is nothing", "write for example 10Gi")
    return Home(
        size or 0,
        home.mount,
        home.storage_class or "",
        home.claim or "",
        _read_nfs(home.nfs),
        home.sub_path or "",
    )


def _check_home(faults: FaultCollector, at: KeyPath, home: DeclaredHome) -> None:
    keys = ("size", "claim", "nfs")
    fix = "write for example size: 10Gi, or claim: NAME and sub_path: home/{username}"
    named = faults.find_one_of(at, home, keys, "a home is one volume", fix)
    if named in {"claim", "nfs"}:
        rests_on = [(*at, key) for key in keys]
        if home.storage_class is not None:
            what = "is for a volume that is made, and this one exists"
            faults.add((*at, "storage_class"), what, "remove it", rests_on=rests_on)
        # Whose home is another's as well is worse than none.
        is_personal = any(f"{{{name}}}" in (home.sub_path or "") for name in PERSONAL_NAMES)
        if not is_personal:
            what = "is the same for everybody, so that each could read all homes"
            fix = "write for example sub_path: home/{username}"
            faults.add((*at, "sub_path"), what, fix, rests_on=rests_on)


def read_shared(
    faults: FaultCollector, path: KeyPath, volumes: tuple[DeclaredVolume, ...]
) -> tuple[SharedVolume, ...]:
    """Return the volumes below ``path`` that servers share."""
    found = []
    for at, each in faults.number((*path, "volumes"), volumes):
        fix = "write for example claim: shared-data"
        faults.find_one_of(at, each, ("claim", "nfs"), "this is one volume", fix)
        if each.writers and not each.read_only:
            what = "names who may write, and everybody may: read_only is false"
            fix = "remove one of the two"
            faults.add((*at, "writers"), what, fix, rests_on=[(*at, "read_only")])
        found.append(
            SharedVolume(
                each.claim or "",
                each.mount,
                each.read_only,
                _read_nfs(each.nfs),
                each.sub_path or "",
                frozenset(each.levels),
                frozenset(each.writers),
            )
        )
    return tuple(found)


def _read_nfs(declared: DeclaredNfs | None) -> Nfs | None:
    return None if declared is None else Nfs(declared.server, declared.path)


def read_empty_dirs(
    faults: FaultCollector, path: KeyPath, tier: DeclaredTier
) -> tuple[EmptyDir, ...]:
    """Return the empty directories of the ``tier`` at ``path``."""
    found = []
    for at, each in faults.number((*path, "empty_dirs"), tier.empty_dirs):
        size = read_amount(faults, (*at, "size"), each.size, MEMORY)
        if size == 0:
            faults.add((*at, "size"), "is nothing", "write for example 1Gi")
        is_memory = each.mount == SHARED_MEMORY
        if is_memory and each.medium == "disk":
            what = f"is disk, and {SHARED_MEMORY} is memory"
            faults.add((*at, "medium"), what, "remove it", rests_on=[(*at, "mount")])
        found.append(EmptyDir(each.mount, size or 0, is_memory or each.medium == "memory"))
    return tuple(found)


def check_sizes(
    faults: FaultCollector, path: KeyPath, dirs: Iterable[EmptyDir], memory: int | None
) -> None:
    """Report what cannot be filled: a server is killed before, at its limit of ``memory``."""
    for at, each in faults.number((*path, "empty_dirs"), tuple(dirs)):
        if each.in_memory and memory is not None and each.size > memory:
            shown = write_quantity(MEMORY, each.size)
            limit = write_quantity(MEMORY, memory)
            what = f"{shown} of memory is above the limit of the server, {limit}"
            rests_on = [(*path, key, MEMORY) for key in ("limits", "requests")]
            faults.add((*at, "size"), what, "lower it, or raise that", rests_on=rests_on)


def check_mounts(declaration: Declaration, faults: FaultCollector) -> None:
    """Report volumes that could meet in one server at the same place."""
    taken: dict[str, str] = {}
    homes: list[tuple[KeyPath, DeclaredHome | None]] = [
        (("defaults", "home"), declaration.defaults.home),
        *((("tiers", name, "home"), tier.home) for name, tier in declaration.tiers.items()),
    ]
    for path, home in homes:
        if home is not None:
            taken.setdefault(home.mount, _word((*path, "mount")))
    defaults = declaration.defaults.volumes
    _take(faults, ("defaults", "volumes"), defaults, taken, taken)
    everywhere = dict(taken)
    for name, tier in declaration.tiers.items():
        # Two tiers never meet; each meets what all servers and what groups have.
        own = dict(everywhere)
        for section in ("volumes", "empty_dirs"):
            _take(faults, ("tiers", name, section), getattr(tier, section), own, taken)
    for name, group in declaration.groups.items():
        _take(faults, ("groups", name, "volumes"), group.volumes, taken, taken)


def _take(
    faults: FaultCollector,
    path: KeyPath,
    volumes: Iterable[object],
    taken: dict[str, str],
    noted: dict[str, str],
) -> None:
    for each, volume in faults.number(path, tuple(volumes)):
        at, mount = (*each, "mount"), str(getattr(volume, "mount", ""))
        if mount in taken:
            what = f"{quote(mount)} is where {taken[mount]} is"
            faults.add(at, what, "choose another directory: a person may have both")
        taken.setdefault(mount, _word(at))
        noted.setdefault(mount, _word(at))


def _word(path: KeyPath) -> str:
    return ".".join(map(str, path))
