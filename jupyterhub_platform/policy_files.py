"""Finds the files of a policy on disk: the one with ``include``, and those that it names.

What is below the folder of the first file is read, and nothing else: links may lead there only
within it, as those of a volume of Kubernetes do.
"""

import errno
import os
import select
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final, TypeAlias

from jupyterhub_platform.core.document.files import INCLUDE, Part, find_include_fault, list_includes
from jupyterhub_platform.core.document.lines import Files
from jupyterhub_platform.core.errors import Fault, Place, PolicyError
from jupyterhub_platform.documents import (
    MAX_BYTES,
    MAX_TOTAL_BYTES,
    FileParser,
    ReadPolicy,
    parse_files,
    refuse_includes,
)
from jupyterhub_platform.file_texts import FileText, digest_of, path_of

MAX_FILES: Final = 1_000
SUFFIXES: Final = (".yaml", ".yml")
_TRIES: Final = 5
_WRITER_MILLISECONDS: Final = 500

Seen: TypeAlias = "tuple[tuple[object, ...], ...]"
"""What changes whenever one of the files does, one is added to a folder, or one goes."""


def read_policy(path: Path) -> ReadPolicy:
    """Read the policy in the file at ``path``, and in those that it includes.

    Raises
    ------
    PolicyError
        Raised if anything in it is wrong; every fault has its file and line.
    OSError
        Raised if the file itself cannot be read.
    """
    return PolicyFiles(path).read()


def read_bytes(path: Path) -> bytes:
    """Return what the file at ``path`` holds, one byte more than a policy may have at most.

    Raises
    ------
    OSError
        Raised if it cannot be read.
    """
    # A named pipe would be waited for already while it is opened.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        handle = file.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(handle).st_mode)
        begun = _begin_pipe(handle, path) if is_pipe else b""
        os.set_blocking(handle, True)
        return begun + file.read(MAX_BYTES + 1)


def _begin_pipe(pipe: int, path: Path) -> bytes:
    """Return what a pipe holds by now; refuse one without a writer."""
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    # The writer may have waited for a reader.
    has_event = bool(waiting.poll(_WRITER_MILLISECONDS))
    try:
        begun = os.read(pipe, MAX_BYTES)
    except BlockingIOError:
        return b""
    if not begun and not has_event:
        raise OSError(errno.ENODATA, "It is a pipe that no process writes to", str(path))
    return begun


class PolicyFiles:
    """The files of one policy, as they are now. Safe to use from several threads.

    Each is parsed again only if it has changed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parser = FileParser()
        self._parser.number(str(path))
        self._lock = Lock()
        self._included: tuple[tuple[object, ...], tuple[str, ...]] = ((), ())

    def see(self) -> Seen:
        """Return what changes whenever a file does; only the first is read, if it has changed."""
        with self._lock:
            return self._see()

    def read(self) -> ReadPolicy:
        """Read the policy.

        Raises
        ------
        PolicyError
            Raised if anything in it is wrong; every fault has its file and line.
        OSError
            Raised if the first file cannot be read.
        """
        with self._lock:
            found = self._find()
            read = parse_files(found, str(self.path), self._parser)
            self._parser.forget_others([str(self.path), *map(self._path_of, found)])
        return read

    def find(self) -> list[FileText]:
        """Return the files as they were at one time, judging no more than what they include.

        Raises
        ------
        PolicyError
            Raised if they cannot be found.
        OSError
            Raised if the first file cannot be read.
        """
        with self._lock:
            return self._find()

    def read_digest(self, known: str | None) -> str:
        """Return the digest of the files; ``known`` is that of some that have no faults.

        Raises
        ------
        PolicyError
            Raised if they have faults.
        OSError
            Raised if the first file cannot be read.
        """
        with self._lock:
            digest = digest_of(self._find())
        return known if digest == known else self.read().digest

    def read_time(self) -> float:
        """Return when one of the files changed last; 0 if none is there."""
        return max((_time(each) for each in self.see()), default=0)

    def _path_of(self, file: FileText) -> str:
        return path_of(str(self.path), file.name)

    def _see(self) -> Seen:
        main = _see(self.path)
        if main != self._included[0]:
            included = self._included[1]
            with suppress(PolicyError, OSError):
                entries = list_includes(self._parse_main(read_bytes(self.path)).document)
                included = tuple(each for _, each in entries if not find_include_fault(each))
            self._included = main, included
        folder = self.path.parent
        names = (each for entry in self._included[1] for each in _list(folder, entry))
        return (main, *(_see(folder / name) for name in names))

    def _parse_main(self, text: bytes) -> Part:
        """Return what the first file says; nothing if it cannot include others."""
        if INCLUDE.encode() not in text:
            return Part(None)
        return self._parser.parse(str(self.path), text)

    def _find(self) -> list[FileText]:
        """Return the files as they were at one time."""
        text = read_bytes(self.path)
        part = self._parse_main(text)
        if not list_includes(part.document):
            return [FileText(self.path.name, text)]
        if not self.path.is_file():
            refuse_includes(part, str(self.path))
        for _ in range(_TRIES):
            seen = self._see()
            main = read_bytes(self.path)
            search = _Search(self.path, self._parse_main(main))
            found = [FileText(self.path.name, main), *search.read()]
            if self._see() == seen:
                break
        else:
            what = "its files change while they are read"
            raise PolicyError((Fault((), what, "try again when all are there", str(self.path)),))
        if search.faults:
            raise PolicyError(tuple(search.faults))
        return found


@dataclass(slots=True)
class _Search:
    """Looks for what a file includes, and reports what is not to be included."""

    path: Path
    main: Part
    faults: list[Fault] = field(default_factory=list)
    _known: dict[str, Place | None] = field(default_factory=dict)
    _bytes: int = 0

    def read(self) -> Iterator[FileText]:
        """Yield the files that can be read."""
        self._known[os.path.realpath(self.path)] = None
        for number, entry in list_includes(self.main.document):
            if fault := find_include_fault(entry):
                self._refuse(number, *fault)
                continue
            folder = self.path.parent / entry
            names = _list(self.path.parent, entry)
            if not names:
                kinds = " or ".join(f"*{each}" for each in SUFFIXES)
                self._refuse(number, f"the folder {folder} has no {kinds}", "put one there")
            for name in names:
                text = self._read_file(number, name)
                if text is not None:
                    yield FileText(name, text, number)

    def _read_file(self, number: int, name: str) -> bytes | None:
        path = self.path.parent / name
        real = os.path.realpath(path)
        within = os.path.realpath(self.path.parent)
        if os.path.commonpath([real, within]) != within:
            self._refuse(number, f"{path} leads out of the folder of {self.path}", "put it there")
        elif not name.isprintable():
            self._refuse(number, f"{path} has a name that cannot be shown", "rename it")
        elif real in self._known:
            self._refuse_again(number, path, self._known[real])
        elif len(self._known) >= MAX_FILES:
            self._refuse(number, f"these are more than {MAX_FILES:,} files", "unite some")
        else:
            self._known[real] = self._place(number)
            return self._read_bytes(number, path)
        return None

    def _read_bytes(self, number: int, path: Path) -> bytes | None:
        try:
            is_file = stat.S_ISREG(path.stat().st_mode)
            text = read_bytes(path) if is_file else b""
        except OSError as error:
            what = f"{path} cannot be read ({error.strerror or error})"
            self._refuse(number, what, "put it there, readable for the Hub, or remove this line")
            return None
        self._bytes += len(text)
        if not is_file:
            what = f"{path} is no file, and no folder that can be listed"
            self._refuse(number, what, "name a file, or a folder of files")
        elif self._bytes > MAX_TOTAL_BYTES:
            what = f"all files together are larger than {MAX_TOTAL_BYTES // 2**20} MiB"
            self._refuse(number, what, "add people in the Hub: jhp user add --from people.csv")
        else:
            return text
        return None

    def _refuse_again(self, number: int, path: Path, first: Place | None) -> None:
        if first is None:
            self._refuse(number, f"{path} is the file that includes it", "remove it here")
        else:
            what = f"{path} is included twice, first at {first}"
            self._refuse(number, what, "name it once, itself or its folder")

    def _place(self, number: int) -> Place:
        return Files({0: str(self.path)}).find(self.main.mark, (INCLUDE, number))

    def _refuse(self, number: int, what: str, fix: str) -> None:
        self.faults.append(Fault((INCLUDE, number), what, fix).at(self._place(number)))


def _list(folder: Path, entry: str) -> list[str]:
    """Return the names of the files that an entry is for: itself, or those of a folder."""
    try:
        names = sorted(path.name for path in (folder / entry).iterdir())
    except OSError:
        return [entry]
    found = (name for name in names if name.endswith(SUFFIXES) and not name.startswith("."))
    return [f"{entry}/{name}" for name in found]


def _see(path: Path) -> tuple[object, ...]:
    try:
        status = path.stat()
    except OSError:
        return (str(path),)
    times = status.st_ctime_ns, status.st_mtime_ns
    return (str(path), *times, status.st_size, status.st_ino, status.st_dev)


def _time(seen: tuple[object, ...]) -> float:
    return float(str(seen[1])) / 1e9 if len(seen) > 1 else 0
