"""Explains why a started server does not answer, instead of giving its address.

JupyterHub raises "Server at http://… didn't respond in 30 seconds" from a private method of
its users, shows only that, and counts it as its own failure, whatever the server lacks: five in a
row end the Hub.

Upstream: jupyterhub 6.1
Issue: jupyterhub/jupyterhub#1389 (closed), jupyterhub/kubespawner#625 (of the start before it)
Ends when: JupyterHub asks the spawner for a reason.
"""

import asyncio
import functools
from typing import Any, Final

from jupyterhub.user import User
from jupyterhub.utils import AnyTimeoutError
from markupsafe import escape

from jupyterhub_platform.core.causes import UNEXPLAINED, Cause
from jupyterhub_platform.hub.denials import AdmissionDenied

_PATCHED: Final = "_platform_tells_why_silent"


class NotAnsweredError(TimeoutError):
    """A server did not answer, perhaps because the Hub cannot reach it: that is counted."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(str(cause))
        self.reason = "timeout"
        self.jupyterhub_message = str(cause)
        self.jupyterhub_html_message = str(escape(str(cause)))


def explain_unanswered_starts() -> None:
    """End a start whose server does not answer with what its spawner has observed."""
    if getattr(User, _PATCHED, False):
        return
    wait_up = User._wait_up

    @functools.wraps(wait_up)
    async def _wait_up(user: Any, spawner: Any) -> Any:
        try:
            return await wait_up(user, spawner)
        except AnyTimeoutError as error:
            # The Hub comes here after its own restart, too, and then sorts errors by itself.
            is_start = spawner._spawn_future is asyncio.current_task()
            cause: Cause | None = getattr(spawner, "seen", None) if is_start else None
            if cause is None:
                raise
            raise _refusal_of(cause) from error

    User._wait_up = _wait_up
    setattr(User, _PATCHED, True)


def _refusal_of(cause: Cause) -> Exception:
    if cause.code in UNEXPLAINED:
        return NotAnsweredError(cause)
    refusal = AdmissionDenied(str(cause), status=500, code=cause.code)
    refusal.cause = cause
    return refusal
