"""A gate on a real store, that can be taken down and brought back."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import text

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.store import audit
from jupyterhub_platform.store.audit import AuditRow
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import Admission, Admitted, Start
from jupyterhub_platform.usecases.snapshot import InForce, Snapshot
from jupyterhub_platform.usecases.store_health import StoreHealth
from tests.support.policies import NOW
from tests.support.postgres import PostgresServer


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.full])]
)
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; of the second kind in `make test-full`: no SQL is here."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@dataclass
class Clock:
    """A clock that only the test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass(frozen=True)
class Row:
    """A row of the ledger, as far as tests ask."""

    id: str
    user: str
    server: str
    tier: str
    open: bool
    release_reason: str | None
    policy_revision: int
    observed: bool
    sentence: str
    requested_by: str


@dataclass
class Gate:
    """Admission with its store and clock, and a look at what was recorded."""

    store: Store
    policy: Policy
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Make a new gate with an empty book, as a new Hub process does."""
        self.health = StoreHealth(self.store)
        self.in_force = InForce(Snapshot(self.policy, 3))
        self.admission = Admission(self.store, self.health, self.in_force, clock=self.clock)

    def put_in_force(self, policy: Policy, revision: int = 4) -> None:
        self.policy = policy
        self.in_force.replace(Snapshot(policy, revision))

    @staticmethod
    def start(user: str = "dev", server: str = "", tier: str = "small", **more: Any) -> Start:
        options = {"tier": tier, "account": more.pop("account", "vision")}
        return Start(user, more.pop("memberships", frozenset()), server, options, 11, **more)

    def admit(self, *args: Any, **more: Any) -> Admitted:
        return self.admission.admit(self.start(*args, **more))

    def rows(self) -> list[Row]:
        """Return every row of the ledger, open and closed."""
        query = text(
            'SELECT id, "user", server, tier, released_at IS NULL, release_reason, '
            "policy_revision, observed, sentence, requested_by FROM reservation "
            "ORDER BY opened_at, id"
        )
        with self.store.read() as transaction:
            found = transaction.execute(query).all()
        return [
            Row(r[0], r[1], r[2], r[3], bool(r[4]), r[5], r[6], bool(r[7]), *r[8:]) for r in found
        ]

    def audit(self) -> list[AuditRow]:
        """Return the audit, newest first, after verifying it."""
        return read_audit(self.store)


def read_audit(store: Store) -> list[AuditRow]:
    with store.read() as transaction:
        verification = audit.verify(transaction)
        assert verification.ok, verification
        return audit.list_audit(transaction, limit=500)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate_of(store: Store, clock: Clock) -> Callable[[Policy], Gate]:
    """Make a gate for a policy."""
    return lambda policy: Gate(store, policy, clock)


class Outage(Protocol):
    """Takes a store away from under its users, and puts it back."""

    def begin(self) -> None: ...

    def end(self) -> None: ...


class FileOutage:
    """The file of a SQLite store is elsewhere for a while, as on a disk that went away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._away = path.with_name("away")

    def begin(self) -> None:
        self._away.mkdir(exist_ok=True)
        for file in self._path.parent.glob(f"{self._path.name}*"):
            file.rename(self._away / file.name)

    def end(self) -> None:
        if self._away.is_dir():
            for file in self._away.iterdir():
                file.rename(self._path.parent / file.name)


class ServerOutage:
    """A PostgreSQL server loses its power, and comes back."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def begin(self) -> None:
        self._server.stop()

    def end(self) -> None:
        if self._server.process is None:
            self._server.start()


@pytest.fixture
def outage(store_url: str, request: pytest.FixtureRequest) -> Iterator[Outage]:
    outage: Outage
    if store_url.startswith("sqlite"):
        outage = FileOutage(Path(store_url.removeprefix("sqlite:///")))
    else:
        outage = ServerOutage(request.getfixturevalue("postgres_server"))
    yield outage
    outage.end()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keep the log of thousands of outages out of memory."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
