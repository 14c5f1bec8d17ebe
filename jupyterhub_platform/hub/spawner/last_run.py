"""The last run of a server and its end, kept with the server until its next start."""

import asyncio
import weakref
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from jupyterhub.spawner import Spawner
from jupyterhub.utils import maybe_future

from jupyterhub_platform.core.causes import (
    ENDED,
    FAILED,
    NOT_STARTED,
    PLANNED,
    UNREACHED,
    Cause,
    LastRun,
    Who,
    cause_of_release,
    no_hub,
    not_answering,
    not_up,
)
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.spawner.log_end import cut_log
from jupyterhub_platform.hub.upstream.spawner_state import (
    is_checked,
    is_within_start,
    log_name,
    waits_for_response,
)

STATE_KEY: Final = "platform_last_run"
STOPPED: Final = "stopped"
_LOG_SECONDS: Final = 5.0
_MESSAGE_SAYS: Final = "Start it again; if it is refused again, tell an operator."


class LastRunMixin(Spawner):  # type: ignore[misc]
    """Notes why a server ends: what stopped it, or the state of its backend at the end.

    ``stop_reason`` is set by what stops it. ``seen`` is the observed cause if a backend ended
    by itself or did not get ready. ``last_run`` is part of the spawner's state, which the Hub
    commits, and so outlives the Hub.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.begin_run()
        super().__init__(**kwargs)

    def begin_run(self) -> None:
        """Forget the previous run."""
        self.stop_reason = STOPPED
        self.last_run: LastRun | None = None
        self.seen: Cause | None = None
        self.log_end = ""
        self._stop_requested = False
        self._run_start: asyncio.Future[Any] | None = None
        self._poll_task: asyncio.Task[Any] | None = None
        # The poll in which a restarted Hub checks this server.
        self._restart_check: weakref.ref[asyncio.Task[Any]] | None = None

    def backend_cause(self) -> Cause | None:
        """Say why the backend does not run, or has ended; ``None`` if that is unknown."""
        return None

    def start(self) -> Any:
        """Start, and note the answer of a backend that refuses.

        As with KubeSpawner, the start runs once it is called, even before it is awaited.
        """
        begun = maybe_future(super().start())
        watched = asyncio.ensure_future(self._note_refusal(begun))
        # One that is cancelled before its first turn would leave the other running.
        watched.add_done_callback(lambda _: begun.cancel())
        self._run_start = watched
        return watched

    async def _note_refusal(self, begun: "asyncio.Future[Any]") -> Any:
        try:
            return await begun
        except AdmissionDenied as refusal:
            self.seen = _cause_of(refusal)
            raise
        except asyncio.CancelledError:
            # The Hub may give up in the same turn in which the start is refused: it reads why.
            refused = _refusal_in(begun)
            if refused is None:
                raise
            self.seen = _cause_of(refused)
            raise refused from None

    async def poll(self) -> int | None:
        """Tell whether the backend runs, and note the cause if it has ended by itself."""
        task = asyncio.current_task()
        if task is not None and is_checked(self) and self._restart_check is None:
            # Not the task itself: it ends soon, and the spawner stays.
            self._restart_check = weakref.ref(task)
        before, stop_requested = self.backend_cause(), self._stop_requested
        self._poll_task = task
        if before is not None and self.ready and not self.log_end:
            await self._keep_log()  # the poll may remove the backend, and its log with it
        try:
            status: int | None = await super().poll()
        finally:
            self._poll_task = None
        if status is not None and not stop_requested:
            self.seen = self.seen or before or self.backend_cause() or self._cause_by(status)
            if not self.log_end and self.seen.code not in PLANNED:
                await self._keep_log()
        return status

    def _cause_by(self, status: int) -> Cause:
        """Return the cause of an end of which only the exit status is known."""
        if self._is_starting() and self._run_start is None:
            return NOT_STARTED  # a step before the start failed, such as a site's hook
        return FAILED if status else ENDED

    async def stop(self, now: bool = False) -> None:
        """Stop, and note the cause if no user asked for it."""
        task = asyncio.current_task()
        if self._is_starting():
            # A failed start stops its backend by itself.
            await self._keep_log()
            self.seen = self.seen or self.backend_cause() or await self._why_not_up()
        check = self._restart_check and self._restart_check()
        if task is not None and task is check and self.stop_reason == STOPPED:
            # A restarted Hub stops servers that do not respond.
            self.seen = self.seen or self.backend_cause() or UNREACHED
        if task is not self._poll_task:
            # A poll removes a backend that it finds ended, which is no request to stop.
            self._stop_requested = True
        await super().stop(now)

    async def _why_not_up(self) -> Cause:
        """Say which of the Hub's two timeouts of a start was over, and what is known about it."""
        if not waits_for_response(self):
            return not_up(self.start_timeout) if self._timed_out() else NOT_STARTED
        unreached = no_hub(await self.read_log(), self.hub.api_url)
        return unreached or not_answering(self.http_timeout, self.most_cpu())

    def _is_starting(self) -> bool:
        """Tell whether this is called within the start, which then has failed and is cleaned up."""
        return is_within_start(self)

    def _timed_out(self) -> bool:
        start = self._run_start
        if start is None:
            return False
        return not start.done() or start.cancelled() or isinstance(start.exception(), TimeoutError)

    async def read_log(self) -> str:
        """Return the end of the server's log, to find a cause in; empty if it cannot be read."""
        return ""

    async def read_end_of_log(self) -> str:
        """Return the end of the server's log, for those who look into a failure."""
        return await self.read_log()

    async def _keep_log(self) -> None:
        """Keep the end of the log of a run that failed, before it is gone with the backend."""
        try:
            async with asyncio.timeout(_LOG_SECONDS):
                self.log_end = cut_log(await self.read_end_of_log(), (str(self.api_token or ""),))
        except Exception:
            # A log is nothing that a server's end may wait for, or fail by.
            self.log.warning("The log of %s cannot be read", log_name(self), exc_info=True)

    def most_cpu(self) -> int:
        """Return the CPU limit of the server, in thousandths; 0 if it has none."""
        return 0

    def end_run(self, held: Reservation, at: datetime) -> str:
        """Note that the run with the reservation ``held`` is over; return why, for the ledger."""
        self.last_run = self.explain_end(held, at)
        return self.seen.code if self.seen else self.stop_reason

    def explain_end(self, held: Reservation, at: datetime) -> LastRun:
        """Return how the run with the reservation ``held`` ended."""
        cause = self.seen or cause_of_release(self.stop_reason)
        return LastRun(cause, at, held.label, held.account)

    @property
    def run_seen_over(self) -> Cause | None:
        """Why the server has ended, if that was seen and the Hub has not stopped it yet."""
        return self.seen if self.ready else None

    def get_state(self) -> dict[str, Any]:
        """Add how the last run ended to the state that the Hub commits."""
        state: dict[str, Any] = super().get_state()
        if self.last_run is not None:
            state[STATE_KEY] = self.last_run.to_json()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore how the last run ended."""
        super().load_state(state)
        self.last_run = read_last_run(state)


def _cause_of(refusal: AdmissionDenied) -> Cause:
    message = refusal.decision.sentence if refusal.decision else refusal.jupyterhub_message
    return refusal.cause or Cause(refusal.code, message, Who.OPERATOR, _MESSAGE_SAYS)


def _refusal_in(start: "asyncio.Future[Any]") -> AdmissionDenied | None:
    """Return the refusal with which a start ended, ``None`` if it ended in another way or not."""
    error = start.exception() if start.done() and not start.cancelled() else None
    return error if isinstance(error, AdmissionDenied) else None


def read_last_run(state: object) -> LastRun | None:
    """Return how the last run of a server ended, from its state; ``None`` if it is not there."""
    try:
        return LastRun.from_json(state[STATE_KEY]) if isinstance(state, Mapping) else None
    except (KeyError, TypeError, ValueError):
        return None
