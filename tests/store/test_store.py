"""A store that is opened, does not answer, comes back, or is another one."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect, text

from jupyterhub_platform.core.errors import (
    StoreError,
    StoreMismatchError,
    StoreUnreachableError,
)
from jupyterhub_platform.store import audit
from jupyterhub_platform.store.engine import open_engine, parse_url
from jupyterhub_platform.store.store import Store
from tests.support.postgres import PASSWORD

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def write(store: Store) -> None:
    with store.begin() as tx:
        audit.append(tx, at=NOW, actor="ada", action="test", subject="store")


def count(store: Store) -> int:
    with store.read() as tx:
        return len(audit.list_audit(tx))


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_store_keeps_its_id(store, store_url):
    again = Store.open(store_url, expected_id=store.id)
    assert again.id == store.id
    again.close()


def test_two_stores_differ(sqlite_url, postgres_url):
    one, other = Store.open(sqlite_url), Store.open(postgres_url)
    assert one.id != other.id
    one.close()
    other.close()


def test_another_store_is_recognised(store, store_url):
    with pytest.raises(StoreMismatchError, match="another one"):
        Store.open(store_url, expected_id="00000000-0000-0000-0000-000000000000")


def test_emptied_store_is_recognised(store, store_url):
    with store.begin() as tx:
        tx.execute(text("DELETE FROM store_info"))
    with pytest.raises(StoreMismatchError, match="emptied"):
        Store.open(store_url, expected_id=store.id)


def test_work_without_error_is_committed(store):
    write(store)
    assert count(store) == 1


def test_reading_sees_one_moment(store):
    write(store)
    with store.read() as tx:
        assert len(audit.list_audit(tx)) == 1
        write(store)
        assert len(audit.list_audit(tx)) == 1
    assert count(store) == 2


def test_nothing_is_written_through_a_reading_transaction(store):
    def try_to_write() -> None:
        with store.read() as tx:
            audit.append(tx, at=NOW, actor="ada", action="test", subject="store")

    with pytest.raises(StoreUnreachableError):
        try_to_write()
    assert count(store) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE store_info SET id = 'other'",
        "DELETE FROM local_account",
        "DROP TABLE applied_membership",
        "CREATE TABLE more (id INTEGER)",
    ],
)
def test_read_only_store_cannot_be_written(store, store_url, statement):
    reader = Store.open(store_url, read_only=True)
    with pytest.raises(StoreUnreachableError), reader.read() as tx:
        tx.execute(text(statement))
    with pytest.raises(StoreUnreachableError, match="opened read-only"), reader.begin():
        pass
    reader.close()
    store.probe()


def test_read_only_store_sees_what_is_written_later(store, store_url):
    reader = Store.open(store_url, read_only=True)
    assert count(reader) == 0
    write(store)
    assert count(reader) == 1
    reader.probe()
    reader.close()


def test_read_only_store_is_not_created(tmp_path):
    with pytest.raises(StoreUnreachableError, match="unable to open"):
        Store.open(f"sqlite:///{tmp_path}/nothing.sqlite", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_read_only_store_opens_after_the_writer_closed(store, store_url):
    write(store)
    store.close()
    reader = Store.open(store_url, read_only=True)
    assert count(reader) == 1
    reader.close()


def test_sqlite_file_is_readable_by_its_owner_alone(sqlite_url):
    before = os.umask(0)
    try:
        store = Store.open(sqlite_url)
        write(store)
    finally:
        os.umask(before)
    folder = path_of(sqlite_url).parent
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    store.close()


def test_sqlite_uses_the_write_ahead_log(sqlite_url):
    store = Store.open(sqlite_url)
    with store.begin() as tx:
        pragmas = [
            tx.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert pragmas == ["wal", 1, 1, 200]
    store.close()


def test_sqlite_path_stays_the_same_when_the_directory_changes(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    before = Path.cwd()
    try:
        os.chdir(tmp_path)
        store = Store.open("sqlite:///here.sqlite")
        store.close()
        os.chdir(other)
        write(store)
    finally:
        os.chdir(before)
    assert list(other.iterdir()) == []
    store.close()


def test_locked_sqlite_is_reported_quickly_and_recovers(sqlite_url):
    store = Store.open(sqlite_url)
    outsider = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    outsider.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    with pytest.raises(StoreUnreachableError, match="locked"):
        write(store)
    assert time.monotonic() - started < 1
    with pytest.raises(StoreUnreachableError, match="locked"):
        store.probe()
    assert count(store) == 0  # readers do not wait for the writer
    outsider.execute("ROLLBACK")
    outsider.close()
    store.probe()
    write(store)
    assert count(store) == 1
    store.close()


def test_writer_holds_the_lock_from_its_beginning(sqlite_url):
    # Taken later, it could fail after something was read and decided.
    store = Store.open(sqlite_url)
    outsider = sqlite3.connect(path_of(sqlite_url), isolation_level=None, timeout=0)
    with store.begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
        outsider.execute("BEGIN IMMEDIATE")
    outsider.close()
    store.close()


def test_thread_that_writes_too_long_holds_up_no_other(sqlite_url):
    store = Store.open(sqlite_url)
    writing, done = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with store.begin():
            writing.set()
            done.wait(10)

    thread = threading.Thread(target=write_slowly)
    thread.start()
    writing.wait(10)
    started = time.monotonic()
    with pytest.raises(StoreUnreachableError, match="another thread is writing"):
        write(store)
    assert time.monotonic() - started < 1
    done.set()
    thread.join()
    write(store)
    store.close()


def test_thread_that_waits_to_write_comes_before_one_that_comes_back(store_url):
    store = Store.open(store_url, exclusive=True)
    order, waiting = [], threading.Event()

    def wait_and_write() -> None:
        waiting.set()
        with store.begin():
            order.append("waited")

    thread = threading.Thread(target=wait_and_write)
    with store.begin():
        thread.start()
        waiting.wait(10)
        time.sleep(0.05)  # by then it waits
    with store.begin():
        order.append("came back")
    thread.join()
    store.close()
    assert order == ["waited", "came back"]


def test_many_threads_write_without_error(store):
    def work() -> None:
        for _ in range(20):
            write(store)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(work) for _ in range(8)]:
            each.result()
    with store.read() as tx:
        found = audit.verify(tx)
    assert (found.ok, found.rows) == (True, 160)


def test_error_of_the_caller_leaves_the_store_usable(store):
    def fail() -> None:
        with store.begin() as tx:
            audit.append(tx, at=NOW, actor="ada", action="test", subject="store")
            raise FileNotFoundError("of the caller")

    for _ in range(50):
        with pytest.raises(FileNotFoundError, match="of the caller"):
            fail()
    assert count(store) == 0
    write(store)


def test_full_disk_is_reported_and_nothing_is_kept(sqlite_url):
    store = Store.open(sqlite_url)

    def fill() -> None:
        with store.begin() as tx:
            pages = tx.exec_driver_sql("PRAGMA page_count").scalar()
            tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            audit.append(tx, at=NOW, actor="a", action="b", subject="c", detail={"x": "y" * 9000})

    with pytest.raises(StoreUnreachableError, match="full"):
        fill()
    assert count(store) == 0
    write(store)
    assert count(store) == 1
    store.close()


def test_removed_sqlite_file_is_noticed(sqlite_url):
    store = Store.open(sqlite_url)
    write(store)
    kept = path_of(sqlite_url).with_name("moved")
    path_of(sqlite_url).rename(kept)
    with pytest.raises(StoreUnreachableError, match="No such file"):
        write(store)
    with pytest.raises(StoreUnreachableError, match="No such file"):
        count(store)
    assert not path_of(sqlite_url).exists()
    kept.rename(path_of(sqlite_url))
    store.probe()
    assert count(store) == 1
    store.close()


def test_replaced_sqlite_file_is_noticed(sqlite_url, tmp_path):
    store = Store.open(sqlite_url)
    write(store)
    other = Store.open(f"sqlite:///{tmp_path}/other.sqlite")
    other.close()
    (tmp_path / "other.sqlite").rename(path_of(sqlite_url))
    for _ in range(2):
        with pytest.raises(StoreMismatchError, match="replaced while it was in use"):
            write(store)
        with pytest.raises(StoreMismatchError, match="replaced while it was in use"):
            count(store)
    store.close()


def test_sqlite_file_emptied_while_closed_is_recognised(sqlite_url):
    store = Store.open(sqlite_url)
    store.close()
    path_of(sqlite_url).write_bytes(b"")
    with pytest.raises(StoreMismatchError, match="emptied"):
        store.probe()
    with pytest.raises(StoreMismatchError, match="emptied"):
        Store.open(sqlite_url, expected_id=store.id)
    store.close()


def test_nothing_is_written_into_an_empty_database_where_a_store_was(store_url):
    for _ in range(2):
        with pytest.raises(StoreMismatchError, match="emptied"):
            Store.open(store_url, expected_id="the-store-of-before")
    # So that a backup can be restored into it.
    engine = open_engine(parse_url(store_url), read_only=True)
    if store_url.startswith("sqlite"):
        assert not path_of(store_url).exists()
    else:
        assert inspect(engine).get_table_names() == []
    engine.dispose()


@pytest.mark.postgres
def test_a_store_is_up_again_only_when_it_can_be_read_too(postgres_url, postgres_server):
    with closing(Store.open(postgres_url)) as store:
        assert count(store) == 0
        postgres_server.stop()
        with pytest.raises(StoreUnreachableError):
            store.probe()
        postgres_server.start()
        for _ in range(3):
            with suppress(StoreUnreachableError):
                store.probe()
                break
        assert count(store) == 0, "a connection of before was kept"


@pytest.mark.postgres
def test_stopped_postgresql_is_reported_quickly_and_recovers(postgres_url, postgres_server):
    store = Store.open(postgres_url)
    write(store)
    postgres_server.stop()
    try:
        for attempt in (write, count, Store.probe):
            started = time.monotonic()
            with pytest.raises(StoreUnreachableError) as error:
                attempt(store)
            assert time.monotonic() - started < 3
            assert PASSWORD not in str(error.value)
        with pytest.raises(StoreUnreachableError):
            Store.open(postgres_url)
    finally:
        postgres_server.start()
    store.probe()
    assert count(store) == 1
    write(store)
    assert count(store) == 2
    store.close()


@pytest.mark.postgres
def test_restarted_postgresql_fails_once_at_most(postgres_url, postgres_server):
    store = Store.open(postgres_url)
    held = [store.begin() for _ in range(3)]
    for transaction in held:
        transaction.__enter__().execute(text("SELECT 1"))
    for transaction in held:
        transaction.__exit__(None, None, None)
    postgres_server.stop()
    postgres_server.start()
    with pytest.raises(StoreUnreachableError):
        write(store)
    write(store)
    store.close()


@pytest.mark.postgres
def test_frozen_postgresql_is_given_up(postgres_url):
    store = Store.open(postgres_url)
    with store.begin() as tx:
        server = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
    os.kill(server, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(StoreUnreachableError, match="went silent"):
            write(store)
        assert time.monotonic() - started < 5
        write(store)
    finally:
        os.kill(server, signal.SIGCONT)
    assert count(store) == 1
    store.close()


@pytest.mark.postgres
def test_slow_statement_is_cut_off(postgres_url):
    store = Store.open(postgres_url)
    started = time.monotonic()
    with pytest.raises(StoreUnreachableError, match="statement timeout"), store.read() as tx:
        tx.execute(text("SELECT pg_sleep(20)"))
    assert time.monotonic() - started < 5
    write(store)
    store.close()


@pytest.mark.postgres
def test_lock_of_another_program_is_not_waited_for(postgres_url):
    store = Store.open(postgres_url)
    with psycopg.connect(postgres_url) as outsider:
        outsider.execute("LOCK TABLE audit")
        started = time.monotonic()
        with pytest.raises(StoreUnreachableError, match="lock timeout"):
            write(store)
        assert time.monotonic() - started < 2
    write(store)
    store.close()


@pytest.mark.postgres
def test_database_that_replaced_ours_is_noticed(postgres_url):
    store = Store.open(postgres_url)
    write(store)
    with psycopg.connect(postgres_url) as outsider:
        outsider.execute("UPDATE store_info SET id = 'other'")
    store.close()
    with pytest.raises(StoreMismatchError, match="another one"):
        write(store)
    store.close()


@pytest.mark.postgres
def test_read_only_database_is_reported(postgres_url):
    store = Store.open(postgres_url)
    with store.begin() as tx:
        tx.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
    with pytest.raises(StoreUnreachableError, match="read-only"):
        write(store)
    # That connection was thrown away; a new one may write.
    write(store)
    store.close()


@pytest.mark.postgres
@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("p%40ss", "wr0ng%40canary"),
        lambda url: f"{url}?options=-c%20nonsense%3D1&sslpassword=wr0ng%40canary",
        lambda url: f"{url}?nonsense=1&password=wr0ng%40canary",
        lambda url: f"{url}_absent",
        # A message that repeats the password, because it is the database's name too.
        lambda url: f"{url}?dbname=p%40ss%2Fw%3Ard%25canary",
    ],
)
def test_password_is_in_no_message(postgres_url, change):
    url = change(postgres_url)
    with pytest.raises(StoreError) as error:
        Store.open(url)
    shown = f"{error.value!r} {error.value} {error.value.__cause__}"
    assert "canary" not in shown
    assert "127.0.0.1" in shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:canary@host:port/db",
        "mysql://ada:canary@host/db",
        "postgresql+asyncpg://ada:canary@host/db",
        "canary",
        "",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_unusable_url_is_refused_without_showing_it(url):
    with pytest.raises(StoreError) as error:
        Store.open(url)
    assert "canary" not in str(error.value)
    assert "sqlite:///PATH" in str(error.value)


def test_host_that_never_answers_is_given_up_quickly():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(StoreUnreachableError) as error:
            Store.open(f"postgresql://ada:canary@127.0.0.1:{port}/db")
        assert time.monotonic() - started < 5
        assert "canary" not in str(error.value)


def test_display_url_has_no_password(store, store_url):
    assert PASSWORD not in store.display_url
    assert "p%40ss" not in store.display_url
    assert store.display_url.split("/")[-1] == store_url.split("/")[-1]


@pytest.mark.parametrize("folder", ["a b#c", "ümläut"])
def test_sqlite_path_may_have_any_characters(tmp_path, folder):
    (tmp_path / folder).mkdir()
    store = Store.open(f"sqlite:///{tmp_path}/{folder}/a.sqlite")
    store.close()


def test_a_store_in_sqlite_needs_no_library_of_postgresql(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from jupyterhub_platform.hub import configure, platform\n"
        "from jupyterhub_platform.store.store import Store\n"
        "Store.open(sys.argv[1]).close()\n"
        "print('psycopg' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{tmp_path}/store.db"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
