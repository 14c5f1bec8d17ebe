"""Reads one YAML document: plain values from its events, with the line of every key and fault.

Nothing is constructed that a file could turn against its reader: no tags, no aliases, bounded
depth. Values are those of the YAML 1.2 core schema; keys are always text.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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

from jupyterhub_platform.core.document.faults import KeyPath, quote
from jupyterhub_platform.core.document.notations import WrittenFloat, WrittenInt
from jupyterhub_platform.core.errors import Fault, PolicyError

MAX_LEVELS: Final = 20
_CONSTANTS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?\d{1,30}", re.ASCII)
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.\d{1,30}|\d{1,30}(?:\.\d{0,30})?)(?:[eE][-+]?\d{1,3})?", re.ASCII
)


@dataclass(slots=True)
class DocumentReader:
    """Makes plain values of the events of one YAML document, and notes where each stands."""

    lines: dict[KeyPath, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unreadable: list[KeyPath] = field(default_factory=list)
    _reported: set[tuple[int, str]] = field(default_factory=set)

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
        if (line, what) not in self._reported:
            self._reported.add((line, what))
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
