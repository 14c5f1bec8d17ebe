"""Servers of users whom no rule lets in any more end, and no others."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm

from jupyterhub_platform.core.claimed_people import ClaimedPerson
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.people.leavers import Leavers

LET_IN = ClaimedPerson("kim", "company", rule="identity.rules.0", level=Level.USER)
NOT_LET_IN = ClaimedPerson("kim", "company")
NO_TIME, LONG = timedelta(0), timedelta(hours=1)


class Hub:
    """What is asked of a Hub: its users by their rows, and how their servers stop."""

    def __init__(self) -> None:
        self.db = orm.new_session_factory("sqlite:///:memory:")()
        self.log = logging.getLogger("test_leavers")
        self.proxy = SimpleNamespace(delete_user=self._pass)
        self.eventlog = SimpleNamespace(emit=lambda **_: None)
        self.users = self
        self.people: dict[str, Person] = {}
        self.book: list[Reservation] = []
        self.stopped: list[str] = []
        self.spawner = SimpleNamespace(active=True, pending=None, _spawn_future=None)

    async def _pass(self, *_: object) -> None:
        """Do nothing."""

    def __getitem__(self, row: Any) -> Any:
        async def stop(server: str) -> None:
            self.stopped.append(f"{row.name}/{server}")
            self.spawner.active = False

        return SimpleNamespace(name=row.name, spawners={"lab": self.spawner}, stop=stop)

    def know(self, claimed: ClaimedPerson | None, *, is_own: bool = False) -> None:
        self.people["kim"] = Person("kim", Level.USER, claimed=claimed, is_own=is_own)

    def leavers(self, stays: timedelta) -> Leavers:
        policy: Any = SimpleNamespace(people=self.people)
        return Leavers(self, self.book, lambda: policy, stays)


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    made.db.add(orm.User(name="kim"))
    made.db.commit()
    held = ("id", "kim", "lab", 1, "vision", "small", "lab", Resources())
    made.book.append(Reservation(*held, datetime.now(UTC)))
    yield made
    made.db.close()
    made.db.get_bind().dispose()


async def test_servers_end_of_a_user_whom_no_rule_lets_in(hub: Hub) -> None:
    hub.know(NOT_LET_IN)
    leavers = hub.leavers(NO_TIME)
    await leavers.stop_servers()
    await leavers.stop_servers()
    assert hub.stopped == ["kim/lab"]
    assert hub.spawner.stop_reason == "not_let_in"


@pytest.mark.parametrize(
    ("claimed", "is_own"),
    [(LET_IN, False), (NOT_LET_IN, True), (None, True), (None, False)],
    ids=["a rule lets them in", "the file has them", "no provider knows them", "nobody knows them"],
)
async def test_servers_of_others_go_on(
    hub: Hub, claimed: ClaimedPerson | None, is_own: bool
) -> None:
    hub.know(claimed, is_own=is_own)
    await hub.leavers(NO_TIME).stop_servers()
    assert hub.stopped == []


async def test_who_is_let_in_again_in_time_loses_nothing(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    leavers = hub.leavers(LONG)
    for claimed in (NOT_LET_IN, NOT_LET_IN, LET_IN, NOT_LET_IN):
        hub.know(claimed)
        await leavers.stop_servers()
    assert hub.stopped == []
    told = [each for each in caplog.messages if "their servers are stopped in 1 h" in each]
    assert len(told) == 2, "once for each time"


async def test_a_pod_that_is_only_counted_is_no_server_to_stop(hub: Hub) -> None:
    hub.know(NOT_LET_IN)
    held = ("id", "kim", "pod/worker-1", 0, "vision", "dask", "", Resources())
    hub.book[:] = [Reservation(*held, datetime.now(UTC))]
    await hub.leavers(NO_TIME).stop_servers()
    assert hub.stopped == []
