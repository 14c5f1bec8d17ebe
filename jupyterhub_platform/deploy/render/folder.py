"""Rendered files in a repository: what would change there, and the change made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.core.document.schema_deployment import (
    DeclaredDeployment,
    read_deployment,
)
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.deploy.render.lock import LOCK, digest, read_lock
from jupyterhub_platform.deploy.render.rendering import OVERLAYS, Rendered, is_untouched, render
from jupyterhub_platform.documents import ReadPolicy

_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class FileChange:
    """What rendering does to one file; ``edited``: it was changed by hand."""

    path: str
    action: Literal["add", "change", "remove"]
    old: str
    new: str
    edited: bool


def render_folder(read: ReadPolicy) -> tuple[DeclaredDeployment, Rendered]:
    """Render what a policy file says, with the site's own values beside it.

    Raises
    ------
    PlatformError
        Raised if it says nothing of a deployment.
    """
    deployment = read_deployment(read.document)
    if deployment is None:
        raise PlatformError(
            f"{read.file} says nothing of a deployment. Write deployment: {{target: …}} into it, "
            "or let jhp init make a repository."
        )
    overlays = Path(read.file).parent / OVERLAYS
    found = [str(each.relative_to(overlays)) for each in overlays.rglob("*.yaml")]
    return deployment, render(read, deployment, found)


def compare_folder(folder: Path, files: Mapping[str, str]) -> list[FileChange]:
    """Return what is not as it is rendered, and what only an earlier rendering had."""
    changes = []
    for path, new in files.items():
        old = _read(folder / path)
        if old != new:
            edited = bool(old) and path != LOCK and not is_untouched(old)
            changes.append(FileChange(path, "change" if old else "add", old, new, edited))
    for path, known in read_lock(_read(folder / LOCK)).items():
        old = _read(folder / path) if path not in files and _is_below(folder, path) else ""
        if old:
            changes.append(FileChange(path, "remove", old, "", digest(old) != known))
    return changes


def write_folder(folder: Path, changes: list[FileChange]) -> None:
    """Make the changes; the lock comes last, so that what is interrupted is seen as a change."""
    for change in sorted(changes, key=lambda each: each.path == LOCK):
        path = folder / change.path
        if change.action == "remove":
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        rewrite(path, change.new, mode=_MODE)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        # Rendered files are text: it is another one now.
        return path.read_text(encoding="utf-8", errors="replace")


def _is_below(folder: Path, path: str) -> bool:
    # A lock is a file like another: what it names must not lead out of the repository.
    return (folder / path).resolve().is_relative_to(folder.resolve())
