"""The private state of a spawner of JupyterHub's own, under the names that we use."""

import asyncio
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.spawner import Spawner
from jupyterhub.user import User

from jupyterhub_platform.hub.upstream.spawner_state import (
    find_start,
    forget_ended_start,
    is_awaited,
    is_checked,
    is_polled,
    is_stopping,
    is_within_start,
    log_name,
    mark_stopping,
    waits_for_response,
)


class Idle(Spawner):  # type: ignore[misc]
    """Starts nothing."""

    async def start(self) -> None:
        """Start nothing."""

    async def stop(self, now: bool = False) -> None:
        """Stop nothing."""

    async def poll(self) -> int:
        """Tell that nothing runs."""
        return 0


@pytest.fixture
def spawner(database: Any) -> Any:
    """Give the spawner of a user whose server was never started."""
    row = orm.User(name="ada")
    database.add(row)
    database.commit()
    return User(row, {"spawner_class": Idle}, db=database).spawner


def test_an_idle_server_is_in_no_state(spawner: Any) -> None:
    assert find_start(spawner) is None
    states = (is_awaited, is_checked, is_polled, is_stopping, is_within_start, waits_for_response)
    assert [state.__name__ for state in states if state(spawner)] == []
    assert log_name(spawner) == "ada"


def test_a_server_that_is_marked_counts_as_being_stopped(spawner: Any) -> None:
    mark_stopping(spawner, True)
    assert is_stopping(spawner)
    assert spawner.pending == "stop"
    mark_stopping(spawner, False)
    assert not is_stopping(spawner)
    assert spawner.pending is None


async def test_a_start_is_found_and_forgotten_once_it_has_ended(spawner: Any) -> None:
    done = asyncio.Event()
    start = spawner._spawn_future = asyncio.ensure_future(done.wait())
    forget_ended_start(spawner)
    assert find_start(spawner) is start
    assert not is_within_start(spawner)
    done.set()
    await start
    forget_ended_start(spawner)
    assert find_start(spawner) is None


async def test_the_task_of_a_start_knows_that_it_is_one(spawner: Any) -> None:
    async def start() -> bool:
        return is_within_start(spawner)

    spawner._spawn_future = asyncio.ensure_future(start())
    assert await spawner._spawn_future


@pytest.mark.parametrize("name", ["_spawn_pending", "_check_pending", "_stop_future"])
def test_pending_start_stop_and_check_are_awaited(spawner: Any, name: str) -> None:
    setattr(spawner, name, True)
    assert is_awaited(spawner)
    assert is_checked(spawner) == (name == "_check_pending")


async def test_a_server_is_polled_until_that_is_ended(spawner: Any) -> None:
    spawner.start_polling()
    assert is_polled(spawner)
    spawner.stop_polling()
    assert not is_polled(spawner)
