"""What was used of the platform, by whom and when, as far as the viewer may see it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Final, TypeVar

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.policy import Group, Person
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.core.tiers import Image, Tier
from jupyterhub_platform.core.usage import (
    KINDS,
    NOTHING,
    PERIODS,
    Kind,
    Per,
    Usage,
    list_periods,
    parse_moment,
)
from jupyterhub_platform.usecases.reports.cursors import (
    explain_cursor,
    parse_cursor,
    render_cursor,
)
from jupyterhub_platform.usecases.reports.paging import MAX_OFFSET, Page, Query, QueryError
from jupyterhub_platform.usecases.reports.reader import ReportFacts, StoreReader
from jupyterhub_platform.usecases.reports.usage_figures import (
    Figures,
    Question,
    rank_all,
    read_figures,
    read_named,
)
from jupyterhub_platform.usecases.reports.viewer import Viewer

MAX_PERIODS: Final = 400
DEFAULT_SINCE: Final = "30d"
SORTS: Final = ("cpu", "memory", "accelerators", "servers", "name")
ZONE: Final = "UTC"

_NAMES_AT_ONCE: Final = 2000
_SECONDS: Final = 3600
_Word = TypeVar("_Word", bound=str)


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which usage is wanted: ``by`` what, ``per`` period, from when until when, and of whom.

    ``only`` are names that it is about. ``list`` is the part of the names, and their order.
    """

    by: Kind
    per: Per
    since: str
    until: str
    only: Mapping[Kind, str]
    list: Query


@dataclass(frozen=True, slots=True)
class Used:
    """An amount times how long it was held: exact in seconds, and rounded in hours.

    CPU counts in thousandths of a core and cores, memory in bytes and GiB. Devices of every kind
    are accelerators.
    """

    server_seconds: int
    cpu_millicore_seconds: int
    memory_byte_seconds: int
    accelerator_seconds: int
    server_hours: float
    cpu_hours: float
    memory_gib_hours: float
    accelerator_hours: float

    @classmethod
    def of(cls, used: Usage) -> "Used":
        """Render a sum."""
        units = (1, 1000, 2**30, 1)
        hours = (
            # The nearest float, as of a fraction: Python divides integers of any size so.
            round(amount / (unit * _SECONDS), 4)
            for amount, unit in zip(used, units, strict=True)
        )
        return cls(*used, *hours)


@dataclass(frozen=True, slots=True)
class UsagePeriod:
    """What was used in a period, from ``start`` to before ``end``."""

    start: datetime
    end: datetime
    used: Used


@dataclass(frozen=True, slots=True)
class UsageLine:
    """What was used under one name; ``periods`` are those in which there was anything."""

    name: str
    title: str
    used: Used
    periods: tuple[UsagePeriod, ...]


@dataclass(frozen=True, slots=True)
class UsageHistory:
    """What was used ``since`` until ``until``, in whole periods of the ``zone``.

    ``only`` are the names that it is about. Sums of days after ``counted_until`` are still being
    made; as a rule it is ``until``. ``periods`` are all of them, with what all names used.
    """

    sentence: str
    by: Kind
    per: Per
    since: datetime
    until: datetime
    counted_until: datetime
    zone: str
    only: Mapping[str, str]
    used: Used
    periods: tuple[UsagePeriod, ...]
    lines: Page[UsageLine]
    at: datetime


def read_usage_query(arguments: Mapping[str, str], query: Query) -> UsageQuery:
    """Read which usage is wanted.

    Raises
    ------
    QueryError
        Raised if a word is none of those that it may be.
    """
    only = {kind: arguments[kind] for kind in KINDS if arguments.get(kind)}
    sort = query.sort or "-cpu"
    if sort.removeprefix("-") not in SORTS:
        raise QueryError(f"There is no column {sort[:64]!a}; sort by one of {', '.join(SORTS)}.")
    since, until = arguments.get("since") or DEFAULT_SINCE, arguments.get("until", "")
    offset = query.offset
    if query.cursor:
        # Later parts are about the time of the first one: what is used meanwhile moves nothing.
        since, until, offset, order = parse_cursor(query.cursor, (str, str, int, str))
        if order != sort or not 0 <= offset <= MAX_OFFSET:
            raise explain_cursor()
    return UsageQuery(
        by=_choose(arguments, "by", KINDS, "group"),
        per=_choose(arguments, "per", PERIODS, "day"),
        since=since,
        until=until,
        only=only,
        list=Query(query.limit, offset, sort),
    )


def _choose(
    arguments: Mapping[str, str], name: str, words: tuple[_Word, ...], default: _Word
) -> _Word:
    asked = arguments.get(name) or default
    for word in words:
        if asked == word:
            return word
    raise QueryError(f"{name} is one of {', '.join(words)}; leave it out or correct it.")


def report_usage(
    reader: StoreReader, facts: ReportFacts, viewer: Viewer, query: UsageQuery
) -> UsageHistory:
    """Report a part of the names, and what all of them used by period.

    Raises
    ------
    QueryError
        Raised if the times make no sense, or too much would have to be added up.
    StoreError
        Raised if the store does not answer.
    """
    asked = _ask(query, facts.at)
    with reader.transaction() as transaction:
        figures = read_figures(transaction, viewer, asked, query.list.limit, query.list.offset)
    return _make_history(facts, viewer, query, asked, figures)


def list_usage(
    reader: StoreReader, facts: ReportFacts, viewer: Viewer, query: UsageQuery
) -> Iterator[tuple[UsageLine, ...]]:
    """Report all names, some at a time: what a file of it is made of.

    Raises
    ------
    QueryError, StoreError
        As :func:`report_usage` does.
    """
    asked = _ask(query, facts.at)
    with reader.transaction() as transaction:
        names = rank_all(transaction, viewer, asked)
    for first in range(0, len(names), _NAMES_AT_ONCE):
        part = names[first : first + _NAMES_AT_ONCE]
        with reader.transaction() as transaction:
            figures = read_named(transaction, viewer, asked, part)
        yield _make_lines(facts, asked, figures)


def _ask(query: UsageQuery, now: datetime) -> Question:
    try:
        since = parse_moment(query.since, now)
        until = _find_end(query, now)
        periods = list_periods(since, until, query.per, MAX_PERIODS)
    except (QuantityError, OverflowError) as error:
        said = str(error) or "that time is too far away"
        raise QueryError(f"{said[0].upper()}{said[1:]}.") from None
    return Question(
        query.by, query.per, periods, min(periods[-1].end, now), query.only, query.list.sort
    )


def _make_history(
    facts: ReportFacts, viewer: Viewer, query: UsageQuery, asked: Question, figures: Figures
) -> UsageHistory:
    total = reduce(Usage.plus, figures.periods.values(), NOTHING)
    return UsageHistory(
        sentence=_say(viewer, asked, total),
        by=asked.by,
        per=asked.per,
        since=asked.since,
        until=asked.until,
        counted_until=figures.counted_until,
        zone=ZONE,
        only={str(kind): name for kind, name in asked.only.items()},
        used=Used.of(total),
        periods=tuple(
            UsagePeriod(each.start, each.end, Used.of(figures.periods.get(each.start, NOTHING)))
            for each in asked.periods
        ),
        lines=Page(
            _make_lines(facts, asked, figures),
            figures.total,
            query.list,
            _find_next(query, asked, figures.total, facts.at),
        ),
        at=facts.at,
    )


def _find_end(query: UsageQuery, now: datetime) -> datetime:
    return min(parse_moment(query.until, now), now) if query.until else now


def _find_next(query: UsageQuery, asked: Question, total: int, now: datetime) -> str | None:
    """Return the cursor of the next part: of the same time, so that the order is the same."""
    part = query.list
    end = part.offset + part.limit
    if end >= total:
        return None
    until = _find_end(query, now)
    return render_cursor(asked.since.isoformat(), until.isoformat(), end, part.sort)


def _make_lines(facts: ReportFacts, asked: Question, figures: Figures) -> tuple[UsageLine, ...]:
    ends = {each.start: each.end for each in asked.periods}
    named: dict[str, list[UsagePeriod]] = {name: [] for name in figures.names}
    totals = dict.fromkeys(figures.names, NOTHING)
    for (name, start), used in sorted(figures.cells.items()):
        if name in named and used != NOTHING:
            named[name].append(UsagePeriod(start, ends[start], Used.of(used)))
            totals[name] = totals[name].plus(used)
    return tuple(
        UsageLine(name, _find_title(facts, asked.by, name), Used.of(totals[name]), tuple(periods))
        for name, periods in named.items()
    )


def _find_title(facts: ReportFacts, by: Kind, name: str) -> str:
    policy = facts.policy
    kinds: Mapping[Kind, Mapping[str, Person | Group | Tier | Image]] = {
        "person": policy.people,
        "group": policy.groups,
        "tier": policy.tiers,
        "image": policy.images,
    }
    declared = kinds[by].get(name)
    return declared.title if declared is not None else ""


def _say(viewer: Viewer, asked: Question, total: Usage) -> str:
    """Say the answer in one sentence; what is nothing is left out."""
    used = Used.of(total)
    amounts = (
        (used.cpu_hours, "CPU hours"),
        (used.memory_gib_hours, "GiB hours of memory"),
        (used.accelerator_hours, "GPU hours"),
    )
    parts = [f"{render_hours(hours)} {unit}" for hours, unit in amounts if hours]
    said = listed(parts) if parts else "nothing"
    only = asked.only
    if "person" in only:
        who = "You" if only["person"] == viewer.name else only["person"]
    elif viewer.reads_all:
        who = "Everybody together"
    else:
        who = "Your groups together" if viewer.reads_others else "You"
    words: tuple[tuple[Kind, str], ...] = (
        ("group", "in"),
        ("tier", "with the tier"),
        ("image", "with the image"),
    )
    where = "".join(f" {word} {only[kind]}" for kind, word in words if kind in only)
    first, last = asked.since, asked.until - timedelta(seconds=1)
    return f"{who} used {said}{where} from {first:%-d %b %Y} to {last:%-d %b %Y}."


def render_hours(hours: float) -> str:
    """Say a number of hours with as many digits as it deserves."""
    if hours >= 100 or hours == int(hours):
        return f"{hours:,.0f}"
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.2g}"
