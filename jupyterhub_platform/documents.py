"""The one reader of YAML: from bytes to a policy, with the line of every fault.

Nothing is constructed that a file could turn against its reader: no tags, no aliases, bounded size
and depth. Values are those of the YAML 1.2 core schema; keys are always text.
"""

import codecs
import errno
import io
import os
import re
import select
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.document.faults import KeyPath, quote
from jupyterhub_platform.core.document.notations import WrittenFloat, WrittenInt
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.policy import Policy

MAX_BYTES: Final = 2**24
"""What is read at most. 100,000 people take 10 MiB, a quarter of a minute and 250 MiB."""
CONFIG_MAP_BYTES: Final = 2**20
"""What Kubernetes keeps in a ConfigMap or Secret at most."""
MAX_LEVELS: Final = 20
_WRITER_MILLISECONDS: Final = 500

_CONSTANTS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?\d{1,30}", re.ASCII)
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.\d{1,30}|\d{1,30}(?:\.\d{0,30})?)(?:[eE][-+]?\d{1,3})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    """A policy, and the document that it was read from.

    ``digest`` is ``sha256:…`` of the bytes as they are in the file; ``document`` is what they say,
    as plain values.
    """

    policy: Policy
    digest: str
    text: str
    document: Mapping[str, Any]


def read_policy(path: Path) -> ReadPolicy:
    """Read the policy in the file at ``path``.

    Raises
    ------
    PolicyError
        Raised if anything in it is wrong; every fault has its line.
    OSError
        Raised if it cannot be read.
    """
    # A named pipe would be waited for already while it is opened.
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        handle = file.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(handle).st_mode)
        begun = _begin_pipe(handle, path) if is_pipe else b""
        os.set_blocking(handle, True)
        return parse_policy(begun + file.read(MAX_BYTES + 1), str(path))


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


def parse_policy(text: bytes, file: str) -> ReadPolicy:
    """Read a policy from the bytes of a document; ``file`` is its name in messages.

    Raises
    ------
    PolicyError
        Raised if anything in it is wrong; every fault has its line.
    """
    reader = _Reader()
    try:
        decoded = _decode(text)
        document = reader.read(decoded)
        now = datetime.now(UTC)
        policy = compile_policy(document, reader.faults, reader.unreadable, now=now)
    except PolicyError as error:
        placed = [
            replace(fault, file=file, line=fault.line or reader.line(fault.path))
            for fault in error.faults
        ]
        raise PolicyError(tuple(sorted(placed, key=lambda fault: fault.line))) from None
    lines = {
        ".".join(map(str, path)): f"{file}:{line}" for path, line in reader.lines.items() if path
    }
    digest = f"sha256:{sha256(text).hexdigest()}"
    # It has been compiled, so it is a mapping.
    return ReadPolicy(
        replace(policy, lines=lines), digest, decoded, cast("dict[str, Any]", document)
    )


def read_mapping(text: str) -> dict[str, Any]:
    """Read a part of a document, such as a form sends: keys with values, or nothing.

    Raises
    ------
    PolicyError
        Raised with every fault and its line.
    """
    reader = _Reader()
    found = reader.read(text)
    if reader.faults:
        raise PolicyError(tuple(reader.faults))
    if found is not None and not isinstance(found, dict):
        raise _refuse("these are no keys with values", "write KEY: VALUE, each on a line")
    return found or {}


def render_mapping(document: Mapping[str, Any]) -> str:
    """Render a part of a document as YAML; nothing if it is empty."""
    if not document:
        return ""
    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style = writer.sort_base_mapping_type_on_output = False
    text = io.StringIO()
    writer.dump(document, text)
    return text.getvalue()


def parse_object(text: bytes, file: str) -> dict[str, Any]:
    """Read what one object says, as it would stand below its name in the file.

    Raises
    ------
    PolicyError
        Raised if it is not YAML, or not a mapping; what it says is judged where it is used.
    """
    reader = _Reader()
    try:
        found = reader.read(_decode(text))
        if not isinstance(found, dict):
            what = "this is not a mapping of keys to values"
            raise _refuse(what, "write KEY: VALUE, as below a name in the policy file")
        if reader.faults:
            raise PolicyError(tuple(reader.faults))
    except PolicyError as error:
        raise PolicyError(tuple(replace(each, file=file) for each in error.faults)) from None
    return found


def _decode(text: bytes) -> str:
    if len(text) > MAX_BYTES:
        what = f"the document is larger than {MAX_BYTES // 2**20} MiB"
        raise _refuse(what, "leave out comments, titles, and people who have gone")
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _refuse("the document is UTF-16", "save it as UTF-8")
    try:
        return text.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        what = f"the byte 0x{text[error.start]:02x} is not UTF-8"
        line = text.count(b"\n", 0, error.start) + 1
        raise _refuse(what, "save the document as UTF-8", line) from None


def _refuse(what: str, fix: str, line: int = 1, path: KeyPath = ()) -> PolicyError:
    return PolicyError((Fault(path, what, fix, line=line),))


@dataclass(slots=True)
class _Reader:
    """Makes plain values of the events of one YAML document, and notes where each stands."""

    lines: dict[KeyPath, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unreadable: list[KeyPath] = field(default_factory=list)
    _said: set[tuple[int, str]] = field(default_factory=set)

    def line(self, path: KeyPath) -> int:
        """Return the line of what stands at ``path``, or of the nearest thing above it."""
        above = (path[:end] for end in range(len(path), -1, -1))
        return next((self.lines[p] for p in above if p in self.lines), 1)

    def read(self, text: str) -> object:
        """Return what the document says.

        Raises
        ------
        PolicyError
            Raised if it is not YAML, or nested too deeply.
        """
        self.lines[()] = 1
        try:
            return self._read_stream(YAML(typ="safe", pure=True).parse(text))
        except ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            code = ord(text[error.position])
            what, fix = f"U+{code:04X} is not a character of YAML", "remove it"
        except MarkedYAMLError as error:
            line, what, fix = _explain(error, text)
        except YAMLError as error:
            line, what, fix = 1, f"this is not YAML: {str(error).splitlines()[0]}", "correct it"
        raise PolicyError((*self.faults, Fault((), what, fix, line=line)))

    def _read_stream(self, events: Iterator[Event]) -> object:
        document: object = None
        seen = False
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if seen:
                    self._fault((), event, "a second document begins here", "keep one in a file")
                    break
                seen = True
                document = self._read_node((), next(events), events)
            elif isinstance(event, StreamEndEvent):
                break
        return document

    def _fault(self, path: KeyPath, event: Event, what: str, fix: str) -> None:
        line = event.start_mark.line + 1
        if (line, what) not in self._said:
            self._said.add((line, what))
            self.faults.append(Fault(path, what, fix, line=line))

    def _read_node(self, path: KeyPath, event: Event, events: Iterator[Event]) -> object:
        self.lines.setdefault(path, event.start_mark.line + 1)
        if isinstance(event, AliasEvent):
            self._fault(path, event, "aliases (*) are not read", "write the value out")
            self.unreadable.append(path)
            return None
        if getattr(event, "anchor", None):
            self._fault(path, event, "anchors (&) are not read", "remove it")
        if getattr(event, "tag", None):
            self._fault(path, event, "tags (!) are not read", "remove it")
        if len(path) > MAX_LEVELS:
            line = event.start_mark.line + 1
            what = f"the document is nested more than {MAX_LEVELS} levels deep"
            deep = Fault(path[:1], what, "write it flatter", line=line)
            raise PolicyError((*self.faults, deep))
        if isinstance(event, MappingStartEvent):
            return self._read_mapping(path, events)
        if isinstance(event, SequenceStartEvent):
            return self._read_sequence(path, events)
        return _read_scalar(event)

    def _read_sequence(self, path: KeyPath, events: Iterator[Event]) -> list[object]:
        entries: list[object] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            entries.append(self._read_node((*path, len(entries)), event, events))
        return entries

    def _read_mapping(self, path: KeyPath, events: Iterator[Event]) -> dict[str, object]:
        entries: dict[str, object] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                self._fault(path, event, "a key must be text", "write a name before the colon")
                self._read_node((*path, "?"), event, events)
                self._read_node((*path, "?"), next(events), events)
                continue
            key = sys.intern(str(event.value))
            at = (*path, key)
            if key == "<<" and event.style is None:
                self._fault(path, event, "merge keys (<<) are not read", "write the keys out")
                self._read_node((*path, "?"), next(events), events)
                continue
            if key not in entries:
                self.lines.setdefault(at, event.start_mark.line + 1)
                entries[key] = self._read_node(at, next(events), events)
                continue
            what = f"{quote(key)} is declared twice, first on line {self.lines[at]}"
            self._fault(at, event, what, "remove one of the two")
            again = self._read_node(at, next(events), events)
            entries[key] = _merge(entries[key], again) if path == () else entries[key]
        return entries


def _merge(first: object, second: object) -> object:
    """Keep the names of a section that is there twice, so that references to them hold."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**second, **first}
    return first


def _read_scalar(event: Any) -> object:
    text = str(event.value)
    if event.style is not None:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return WrittenInt(text)
    return WrittenFloat(text) if _FLOAT.fullmatch(text) else text


def _explain(error: MarkedYAMLError, text: str) -> tuple[int, str, str]:
    """Say what a YAML parser means, with the line, in words that lead to the fix."""
    problem = str(error.problem)
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    row = next(iter(text.split("\n")[line - 1 :]), "")
    if "'\\t'" in problem or "\t" in row[: len(row) - len(row.lstrip())]:
        return line, "a tab cannot indent YAML", "use spaces"
    if error.context_mark and ("end of stream" in problem or "<stream end>" in problem):
        return error.context_mark.line + 1, "what opens here is never closed", "close it"
    if problem == "mapping values are not allowed here":
        return line, "a colon is where no key can be", "put text that has a colon into quotes"
    if "could not find expected ':'" in problem:
        return line, "a key has no colon", "write KEY: VALUE"
    return line, f"this is not YAML: {problem}", "correct the line, or the one before it"
