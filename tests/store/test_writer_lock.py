"""One Hub at a time: a second one is refused, a dead one holds no lock, a lost one is noticed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import StoreInUseError, StoreUnreachableError
from jupyterhub_platform.store import writer_lock
from jupyterhub_platform.store.store import Store
from tests.support.postgres_sessions import end_sessions, list_sessions

HOLDER = """
import sys, time
from jupyterhub_platform.store.store import Store
store = Store.open(sys.argv[1], exclusive=True)
print("held", flush=True)
time.sleep(600)
"""
KILL_LATER = "import os, sys, time; time.sleep(1); os.kill(int(sys.argv[1]), 9)"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_lock, "PATIENCE", 0.5)


@contextmanager
def another_hub(url: str) -> Iterator[subprocess.Popen[str]]:
    """Hold the store from another process."""
    command = [sys.executable, "-c", HOLDER, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def open_exclusively(url: str) -> Store:
    return Store.open(url, exclusive=True)


def assert_writes(store: Store) -> None:
    store.probe()


def test_the_second_hub_is_refused_by_whatever_link_it_comes(tmp_path: Path) -> None:
    file, link = tmp_path / "platform.sqlite", tmp_path / "link.sqlite"
    link.symlink_to(file)
    Store.open(f"sqlite:///{file}").close()
    with another_hub(f"sqlite:///{file}"), pytest.raises(StoreInUseError):
        open_exclusively(f"sqlite:///{link}")


def test_the_second_hub_is_refused_with_one_line(store_url: str) -> None:
    with another_hub(store_url):
        with pytest.raises(StoreInUseError, match="another Hub uses the store") as refusal:
            open_exclusively(store_url)
        assert "\n" not in str(refusal.value)
        Store.open(store_url, read_only=True).close()


def test_a_refused_hub_does_not_upgrade_the_store(store_url: str) -> None:
    with (
        closing(Store.open(store_url)),
        another_hub(store_url),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("jupyterhub_platform.store.store._upgrade", lambda url: pytest.fail("ran"))
        with pytest.raises(StoreInUseError):
            open_exclusively(store_url)


@pytest.mark.parametrize("frozen", [False, True], ids=["running", "frozen"])
def test_a_hub_that_was_killed_holds_nothing(store_url: str, frozen: bool) -> None:
    with another_hub(store_url) as holder:
        if frozen:
            os.kill(holder.pid, signal.SIGSTOP)
            with pytest.raises(StoreInUseError):
                open_exclusively(store_url)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with closing(open_exclusively(store_url)) as store:
            assert_writes(store)


def test_a_hub_waits_for_the_one_before_it(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_lock, "PATIENCE", 20.0)
    with another_hub(store_url) as holder:
        begun = time.monotonic()
        killer = subprocess.Popen([sys.executable, "-c", KILL_LATER, str(holder.pid)])
        with closing(open_exclusively(store_url)):
            assert time.monotonic() - begun > 0.5
        killer.wait()


def test_closing_leaves_the_store_to_others(store_url: str) -> None:
    open_exclusively(store_url).close()
    with another_hub(store_url):
        pass


def test_a_store_opened_without_the_lock_is_not_kept_out(store_url: str) -> None:
    with closing(open_exclusively(store_url)), closing(Store.open(store_url)) as tool:
        assert_writes(tool)


def test_a_lock_file_that_was_removed_is_taken_again(sqlite_url: str) -> None:
    lock = Path(sqlite_url.removeprefix("sqlite:///") + ".lock")
    with closing(open_exclusively(sqlite_url)) as store:
        lock.unlink()
        assert_writes(store)
        with pytest.raises(StoreInUseError):
            open_exclusively(sqlite_url)


def test_a_hub_whose_lock_file_another_has_taken_writes_nothing_any_more(sqlite_url: str) -> None:
    lock = Path(sqlite_url.removeprefix("sqlite:///") + ".lock")
    with closing(open_exclusively(sqlite_url)) as store:
        lock.unlink()
        with another_hub(sqlite_url):
            assert_refuses(store)
        assert_refuses(store)


@pytest.mark.postgres
def test_a_hub_whose_session_was_ended_takes_the_store_again(postgres_url: str) -> None:
    with closing(open_exclusively(postgres_url)) as store:
        end_sessions(postgres_url)
        with pytest.raises(StoreUnreachableError):
            assert_writes(store)
        assert_writes(store)
        with pytest.raises(StoreInUseError):
            open_exclusively(postgres_url)


@pytest.mark.postgres
def test_a_hub_whose_session_another_has_replaced_writes_nothing_any_more(
    postgres_url: str,
) -> None:
    with closing(open_exclusively(postgres_url)) as store:
        end_sessions(postgres_url)
        with another_hub(postgres_url):
            with pytest.raises(StoreUnreachableError):
                assert_writes(store)
            assert_refuses(store)
        assert_refuses(store)


@pytest.mark.postgres
def test_a_session_that_this_hub_gave_up_does_not_keep_it_out(
    postgres_url: str,
) -> None:
    with closing(open_exclusively(postgres_url)) as store:
        (backend,) = list_sessions(postgres_url)
        # Frozen, it answers nothing and does not notice that the connection was closed.
        os.kill(backend, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnreachableError, match="went silent"):
                assert_writes(store)
            with pytest.raises(StoreUnreachableError, match="given up"):
                assert_writes(store)
        finally:
            os.kill(backend, signal.SIGCONT)
        wait_for_write(store)


def assert_refuses(store: Store) -> None:
    with pytest.raises(StoreInUseError, match="has taken the store"):
        assert_writes(store)


def wait_for_write(store: Store) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            assert_writes(store)
        except StoreUnreachableError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
