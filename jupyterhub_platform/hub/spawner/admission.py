"""The gate at every spawner: admission before a start, release once the backend is gone."""

import asyncio
import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from jupyterhub.spawner import Spawner

from jupyterhub_platform.core.causes import PLANNED
from jupyterhub_platform.core.decision import Decision
from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.options import keep_meant
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resource_names import CPU
from jupyterhub_platform.hub.denials import AdmissionDenied, denied, not_admitted, store_is_down
from jupyterhub_platform.hub.metrics import platform_metrics
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.hub.spawn_page.options_form import TierFormMixin
from jupyterhub_platform.hub.spawner.backend import MAY_BE_THERE, BackendState
from jupyterhub_platform.hub.spawner.last_run import LastRunMixin
from jupyterhub_platform.hub.spawner.server_arguments import ServerArgumentsMixin
from jupyterhub_platform.hub.spawner.start_rollback import SpawnRollback
from jupyterhub_platform.hub.upstream.server_counts import CountedSpawner
from jupyterhub_platform.hub.upstream.spawner_state import find_start, log_name
from jupyterhub_platform.usecases.admission import Admitted, DeniedError, Start

STATE_KEY = "platform"


class AdmissionMixin(
    TierFormMixin,
    LastRunMixin,
    ServerArgumentsMixin,
    CountedSpawner,
    Spawner,  # type: ignore[misc]
):
    """Mixed in before a spawner class: every start of that spawner passes admission first.

    The reservation is part of the spawner's state, which the Hub commits. A server that
    ``stops_at_once`` gets no time to shut down. This is what is known of its backend::

        NONE ──admit──▶ ADMITTED ──poll──▶ RUNNING ──stop──▶ STOPPING ──▶ ENDED ──▶ NONE, released
                           │                  │                 │           ▲
                           └──────────────────┴──── poll ───────┼───────────┤
                                                             it fails    a retry
        Hub restart ──▶ UNKNOWN ──poll──▶ RUNNING or ENDED      └───▶ LINGERING

    While a poll waits for its answer, and if it gets none, the backend is UNKNOWN. A start that
    is refused has no backend, and changes nothing about one that an earlier start left.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.stops_at_once = False
        self._backend_state = BackendState.NONE
        self._start_refused = False
        self._restored_id = ""
        self._options_before: dict[str, Any] | None = None
        super().__init__(**kwargs)

    # -- the first step of every start: the Hub attaches a server row -------------------------

    # The getter stays the Hub's own: the state of a server follows from it.
    @Spawner.server.setter  # type: ignore[untyped-decorator]
    def server(self, server: Any) -> None:
        """Note the options from before a start, which begins with this and overwrites them next."""
        if server is not None and self.orm_spawner is not None:
            self._options_before = copy.deepcopy(self.orm_spawner.user_options)
        Spawner.server.fset(self, server)

    @classmethod
    def prepare(cls, app: Any, platform: Platform) -> None:
        """Do what servers need once, when the Hub starts."""

    @classmethod
    def complete(cls, c: Any, policy_file: Path) -> None:
        """Add to a Hub's configuration what other packages read of servers in it."""

    # -- admission ----------------------------------------------------------------------------

    @property
    def platform(self) -> Platform:
        """The platform of this Hub."""
        return platform_of(self.user.settings)

    @property
    def reservation(self) -> Reservation | None:
        """What this server holds now."""
        book = self.platform.admission.book
        identifier = self.admitted.reservation.id if self.admitted else self._restored_id
        return book.get(identifier) or book.of_server(self.user.name, self.name)

    def admit(self) -> None:
        """Ask admission for this start, synchronously, and keep what it reserves.

        Raises
        ------
        AdmissionDenied
            Raised if it is denied; then the Hub forgets that this start was tried.
        """
        try:
            self.admitted = self._ask()
        except BaseException:
            self._start_refused = True
            self._roll_back_when_done()
            raise
        platform_metrics.DECISIONS.labels("admitted").inc()
        self._start_refused = False
        self._backend_state = BackendState.ADMITTED
        self.stops_at_once = False
        self._drop_missing_choices(self.admitted.decision)
        self.begin_run()
        # A new dict: the column does not notice a change within. The Hub commits it next.
        self.orm_spawner.state = self.get_state()

    def _drop_missing_choices(self, decision: Decision) -> None:
        """Report choices of an earlier start that no longer exist, and keep only the others."""
        if decision.question.passed_over:
            self.log.warning("%s: %s", log_name(self), decision.sentence)
            meant, others = decision.question.options, self.platform.other_options
            row = self.orm_spawner
            row.user_options = self.user_options = keep_meant(row.user_options, meant, others)

    def _ask(self) -> Admitted:
        if self.reservation is not None:
            raise AdmissionDenied(
                f"{self.user.name}/{self.name or 'default'} has not ended yet. "
                "Try again in a minute.",
                status=409,
                code="server.still_stopping",
            )
        with self._translated_denials(self.handler):
            remembered = self._is_remembered()
            return self.platform.admission.admit(
                self._request(self.user_options, self.handler, remembered=remembered)
            )

    def _is_remembered(self) -> bool:
        """Tell whether the options of this start are those of an earlier one.

        The Hub uses them if a request names none. Our own handlers know whether it did.
        """
        named = getattr(self.handler, "options_are_named", None)
        if named is None:
            return bool(self.user_options) and self.user_options == self._options_before
        return not named

    def refuse_early(self, options: Any, handler: Any, is_throttled: Callable[[], bool]) -> None:
        """Refuse a start that would be denied, before the Hub writes anything for it.

        Creating a server, a token and an OAuth client, and removing them again, costs more than a
        start. While the Hub ``is_throttled``, it answers with that, and nothing is decided.

        Raises
        ------
        AdmissionDenied
            Raised if it would be denied now. Admission decides again when the server starts.
        """
        if self.reservation is not None:
            return
        before = self.orm_spawner.user_options
        try:
            with self._translated_denials(handler):
                remembered = options is None
                asked = (before or {}) if remembered else options
                request = self._request(asked, handler, remembered=remembered)
                self.platform.admission.refuse(request, unless=is_throttled)
        except AdmissionDenied:
            rollback = SpawnRollback.start_of(self, before)
            if not rollback.known:
                rollback.restore(self)
            raise

    def _roll_back_when_done(self) -> None:
        start = find_start(self)
        if start is not None:
            rollback = SpawnRollback.start_of(self, self._options_before)
            # Runs after the Hub's own cleanup.
            start.add_done_callback(lambda _: rollback.restore(self))

    @contextmanager
    def _translated_denials(self, handler: Any) -> Iterator[None]:
        """Turn errors of admission into denials that the Hub shows, and count them."""
        try:
            yield
        except DeniedError as error:
            platform_metrics.DECISIONS.labels(error.decision.codes[0]).inc()
            api_url, by = self.platform.api_url, _name_caller(handler)
            to = by if by == self.user.name else ""
            raise denied(error.decision, error.decision_id, api_url, to=to) from None
        except StoreError as error:
            platform_metrics.DECISIONS.labels(error.code).inc()
            raise store_is_down(error) from None

    def _request(self, options: Any, handler: Any, *, remembered: bool) -> Start:
        """Return the request to admission, for this server with ``options``."""
        by = _name_caller(handler)
        return Start(
            user=self.user.name,
            memberships=frozenset(group.name for group in self.user.groups),
            server=self.name,
            options=self.platform.own_options(options),
            spawner_id=self.orm_spawner.id,
            by=by or self.user.name,
            remembered=remembered,
        )

    async def apply_group_overrides(self) -> None:
        """Admit here at the latest: a site's own authenticator may not have done so."""
        if self.admitted is None:
            self.admit()
        await super().apply_group_overrides()

    def start(self) -> Any:
        """Start what was admitted, and nothing else. It runs from now on, awaited or not."""
        if self.admitted is not None:
            return super().start()
        refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        refused.set_exception(not_admitted())
        return refused

    def most_cpu(self) -> int:
        """Return the limit of the tier, in thousandths; 0 if it has none."""
        return self.admitted.tier.limits.amount(CPU) if self.admitted else 0

    # -- from admission to release ----------------------------------------------------------------

    async def poll(self) -> int | None:
        """Tell whether the backend runs. A refused start has none."""
        if self._start_refused:
            return 1
        self._backend_state = BackendState.UNKNOWN
        status: int | None = await super().poll()
        self._backend_state = BackendState.RUNNING if status is None else BackendState.ENDED
        return status

    async def stop(self, now: bool = False) -> None:
        """Stop the backend. Its reservation is released once this has returned."""
        self._backend_state = BackendState.STOPPING
        await super().stop(now or self.stops_at_once)
        self._backend_state = BackendState.ENDED

    def get_state(self) -> dict[str, Any]:
        """Add what is held to the state that the Hub commits."""
        state: dict[str, Any] = super().get_state()
        reservation = self.reservation
        if reservation is not None:
            state[STATE_KEY] = reservation.to_json()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the reservation after a restart of the Hub."""
        super().load_state(state)
        held = state.get(STATE_KEY)
        self._restored_id = str(held.get("id", "")) if isinstance(held, dict) else ""
        # The Hub that wrote this had a backend, or could not stop it: only a poll can tell.
        self._backend_state = BackendState.UNKNOWN if self._restored_id else BackendState.NONE

    def clear_state(self) -> None:
        """Release what is held, exactly once, if the backend is gone; otherwise retry until it is.

        The Hub calls this at the beginning of a start and at the end of a stop, even if the stop
        failed. In that case the state is kept, since it is needed to find the backend again.
        """
        reservation = self.reservation
        if reservation is not None and self._backend_state in MAY_BE_THERE:
            self.log.error("%s could not be stopped, and keeps its reservation", log_name(self))
            self._backend_state = BackendState.LINGERING
            self.platform.failed_stops.watch(self)
            return
        super().clear_state()
        self._backend_state = BackendState.NONE
        self.admitted = None
        self._restored_id = ""
        if reservation is not None:
            admission = self.platform.admission
            # The same instant for both: the newer one is trusted.
            at = admission.now()
            admission.release(reservation.id, self.end_run(reservation, at), at)
            self._keep_failure(reservation, at)

    def _keep_failure(self, held: Reservation, at: datetime) -> None:
        if self.last_run is not None and self.last_run.cause.code not in PLANNED:
            self.platform.runtime.failures.keep(held, self.last_run.cause, self.log_end, at)

    async def end_lingering(self, held: str) -> bool:
        """Try again to stop a backend whose stop failed, and release what it ``held``.

        A reservation of a later start of the same server is left alone. An empty ``held`` means an
        orphaned backend. Returns whether ``held`` is released.
        """
        book = self.platform.admission.book

        def is_over() -> bool:
            return bool(held) and book.get(held) is None

        # A start that was refused in between has no backend; the one that blocked it has.
        self._start_refused = False
        if not is_over() and await self.poll() is None and not is_over():
            await asyncio.wait_for(self.stop(now=True), timeout=60)
        if not is_over():
            self.clear_state()
            self.orm_spawner.state = self.get_state()
            self.user.db.commit()
        return book.get(held) is None


def _name_caller(handler: Any) -> str:
    return str(getattr(getattr(handler, "current_user", None), "name", ""))
