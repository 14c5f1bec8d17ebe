"""Answers requests that the Hub's shutdown interrupts with a sentence, not a bare 500.

JupyterHub cancels its tasks when it ends, those of requests among them, and tornado answers a
cancelled request with 500.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: JupyterHub finishes the requests in flight, or answers them with 503.
"""

import asyncio
import functools
from typing import Any, Final

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from jupyterhub_platform.hub.retry_after import retry_after

SENTENCE: Final = (
    "The Hub is shutting down, so this could not be finished. Running servers are not affected. "
    "Try again in a minute, or ask an admin whether the Hub comes back."
)
RETRY_SECONDS: Final = 30
_PATCHED: Final = "_platform_answers_when_ending"


class HubShuttingDownError(web.HTTPError):
    """The answer to a request that the Hub's shutdown interrupts."""

    def __init__(self) -> None:
        super().__init__(503, SENTENCE)
        retry_after(self, RETRY_SECONDS)


def answer_while_shutting_down() -> None:
    """Answer requests in flight while the Hub shuts down with 503 and an explanation."""
    if getattr(BaseHandler, _PATCHED, False):
        return
    send = BaseHandler.send_error

    @functools.wraps(send)
    def send_error(handler: Any, status_code: int = 500, **more: Any) -> None:
        task = asyncio.current_task()
        if "exc_info" not in more and task is not None and task.cancelling():
            # The Hub cancels its tasks when it shuts down, and nothing else cancels one of a
            # request.
            status_code, more["exc_info"] = (
                503,
                (HubShuttingDownError, HubShuttingDownError(), None),
            )
        send(handler, status_code, **more)

    BaseHandler.send_error = send_error
    setattr(BaseHandler, _PATCHED, True)
