"""The outbox in the database: each row is sent by one process at a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.core.notices import Channel, Event, Notice, make_notices
from jupyterhub_platform.store import notices
from jupyterhub_platform.store.store import Store
from tests.support.policies import NOW

LEASE = timedelta(minutes=2)
MANY = 60


def enter(store: Store, number: int) -> list[Notice]:
    new = [
        each
        for index in range(number)
        for each in make_notices(Event.TEST, f"t{index}", {}, ["ada"], [Channel.MAIL], NOW)
    ]
    with store.begin() as tx:
        notices.add_notices(tx, new, "root")
    return new


def take(store: Store) -> Notice | None:
    with store.begin() as tx:
        return notices.take_notice(tx, Channel.MAIL, NOW, LEASE)


def test_each_notice_is_taken_once_however_many_take(store: Store, store_url: str) -> None:
    entered = enter(store, MANY)
    # SQLite has one process that writes, in any number of threads.
    is_shared = not store_url.startswith("sqlite")
    others = [Store.open(store_url) if is_shared else store for _ in range(3)]

    def take_all(of: Store) -> list[str]:
        taken: list[str] = []
        while True:
            try:
                notice = take(of)
            except StoreUnreachableError:
                continue  # Busy with another one: the Hub looks again, too.
            if notice is None:
                return taken
            taken.append(notice.id)

    with ThreadPoolExecutor(4) as threads:
        taken = [id_ for ids in threads.map(take_all, [store, *others]) for id_ in ids]
    for other in others[: 3 * is_shared]:
        other.close()
    # One that was passed over because its row was locked is there at the next look.
    taken += take_all(store)
    assert sorted(taken) == sorted(each.id for each in entered)


@pytest.mark.postgres
def test_a_row_that_another_process_takes_is_passed_over(postgres_url: str) -> None:
    one, other = Store.open(postgres_url), Store.open(postgres_url)
    enter(one, 2)
    with one.begin() as tx:
        first = notices.take_notice(tx, Channel.MAIL, NOW, LEASE)
        second = take(other)
        third = take(other)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert third is None
    one.close()
    other.close()


def test_a_notice_that_is_there_is_not_entered_again(store: Store) -> None:
    enter(store, 2)
    enter(store, 3)
    with store.read() as tx:
        assert notices.count_waiting(tx, Channel.MAIL) == 3


@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 5000, ""])
def test_an_id_of_any_text_is_none(store: Store, text: str) -> None:
    with store.begin() as tx:
        assert notices.find_notice(tx, text) is None
        assert notices.retry_notice(tx, text, NOW) is False


def test_an_index_leads_to_what_is_due(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    plans: list[str] = []
    with store.read() as tx:

        def explain(
            _connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any
        ) -> None:
            if statement.startswith("SELECT"):
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.extend(row[3] for row in cursor.fetchall())

        event.listen(tx, "before_cursor_execute", explain)
        notices.is_any_due(tx, Channel.MAIL, NOW)
        notices.list_notices(tx)
        notices.count_events(tx, "ada", Event.REQUEST_MADE, NOW)
        notices.count_waiting(tx, Channel.MAIL)
    store.close()
    assert [plan.partition("INDEX ")[2].split()[0] for plan in plans if "INDEX" in plan] == [
        "notice_due",
        "notice_by_time",
        "notice_by_actor",
        "notice_due",
    ]
