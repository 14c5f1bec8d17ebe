"""A server in use is not stopped as idle, whether the Hub was down or the server is slow to say."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.httpclient import JupyterHubHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.servers import lifetimes as module
from jupyterhub_platform.hub.servers.lifetimes import LOOKS_WITHOUT_ANSWER, Lifetimes
from jupyterhub_platform.hub.upstream import event_loop

AT_ONCE = timedelta(microseconds=1)
LONG_AGO = datetime.now(UTC) - timedelta(days=2)
IDLE, BUSY = ([{"execution_state": state}] for state in ("idle", "busy"))
HANGS, BROKEN, NO_JSON = "hangs", "broken", "no json"


@dataclass
class Backends:
    """Servers of people's, all at one port; each says what the test has it say."""

    url: str = ""
    says: dict[str, Any] = field(default_factory=dict)
    on_asked: Callable[[], object] = bool
    asked: int = 0
    most_asked: int = 0
    test_ends: asyncio.Event = field(default_factory=asyncio.Event)


class Kernels(RequestHandler):
    def initialize(self, backends: Backends) -> None:
        self.backends = backends
        backends.asked += 1
        backends.most_asked = max(backends.most_asked, backends.asked)
        self.left = False

    async def get(self, name: str) -> None:
        says = self.backends.says[name]
        self.backends.on_asked()
        if says is HANGS:
            await self.backends.test_ends.wait()
        elif says is BROKEN:
            self.set_status(503)
        else:
            self.finish("here" if says is NO_JSON else json.dumps(says))

    def on_finish(self) -> None:
        self.on_connection_close()

    def on_connection_close(self) -> None:
        self.backends.asked -= not self.left
        self.left = True


@pytest.fixture
async def backends(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Backends]:
    monkeypatch.setattr(module, "_ANSWER_SECONDS", 0.5)
    made = Backends()
    sockets = bind_sockets(0, "127.0.0.1")
    made.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    web = HTTPServer(Application([("/([^/]+)/api/kernels", Kernels, {"backends": made})]))
    web.add_sockets(sockets)
    yield made
    made.test_ends.set()
    web.stop()
    await web.close_all_connections()


class Hub:
    """What lifetimes need of a Hub: one person, their servers, and how these are stopped."""

    def __init__(self, backends: Backends) -> None:
        self.backends = backends
        self.name = "ada"
        self.db = orm.new_session_factory("sqlite:///:memory:")()
        self.users = {"ada": self}
        self.spawners: dict[str, Any] = {}
        self.stopped: list[str] = []
        self.book: list[Reservation] = []
        self.log = logging.getLogger("test_lifetimes")
        self.proxy = SimpleNamespace(delete_user=self._pass)
        self.eventlog = SimpleNamespace(emit=lambda **_: None)

    async def _pass(self, *_: object) -> None:
        """Do nothing."""

    def new_api_token(self, **_: object) -> str:
        return "token"

    async def stop(self, name: str) -> None:
        self.stopped.append(name)
        self.spawners[name].active = self.spawners[name].ready = False

    def add(self, name: str, says: Any = IDLE, **ends: Any) -> Any:
        """Run a server that was admitted and used long ago."""
        self.backends.says[name] = says
        held = Reservation(
            *(f"id-{name}", "ada", name, 1, "vision", "lazy", "lab", Resources()),
            LONG_AGO,
            **ends,
        )
        self.book.append(held)
        self.spawners[name] = SimpleNamespace(
            name=name,
            reservation=held,
            active=True,
            ready=True,
            pending=None,
            server=SimpleNamespace(url=f"{self.backends.url}/{name}/"),
            orm_spawner=SimpleNamespace(last_activity=LONG_AGO.replace(tzinfo=None)),
            _spawn_future=None,
        )
        return self.spawners[name]


@pytest.fixture
async def hub(backends: Backends) -> AsyncIterator[Hub]:
    made = Hub(backends)
    yield made
    made.db.close()
    made.db.get_bind().dispose()


async def test_idleness_is_counted_from_the_beginning_of_the_hub_at_the_earliest(hub):
    hub.add("lab", idle_timeout=timedelta(seconds=0.5))
    began = time.monotonic()
    lifetimes = Lifetimes(hub, hub.book)
    while not hub.stopped:
        await lifetimes.stop_unused()
        await asyncio.sleep(0.01)
        assert time.monotonic() - began < 20
    assert time.monotonic() - began >= 0.5, "the Hub could not know before that it was used"
    assert hub.spawners["lab"].stop_reason == "idle"


async def test_server_that_was_used_since_is_not_idle(hub):
    lifetimes = Lifetimes(hub, hub.book)
    hub.add("lab", idle_timeout=timedelta(minutes=1))
    hub.add("idle", idle_timeout=AT_ONCE)
    hub.add("for ever")
    await lifetimes.stop_unused()
    assert hub.stopped == ["idle"]


async def test_a_busy_kernel_is_heard_behind_servers_that_hang(hub, backends):
    hung = [f"hung-{number}" for number in range(20)]
    for name in hung:
        hub.add(name, HANGS, idle_timeout=AT_ONCE)
    hub.add("busy", BUSY, idle_timeout=AT_ONCE)
    lifetimes = Lifetimes(hub, hub.book)
    for _ in range(LOOKS_WITHOUT_ANSWER):
        assert hub.stopped == []
        await lifetimes.stop_unused()
    assert sorted(hub.stopped) == sorted(hung)
    assert backends.most_asked <= 10


@pytest.mark.parametrize("says", [HANGS, BROKEN, NO_JSON, {"no": "list"}, None])
async def test_a_server_that_never_says_whether_it_is_busy_ends_after_several_looks(
    hub, caplog, says
):
    server = hub.add("lab", says, idle_timeout=AT_ONCE)
    if says is None:
        server.server.url = "http://127.0.0.1:9/"  # nothing listens there
    lifetimes = Lifetimes(hub, hub.book)
    for _ in range(LOOKS_WITHOUT_ANSWER):
        assert hub.stopped == []
        await lifetimes.stop_unused()
    assert hub.stopped == ["lab"]
    assert "ada/lab does not say whether a kernel is busy (look 1 of 3)" in caplog.text


@pytest.mark.parametrize("between", ["busy", "used"])
async def test_unanswered_checks_count_only_in_a_row(hub, backends, between):
    server = hub.add("lab", HANGS, idle_timeout=AT_ONCE)
    lifetimes = Lifetimes(hub, hub.book)
    for _ in range(LOOKS_WITHOUT_ANSWER - 1):
        await lifetimes.stop_unused()
    backends.says["lab"] = BUSY
    server.ready = between == "busy"
    await lifetimes.stop_unused()
    server.ready = True
    backends.says["lab"] = HANGS
    await lifetimes.stop_unused()
    assert hub.stopped == []


async def test_a_server_that_is_used_while_it_is_asked_is_not_stopped(hub, backends):
    server = hub.add("lab", idle_timeout=AT_ONCE)
    used = (datetime.now(UTC) + timedelta(minutes=1)).replace(tzinfo=None)
    backends.on_asked = lambda: setattr(server.orm_spawner, "last_activity", used)
    await Lifetimes(hub, hub.book).stop_unused()
    assert server.orm_spawner.last_activity == used, "it was asked"
    assert hub.stopped == []


async def test_a_run_that_began_while_the_last_one_was_asked_is_not_stopped(hub, backends):
    server = hub.add("lab", idle_timeout=AT_ONCE)
    backends.on_asked = lambda: setattr(
        server, "reservation", replace(server.reservation, id="id-next")
    )
    await Lifetimes(hub, hub.book).stop_unused()
    assert server.reservation.id == "id-next"
    assert hub.stopped == []


async def test_a_question_does_not_wait_for_other_requests_of_the_hub(hub, backends, caplog):
    backends.says["other"] = HANGS
    url = f"{backends.url}/other/api/kernels"
    shared = JupyterHubHTTPClient.loop_instance()
    others = asyncio.gather(*(shared.fetch(url, raise_for_status=False) for _ in range(100)))
    while backends.asked < 100:  # noqa: ASYNC110 asked by another thread of control
        await asyncio.sleep(0.01)
    hub.add("busy", BUSY, idle_timeout=AT_ONCE)
    await Lifetimes(hub, hub.book).stop_unused()
    assert "does not say" not in caplog.text
    backends.test_ends.set()
    await others
    await shared.close()


async def test_a_deadline_does_not_wait_for_servers_that_hang(hub):
    hub.add("hung", HANGS, idle_timeout=AT_ONCE)
    hub.add("over", ends_at=datetime.now(UTC))
    hub.add("later", ends_at=datetime.now(UTC) + timedelta(minutes=1))
    lifetimes = Lifetimes(hub, hub.book)
    asking = asyncio.ensure_future(lifetimes.stop_unused())
    await lifetimes.keep_deadlines()
    assert not asking.done()
    assert hub.stopped == ["over"]
    assert hub.spawners["over"].stop_reason == "lifetime"
    await asking


async def test_loop_is_yielded_between_two_servers(hub, monkeypatch):
    monkeypatch.setattr(event_loop, "MAX_TURN_SECONDS", 0)
    looked_at: list[int] = []
    turns = 0

    class Noting(SimpleNamespace):
        @property
        def ready(self) -> bool:
            looked_at.append(turns)
            return False

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    for name in "abcde":
        server = vars(hub.add(name, idle_timeout=AT_ONCE))
        del server["ready"]
        hub.users[name] = SimpleNamespace(name=name, spawners={name: Noting(**server)})
    del hub.users["ada"]
    other = asyncio.create_task(take_turns())
    await Lifetimes(hub, hub.book).stop_unused()
    other.cancel()
    assert len(set(looked_at)) == len(hub.users), looked_at


async def test_no_server_is_looked_at_while_none_of_them_has_an_end(hub):
    """Of thousands of servers, each look would take a tenth of a second."""
    lab = hub.add("lab")
    looked: list[str] = []

    class Watched(dict[str, Any]):
        def values(self) -> Any:
            looked.append("all")
            return super().values()

    hub.users = Watched(ada=hub)
    lifetimes = Lifetimes(hub, hub.book)
    await lifetimes.keep_deadlines()
    await lifetimes.stop_unused()
    assert looked == []
    lab.reservation = replace(lab.reservation, ends_at=LONG_AGO)
    hub.book[:] = [lab.reservation]
    await lifetimes.keep_deadlines()
    assert looked == ["all"]
    assert hub.stopped == ["lab"]
