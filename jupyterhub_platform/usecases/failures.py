"""Keeps how servers failed, with the end of their logs, for those who look into it afterwards."""

from datetime import datetime
from functools import partial

from jupyterhub_platform.core.causes import Cause
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.store import failed_runs
from jupyterhub_platform.store.failed_runs import FailedRun
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.store_health import StoreHealth


class Failures:
    """Belongs to the Hub, which alone writes."""

    def __init__(self, store: Store, health: StoreHealth) -> None:
        self._store = store
        self._health = health

    def keep(self, held: Reservation, cause: Cause, log: str, at: datetime) -> None:
        """Keep how the run with a reservation failed; now, or when the store is back."""
        run = FailedRun(held.user, held.server, held.id, cause, log, at)
        self._health.enter(partial(self._enter, run))

    def _enter(self, run: FailedRun) -> None:
        with self._store.begin() as transaction:
            failed_runs.keep(transaction, run)
