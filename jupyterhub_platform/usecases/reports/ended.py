"""Servers that failed or ended in the last day, why, and what they wrote at the end."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jupyterhub_platform.core.causes import PLANNED, Cause, cause_of_release
from jupyterhub_platform.store import ended_runs, failed_runs
from jupyterhub_platform.store.ended_runs import EndedRun, Whose
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.failed_runs import FailedRun
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

DAY: Final = timedelta(days=1)
MAX_LOOKED_AT: Final = 500
"""Failures that are looked at, the newest: a server that fails again and again is one line."""
_MAX_ENDED: Final = 10


@dataclass(frozen=True, slots=True)
class Ended:
    """How a server ended, ``times`` in the last day.

    ``log`` is the end of what it wrote, for those who may read it. ``runs_again`` if it was started
    since.
    """

    user: str
    server: str
    account: str
    tier: str
    at: datetime
    cause: Cause
    times: int = 1
    log: str = ""
    runs_again: bool = False


@dataclass(frozen=True, slots=True)
class EndCount:
    """How many servers ended for a reason, in its own words."""

    code: str
    sentence: str
    count: int


@dataclass(frozen=True, slots=True)
class EndedServers:
    """The last day: servers that failed, the last of the others, and a count for each reason."""

    failed: tuple[Ended, ...] = ()
    others: tuple[Ended, ...] = ()
    counts: tuple[EndCount, ...] = ()


def read_ended(tx: Transaction, facts: ReportFacts, viewer: Viewer) -> EndedServers:
    """Read which servers ended in the last day, as far as the viewer may see it."""
    since, whose = facts.at - DAY, _whose_runs(viewer)
    reasons = ended_runs.count_reasons(tx, since, whose)
    failed = []
    if any(map(_may_be_failure, reasons)):
        # Mostly there are none, and a search for them would go through the whole day again.
        failed = ended_runs.list_ended(
            tx, since, whose, failed=True, planned=PLANNED, limit=MAX_LOOKED_AT
        )
    others = ended_runs.list_ended(
        tx, since, whose, failed=False, planned=PLANNED, limit=_MAX_ENDED
    )
    newest = _find_newest(failed)
    kept = failed_runs.find(tx, newest.keys())
    return EndedServers(
        tuple(_read_end(facts, viewer, run, times, kept) for run, times in newest.values()),
        tuple(_read_end(facts, viewer, run, 1, {}) for run in others),
        tuple(_count(reasons)),
    )


def _may_be_failure(reason: str) -> bool:
    return "." in reason and reason not in PLANNED


def _whose_runs(viewer: Viewer) -> Whose:
    own = viewer.name if viewer.reads_own else ""
    return Whose(viewer.reads_all, viewer.reads_groups, own)


def _find_newest(runs: list[EndedRun]) -> dict[tuple[str, str], tuple[EndedRun, int]]:
    """Return the last failure of each server, the newest first, and how often it failed."""
    found: dict[tuple[str, str], tuple[EndedRun, int]] = {}
    for run in runs:
        first, times = found.get((run.user, run.server), (run, 0))
        found[run.user, run.server] = (first, times + 1)
    return found


def _read_end(
    facts: ReportFacts,
    viewer: Viewer,
    run: EndedRun,
    times: int,
    kept: dict[str, FailedRun],
) -> Ended:
    failed = kept.get(run.id)
    return Ended(
        run.user,
        run.server,
        run.account,
        run.tier,
        run.at,
        failed.cause if failed else cause_of_release(run.reason),
        times,
        failed.log if failed and viewer.reads_log_of(run.user) else "",
        facts.book.of_server(run.user, run.server) is not None,
    )


def _count(reasons: dict[str, int]) -> list[EndCount]:
    counted: dict[tuple[str, str], int] = {}
    for reason, count in reasons.items():
        cause = cause_of_release(reason)
        key = (cause.code, cause.sentence)
        counted[key] = counted.get(key, 0) + count
    found = [EndCount(code, sentence, count) for (code, sentence), count in counted.items()]
    return sorted(found, key=lambda each: (-each.count, each.code, each.sentence))


def count_failures(counts: Collection[EndCount]) -> int:
    """Count the failures among what ended."""
    return sum(each.count for each in counts if each.code not in PLANNED)
