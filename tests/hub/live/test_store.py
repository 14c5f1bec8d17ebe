"""A store that does not answer: no start is admitted, everything else goes on, nothing is lost."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from jupyterhub_platform.store import ledger
from jupyterhub_platform.store.store import Store
from tests.support.live_hub import Api, LiveHub, running, wait_for
from tests.support.postgres import PostgresServer
from tests.support.store_readers import read_audit, read_open

pytestmark = pytest.mark.hub

EXAMPLE = Path("examples/local/platform.yaml")
SITE = "c.Platform.store_retry_seconds = 0.5\n"


@contextmanager
def locked(hub: LiveHub) -> Iterator[None]:
    """Hold the SQLite file as another process does that writes without end."""
    database = hub.state / "platform.sqlite"
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_refuses_starts_while_locked_and_loses_no_release(
    make_directory: Callable[[], Path],
) -> None:
    with running(LiveHub(make_directory(), EXAMPLE, site=SITE)) as hub:
        dev1, admin = hub.token("dev1"), hub.token("admin")
        assert dev1.start("dev1", tier="small").status_code in {201, 202}
        dev1.wait_until_ready("dev1")
        with locked(hub):
            _assert_reload_says_when_to_try_again(hub, admin)
            _assert_nothing_starts_and_the_rest_goes_on(dev1)
            assert len(read_open(hub)) == 1, "the release cannot have been entered yet"
        wait_for(lambda: not read_open(hub), "the release to be entered")
        _assert_starts_again(dev1)
        read_audit(hub)


@pytest.mark.postgres
def test_refuses_starts_while_postgresql_is_gone_and_loses_no_release(
    make_directory: Callable[[], Path],
) -> None:
    server = PostgresServer.create()
    try:
        url = server.create_database()
        environment = {"PLATFORM_DB_URL": url}
        hub = LiveHub(make_directory(), EXAMPLE, site=SITE, environment=environment)
        with running(hub):
            dev1 = hub.token("dev1")
            assert dev1.start("dev1", tier="small").status_code in {201, 202}
            dev1.wait_until_ready("dev1")
            server.stop()
            _assert_nothing_starts_and_the_rest_goes_on(dev1)
            # Where the store is may be said, and who logs in to it; never with what.
            credentials = url.partition("://")[2].partition("@")[0]
            assert credentials not in hub.terminal.read_text()
            server.start()
            wait_for(lambda: not _open_rows(url), "the release to be entered")
            _assert_starts_again(dev1)
    finally:
        server.remove()


def test_a_hub_that_cannot_reach_its_store_does_not_start(
    make_directory: Callable[[], Path],
) -> None:
    environment = {"PLATFORM_DB_URL": "postgresql://nobody:secret-word@127.0.0.1:9/none"}
    hub = LiveHub(make_directory(), EXAMPLE, environment=environment)
    try:
        with pytest.raises(AssertionError, match="did not get ready"):
            hub.start()
        assert "does not answer" in hub.terminal.read_text()
        assert "secret-word" not in hub.terminal.read_text() + hub.log
        assert "Traceback" not in hub.terminal.read_text()
    finally:
        hub.clean_up()


def _assert_nothing_starts_and_the_rest_goes_on(dev1: Api) -> None:
    for _ in range(2):
        refused = dev1.start("dev1", "second", tier="small")
        assert refused.status_code == 503, refused.text
        assert int(refused.headers["retry-after"]) > 0
        assert "cannot record" in refused.json()["message"]
    begun = time.monotonic()
    assert dev1.start("dev1", "third", tier="small").status_code == 503
    assert time.monotonic() - begun < 2, "a start waited for a store that is known to be down"
    dry = dev1.post("platform/decide", json={"server": "second", "user_options": {"tier": "small"}})
    assert (dry.status_code, dry.json()["admitted"]) == (200, True)
    assert dev1.get("platform/usage").status_code == 200
    assert dev1.get("/user/dev1/api/status").status_code in {200, 404}
    assert list(dev1.servers("dev1")) == [""]
    dev1.stop("dev1")
    assert dev1.get("platform/usage").json()["servers"] == []


def _assert_reload_says_when_to_try_again(hub: LiveHub, admin: Api) -> None:
    hub.policy.write_text(hub.policy.read_text() + "# another revision\n")
    refused = admin.post("platform/reload")
    assert refused.status_code == 503, refused.text
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json()["message"].endswith("does not answer. Try again in a minute.")


def _assert_starts_again(dev1: Api) -> None:
    def start() -> bool:
        return dev1.start("dev1", "second", tier="small").status_code in {201, 202}

    wait_for(start, "a start to be admitted again", 30)
    dev1.wait_until_ready("dev1", "second")
    dev1.stop("dev1", "second")


def _open_rows(url: str) -> list[object]:
    store = Store.open(url, read_only=True)
    try:
        with store.read() as transaction:
            return list(ledger.list_open(transaction))
    finally:
        store.close()
