"""An immutable map whose changes copy only what differs: a persistent map.

With a hundred thousand people, a new dict for each change takes milliseconds, and so does the
search for what differs between two of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

MAX_CHANGES: Final = 256
"""Beyond so many changes a table is built anew."""
_GONE: Final = object()
_ABSENT: Final = object()


class PersistentMap(Mapping[K, V]):
    """A mapping that never changes: :meth:`put` and :meth:`drop` return another one.

    It is a dict that many tables share, and what differs from it in this one.
    """

    __slots__ = ("_changes", "_count", "_shared")

    def __init__(self, entries: Mapping[K, V]) -> None:
        self._shared: dict[K, V] = dict(entries)
        self._changes: dict[K, Any] = {}
        self._count = len(self._shared)

    @classmethod
    def of(cls, entries: Mapping[K, V]) -> "PersistentMap[K, V]":
        """Return a table of these entries, or the one that they are already."""
        return entries if isinstance(entries, PersistentMap) else cls(entries)

    def __getitem__(self, key: K) -> V:
        # Every start reads a dozen entries, of maps that seldom differ from the shared one.
        if not self._changes:
            return self._shared[key]
        found: V | Any = self._changes.get(key, _ABSENT)
        if found is _GONE:
            raise KeyError(key)
        return self._shared[key] if found is _ABSENT else found

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, default: V, /) -> V: ...
    @overload
    def get(self, key: K, default: D, /) -> V | D: ...
    def get(self, key: K, default: V | D | None = None, /) -> V | D | None:
        """Return an entry, or ``default``; that of the base class raises and catches an error."""
        found: V | Any = self._changes.get(key, _ABSENT) if self._changes else _ABSENT
        if found is _ABSENT:
            return self._shared.get(key, default)
        return default if found is _GONE else found

    def __contains__(self, key: object) -> bool:
        if key in self._changes:
            return self._changes[key] is not _GONE
        return key in self._shared

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[K]:
        changes, shared = self._changes, self._shared
        if not changes:
            return iter(shared)
        kept = (key for key in shared if changes.get(key) is not _GONE)
        new = (key for key, each in changes.items() if key not in shared and each is not _GONE)
        return (key for part in (kept, new) for key in part)

    def put(self, key: K, value: V) -> "PersistentMap[K, V]":
        """Return a table with another value at a key."""
        return self._with({key: value}, self._count + (key not in self))

    def put_all(self, entries: Mapping[K, V]) -> "PersistentMap[K, V]":
        """Return a table with other values at these keys."""
        return self._with(entries, self._count + sum(key not in self for key in entries))

    def drop(self, key: K) -> "PersistentMap[K, V]":
        """Return a table without a key, which is in this one."""
        return self._with({key: _GONE}, self._count - 1)

    def _with(self, changes: Mapping[K, Any], count: int) -> "PersistentMap[K, V]":
        new: PersistentMap[K, V] = PersistentMap.__new__(PersistentMap)
        new._shared, new._changes, new._count = self._shared, {**self._changes, **changes}, count
        return PersistentMap(dict(new.items())) if len(new._changes) > MAX_CHANGES else new

    def list_candidates(self, other: "PersistentMap[K, V]") -> set[K] | None:
        """Return which keys may differ between two tables; ``None`` if they share nothing."""
        if self._shared is not other._shared:
            return None
        return self._changes.keys() | other._changes.keys()


def list_changed(before: Mapping[K, V], after: Mapping[K, V]) -> set[K]:
    """Return the keys of what is another object than before, or on one side only."""
    if isinstance(before, PersistentMap) and isinstance(after, PersistentMap):
        candidates = before.list_candidates(after)
        if candidates is not None:
            return {key for key in candidates if before.get(key) is not after.get(key)}
    changed = {key for key, each in after.items() if before.get(key) is not each}
    return changed | (before.keys() - after.keys())
