"""Rows of the audit that match a filter: all of them, in order, and never by a walk over all."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from jupyterhub_platform.origin import RequestOrigin
from jupyterhub_platform.store import audit, audit_search, schema
from jupyterhub_platform.store.audit import AuditRow
from jupyterhub_platform.store.audit_search import AuditFilter, find_row, find_rows
from jupyterhub_platform.store.store import Store
from tests.support.seeds import dice_for

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ACTORS = ("admin", "root", "dev1", "(anonymous)")
ACTIONS = ("person.suspended", "person.resumed", "personal.x", "group.added", "server.denied")
SUBJECTS = ("dev1", "dev2", "vision", "")
RESULTS = ("done", "done", "refused", "failed")


def fill(store: Store, random: Random, rows: int = 300) -> list[AuditRow]:
    with store.begin() as tx:
        return [
            audit.append(
                tx,
                at=NOW + timedelta(minutes=number) - timedelta(seconds=random.randrange(0, 200)),
                actor=random.choice(ACTORS),
                action=random.choice(ACTIONS),
                subject=random.choice(SUBJECTS),
                result=random.choice(RESULTS),
                origin=RequestOrigin("page", "10.1.2.3"),
            )
            for number in range(rows)
        ]


def matches(row: AuditRow, wanted: AuditFilter) -> bool:
    return (
        wanted.actor in ("", row.actor)
        and row.action.startswith(wanted.action)
        and wanted.subject in ("", row.subject)
        and wanted.result in ("", row.result)
        and (wanted.since is None or row.at >= wanted.since)
        and (wanted.until is None or row.at < wanted.until)
    )


def page_through(store: Store, wanted: AuditFilter, limit: int, *, up: bool) -> list[AuditRow]:
    """Follow all pages, each of which has rows that the last one did not have."""
    found: list[AuditRow] = []
    edge: dict[str, Any] = {"after": 0} if up else {}
    for _ in range(1000):
        with store.read() as tx:
            part = find_rows(tx, wanted, limit=limit, **edge)
        assert len(part.rows) <= limit
        found += part.rows
        if part.go_on is None:
            return found
        edge = {"after" if up else "before": part.go_on}
    raise AssertionError("the pages do not end")


FILTERS = [
    AuditFilter(),
    AuditFilter(actor="dev1"),
    AuditFilter(action="person."),
    AuditFilter(action="person"),
    AuditFilter(action="nothing"),
    AuditFilter(subject="vision"),
    AuditFilter(result="refused"),
    AuditFilter(result="done"),
    AuditFilter(actor="dev1", subject="dev1"),
    AuditFilter(actor="dev1", action="group.", result="refused"),
    AuditFilter(action="person.", result="failed"),
    AuditFilter(subject="dev2", action="server."),
    AuditFilter(since=NOW + timedelta(minutes=100)),
    AuditFilter(until=NOW + timedelta(minutes=100)),
    AuditFilter(
        since=NOW + timedelta(minutes=50), until=NOW + timedelta(minutes=70), result="refused"
    ),
    AuditFilter(since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC)),
]


@pytest.mark.parametrize("rows_each", [7, 10_000])
@pytest.mark.parametrize("limit", [1, 7, 200])
def test_every_row_that_matches_is_on_one_page_and_in_order(
    store: Store, monkeypatch: pytest.MonkeyPatch, limit: int, rows_each: int
) -> None:
    monkeypatch.setattr(audit_search, "MAX_LOOKED_AT", rows_each)
    rows = fill(store, dice_for("the audit"))
    for wanted in FILTERS:
        due = [row for row in rows if matches(row, wanted)]
        assert page_through(store, wanted, limit, up=True) == due, wanted
        assert page_through(store, wanted, limit, up=False) == due[::-1], wanted


def test_refusals_of_before_results_were_recorded_are_refusals(store: Store) -> None:
    with store.begin() as tx:
        for number, action in enumerate(("server.denied", "person.suspended"), start=1):
            row = {
                "seq": number,
                "at": NOW,
                "actor": "a",
                "action": action,
                "subject": "s",
                "detail": "{}",
                "previous_hash": str(number),
                "hash": "h",
            }
            tx.execute(insert(schema.audit), row)
    found = {
        result: [r.seq for r in page_through(store, AuditFilter(result=result), 5, up=False)]
        for result in ("done", "refused", "failed")
    }
    assert found == {"done": [2], "refused": [1], "failed": []}
    with store.read() as tx:
        rows = [find_row(tx, number) for number in (1, 2)]
    assert [audit_search.result_of(row) for row in rows if row] == ["refused", "done"]


def test_a_row_that_was_written_past_the_platform_is_shown(store: Store) -> None:
    with store.begin() as tx:
        audit.append(tx, at=NOW, actor="a", action="b", subject="c")
        if tx.dialect.name != "sqlite":
            pytest.skip("by choice: only SQLite keeps text that is none")
        tx.execute(text("DROP TRIGGER audit_no_update"))
        tx.execute(text("UPDATE audit SET actor = CAST(x'ff61' AS TEXT), at = 'soon'"))
    with store.read() as tx:
        (row,) = find_rows(tx, AuditFilter(), limit=5).rows
        assert find_row(tx, 1) == row
    assert (row.actor, row.at.year) == ("?a", 1)


def explained(store: Store, run: Any) -> list[str]:
    """Return how the database carries out each statement that ``run`` sends."""
    plans: list[str] = []
    with store.read() as tx:
        seen: list[tuple[str, Any]] = []

        def note(_c: Any, _k: Any, statement: str, parameters: Any, *_: Any) -> None:
            seen.append((statement, parameters))

        if tx.dialect.name != "sqlite":
            # Otherwise it would rather walk over as few rows as there are in a test.
            tx.execute(text("SET LOCAL enable_seqscan = off"))
        event.listen(tx, "before_cursor_execute", note)
        run(tx)
        event.remove(tx, "before_cursor_execute", note)
        how = "EXPLAIN QUERY PLAN " if tx.dialect.name == "sqlite" else "EXPLAIN "
        for statement, parameters in seen:
            rows = tx.exec_driver_sql(how + statement, parameters).all()
            plans.append(" / ".join([statement, *(str(row[-1]) for row in rows)]))
    return plans


def walks(plans: Sequence[str]) -> list[str]:
    """Return the plans that look at every row, or on SQLite sort what they find.

    In order and up to a limit, a walk ends early. PostgreSQL sorts what is few: it counts rows.
    """
    return [
        plan
        for plan in plans
        if "Seq Scan" in plan
        or "TEMP B-TREE" in plan
        or (" SCAN audit" in plan and "LIMIT" not in plan)
    ]


@pytest.mark.parametrize("wanted", FILTERS)
def test_no_filter_makes_the_database_walk_over_all_rows_or_sort_them(
    store: Store, wanted: AuditFilter
) -> None:
    fill_many(store, 2_000)
    plans = explained(store, lambda tx: find_rows(tx, wanted, limit=50))
    assert plans
    assert walks(plans) == []


def fill_many(store: Store, rows: int) -> None:
    """Add rows without their hashes: what is looked at here is how they are found."""
    made = [
        {
            "seq": number,
            "at": NOW + timedelta(seconds=number),
            "actor": f"user{number % 500}",
            "action": ACTIONS[number % 5],
            "subject": f"subject{number % 700}",
            "detail": "{}",
            "previous_hash": str(number),
            "hash": "h",
            "result": "refused" if number % 50 == 0 else "done",
            "via": "page",
            "address": "",
        }
        for number in range(1, rows + 1)
    ]
    with store.begin() as tx:
        tx.execute(insert(schema.audit), made)
    with store.begin() as tx:
        tx.execute(text("ANALYZE" if tx.dialect.name == "sqlite" else "ANALYZE audit"))
