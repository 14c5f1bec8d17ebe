"""A start whose server does not answer ends with what its spawner has observed."""

import asyncio
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.objects import Server
from jupyterhub.spawner import Spawner
from jupyterhub.user import User
from jupyterhub.utils import AnyTimeoutError
from tornado.testing import bind_unused_port

from jupyterhub_platform.core.causes import NOT_ANSWERING, Cause, Who
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.upstream.server_timeout import (
    NotAnsweredError,
    explain_unanswered_starts,
)

KILLED = Cause("killed", "It was <killed>.", Who.YOU, "Take a larger tier.")


class Silent(Spawner):  # type: ignore[misc]
    """Runs, and never answers."""

    http_timeout = 1
    seen: Cause | None = None

    async def start(self) -> None:
        """Start nothing."""

    async def stop(self, now: bool = False) -> None:
        """Stop nothing."""

    async def poll(self) -> None:
        """Tell that it runs."""


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patch JupyterHub's users, and leave them as they were."""
    waiting = User._wait_up
    monkeypatch.setattr(User, "_wait_up", getattr(waiting, "__wrapped__", waiting))
    monkeypatch.setattr(User, "_platform_tells_why_silent", False, raising=False)
    explain_unanswered_starts()
    explain_unanswered_starts()


async def fail_to_start(database: Any, seen: Cause | None, *, is_start: bool = True) -> Exception:
    """Start a server that does not answer, and return what ends the start."""
    row = orm.User(name="ada")
    database.add(row)
    database.commit()
    user = User(row, {"spawner_class": Silent}, db=database)
    spawner = user.spawner
    spawner.seen = seen
    bound, port = bind_unused_port()
    bound.close()
    spawner.server = Server(
        orm_server=orm.Server(
            proto="http", ip="127.0.0.1", port=port, base_url="/", cookie_name="x"
        )
    )
    spawner._spawn_future = asyncio.current_task() if is_start else None
    with pytest.raises(Exception) as caught:
        await user._wait_up(spawner)
    return caught.value


async def test_known_cause_is_in_the_error_of_the_start(database: Any) -> None:
    error = await fail_to_start(database, KILLED)
    assert isinstance(error, AdmissionDenied)
    assert error.jupyterhub_message == "It was <killed>. Take a larger tier."
    assert error.cause == KILLED
    assert isinstance(error.__cause__, AnyTimeoutError)


async def test_silence_without_a_cause_is_counted_and_names_no_address(database: Any) -> None:
    error = await fail_to_start(database, NOT_ANSWERING)
    assert isinstance(error, NotAnsweredError)
    assert error.reason == "timeout"
    assert error.jupyterhub_message == str(NOT_ANSWERING)
    assert "127.0.0.1" not in error.jupyterhub_html_message


@pytest.mark.parametrize(("seen", "is_start"), [(None, True), (KILLED, False)])
async def test_jupyterhubs_own_error_stays_where_there_is_nothing_better(
    database: Any, seen: Cause | None, is_start: bool
) -> None:
    error = await fail_to_start(database, seen, is_start=is_start)
    assert "didn't respond in 1 seconds" in str(error)


def test_a_sentence_is_escaped_for_pages() -> None:
    assert "&lt;killed&gt;" in NotAnsweredError(KILLED).jupyterhub_html_message
