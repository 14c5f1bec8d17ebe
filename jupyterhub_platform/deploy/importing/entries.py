"""One setting of a source: its value, its key and its line, down to the smallest part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.document.lines import Mark, below_of, line_of
from jupyterhub_platform.core.errors import printable

_MAX_KEY: Final = 80
_TRUE: Final = frozenset({"true", "yes", "on"})
_FALSE: Final = frozenset({"false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Computed:
    """Stands for a value that only code knows, which is never executed.

    ``name`` is that of the function or class that it is.
    """

    what: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting. ``key`` is where it is in the source, ``mark`` its line and those below."""

    value: Any
    key: KeyPath
    mark: Mark = 0
    parts: "Mapping[str, Entry] | None" = None
    """What a mapping holds, where that comes from several places of the source."""

    @property
    def line(self) -> int:
        """The line that it begins on; 0 if the source does not have it."""
        return line_of(self.mark)

    @property
    def dotted(self) -> str:
        """The key as one word."""
        return printable(".".join(str(part)[:_MAX_KEY] for part in self.key))

    @property
    def name(self) -> str:
        """The last part of the key."""
        return str(self.key[-1]) if self.key else ""

    @property
    def why_unknown(self) -> str:
        """What hides the value; empty if it is known."""
        return self.value.what if isinstance(self.value, Computed) else ""

    def items(self) -> "Iterator[Entry]":
        """Yield what a mapping holds, by its keys; nothing if it is none."""
        if isinstance(self.value, dict):
            for key in self.value:
                yield self._below(key, self.value[key])

    def entries(self) -> "Iterator[Entry]":
        """Yield what a list holds; a single text stands for a list of one."""
        if isinstance(self.value, list | tuple):
            for number, value in enumerate(self.value):
                yield self._below(number, value)
        elif isinstance(self.value, str) and self.value:
            yield self

    def get(self, *path: str) -> "Entry | None":
        """Return what stands at a path below; nothing if it is not there, or null."""
        found: Entry = self
        for key in path:
            if not isinstance(found.value, dict) or key not in found.value:
                return None
            found = found._below(key, found.value[key])
        return None if found.value is None else found

    def text(self) -> str:
        """Return the value as text; empty if it is no single value."""
        return str(self.value) if isinstance(self.value, str | int | float) else ""

    def entries_at(self, *path: str) -> "Iterator[Entry]":
        """Yield what the list at a path below holds."""
        found = self.get(*path)
        return iter(()) if found is None else found.entries()

    def items_at(self, *path: str) -> "Iterator[Entry]":
        """Yield what the mapping at a path below holds."""
        found = self.get(*path)
        return iter(()) if found is None else found.items()

    def text_at(self, *path: str) -> str:
        """Return the text at a path below; empty if there is none."""
        found = self.get(*path)
        return "" if found is None else found.text().strip()

    def flag(self) -> bool | None:
        """Return whether it is true; nothing if it is neither."""
        if isinstance(self.value, bool):
            return self.value
        word = str(self.value).lower()
        return True if word in _TRUE else False if word in _FALSE else None

    def with_value(self, value: Any) -> "Entry":
        """Return the same setting with another value."""
        return Entry(value, self.key, self.mark)

    def _below(self, key: str | int, value: Any) -> "Entry":
        if self.parts is not None and key in self.parts:
            return self.parts[str(key)]
        mark = below_of(self.mark).get(str(key), self.line)
        return Entry(value, (*self.key, key), mark)


def merge_entries(below: Entry, above: Entry, *, keeps_null: bool = False) -> Entry:
    """Lay a mapping over another one: what both have is merged, and null takes it away.

    With ``keeps_null`` it is there as null.
    """
    parts = {each.name: each for each in below.items()}
    for each in above.items():
        under = parts.get(each.name)
        if under is not None and isinstance(under.value, dict) and isinstance(each.value, dict):
            parts[each.name] = merge_entries(under, each, keeps_null=keeps_null)
        elif each.value is None and not keeps_null:
            parts.pop(each.name, None)
        else:
            parts[each.name] = each
    return Entry({name: each.value for name, each in parts.items()}, above.key, above.mark, parts)
