"""A Hub as far as admission can tell: its servers step by step, its database, what really runs.

Each step is what the Hub does between two awaits, in the order of its own spawn and stop. The
test that drives it chooses which server goes on, and what goes wrong in between.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import may_start_servers, subject_of
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.store import ledger
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import DeniedError, Start
from jupyterhub_platform.usecases.consistency import LiveServer, compare, list_held, rebuild
from tests.support.policies import Held, list_exceeded
from tests.usecases.conftest import FileOutage, Gate, Outage

Name = tuple[str, str]
"""A user, and the name of one of their servers."""

STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "attached": ("admit",),
    "admitted": ("keep", "keep", "detach"),
    "kept": ("create", "create", "detach"),
    "running": ("end", "fail_to_stop"),
    "unstoppable": ("end",),
    "refused": ("detach",),
    "ended": ("detach",),
    "detached": ("release",),
    "released": ("forget",),
}
"""What can happen next to a server, by where it stands. ``detach`` before it runs is a cancel."""


@dataclass
class Server:
    """One server within the Hub's process."""

    options: object
    phase: str = "attached"
    held: Reservation | None = None


@dataclass
class Stored:
    """The Hub's own row of a server, as its last commit left it."""

    attached: bool
    state: dict[str, Any] | None
    options: object


@dataclass
class ModelledHub:
    """Drives the real gate, and holds it to what must always be true."""

    gate: Gate
    policies: Sequence[Policy]
    outage: Outage
    servers: dict[Name, Server] = field(default_factory=dict)
    database: dict[Name, Stored] = field(default_factory=dict)
    running: set[Name] = field(default_factory=set)
    memberships: dict[str, set[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    is_up: bool = True
    store_is_up: bool = True

    # -- a server, step by step --------------------------------------------------------------------

    def attach(self, name: Name, options: object) -> None:
        """Begin a start: the Hub's row has a server from now on, with the state of before."""
        before = self.database.get(name)
        self.servers[name] = Server(options)
        self.database[name] = Stored(True, before.state if before else None, options)

    def list_steps(self, name: Name) -> tuple[str, ...]:
        """Return what can happen next to a server."""
        return STEPS[self.servers[name].phase]

    def step(self, name: Name, step: str) -> None:
        """Let it happen."""
        does: Callable[[Name, Server], None] = getattr(self, f"_{step}")
        self.gate.clock.advance(seconds=1)
        does(name, self.servers[name])

    def _admit(self, name: Name, server: Server) -> None:
        user, memberships = name[0], frozenset(self.memberships.get(name[0], ()))
        start = Start(user, memberships, name[1], server.options, spawner_id=11)
        before = tuple(self.gate.admission.book)
        try:
            server.held = self.gate.admission.admit(start).reservation
        except DeniedError:
            self._note("denied")
            server.phase = "refused"
        except StoreUnreachableError:
            self._note("unanswered")
            server.phase = "refused"
            assert not self.store_is_up, "nothing is admitted, and the store answers"
        else:
            self._note("admitted")
            server.phase = "admitted"
            self._check_admitted(start, server.held, before)
        entered = (server.held,) if server.held else ()
        assert tuple(self.gate.admission.book) == (*before, *entered)

    def _check_admitted(
        self, start: Start, held: Reservation, before: Sequence[Reservation]
    ) -> None:
        """Hold an admission to the policy, from facts that this model keeps itself."""
        policy = self.gate.policy
        subject = subject_of(policy, start.user, start.memberships, None)
        tier, now = policy.tiers[held.tier], self.gate.clock.now
        assert subject.level is not None
        assert may_start_servers(subject)
        assert held.account in policy.declared_groups(start.user) | start.memberships
        assert policy.may_use(tier, start.user, subject.level, held.account, now)
        assert held.image in tier.images
        exceeded = list_exceeded(policy, before, held, now)
        assert tier.observe or not exceeded, exceeded

    def _keep(self, name: Name, server: Server) -> None:
        assert server.held is not None
        self.database[name].state = server.held.to_json()
        server.phase = "kept"

    def _create(self, name: Name, server: Server) -> None:
        self.running.add(name)
        server.phase = "running"

    def _end(self, name: Name, server: Server) -> None:
        self.running.discard(name)
        server.phase = "detached" if server.phase == "unstoppable" else "ended"

    def _fail_to_stop(self, name: Name, server: Server) -> None:
        self.database[name].attached = False
        server.phase = "unstoppable"
        self._note("unstoppable")

    def _detach(self, name: Name, server: Server) -> None:
        self.database[name].attached = False
        server.phase = "detached"

    def _release(self, name: Name, server: Server) -> None:
        assert name not in self.running
        if server.held is not None:
            assert self.gate.admission.release(server.held.id, "stopped")
            assert not self.gate.admission.release(server.held.id, "again")
            self._note("released")
        server.phase, server.held = "released", None

    def _forget(self, name: Name, server: Server) -> None:
        self.database[name].state = None
        del self.servers[name]

    # -- what goes wrong, and what changes ---------------------------------------------------------

    def crash(self) -> None:
        """Kill the Hub: what its database has not kept is lost, what runs goes on."""
        self._note("crashed")
        self.gate.clock.advance(seconds=1)
        self.servers.clear()
        self.is_up = False

    def restart(self) -> None:
        """Start the Hub again, which needs the store, and look at what still runs."""
        self.gate.clock.advance(seconds=1)
        self.gate.restart()
        self.publish(self.policies.index(self.gate.policy))
        if not self.store_is_up:
            with pytest.raises(StoreUnreachableError):
                list_held(self.gate.store)
            return
        found = self._list_found({each.id for each in list_held(self.gate.store)})
        live = [
            LiveServer(*name, spawner_id=11, state=row.state, options=row.options)
            for name, row in found.items()
        ]
        rebuild(self.gate.admission, self.gate.store, live)
        assert compare(self.gate.admission.book, self.gate.store, live) == ()
        for name, row in found.items():
            held = self.gate.admission.book.of_server(*name)
            phase = "running" if name in self.running else "ended"
            self.servers[name] = Server(row.options, phase if row.attached else "unstoppable", held)
        self.is_up = True

    def _list_found(self, open_ids: set[str]) -> dict[Name, Stored]:
        """Return the servers that the Hub's database tells of after a restart."""
        return {
            name: row
            for name, row in self.database.items()
            if row.attached or (row.state is not None and row.state["id"] in open_ids)
        }

    def end_by_itself(self, name: Name) -> None:
        """Let a server end on its own, as a process that is killed, also while no Hub looks."""
        self.running.discard(name)
        self._note("died")
        if name in self.servers and self.servers[name].phase == "running":
            self.servers[name].phase = "ended"

    def publish(self, number: int) -> None:
        """Put another policy into force; its revision is its number, from one on."""
        self.gate.put_in_force(self.policies[number], revision=number + 1)

    def join(self, user: str, account: str) -> None:
        """Put a user into a group on the Hub's own pages."""
        self.memberships.setdefault(user, set()).add(account)

    def leave(self, user: str, account: str) -> None:
        """Take a user out of a group, whatever they run there."""
        self.memberships.get(user, set()).discard(account)

    def take_store_away(self) -> None:
        """Let the store vanish under its users."""
        self._note("outages")
        self.outage.begin()
        self.store_is_up = False

    def bring_store_back(self) -> None:
        """Put the store back, and let the Hub notice."""
        self.outage.end()
        self.store_is_up = True
        if self.is_up:
            assert self.gate.health.retry()

    def finish(self) -> None:
        """Bring everything to rest: store back, Hub up, nothing running, nothing held."""
        if not self.store_is_up:
            self.bring_store_back()
        if not self.is_up:
            self.restart()
        self.check()
        while self.servers:
            name = next(iter(self.servers))
            self.step(name, self.list_steps(name)[-1])
            self.check()
        assert not self.running
        assert list(self.gate.admission.book) == []

    def _note(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    # -- what must always be true ------------------------------------------------------------------

    def check(self) -> None:
        """Hold the book to what runs, to the ledger, and to its own totals."""
        if not self.is_up:
            return
        book = self.gate.admission.book
        held = {server.held for server in self.servers.values() if server.held}
        assert set(book) == held
        assert book.drifted() == ()
        truth = Held(tuple(held))
        for scope in {scope for each in held for scope in each.scopes()}:
            assert book.held(scope, "servers") == truth.held(scope, "servers")
        for name in self.running:
            assert book.of_server(*name), f"{name} runs and holds nothing"
        if self.store_is_up and not self.gate.health.waiting:
            with self.gate.store.read() as transaction:
                assert set(ledger.list_open(transaction)) == held


@contextmanager
def modelled_hub(directory: Path, policies: Sequence[Policy]) -> Iterator[ModelledHub]:
    """Give a Hub with an empty store of its own, made as a copy: a schema takes long to make."""
    template = directory / "template.sqlite"
    if not template.exists():
        Store.open(f"sqlite:///{template}").close()
    place = directory / "store"
    place.mkdir()
    path = Path(shutil.copy(template, place / "platform.sqlite"))
    store = Store.open(f"sqlite:///{path}", migrate=False)
    try:
        hub = ModelledHub(Gate(store, policies[0]), policies, FileOutage(path))
        hub.publish(0)
        yield hub
    finally:
        store.close()
        shutil.rmtree(place)
