"""Writes the files of a policy where a Hub reads them.

Each file is there whole or not at all. One that is killed between two of several leaves a set that
the next apply completes; the Hub keeps the last good policy in force until they fit together.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.cli.deploy.found_files import FoundFiles
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.documents import decode
from jupyterhub_platform.file_texts import FileText
from jupyterhub_platform.policy_files import PolicyFiles


def write_policy(found: FoundFiles, path: Path) -> list[str]:
    """Make the policy at ``path`` the one that was found; return the names of what was written.

    What the first file includes comes before it, and what it no longer includes goes after it.
    """
    known = {each.name: each.text for each in _find_known(path)}
    main, *included = found.files
    wanted = [*included, FileText(path.name, main.text)]
    written = []
    for each in wanted:
        if known.get(each.name) != each.text:
            target = path.parent / each.name
            _make_folders(target.parent, path.parent)
            rewrite(target, decode_exactly(each))
            written.append(each.name)
    names = {each.name for each in wanted}
    for name in known.keys() - names:
        (path.parent / name).unlink(missing_ok=True)
        written.append(name)
    return sorted(written)


def decode_exactly(file: FileText) -> str:
    """Return the text whose bytes are those of a file, byte order mark included."""
    decode(file.text)
    return file.text.decode()


def _find_known(path: Path) -> Iterable[FileText]:
    """Return the files that are there now; only the first if what it includes is not right."""
    with suppress(PolicyError, OSError):
        return PolicyFiles(path).find()
    with suppress(OSError):
        return [FileText(path.name, path.read_bytes())]
    return []


def _make_folders(folder: Path, above: Path) -> None:
    if folder != above and not folder.exists():
        _make_folders(folder.parent, above)
        folder.mkdir(mode=0o700, exist_ok=True)
