"""The faults of one document: collected, without consequences of known faults, and in order."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final, TypeVar

from jupyterhub_platform.core.errors import Fault

KeyPath = tuple[str | int, ...]
"""Where something stands in a document: keys, and positions in lists."""

MAX_FAULTS: Final = 10_000
"""The most faults reported of one document: each costs memory, and no reader needs more."""
_MAX_SHOWN: Final = 64
_MAX_COMPARED: Final = 50_000
_Entry = TypeVar("_Entry")


class FaultCollector:
    """Collects the faults of a document while it is read.

    Whatever has a fault is *broken*: what rests on it is not reported as well, so that one mistake
    is one fault.
    """

    def __init__(self, document: object) -> None:
        self._document = document
        self._faults: list[Fault] = []
        self._broken: set[KeyPath] = set()
        self._above: set[KeyPath] = set()
        self._compared = 0
        self._kept: dict[KeyPath, tuple[int, ...]] = {}

    def add(self, path: KeyPath, what: str, fix: str, *, rests_on: Iterable[KeyPath] = ()) -> None:
        """Report a fault, unless it follows from one that is known already.

        ``path`` itself and everything in ``rests_on`` must be sound for the fault to count.
        """
        if self.is_sound(path, *rests_on):
            self.note(Fault(path, what, fix))
            self.mark_broken(path)

    def find_one_of(
        self, path: KeyPath, declared: object, keys: Sequence[str], what: str, fix: str
    ) -> str:
        """Return the one of ``keys`` that is written below ``path``; empty if that is a fault.

        ``what`` they say is one thing, such as ``a home is one volume``; ``fix`` is what to write
        where none of them is.
        """
        named = [key for key in keys if getattr(declared, key) is not None]
        rests_on = [(*path, key) for key in keys]
        if not named:
            self.add((*path, keys[0]), "is missing", fix, rests_on=rests_on)
        elif len(named) > 1:
            beside = f"is beside {named[0]}, and {what}"
            self.add((*path, named[1]), beside, "remove one of the two", rests_on=rests_on)
        return named[0] if len(named) == 1 else ""

    def note(self, fault: Fault) -> None:
        """Report a fault that causes no others, such as an invalid name."""
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(fault)

    def mark_broken(self, path: KeyPath) -> None:
        """Remember that what stands at ``path`` cannot be judged."""
        self._broken.add(path)
        self._above.update(path[:end] for end in range(len(path)))

    def is_sound(self, *paths: KeyPath) -> bool:
        """Tell whether nothing at, above or below any of ``paths`` has a fault."""
        return not any(path in self._above or not self.is_readable(path) for path in paths)

    def is_readable(self, path: KeyPath) -> bool:
        """Tell whether nothing at or above ``path`` has a fault."""
        return not any(path[:end] in self._broken for end in range(len(path) + 1))

    def renumber(self, path: KeyPath, kept: tuple[int, ...]) -> None:
        """Remember that only the entries ``kept`` of the list at ``path`` are still there."""
        self._kept[path] = kept

    def number(self, path: KeyPath, entries: Sequence[_Entry]) -> Iterator[tuple[KeyPath, _Entry]]:
        """Yield the entries of the list at ``path``, each with where it stands in the document."""
        numbers = self._kept.get(path) or range(len(entries))
        for number, entry in zip(numbers, entries, strict=True):
            yield (*path, number), entry

    def suggest(
        self, name: str, known: Collection[str], otherwise: str, *, likeness: float = 0.6
    ) -> str:
        """Return ``did you mean …?`` if something known looks like ``name``, else ``otherwise``.

        ``likeness`` is how alike they must be, from 0 to 1. A document with thousands of unknown
        names gets suggestions for the first of them only: comparing is slow.
        """
        self._compared += len(known)
        if self._compared > _MAX_COMPARED:
            return otherwise
        close = get_close_matches(name[:_MAX_SHOWN], sorted(known), n=1, cutoff=likeness)
        return f"did you mean {quote(close[0])}?" if close else otherwise

    def in_order(self) -> tuple[Fault, ...]:
        """Return the faults in the order of the document."""
        places = {path: place for place, path in enumerate(_walk(self._document, ()))}
        return tuple(sorted(self._faults, key=lambda fault: _place(places, fault.path)))

    def __bool__(self) -> bool:
        return bool(self._faults)


def _walk(node: object, path: KeyPath) -> Iterator[KeyPath]:
    yield path
    if isinstance(node, dict):
        for key, below in node.items():
            yield from _walk(below, (*path, key))
    elif isinstance(node, list):
        for number, below in enumerate(node):
            yield from _walk(below, (*path, number))


def _place(places: dict[KeyPath, int], path: KeyPath) -> int:
    return next(places[path[:end]] for end in range(len(path), -1, -1) if path[:end] in places)


def quote(value: object) -> str:
    """Show a value of the document in a message, shortened."""
    text = str(value)
    return f"“{text}”" if len(text) <= _MAX_SHOWN else f"“{text[:_MAX_SHOWN]}…”"


def join(names: Iterable[str]) -> str:
    """Join names for a sentence: ``a, b and c``."""
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def split_message(message: str, fix: str) -> tuple[str, str]:
    """Split the message of a platform error into what is wrong and the fix, if it names one."""
    what, found, rest = message.partition("; ")
    return (what, rest) if found else (what, fix)
