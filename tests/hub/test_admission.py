"""What was not admitted does not start, on whichever road it came."""

from typing import Any

import pytest
from jupyterhub.spawner import Spawner

from jupyterhub_platform.hub.admission import AdmissionMixin
from jupyterhub_platform.hub.denials import AdmissionDenied


class Noting(Spawner):
    """Notes whether it was started."""

    started = False

    async def start(self) -> tuple[str, int]:
        self.started = True
        return "127.0.0.1", 1

    async def stop(self, now: bool = False) -> None:
        self.started = False

    async def poll(self) -> int | None:
        return None if self.started else 0


class Governed(AdmissionMixin, Noting):
    """Asks somebody who always says no."""

    def _ask(self) -> Any:
        raise AdmissionDenied("No.", status=403, code="test.no")


async def test_a_start_that_nobody_admitted_is_refused() -> None:
    spawner = Governed()
    with pytest.raises(AdmissionDenied, match="was not admitted"):
        await spawner.start()
    assert not spawner.started


async def test_a_start_is_asked_about_where_the_authenticator_did_not() -> None:
    with pytest.raises(AdmissionDenied, match=r"No\."):
        await Governed().apply_group_overrides()
