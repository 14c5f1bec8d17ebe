"""The last failed run of each server, with the end of its log: for a week, and bounded.

The ledger says that a server ended; this says more to those who look into it. No rule
depends on it.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, select, tuple_

from jupyterhub_platform.core.causes import Cause, Who
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import failed_run

KEPT_FOR: Final = timedelta(days=7)
MAX_OF_USER: Final = 20
"""Servers of one user of which the last failure is kept: names of servers are free to make up."""
_FAILED = failed_run.c


@dataclass(frozen=True, slots=True)
class FailedRun:
    """How a run with a ``reservation`` failed; ``log`` is the end of what the server wrote."""

    user: str
    server: str
    reservation: str
    cause: Cause
    log: str
    at: datetime


def keep(tx: Transaction, run: FailedRun) -> None:
    """Keep how a server failed, in place of its last failure; forget what is old or too much."""
    of_user = _FAILED.user == run.user
    tx.execute(delete(failed_run).where(of_user, _FAILED.server == run.server))
    tx.execute(delete(failed_run).where(_FAILED.at < run.at - KEPT_FOR))
    newest = select(_FAILED.server).where(of_user).order_by(_FAILED.at.desc(), _FAILED.server)
    surplus = tx.execute(newest.offset(MAX_OF_USER - 1)).scalars().all()
    if surplus:
        tx.execute(delete(failed_run).where(of_user, _FAILED.server.in_(surplus)))
    tx.execute(
        insert(failed_run),
        {
            "user": run.user,
            "server": run.server,
            "reservation": run.reservation,
            "cause": json.dumps(run.cause.to_json(), ensure_ascii=False),
            "log": run.log,
            "at": run.at,
        },
    )


def find(tx: Transaction, servers: Collection[tuple[str, str]]) -> dict[str, FailedRun]:
    """Return the last failures of some servers, by the reservation of the run."""
    if not servers:
        return {}
    query = select(failed_run).where(tuple_(_FAILED.user, _FAILED.server).in_(sorted(servers)))
    return {
        row.reservation: FailedRun(
            row.user, row.server, row.reservation, _read_cause(row.cause), row.log, row.at
        )
        for row in tx.execute(query)
    }


def _read_cause(text: str) -> Cause:
    cause = json.loads(text)
    return Cause(cause["code"], cause["sentence"], Who(cause["who"]), cause["fix"])
