"""Usage of the platform, by whom and when, as far as the viewer may see it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial, reduce
from typing import Final

from jupyterhub_platform.core.observed_pods import PodSource
from jupyterhub_platform.core.people import Group, Person
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.core.tiers import Image, Tier
from jupyterhub_platform.core.usage import (
    NOTHING,
    Kind,
    Per,
    Usage,
)
from jupyterhub_platform.usecases.reports.cursors import (
    render_cursor,
)
from jupyterhub_platform.usecases.reports.paging import Page
from jupyterhub_platform.usecases.reports.reader import ReportFacts, StoreReader
from jupyterhub_platform.usecases.reports.usage_arguments import UsageArguments, find_end, resolve
from jupyterhub_platform.usecases.reports.usage_figures import (
    Figures,
    UsageQuery,
    read_all,
    read_figures,
)
from jupyterhub_platform.usecases.reports.viewer import Viewer

ZONE: Final = "UTC"

_NAME_BATCH: Final = 2000
_SECONDS: Final = 3600


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


def report_usage(
    reader: StoreReader, facts: ReportFacts, viewer: Viewer, arguments: UsageArguments
) -> UsageHistory:
    """Report a part of the names, and what all of them used by period.

    Raises
    ------
    QueryError
        Raised if the times make no sense, or too much would have to be added up.
    StoreError
        Raised if the store does not answer.
    """
    query, part = resolve(arguments, facts.at), arguments.list
    with reader.transaction() as transaction:
        read_runs = partial(reader.runs.read, transaction, facts.book)
        figures = read_figures(transaction, viewer, query, part.limit, part.offset, read_runs)
    return _make_history(facts, viewer, arguments, query, figures)


def list_usage(
    reader: StoreReader, facts: ReportFacts, viewer: Viewer, arguments: UsageArguments
) -> Iterator[tuple[UsageLine, ...]]:
    """Report all names, some at a time: what a file of it is made of.

    Raises
    ------
    QueryError, StoreError
        As :func:`report_usage` does.
    """
    query = resolve(arguments, facts.at)
    with reader.transaction() as transaction:
        read_runs = partial(reader.runs.read, transaction, facts.book)
        names, read_named = read_all(transaction, viewer, query, read_runs)
    for first in range(0, len(names), _NAME_BATCH):
        part = names[first : first + _NAME_BATCH]
        with reader.transaction() as transaction:
            figures = read_named(transaction, part)
        yield _make_lines(facts, query, figures)


def _make_history(
    facts: ReportFacts,
    viewer: Viewer,
    arguments: UsageArguments,
    query: UsageQuery,
    figures: Figures,
) -> UsageHistory:
    total = reduce(Usage.plus, figures.periods.values(), NOTHING)
    return UsageHistory(
        sentence=_say(viewer, query, total),
        by=query.by,
        per=query.per,
        since=query.since,
        until=query.until,
        counted_until=figures.counted_until,
        zone=ZONE,
        only={str(kind): name for kind, name in query.only.items()},
        used=Used.of(total),
        periods=tuple(
            UsagePeriod(each.start, each.end, Used.of(figures.periods.get(each.start, NOTHING)))
            for each in query.periods
        ),
        lines=Page(
            _make_lines(facts, query, figures),
            figures.total,
            arguments.list,
            _find_next(arguments, query, figures.total, facts.at),
        ),
        at=facts.at,
    )


def _find_next(
    arguments: UsageArguments, query: UsageQuery, total: int, now: datetime
) -> str | None:
    """Return the cursor of the next part; it keeps the time, and with it the order."""
    part = arguments.list
    end = part.offset + part.limit
    if end >= total:
        return None
    until = find_end(arguments, now)
    return render_cursor(query.since.isoformat(), until.isoformat(), end, part.sort)


def _make_lines(facts: ReportFacts, query: UsageQuery, figures: Figures) -> tuple[UsageLine, ...]:
    ends = {each.start: each.end for each in query.periods}
    named: dict[str, list[UsagePeriod]] = {name: [] for name in figures.names}
    totals = dict.fromkeys(figures.names, NOTHING)
    for (name, start), used in sorted(figures.cells.items()):
        if name in named and used != NOTHING:
            named[name].append(UsagePeriod(start, ends[start], Used.of(used)))
            totals[name] = totals[name].plus(used)
    return tuple(
        UsageLine(name, _find_title(facts, query.by, name), Used.of(totals[name]), tuple(periods))
        for name, periods in named.items()
    )


def _find_title(facts: ReportFacts, by: Kind, name: str) -> str:
    policy = facts.policy
    kinds: Mapping[Kind, Mapping[str, Person | Group | Tier | Image | PodSource]] = {
        "person": policy.people,
        "group": policy.groups,
        "tier": policy.tiers,
        "image": policy.images,
    }
    declared = kinds[by].get(name) or (policy.observed_pods.get(name) if by == "tier" else None)
    return declared.title if declared is not None else ""


def _say(viewer: Viewer, query: UsageQuery, total: Usage) -> str:
    """Say the answer in one sentence, which leaves out what was not used."""
    used = Used.of(total)
    amounts = (
        (used.cpu_hours, "CPU hours"),
        (used.memory_gib_hours, "GiB hours of memory"),
        (used.accelerator_hours, "GPU hours"),
    )
    parts = [f"{render_hours(hours)} {unit}" for hours, unit in amounts if hours]
    total_used = listed(parts) if parts else "nothing"
    only = query.only
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
    first, last = query.since, query.until - timedelta(seconds=1)
    return f"{who} used {total_used}{where} from {first:%-d %b %Y} to {last:%-d %b %Y}."


def render_hours(hours: float) -> str:
    """Say a number of hours with as many digits as it deserves."""
    if hours >= 100 or hours == int(hours):
        return f"{hours:,.0f}"
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.2g}"
