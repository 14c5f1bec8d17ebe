"""Line numbers of the keys of a file, stored compactly: a policy is kept while it is in force.

A value on the same line as its parent stores no line: an object written on one line costs one
number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from jupyterhub_platform.core.document.faults import KeyPath

Place: TypeAlias = "int | tuple[int, Places]"
"""A line, with the places of what is below it on other lines."""
Places: TypeAlias = "dict[str, Place]"
"""Places by key, or by the number in a list, as text."""

_NAMED: int = 2
"""How deep names of objects stand: each has a place, so that it is known which there are."""

_WHOLE: Final = frozenset({"tiers", "defaults"})
"""Sections that are short: all their keys have places, so that it is known which were written."""


def make_place(path: KeyPath, line: int, below: Places) -> Place:
    """Return the place of what stands at ``path`` on ``line``, with what is ``below`` it."""
    if len(path) >= _NAMED and path[0] not in _WHOLE:
        below = {key: place for key, place in below.items() if place != line}
    return (line, below) if below else line


def merge_places(first: Place, second: Place) -> Place:
    """Return the place of what is there twice: on the first line, with what is below both."""
    below: Places = {}
    for place in (second, first):
        below |= {} if isinstance(place, int) else place[1]
    return (line_of(first), below) if below else first


def line_of(place: Place) -> int:
    """Return the line of a place itself."""
    return place if isinstance(place, int) else place[0]


def find_line(place: Place, path: KeyPath) -> int:
    """Return the line of what stands at ``path``, or of the nearest thing above it."""
    for key in path:
        below = {} if isinstance(place, int) else place[1]
        if str(key) not in below:
            break
        place = below[str(key)]
    return line_of(place)


@dataclass(frozen=True, slots=True, eq=False)
class Lines(Mapping[str, str]):
    """Where key paths were declared, as ``file:line``.

    Below an object's name, a path that is not there has the line of the nearest thing above it. A
    path is ``in`` the lines if it was written; of long sections only names of objects are known.
    """

    file: str
    places: Places

    @classmethod
    def of(cls, document: Place, file: str) -> "Lines":
        """Return the lines of a document in a file."""
        return cls(file, {} if isinstance(document, int) else document[1])

    def __getitem__(self, path: str) -> str:
        place = _find(self.places, path, 0)
        if place is None:
            raise KeyError(path)
        return f"{self.file}:{line_of(place)}"

    def __contains__(self, path: object) -> bool:
        name = str(path)
        exact = name.partition(".")[0] in _WHOLE
        return _find(self.places, name, 0, exact=exact) is not None

    def __iter__(self) -> Iterator[str]:
        return _list_paths(self.places, "")

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _find(places: Places, path: str, depth: int, *, exact: bool = False) -> "Place | None":
    """Return the place of a path; names may have dots themselves."""
    head, rest = path, ""
    while head not in places:
        head, dot, last = head.rpartition(".")
        if not dot:
            return None
        rest = f"{last}.{rest}" if rest else last
    place = places[head]
    if not rest:
        return place
    found = None if isinstance(place, int) else _find(place[1], rest, depth + 1, exact=exact)
    return place if found is None and depth + 1 >= _NAMED and not exact else found


def _list_paths(places: Places, above: str) -> Iterator[str]:
    for key, place in places.items():
        yield f"{above}{key}"
        if not isinstance(place, int):
            yield from _list_paths(place[1], f"{above}{key}.")
