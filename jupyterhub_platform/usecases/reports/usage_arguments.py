"""Parses which usage a caller asks for, in the arguments of a page, a call or a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.usage import (
    KINDS,
    PERIODS,
    Kind,
    Per,
    list_periods,
    parse_moment,
)
from jupyterhub_platform.usecases.reports.cursors import (
    explain_cursor,
    parse_cursor,
)
from jupyterhub_platform.usecases.reports.paging import MAX_OFFSET, Query, QueryError
from jupyterhub_platform.usecases.reports.usage_figures import UsageQuery

MAX_PERIODS: Final = 400
DEFAULT_SINCE: Final = "30d"
SORTS: Final = ("cpu", "memory", "accelerators", "servers", "name")
_Word = TypeVar("_Word", bound=str)


@dataclass(frozen=True, slots=True)
class UsageArguments:
    """Which usage is asked for: ``by`` what, ``per`` period, from when until when, and of whom.

    The times are texts, which may be relative. ``only`` restricts it to these names. ``list`` is
    the part of the names that is returned, and their order.
    """

    by: Kind
    per: Per
    since: str
    until: str
    only: Mapping[Kind, str]
    list: Query


def read_usage_arguments(arguments: Mapping[str, str], part: Query) -> UsageArguments:
    """Read which usage is asked for, and which part of it.

    Raises
    ------
    QueryError
        Raised if an argument is none of the words that it may be.
    """
    only = {kind: arguments[kind] for kind in KINDS if arguments.get(kind)}
    sort = part.sort or "-cpu"
    if sort.removeprefix("-") not in SORTS:
        raise QueryError(f"There is no column {sort[:64]!a}; sort by one of {', '.join(SORTS)}.")
    since, until = arguments.get("since") or DEFAULT_SINCE, arguments.get("until", "")
    offset = part.offset
    if part.cursor:
        # Later parts are about the same time as the first, so that no name moves meanwhile.
        since, until, offset, order = parse_cursor(part.cursor, (str, str, int, str))
        if order != sort or not 0 <= offset <= MAX_OFFSET:
            raise explain_cursor()
    return UsageArguments(
        by=_choose(arguments, "by", KINDS, "group"),
        per=_choose(arguments, "per", PERIODS, "day"),
        since=since,
        until=until,
        only=only,
        list=Query(part.limit, offset, sort),
    )


def _choose(
    arguments: Mapping[str, str], name: str, words: tuple[_Word, ...], default: _Word
) -> _Word:
    chosen = arguments.get(name) or default
    for word in words:
        if chosen == word:
            return word
    raise QueryError(f"{name} is one of {', '.join(words)}; leave it out or correct it.")


def resolve(arguments: UsageArguments, now: datetime) -> UsageQuery:
    """Return the query that arguments mean ``now``: its periods, and the moment of its end.

    Raises
    ------
    QueryError
        Raised if the times make no sense, or have too many periods.
    """
    try:
        since = parse_moment(arguments.since, now)
        until = find_end(arguments, now)
        periods = list_periods(since, until, arguments.per, MAX_PERIODS)
    except (QuantityError, OverflowError) as error:
        fault = str(error) or "that time is too far away"
        raise QueryError(f"{fault[0].upper()}{fault[1:]}.") from None
    end, sort = min(periods[-1].end, now), arguments.list.sort
    return UsageQuery(arguments.by, arguments.per, periods, end, arguments.only, sort)


def find_end(arguments: UsageArguments, now: datetime) -> datetime:
    """Return the end of the time that is asked for: ``now`` at the latest."""
    return min(parse_moment(arguments.until, now), now) if arguments.until else now
