"""Plan another policy by REST: what putting it into force would do. Nothing is changed."""

import asyncio
import zlib
from base64 import b64decode
from binascii import Error
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from tornado import web

from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.documents import MAX_TOTAL_BYTES
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.upstream.event_loop import gc_paused
from jupyterhub_platform.rest.hub_calls import PLAN
from jupyterhub_platform.rest.policy_plans import Plan, PlanRequest, render_plan
from jupyterhub_platform.rest.response_bodies import Faulty
from jupyterhub_platform.usecases.policy_plans import PlannedPolicy, plan_files


class PlanHandler(PlatformAPIHandler):
    """Says what it would do to put other files into force, beside the loop."""

    _planning: ClassVar[asyncio.Lock] = asyncio.Lock()
    """One at a time: each compiles a whole policy."""

    async def post(self) -> None:
        """Answer the plan, or every fault of the files."""
        self.require(*PLAN.scopes)
        body = self.read(PlanRequest)
        if bool(body.text) == bool(body.packed):
            raise web.HTTPError(400, "Send the files as text, or packed; one of both.")
        async with self._planning:
            platform = self.platform
            plan = partial(
                plan_files,
                platform.runtime.store,
                platform.snapshot,
                platform.admission.book.copy(),
                file=body.file,
                now=datetime.now(UTC),
            )
            try:
                with gc_paused():
                    answer = await self.in_thread(_plan, plan, body)
            except PolicyError as error:
                faults = [str(fault) for fault in error.faults]
                self.refuse(Faulty.of(422, "\n".join(faults), error.code, faults=faults))
                return
        self.answer(answer)


def _plan(plan: Callable[..., PlannedPolicy], body: PlanRequest) -> Plan:
    return render_plan(plan(text=body.text or _unpack(body.packed, body.file)))


def _unpack(packed: str, file: str) -> str:
    """Return a text that was sent compressed, of a bounded size.

    Raises
    ------
    PolicyError
        Raised if it is none.
    """
    try:
        text = zlib.decompressobj().decompress(b64decode(packed, validate=True), MAX_TOTAL_BYTES)
        return text.decode()
    except (Error, zlib.error, ValueError):
        fault = Fault((), "it is no text that zlib compressed", "send it as base64", file)
        raise PolicyError((fault,)) from None
