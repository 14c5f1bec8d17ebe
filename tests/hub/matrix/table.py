"""The table of expected statuses: how ``matrix.txt`` is read, and which routes it covers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).parent / "matrix.txt"
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
NOT_SENT: Final = "-"
TO_LOGIN: Final = "log"


@dataclass(frozen=True)
class Row:
    """One request, with what each actor is answered."""

    method: str
    path: str
    body: str
    expected: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.path, self.body and f"+{self.body}")))

    @property
    def is_api(self) -> bool:
        """Whether programs ask this, with tokens; pages are asked by browsers, with cookies."""
        return "/api/" in self.path and not self.path.startswith("/hub/user/")


@dataclass(frozen=True)
class Section:
    """Rows that are asked one after the other while the Hub is as ``state`` says."""

    state: str
    rows: tuple[Row, ...]


def read_columns(text: str) -> tuple[str, ...]:
    """Return the short names of the actors, as the line that begins with ``columns`` has them."""
    line = next(line for line in text.splitlines() if line.startswith("columns"))
    return tuple(line.split()[1:])


def read_sections(text: str) -> list[Section]:
    """Read the rows below each ``while`` line; ``below`` lines set where paths begin."""
    columns = len(read_columns(text))
    sections: list[tuple[str, list[Row]]] = []
    below = ""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        match words:
            case ["while", *state]:
                sections.append((" ".join(state), []))
            case ["below", prefix]:
                below = prefix
            case [method, path, *rest] if method in METHODS:
                body = rest.pop(0)[1:] if rest and rest[0].startswith("+") else ""
                assert len(rest) == columns, f"line {number} has {len(rest)} cells: {line}"
                path = path.removeprefix("./")
                sections[-1][1].append(Row(method, below + path, body, tuple(rest)))
            case [first, *_]:
                assert first.startswith("#") or first == "columns", f"line {number}: {line}"
            case _:
                continue  # an empty line
    return [Section(state, tuple(rows)) for state, rows in sections]


@dataclass(frozen=True)
class Route:
    """One route of a live application, with the methods that it has an answer for."""

    pattern: str
    methods: frozenset[str]

    def answers(self, path: str) -> bool:
        """Tell whether a path leads here, unless an earlier route has taken it."""
        return re.fullmatch(self.pattern.removesuffix("$"), path) is not None


def list_uncovered(routes: Iterable[Route], rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return each method of each route that no row, a method and a path, leads to.

    A route whose pattern is that of an earlier one is never reached.
    """
    reachable = list({route.pattern: route for route in reversed(list(routes))}.values())[::-1]
    missing = {(route.pattern, method) for route in reachable for method in route.methods}
    for method, path in rows:
        for route in reachable:
            if route.answers(path.partition("?")[0]):
                missing.discard((route.pattern, method))
                break
    return sorted(f"{method} {pattern}" for pattern, method in missing)
