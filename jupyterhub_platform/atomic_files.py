"""Write small files that a crash leaves whole or not at all, by default for their owner alone."""

import os
import uuid
from pathlib import Path


def write_once(path: Path, text: str) -> str:
    """Write a file unless there is one, also of another process's, and return what it holds."""
    if not path.exists():
        draft = _write_draft(path, text)
        try:
            # Unlike a rename, this leaves what another process was faster to write.
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        _sync(path.parent)
    return path.read_text(encoding="utf-8")


def rewrite(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file in place of the one that is there."""
    _write_draft(path, text, mode).replace(path)
    _sync(path.parent)


def _write_draft(path: Path, text: str, mode: int = 0o600) -> Path:
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        # Whatever the umask is.
        os.fchmod(handle, mode)
        file.write(text)
        file.flush()
        os.fsync(handle)
    return draft


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
