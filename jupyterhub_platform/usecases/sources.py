"""Unites the policy file and the managed objects, with the lines of the file."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.managed import Key, ManagedObject, Sources
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.documents import ReadPolicy


def unite(
    read: ReadPolicy, objects: Mapping[Key, ManagedObject], path: Path, now: datetime
) -> tuple[Sources, Policy]:
    """Return what a file and managed objects are together.

    Raises
    ------
    PolicyError
        Raised, with lines of the file, if a name is in both or they do not fit together.
    """
    sources = Sources(read.document, objects)
    if not objects:
        return sources, read.policy
    lines = read.policy.lines
    try:
        return sources, sources.unite(now).with_parts(lines=lines)
    except PolicyError as error:
        raise PolicyError(tuple(_place(each, lines, path) for each in error.faults)) from None


def _place(fault: Fault, lines: Mapping[str, str], path: Path) -> Fault:
    """Say at which line of the file a fault is, if it is in the file at all."""
    keys = (".".join(map(str, fault.path[:end])) for end in range(len(fault.path), 1, -1))
    place = next((lines[key] for key in keys if key in lines), "")
    if not place:
        return replace(fault, what=f"{fault.what} (it is managed in the Hub)")
    return replace(fault, file=str(path), line=int(place.rpartition(":")[2]))
