"""Reads one YAML document: plain values from its events, with the line of every key and fault.

Nothing is constructed that a file could turn against its reader: no tags, no aliases, bounded
depth. Values are those of the YAML 1.2 core schema; keys are always text. Aliases and merge keys
of documents that are not ours are followed, as far as what they repeat stays small.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from jupyterhub_platform.core.document.faults import KeyPath, quote
from jupyterhub_platform.core.document.lines import (
    LINES_PER_FILE,
    Mark,
    Marks,
    below_of,
    find_line,
    line_of,
    make_mark,
    merge_marks,
    number_line,
)
from jupyterhub_platform.core.document.notations import read_plain
from jupyterhub_platform.core.errors import Fault, PolicyError

MAX_LEVELS: Final = 20
_OBJECTS: Final = 2
"""How deep people, groups and tiers stand."""
_MAX_SHARED: Final = 8
"""How many values an object has at most that is looked for among others."""
_MAX_NAME: Final = 64
MAX_REPEATED: Final = 50_000
"""How many values all aliases of a document may repeat together."""

_Alias: Final = (events.AliasEvent, yaml.AliasEvent)
_DocumentStart: Final = (events.DocumentStartEvent, yaml.DocumentStartEvent)
_MappingEnd: Final = (events.MappingEndEvent, yaml.MappingEndEvent)
_MappingStart: Final = (events.MappingStartEvent, yaml.MappingStartEvent)
_Scalar: Final = (events.ScalarEvent, yaml.ScalarEvent)
_SequenceEnd: Final = (events.SequenceEndEvent, yaml.SequenceEndEvent)
_SequenceStart: Final = (events.SequenceStartEvent, yaml.SequenceStartEvent)
_StreamEnd: Final = (events.StreamEndEvent, yaml.StreamEndEvent)
_COMPILED: Final[Any] = getattr(yaml, "CBaseLoader", None)
"""Ten times as fast; absent where PyYAML has no libyaml."""
_DOUBTFUL: Final = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""What the two parsers read differently: tabs, and other breaks of lines than the usual ones."""


@dataclass(slots=True)
class DocumentReader:
    """Makes plain values of the events of one YAML document, and notes where each stands.

    What is the same is one value: most people are said to be one of a few things.
    """

    file: str = ""
    number: int = 0
    follows_aliases: bool = False
    mark: Mark = field(init=False)
    faults: list[Fault] = field(default_factory=list)
    unreadable: list[KeyPath] = field(default_factory=list)
    _reported: set[tuple[int, str]] = field(default_factory=set)
    _scalars: dict[tuple[str, bool], object] = field(default_factory=dict)
    _nodes: dict[object, dict[str, object]] = field(default_factory=dict)
    _anchored: dict[str, tuple[object, Mark]] = field(default_factory=dict)
    _repeated: int = 0

    def __post_init__(self) -> None:
        self.mark = self._line(1)

    def line(self, path: KeyPath) -> int:
        """Return the line of what stands at ``path``, or of the nearest thing above it."""
        return find_line(self.mark, path) % LINES_PER_FILE

    def read(self, text: str) -> object:
        """Return what the document says.

        Raises
        ------
        PolicyError
            Raised if it is not YAML, or nested too deeply.
        """
        if _COMPILED is not None and not _DOUBTFUL.search(text):
            with suppress(yaml.YAMLError):
                document = self._read_stream(yaml.parse(text, Loader=_COMPILED))
                if not self.faults or self.follows_aliases:
                    return document
            # The other parser says in words what is wrong.
            self.faults, self.unreadable, self._reported = [], [], set()
            self._anchored, self._repeated = {}, 0
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
        raise PolicyError((*self.faults, Fault((), what, fix, self.file, line)))

    def _read_stream(self, stream: Iterator[Any]) -> object:
        document: object = None
        seen = False
        for event in stream:
            if isinstance(event, _DocumentStart):
                if seen:
                    self._fault((), event, "a second document begins here", "keep one in a file")
                    break
                seen = True
                document, self.mark = self._read_node((), self._line(1), next(stream), stream)
            elif isinstance(event, _StreamEnd):
                break
        return document

    def _line(self, line: int) -> int:
        return number_line(self.number, line)

    def _fault(self, path: KeyPath, event: Any, what: str, fix: str) -> None:
        line = event.start_mark.line + 1
        if (line, what) not in self._reported:
            self._reported.add((line, what))
            self.faults.append(Fault(path, what, fix, self.file, line))

    def _read_node(
        self, path: KeyPath, line: int, event: Any, stream: Iterator[Any]
    ) -> tuple[object, Mark]:
        """Return a value and its mark; ``line`` is that of its key."""
        if isinstance(event, _Alias):
            if self.follows_aliases:
                return self._follow(path, line, event)
            self._fault(path, event, "aliases (*) are not read", "write the value out")
            self.unreadable.append(path)
            return None, line
        self._refuse_properties(path, event)
        value, mark = self._read_value(path, line, event, stream)
        if self.follows_aliases and getattr(event, "anchor", None):
            self._anchored[str(event.anchor)] = value, mark
        return value, mark

    def _read_value(
        self, path: KeyPath, line: int, event: Any, stream: Iterator[Any]
    ) -> tuple[object, Mark]:
        if len(path) > MAX_LEVELS:
            what = f"the document is nested more than {MAX_LEVELS} levels deep"
            line = event.start_mark.line + 1
            deep = Fault(path[:1], what, "write it flatter", self.file, line)
            raise PolicyError((*self.faults, deep))
        if isinstance(event, _MappingStart):
            entries, below = self._read_mapping(path, stream)
            return self._share(path, entries), make_mark(path, line, below)
        if isinstance(event, _SequenceStart):
            items, below = self._read_sequence(path, stream)
            return items, make_mark(path, line, below)
        return self._read_scalar(event), line

    def _follow(self, path: KeyPath, line: int, event: Any) -> tuple[object, Mark]:
        """Return what an alias repeats: its values have the lines on which they are written."""
        name = str(event.anchor)
        if name not in self._anchored:
            self._fault(path, event, f"no anchor {quote(name)} stands before it", "correct it")
            return None, line
        value, mark = self._anchored[name]
        for levels in _list_levels(value):
            self._repeated += 1
            if self._repeated > MAX_REPEATED or len(path) + levels > MAX_LEVELS:
                what = "aliases (*) repeat more than a document has that people write"
                deep = Fault(path[:1], what, "write it out", self.file, event.start_mark.line + 1)
                raise PolicyError((*self.faults, deep))
        return value, (line, below_of(mark)) if below_of(mark) else line

    def _refuse_properties(self, path: KeyPath, event: Any) -> None:
        if getattr(event, "anchor", None) and not self.follows_aliases:
            self._fault(path, event, "anchors (&) are not read", "remove it")
        if getattr(event, "tag", None):
            self._fault(path, event, "tags (!) are not read", "remove it")

    def _share(self, path: KeyPath, node: dict[str, object]) -> dict[str, object]:
        """Return the object that was read before if it says the same; whole objects alone.

        Within one, each value is its own: what copies an object may change a part of it.
        """
        key = _key_of(node) if len(path) == _OBJECTS else None
        return node if key is None else self._nodes.setdefault(key, node)

    def _read_scalar(self, event: Any) -> object:
        text, is_plain = str(event.value), not event.style
        found = self._scalars.get((text, is_plain), self)
        if found is self:
            found = read_plain(text) if is_plain else text
            if isinstance(found, str):
                # A name is a key at one place, and a value at others.
                found = sys.intern(found) if len(found) <= _MAX_NAME else found
            self._scalars[text, is_plain] = found
        return found

    def _read_sequence(self, path: KeyPath, stream: Iterator[Any]) -> tuple[list[object], Marks]:
        entries: list[object] = []
        marks: Marks = {}
        while not isinstance(event := next(stream), _SequenceEnd):
            number, line = len(entries), self._line(event.start_mark.line + 1)
            entry, mark = self._read_node((*path, number), line, event, stream)
            marks[sys.intern(str(number))] = mark
            entries.append(entry)
        return entries, marks

    def _read_mapping(
        self, path: KeyPath, stream: Iterator[Any]
    ) -> tuple[dict[str, object], Marks]:
        entries: dict[str, object] = {}
        marks: Marks = {}
        bases: list[tuple[object, Mark]] = []
        while not isinstance(event := next(stream), _MappingEnd):
            line = self._line(event.start_mark.line + 1)
            if not isinstance(event, _Scalar):
                self._fault(path, event, "a key must be text", "write a name before the colon")
                self._read_node((*path, "?"), line, event, stream)
                self._read_node((*path, "?"), line, next(stream), stream)
                continue
            key = sys.intern(str(event.value))
            at = (*path, key)
            self._refuse_properties(at, event)
            if key == "<<" and not event.style:
                merged = self._read_node((*path, "?"), line, next(stream), stream)
                if self.follows_aliases:
                    bases.append(merged)
                else:
                    self._fault(path, event, "merge keys (<<) are not read", "write the keys out")
                continue
            if key not in entries:
                entries[key], marks[key] = self._read_node(at, line, next(stream), stream)
                continue
            first = line_of(marks[key]) % LINES_PER_FILE
            what = f"{quote(key)} is declared twice, first on line {first}"
            self._fault(at, event, what, "remove one of the two")
            again, mark = self._read_node(at, line, next(stream), stream)
            if path == ():
                entries[key] = _merge(entries[key], again)
                marks[key] = merge_marks(marks[key], mark)
        for base, mark in bases:
            _complete(entries, marks, base, mark)
        return entries, marks


def _complete(entries: dict[str, object], marks: Marks, base: object, mark: Mark) -> None:
    """Add what a merge key (<<) brings to a mapping: what it has itself comes first."""
    for number, each in enumerate(base if isinstance(base, list) else [base]):
        at = below_of(mark).get(str(number), mark) if isinstance(base, list) else mark
        for key, value in each.items() if isinstance(each, dict) else ():
            if key not in entries:
                entries[key] = value
                marks[key] = below_of(at).get(key, line_of(at))


def _list_levels(value: object) -> Iterator[int]:
    """Yield how deep each value within another stands, itself first."""
    waiting = [(value, 0)]
    while waiting:
        each, levels = waiting.pop()
        yield levels
        if isinstance(each, dict | list):
            below = each.values() if isinstance(each, dict) else each
            waiting += [(one, levels + 1) for one in below]


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
