"""One page of a long list: searched, sorted and cut on the server, so that only that is sent."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from jupyterhub_platform.core.errors import PlatformError

DEFAULT_LIMIT: Final = 50
MAX_AT_ONCE: Final = 200
MAX_OFFSET: Final = 10**7
_MAX_SEARCH_LENGTH: Final = 200

_Line = TypeVar("_Line")
_Other = TypeVar("_Other")


class QueryError(PlatformError, ValueError):
    """Raised if a list is asked for in a way that it cannot be given."""

    code = "query.invalid"


@dataclass(frozen=True, slots=True)
class Query:
    """Which part of a list is wanted. ``sort`` is the name of a column, after ``-`` descending.

    ``search`` has words, each of which must occur somewhere, and ``column:word`` for a column that
    is or has exactly this word.
    """

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    sort: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[_Line]):
    """A part of a list. ``total`` counts all that the search finds."""

    items: tuple[_Line, ...]
    total: int
    query: Query

    def map(self, render: Callable[[_Line], _Other]) -> "Page[_Other]":
        """Return the same part, each line made into something else."""
        return Page(tuple(map(render, self.items)), self.total, self.query)


def read_query(arguments: Mapping[str, str]) -> Query:
    """Read ``limit``, ``offset``, ``sort`` and ``search``.

    Raises
    ------
    QueryError
        Raised if a number is invalid or out of range.
    """
    return Query(
        limit=_read_number(arguments, "limit", DEFAULT_LIMIT, 1, MAX_AT_ONCE),
        offset=_read_number(arguments, "offset", 0, 0, MAX_OFFSET),
        sort=arguments.get("sort", ""),
        search=arguments.get("search", "")[:_MAX_SEARCH_LENGTH],
    )


def _read_number(
    arguments: Mapping[str, str], name: str, default: int, minimum: int, maximum: int
) -> int:
    text = arguments.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and minimum <= int(text[:9]) <= maximum):
        raise QueryError(
            f"{name} is a whole number from {minimum} to {maximum}; leave it out or correct it."
        )
    return int(text[:9])


Columns = Mapping[str, Callable[[_Line], Any]]


def cut(
    lines: Iterable[_Line],
    query: Query,
    *,
    columns: Columns[_Line],
    words: Callable[[_Line], Mapping[str, str]],
) -> Page[_Line]:
    """Return the part of ``lines`` that ``query`` asks for.

    Parameters
    ----------
    lines
        The whole list.
    query
        What is asked for.
    columns
        By what it can be sorted; the first is the order if none is named.
    words
        What can be searched in a line: texts by the name of their column.

    Raises
    ------
    QueryError
        Raised if the list cannot be sorted by what was named.
    """
    wanted = query.search.casefold().split()
    found = [line for line in lines if not wanted or _matches(wanted, words(line))]
    name = query.sort.removeprefix("-") or next(iter(columns))
    if name not in columns:
        raise QueryError(f"There is no column {name[:64]!a}; sort by one of {', '.join(columns)}.")
    found.sort(key=columns[name], reverse=query.sort.startswith("-"))
    return Page(tuple(found[query.offset : query.offset + query.limit]), len(found), query)


def _matches(wanted: list[str], words: Mapping[str, str]) -> bool:
    for word in wanted:
        column, colon, value = word.partition(":")
        if colon and column in words:
            if value not in words[column].casefold().split():
                return False
        elif not any(word in text.casefold() for text in words.values()):
            return False
    return True
