"""What became of each setting of a source: the one shape of findings, whatever was imported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.deploy.importing.entries import Entry


class Kind(StrEnum):
    """Which format a source has."""

    NEBARI = "nebari"
    VALUES = "values"
    CONFIG = "config"


class Outcome(StrEnum):
    """What became of a setting."""

    CARRIED = "carried"
    CHANGED = "changed"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one setting, and why.

    ``became`` are the paths in the document that say it now. A setting that ``stays`` keeps its
    effect where it is. ``line`` is 0 for what the source leaves to its default, and else has the
    number of the file in it until the ``file`` is known.
    """

    outcome: Outcome
    line: int
    key: str
    why: str = ""
    became: tuple[str, ...] = ()
    stays: bool = False
    file: str = ""


@dataclass(slots=True)
class Findings:
    """Collects them."""

    _found: list[Finding] = field(default_factory=list)

    def carried(self, entry: Entry, *became: KeyPath, why: str = "") -> None:
        """Note a setting that the document says now."""
        self._add(Outcome.CARRIED, entry, why, became)

    def stays(self, entry: Entry, why: str = "") -> None:
        """Note a setting that keeps its effect where it is."""
        self._add(Outcome.CARRIED, entry, why, stays=True)

    def changed(self, entry: Entry, why: str, *became: KeyPath, stays: bool = False) -> None:
        """Note a setting whose effect is had in another way."""
        self._add(Outcome.CHANGED, entry, why, became, stays=stays)

    def impossible(self, entry: Entry, why: str, *became: KeyPath) -> None:
        """Note a setting whose effect is lost until a person acts."""
        self._add(Outcome.IMPOSSIBLE, entry, why, became)

    def in_order(self) -> tuple[Finding, ...]:
        """Return them in the order of the source; what became of one setting alike is one."""
        found: dict[Finding, list[str]] = {}
        for each in self._found:
            found.setdefault(replace(each, became=()), []).extend(each.became)
        merged = (replace(each, became=tuple(dict.fromkeys(b))) for each, b in found.items())
        return tuple(sorted(merged, key=lambda each: each.line))

    def forget(self, path: KeyPath) -> None:
        """Leave out that something stands at a path, or below it."""
        word = ".".join(map(str, path))
        kept = []
        for each in self._found:
            left = tuple(b for b in each.became if b != word and not b.startswith(f"{word}."))
            is_gone = bool(each.became) and not left and each.outcome is Outcome.CARRIED
            if not is_gone or each.stays:
                kept.append(replace(each, became=left))
        self._found = kept

    def move(self, path: KeyPath, to: KeyPath) -> None:
        """Follow something to where it has been put instead."""
        old, new = ".".join(map(str, path)), ".".join(map(str, to))
        self._found = [
            replace(
                each,
                became=tuple(
                    f"{new}{b.removeprefix(old)}" if b == old or b.startswith(f"{old}.") else b
                    for b in each.became
                ),
            )
            for each in self._found
        ]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found)

    def _add(
        self,
        outcome: Outcome,
        entry: Entry,
        why: str,
        became: tuple[KeyPath, ...] = (),
        *,
        stays: bool = False,
    ) -> None:
        if outcome is Outcome.CARRIED and not entry.line:
            return  # a default, which nobody wrote
        paths = tuple(dict.fromkeys(".".join(map(str, path)) for path in became))
        self._found.append(Finding(outcome, entry.line, entry.dotted, why, paths, stays))


@dataclass(frozen=True, slots=True)
class Imported:
    """A valid document of plain values, and what became of each setting of the source."""

    kind: Kind
    document: Mapping[str, Any]
    findings: tuple[Finding, ...]

    @property
    def lost(self) -> int:
        """How many settings could not be imported."""
        return sum(each.outcome is Outcome.IMPOSSIBLE for each in self.findings)
