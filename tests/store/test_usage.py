"""What leads to the rows of the ledger that usage is made of: an index, and never all of them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from jupyterhub_platform.core.usage import Run, Usage, to_seconds
from jupyterhub_platform.store import ledger, usage_runs
from jupyterhub_platform.store.store import Store
from tests.store.test_ledger import admit, make_reservation

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHO = [("", ""), ("person", "ada"), ("group", "vision"), ("tier", "small")]


@pytest.mark.parametrize(("by", "name"), WHO)
def test_an_index_leads_to_what_has_ended_lately(sqlite_url: str, by: str, name: str) -> None:
    store = Store.open(sqlite_url)
    plans: list[str] = []
    with store.read() as tx:

        def explain(_connection, cursor, statement, parameters, *_more) -> None:
            if statement.startswith("SELECT reservation"):
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.extend(row[3] for row in cursor.fetchall())

        event.listen(tx, "before_cursor_execute", explain)
        usage_runs.list_runs(tx, NOW, NOW, by=by, names=[name], limit=9)
    store.close()
    ended, running = plans
    assert "USING INDEX reservation_ended" in ended
    assert "USING INDEX reservation_open" in running


def test_what_is_held_is_read_without_what_has_ended(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    plans: list[str] = []
    with store.read() as tx:

        def explain(_connection, cursor, statement, parameters, *_more) -> None:
            if statement.startswith("SELECT reservation"):
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.extend(row[3] for row in cursor.fetchall())

        event.listen(tx, "before_cursor_execute", explain)
        ledger.list_open(tx)
        ledger.list_open_ids(tx)
    store.close()
    assert ["USING INDEX reservation_open" in plan for plan in plans] == [True, True]


@pytest.mark.parametrize(("by", "name"), WHO)
def test_runs_are_those_that_were_held_in_the_time(store: Store, by: str, name: str) -> None:
    for hours, lasted in ((1, 1), (3, 1), (9, 7), (5, None), (12, 1)):
        opened = NOW - timedelta(hours=hours)
        admit(store, make_reservation(f"r{hours}", server=str(hours), opened_at=opened))
        if lasted is not None:
            with store.begin() as tx:
                ledger.release(tx, f"r{hours}", opened + timedelta(hours=lasted), "stopped")
    admit(store, make_reservation("x", user="bob", account="text", tier="gpu", opened_at=NOW))
    since, until = NOW - timedelta(hours=3), NOW - timedelta(hours=1)
    with store.read() as tx:
        runs = usage_runs.list_runs(tx, since, until, by=by, names=[name], limit=9)
        some = usage_runs.list_runs(tx, since, until, by=by, names=[name], limit=2)
    ages = sorted((to_seconds(NOW) - run.opened + 3599) // 3600 for run in runs)
    assert ages == [3, 5, 9]
    assert len(some) == 2
    first = next(run for run in runs if run.released is not None)
    assert first == Run(
        *("ada", "vision", "small", "quay.io/jupyter/minimal-notebook:latest"),
        *(Usage(1, 500, 2**30, 0), first.opened, first.released),
    )
