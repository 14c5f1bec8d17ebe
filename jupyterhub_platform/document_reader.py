"""Reads one YAML document: plain values from its events, with the line of every key and fault.

Nothing is constructed that a file could turn against its reader: no tags, no aliases, bounded
depth. Values are those of the YAML 1.2 core schema; keys are always text.
"""

import sys
from collections.abc import Iterator
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
from jupyterhub_platform.core.document.lines import (
    Place,
    Places,
    find_line,
    line_of,
    make_place,
    merge_places,
)
from jupyterhub_platform.core.document.notations import read_plain
from jupyterhub_platform.core.errors import Fault, PolicyError

MAX_LEVELS: Final = 20
_OBJECTS: Final = 2
"""How deep people, groups and tiers stand."""
_MAX_SHARED: Final = 8
"""How many values an object has at most that is looked for among others."""
_MAX_NAME: Final = 64


@dataclass(slots=True)
class DocumentReader:
    """Makes plain values of the events of one YAML document, and notes where each stands.

    What is the same is one value: most people are said to be one of a few things.
    """

    place: Place = 1
    faults: list[Fault] = field(default_factory=list)
    unreadable: list[KeyPath] = field(default_factory=list)
    _reported: set[tuple[int, str]] = field(default_factory=set)
    _scalars: dict[tuple[str, bool], object] = field(default_factory=dict)
    _nodes: dict[object, dict[str, object]] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """Return the line of what stands at ``path``, or of the nearest thing above it."""
        return find_line(self.place, path)

    def read(self, text: str) -> object:
        """Return what the document says.

        Raises
        ------
        PolicyError
            Raised if it is not YAML, or nested too deeply.
        """
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
                document, self.place = self._read_node((), 1, next(events), events)
            elif isinstance(event, StreamEndEvent):
                break
        return document

    def _fault(self, path: KeyPath, event: Event, what: str, fix: str) -> None:
        line = event.start_mark.line + 1
        if (line, what) not in self._reported:
            self._reported.add((line, what))
            self.faults.append(Fault(path, what, fix, line=line))

    def _read_node(
        self, path: KeyPath, line: int, event: Event, events: Iterator[Event]
    ) -> tuple[object, Place]:
        """Return a value and its place; ``line`` is that of its key."""
        if isinstance(event, AliasEvent):
            self._fault(path, event, "aliases (*) are not read", "write the value out")
            self.unreadable.append(path)
            return None, line
        if getattr(event, "anchor", None):
            self._fault(path, event, "anchors (&) are not read", "remove it")
        if getattr(event, "tag", None):
            self._fault(path, event, "tags (!) are not read", "remove it")
        if len(path) > MAX_LEVELS:
            what = f"the document is nested more than {MAX_LEVELS} levels deep"
            place = event.start_mark.line + 1
            deep = Fault(path[:1], what, "write it flatter", line=place)
            raise PolicyError((*self.faults, deep))
        if isinstance(event, MappingStartEvent):
            entries, below = self._read_mapping(path, events)
            return self._share(path, entries), make_place(path, line, below)
        if isinstance(event, SequenceStartEvent):
            items, below = self._read_sequence(path, events)
            return items, make_place(path, line, below)
        return self._read_scalar(event), line

    def _share(self, path: KeyPath, node: dict[str, object]) -> dict[str, object]:
        """Return the object that was read before if it says the same; whole objects alone.

        Within one, each value is its own: what copies an object may change a part of it.
        """
        key = _key_of(node) if len(path) == _OBJECTS else None
        return node if key is None else self._nodes.setdefault(key, node)

    def _read_scalar(self, event: Any) -> object:
        text, is_plain = str(event.value), event.style is None
        found = self._scalars.get((text, is_plain), self)
        if found is self:
            found = read_plain(text) if is_plain else text
            if isinstance(found, str):
                # A name is a key at one place, and a value at others.
                found = sys.intern(found) if len(found) <= _MAX_NAME else found
            self._scalars[text, is_plain] = found
        return found

    def _read_sequence(self, path: KeyPath, events: Iterator[Event]) -> tuple[list[object], Places]:
        entries: list[object] = []
        places: Places = {}
        while not isinstance(event := next(events), SequenceEndEvent):
            number, line = len(entries), event.start_mark.line + 1
            entry, place = self._read_node((*path, number), line, event, events)
            places[sys.intern(str(number))] = place
            entries.append(entry)
        return entries, places

    def _read_mapping(
        self, path: KeyPath, events: Iterator[Event]
    ) -> tuple[dict[str, object], Places]:
        entries: dict[str, object] = {}
        places: Places = {}
        while not isinstance(event := next(events), MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, ScalarEvent):
                self._fault(path, event, "a key must be text", "write a name before the colon")
                self._read_node((*path, "?"), line, event, events)
                self._read_node((*path, "?"), line, next(events), events)
                continue
            key = sys.intern(str(event.value))
            at = (*path, key)
            if key == "<<" and event.style is None:
                self._fault(path, event, "merge keys (<<) are not read", "write the keys out")
                self._read_node((*path, "?"), line, next(events), events)
                continue
            if key not in entries:
                entries[key], places[key] = self._read_node(at, line, next(events), events)
                continue
            what = f"{quote(key)} is declared twice, first on line {line_of(places[key])}"
            self._fault(at, event, what, "remove one of the two")
            again, place = self._read_node(at, line, next(events), events)
            if path == ():
                entries[key] = _merge(entries[key], again)
                places[key] = merge_places(places[key], place)
        return entries, places


def _merge(first: object, second: object) -> object:
    """Keep the names of a section that is there twice, so that references to them hold."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**second, **first}
    return first


def _key_of(value: object) -> object:
    """Return a key of what a value says; ``None`` if it says much.

    Scalars count by which object they are, for 1 and true are equal.
    """
    if not isinstance(value, dict | list):
        return id(value)
    below = value.values() if isinstance(value, dict) else value
    keys = [_key_of(each) for each in below] if len(value) <= _MAX_SHARED else [None]
    return (
        None if None in keys else (type(value), *(value if isinstance(value, dict) else ()), *keys)
    )


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
