"""A new repository in a folder: it resumes where it was interrupted, and never overwrites."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jupyterhub_platform.atomic_files import rewrite, write_once
from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.deploy.git import commit_all
from jupyterhub_platform.deploy.repository.contents import ANSWERS, make_contents
from jupyterhub_platform.deploy.repository.questions import KEYS, Texts
from jupyterhub_platform.documents import parse_object, render_mapping

PROGRESS: Final = ".jhp-init.yaml"
_MESSAGE: Final = "Begin the platform, as answers.yaml says"
_MODE: Final = 0o644


def read_texts(path: Path) -> dict[str, str]:
    """Return the answers of a file.

    Raises
    ------
    PlatformError
        Raised if it is none, or answers what is not asked.
    """
    try:
        found = parse_object(path.read_bytes(), str(path))
    except PolicyError as error:
        raise PlatformError(str(error.faults[0])) from None
    unknown = [key for key in found if key not in KEYS]
    if unknown:
        raise PlatformError(f"{path}: {unknown[0]} is no question; known are {', '.join(KEYS)}.")
    return {key: str(value) for key, value in found.items()}


def read_progress(folder: Path) -> dict[str, str]:
    """Return the answers that were given before an interruption; none at the beginning."""
    path = folder / PROGRESS
    return read_texts(path) if path.exists() else {}


def keep_progress(folder: Path, texts: Texts) -> None:
    """Keep the answers so far."""
    folder.mkdir(parents=True, exist_ok=True)
    rewrite(folder / PROGRESS, render_mapping(dict(texts)) or "{}\n", mode=_MODE)


def check_empty(folder: Path) -> None:
    """Refuse a folder in which something else is.

    Raises
    ------
    PlatformError
        Raised if it has anything that an interrupted beginning has not left.
    """
    if not folder.exists() or (folder / PROGRESS).exists():
        return
    others = sorted(each.name for each in folder.iterdir() if each.name != ".git")
    if others:
        done = " It is a repository of jhp init already." if ANSWERS in others else ""
        raise PlatformError(
            f"{folder} is not empty: {', '.join(others[:5])}.{done} Nothing was written. Name a "
            "new folder: jhp init DIRECTORY."
        )


def create(folder: Path, texts: Texts) -> tuple[Mapping[str, str], str]:
    """Write all files, commit them, and return them with the commit's hash.

    Whatever instant it is killed at, the next call ends the same.

    Raises
    ------
    AnswerError
        Raised if an answer cannot be taken; nothing is written then.
    PlatformError
        Raised if a file is there with other contents, or git refuses.
    """
    files = make_contents(texts)
    keep_progress(folder, texts)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if write_once(target, text) != text:
            raise PlatformError(
                f"{target} is there already, with other contents, and was left as it is. Move it "
                "away, and run jhp init again: it goes on from here."
            )
        target.chmod(0o755 if text.startswith("#!") else _MODE)
    commit = commit_all(folder, list(files), _MESSAGE)
    (folder / PROGRESS).unlink()
    return files, commit
