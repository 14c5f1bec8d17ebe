"""One page of a long list: searched, sorted and cut on the server, so that only that is sent."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from jupyterhub_platform.usecases.reports.cursors import QueryError as QueryError
from jupyterhub_platform.usecases.reports.cursors import explain_cursor, parse_cursor, render_cursor

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
MAX_OFFSET: Final = 10**7
_MAX_SEARCH_LENGTH: Final = 300
"""Of a search, which may be for one long name."""

_Line = TypeVar("_Line")
_Other = TypeVar("_Other")


@dataclass(frozen=True, slots=True)
class Query:
    """Which part of a list is wanted. ``sort`` is the name of a column, after ``-`` descending.

    ``search`` has words, each of which must occur somewhere, and ``column:word`` for a column that
    is or has exactly this word. ``cursor`` is the ``next`` of another part, after which this one
    begins.
    """

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    sort: str = ""
    search: str = ""
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[_Line]):
    """A part of a list.

    ``total`` counts all that the search finds. ``next`` is the cursor of the next part, if there is
    one.
    """

    items: tuple[_Line, ...]
    total: int
    query: Query
    next: str | None = None

    def map(self, render: Callable[[_Line], _Other]) -> "Page[_Other]":
        """Return the same part, each line made into something else."""
        return Page(tuple(map(render, self.items)), self.total, self.query, self.next)


def read_query(arguments: Mapping[str, str]) -> Query:
    """Read ``limit``, ``offset``, ``cursor``, ``sort`` and ``search``.

    Raises
    ------
    QueryError
        Raised if a number is invalid or out of range, or if there are both offset and cursor.
    """
    if arguments.get("cursor") and arguments.get("offset"):
        raise QueryError("cursor and offset both say where to go on; leave one out.")
    return Query(
        limit=_read_number(arguments, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        offset=_read_number(arguments, "offset", 0, 0, MAX_OFFSET),
        sort=arguments.get("sort", ""),
        search=arguments.get("search", "")[:_MAX_SEARCH_LENGTH],
        cursor=arguments.get("cursor", ""),
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
        By what it can be sorted, each line by another key; the first is the order if none is named.
    words
        What can be searched in a line: texts by the name of their column.

    Raises
    ------
    QueryError
        Raised if the list cannot be sorted by what was named.
    """
    key = columns[choose_column(query, columns)]
    wanted = query.search.casefold().split()
    found = [line for line in lines if not wanted or matches(wanted, words(line))]
    found.sort(key=key)
    return cut_sorted(found, query, columns)


def choose_column(query: Query, columns: Collection[str]) -> str:
    """Return the column that is sorted by.

    Raises
    ------
    QueryError
        Raised if there is no such column.
    """
    name = query.sort.removeprefix("-") or next(iter(columns))
    if name not in columns:
        raise QueryError(f"There is no column {name[:64]!a}; sort by one of {', '.join(columns)}.")
    return name


def cut_sorted(found: list[_Line], query: Query, columns: Columns[_Line]) -> Page[_Line]:
    """Return the part that ``query`` asks for of lines that are found and in ascending order.

    Raises
    ------
    QueryError
        Raised as by :func:`cut`.
    """
    name = choose_column(query, columns)
    order, key = query.sort or name, columns[name]
    first = _find_first(found, order, key, query) if query.cursor else query.offset
    if order.startswith("-"):
        found.reverse()
    end = first + query.limit
    further = render_cursor(order, key(found[end - 1])) if end < len(found) else None
    return Page(tuple(found[first:end]), len(found), query, further)


def _find_first(found: list[_Line], order: str, key: Callable[[_Line], Any], query: Query) -> int:
    """Return how many lines come before the part that a cursor begins, also if its line is gone."""
    sorted_by, last = parse_cursor(query.cursor, (str, object))
    try:
        if sorted_by != order:
            raise TypeError(sorted_by)
        if order.startswith("-"):
            return len(found) - bisect_left(found, last, key=key)
        return bisect_right(found, last, key=key)
    except TypeError:
        raise explain_cursor() from None


def matches(wanted: list[str], words: Mapping[str, str]) -> bool:
    """Tell whether a line has all that is ``wanted``, in small letters, in its texts."""
    for word in wanted:
        column, colon, value = word.partition(":")
        if colon and column in words:
            if value not in words[column].casefold().split():
                return False
        elif not any(word in text.casefold() for text in words.values()):
            return False
    return True
