"""Lines of the keys of a policy's files, stored compactly: they are kept while it is in force.

A value on the same line as its parent stores no line: an object written on one line costs one
number. A number has both the line and the file, as a number of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.errors import Place

LINES_PER_FILE: Final = 2**26
"""More than a file may have."""

Mark: TypeAlias = "int | tuple[int, Marks]"
"""A numbered line, with the marks of what is below it on other lines."""
Marks: TypeAlias = "dict[str, Mark]"
"""Marks by key, or by the number in a list, as text."""

_NAMED: int = 2
"""How deep names of objects stand: each has a mark, so that it is known which there are."""

_WHOLE: Final = frozenset({"tiers", "defaults"})
"""Sections that are short: all their keys have marks, so that it is known which were written."""


def number_line(file: int, line: int) -> int:
    """Return the number of a line of the file with a number."""
    return file * LINES_PER_FILE + line


def make_mark(path: KeyPath, line: int, below: Marks) -> Mark:
    """Return the mark of what stands at ``path`` on ``line``, with what is ``below`` it."""
    if len(path) >= _NAMED and path[0] not in _WHOLE:
        below = {key: mark for key, mark in below.items() if mark != line}
    return (line, below) if below else line


def merge_marks(first: Mark, second: Mark) -> Mark:
    """Return the mark of what is there twice: on the first line, with what is below both."""
    below = {**below_of(second), **below_of(first)}
    return (line_of(first), below) if below else first


def line_of(mark: Mark) -> int:
    """Return the numbered line of a mark itself."""
    return mark if isinstance(mark, int) else mark[0]


def below_of(mark: Mark) -> Marks:
    """Return the marks below a mark."""
    return {} if isinstance(mark, int) else mark[1]


def find_line(mark: Mark, path: KeyPath) -> int:
    """Return the numbered line of what stands at ``path``, or of the nearest thing above it."""
    for key in path:
        below = below_of(mark)
        if str(key) not in below:
            break
        mark = below[str(key)]
    return line_of(mark)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a policy, by their numbers and in their order."""

    names: Mapping[int, str]

    def place(self, line: int) -> Place:
        """Return which file a numbered line is in, and which one it is there."""
        number, within = divmod(line, LINES_PER_FILE)
        return Place(self.names[number], within)

    def find(self, mark: Mark, path: KeyPath) -> Place:
        """Return where something stands, or the nearest thing above it."""
        return self.place(find_line(mark, path))


@dataclass(frozen=True, slots=True, eq=False)
class Lines(Mapping[str, Place]):
    """Where key paths were declared.

    Below an object's name, a path that is not there has the line of the nearest thing above it. A
    path is ``in`` the lines if it was written; of long sections only names of objects are known.
    """

    files: Files
    marks: Marks

    @classmethod
    def of(cls, document: Mark, files: Files) -> "Lines":
        """Return the lines of a document that was read from files."""
        return cls(files, below_of(document))

    def __getitem__(self, path: str) -> Place:
        mark = _find(self.marks, path, 0)
        if mark is None:
            raise KeyError(path)
        return self.files.place(line_of(mark))

    def __contains__(self, path: object) -> bool:
        name = str(path)
        exact = name.partition(".")[0] in _WHOLE
        return _find(self.marks, name, 0, exact=exact) is not None

    def __iter__(self) -> Iterator[str]:
        return _list_paths(self.marks, "")

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _find(marks: Marks, path: str, depth: int, *, exact: bool = False) -> "Mark | None":
    """Return the mark of a path; names may have dots themselves."""
    head, rest = path, ""
    while head not in marks:
        head, dot, last = head.rpartition(".")
        if not dot:
            return None
        rest = f"{last}.{rest}" if rest else last
    mark = marks[head]
    if not rest:
        return mark
    found = None if isinstance(mark, int) else _find(mark[1], rest, depth + 1, exact=exact)
    return mark if found is None and depth + 1 >= _NAMED and not exact else found


def _list_paths(marks: Marks, above: str) -> Iterator[str]:
    for key, mark in marks.items():
        yield f"{above}{key}"
        yield from _list_paths(below_of(mark), f"{above}{key}.")
