"""What was not admitted does not start, on whichever road it came."""

import asyncio
import weakref
from typing import Any

import pytest
from jupyterhub.spawner import Spawner

from jupyterhub_platform.core.causes import UNREACHED
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from tests.hub.kubernetes.spawners import admit


class Noting(Spawner):  # type: ignore[misc] # no types
    """Notes whether it was started."""

    started = False
    broken_off = False

    async def start(self) -> tuple[str, int]:
        self.started = True
        try:
            await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            self.broken_off = True
            raise
        return "127.0.0.1", 1

    async def stop(self, now: bool = False) -> None:
        self.started = False

    async def poll(self) -> int | None:
        return None if self.started else 0


class Governed(AdmissionMixin, Noting):
    """Asks a service that always says no."""

    def _ask(self) -> Any:
        raise AdmissionDenied("No.", status=403, code="test.no")


async def test_a_start_that_was_not_admitted_is_refused() -> None:
    spawner = Governed()
    with pytest.raises(AdmissionDenied, match="was not admitted"):
        await spawner.start()
    assert not spawner.started


async def test_a_start_that_was_not_admitted_is_refused_by_its_future_as_kubespawner_does() -> None:
    refused = Governed().start()
    assert isinstance(refused, asyncio.Future)
    with pytest.raises(AdmissionDenied, match="was not admitted"):
        await refused


async def test_a_start_begins_when_it_is_called() -> None:
    spawner = Governed()
    spawner.admitted = admit()
    starting = spawner.start()
    await asyncio.sleep(0.01)
    assert spawner.started, "it was not awaited yet"
    assert await starting == ("127.0.0.1", 1)


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_a_start_that_is_broken_off_takes_its_backend_with_it(turns: int) -> None:
    spawner = Governed()
    spawner.admitted = admit()
    starting = spawner.start()
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await asyncio.sleep(0.03)
    assert spawner.broken_off or not spawner.started


async def test_refusal_is_noted_when_the_start_is_not_awaited() -> None:
    class Full(Noting):
        async def start(self) -> tuple[str, int]:
            raise AdmissionDenied("It is full.", status=503, code="cluster.full")

    class GovernedFull(AdmissionMixin, Full):
        pass

    spawner = GovernedFull()
    spawner.admitted = admit()
    starting = spawner.start()
    await asyncio.sleep(0.01)
    assert spawner.seen is not None
    assert spawner.seen.code == "cluster.full"
    with pytest.raises(AdmissionDenied):
        await starting


async def test_a_start_is_asked_about_where_the_authenticator_did_not() -> None:
    with pytest.raises(AdmissionDenied, match=r"No\."):
        await Governed().apply_group_overrides()


async def test_a_refused_start_has_no_backend_while_that_of_an_earlier_one_runs() -> None:
    spawner = Governed()
    spawner.started = True
    assert await spawner.poll() is None
    with pytest.raises(AdmissionDenied):
        spawner.admit()
    assert await spawner.poll() == 1


async def test_a_server_keeps_nothing_of_the_task_that_checked_it_after_a_restart() -> None:
    spawner = Governed()
    spawner.started, spawner._check_pending = True, True
    check = asyncio.create_task(spawner.poll())
    await check
    ended = weakref.ref(check)
    del check
    await asyncio.sleep(0)
    assert ended() is None


@pytest.mark.parametrize("checked", [True, False])
async def test_the_check_after_a_restart_tells_why_it_stops_a_server(*, checked: bool) -> None:
    spawner = Governed()
    spawner.started, spawner._check_pending = True, checked
    await spawner.poll()
    await spawner.stop()
    assert (spawner.seen is UNREACHED) is checked
