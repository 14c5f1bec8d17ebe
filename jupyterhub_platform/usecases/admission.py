"""May this server start: gather the facts, decide, record. The one gate for every start."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from jupyterhub_platform.core.decision import Decision, decide
from jupyterhub_platform.core.errors import PlatformError, StoreError
from jupyterhub_platform.core.offers import find_image
from jupyterhub_platform.core.options import (
    ChosenAccount,
    Options,
    choose_account,
    read_options,
)
from jupyterhub_platform.core.pods import Pod
from jupyterhub_platform.core.question import Subject, ask
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.tiers import Image, Tier
from jupyterhub_platform.store import audit, ledger
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.denials import ROW_BATCH, Denials
from jupyterhub_platform.usecases.snapshot import InForce, Snapshot
from jupyterhub_platform.usecases.store_health import StoreHealth

STORE_RETRY_SECONDS = 10
"""What a refused caller is told to wait for a store that does not answer."""


@dataclass(frozen=True, slots=True)
class Start:
    """A requested start.

    ``memberships`` are the groups that the Hub has ``user`` in, ``options`` what came as
    ``user_options``, ``by`` who asked: the user, an admin, a service. ``remembered`` options did
    not come with this request: the server was started with them before.
    """

    user: str
    memberships: frozenset[str]
    server: str
    options: object
    spawner_id: int = 0
    by: str = ""
    remembered: bool = False

    def read_options(self) -> Options:
        """Return what the options name."""
        return read_options(self.options, remembered=self.remembered)


@dataclass(frozen=True, slots=True)
class Admitted:
    """An admitted start: what it holds, and what it is, as policy said at that moment."""

    reservation: Reservation
    tier: Tier
    image: Image
    pod: Pod
    decision: Decision


class DeniedError(PlatformError):
    """Raised if a start is denied.

    ``decision_id`` leads to the whole decision; empty if its caller has been denied so often that
    it was only counted.
    """

    code = "admission.denied"

    def __init__(self, decision: Decision, decision_id: str) -> None:
        super().__init__(decision.sentence)
        self.decision = decision
        self.decision_id = decision_id


def _now() -> datetime:
    return datetime.now(UTC)


class Admission:
    """The gate. Belongs to the Hub's thread; nothing here awaits.

    Between reading what is held and entering the reservation there is one durable row and no other
    step: no interleaving of starts admits more than a limit.
    """

    def __init__(
        self,
        store: Store,
        health: StoreHealth,
        in_force: InForce,
        *,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._in_force = in_force
        self.book = Book()
        self.denials = Denials(store)
        self._store = store
        self._health = health
        self._clock = clock

    @property
    def snapshot(self) -> Snapshot:
        """What is in force now."""
        return self._in_force.snapshot

    def now(self) -> datetime:
        """Return the time by the clock that every reservation is entered with."""
        return self._clock()

    def dry_run(self, start: Start) -> Decision:
        """Answer without recording; goes on from memory while the store is down."""
        return self._decide(start, start.read_options())

    def admit(self, start: Start) -> Admitted:
        """Admit a start and reserve what it needs.

        Raises
        ------
        DeniedError
            Raised if policy says no; the denial is on record, see :mod:`.denials`.
        StoreUnreachableError
            Raised if nothing could be recorded: then nothing is admitted.
        """
        decision = self._decide(start, start.read_options(), alternatives=False)
        decision = self._deny_unless_admitted(start, decision)
        identifier = uuid.uuid4().hex
        admitted = self._admitted(start, decision, identifier)
        if self.book.of_server(start.user, start.server):
            raise RuntimeError(f"{start.user}/{start.server} was never released")
        try:
            with self._store.begin() as transaction:
                ledger.open_reservation(
                    transaction,
                    admitted.reservation,
                    decision_json=json.dumps(decision.to_json()),
                    policy_revision=self.snapshot.revision,
                    observed=decision.observed,
                    codes=decision.codes,
                    sentence=decision.sentence,
                    requested_by=start.by or start.user,
                )
                if decision.question.passed_over:
                    self._record_passed_over(transaction, start, decision, identifier)
        except StoreError as error:
            self._health.mark_down(error)
            # A commit without an answer may have happened: whatever stands there is closed.
            self.close_row(identifier, "not admitted")
            raise
        self.book.enter(admitted.reservation)
        self.denials.forget_repeats(start.user, start.server)
        return admitted

    def take_repeats(self) -> list[Callable[[], None]]:
        """Return what enters the denials that were counted, some at a time; each in a thread."""
        entries = self.denials.take()
        parts = (entries[n : n + ROW_BATCH] for n in range(0, len(entries), ROW_BATCH))
        enter = self._health.enter
        return [partial(enter, partial(self.denials.enter, part)) for part in parts]

    def refuse(self, start: Start, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Deny a start that would be denied; for any other one, nothing is recorded or reserved.

        ``unless`` is asked about a start that would be denied; if true, another check refuses it.

        Raises
        ------
        DeniedError
            Raised if policy says no; the denial is on record, see :mod:`.denials`.
        StoreUnreachableError
            Raised if nothing could be recorded: then nothing would be admitted.
        """
        decision = self._decide(start, start.read_options(), alternatives=False)
        if (decision.admitted and not self._health.reason) or unless():
            return
        self._deny_unless_admitted(start, decision)

    def _deny_unless_admitted(self, start: Start, decision: Decision) -> Decision:
        """Return the decision of a start that is admitted; record and raise any other one."""
        self._health.check()
        if decision.denials:
            # A denied user is also told what would fit.
            decision = self._decide(start, start.read_options())
        if not decision.admitted:
            try:
                identifier = self.denials.record(decision, start.by or start.user)
            except StoreError as error:
                self._health.mark_down(error)
                raise
            raise DeniedError(decision, identifier)
        return decision

    def release(self, reservation_id: str, reason: str, at: datetime | None = None) -> bool:
        """Release what a server held, once its backend is gone; ``False`` if it was done before."""
        if self.book.strike(reservation_id) is None:
            return False
        self.close_row(reservation_id, reason, at)
        return True

    def close_row(self, reservation_id: str, reason: str, at: datetime | None = None) -> None:
        """Close a row of the ledger, now or when the store is back; it ended ``at``, or now."""
        at = at or self._clock()

        def entry() -> None:
            with self._store.begin() as transaction:
                ledger.release(transaction, reservation_id, at, reason)

        self._health.enter(entry)

    def find_last_account(self, subject: Subject) -> str:
        """Return what was charged for a user's last start.

        Empty where that makes no difference, or where the store does not answer.
        """
        person = self.snapshot.policy.people.get(subject.name)
        if len(subject.accounts) < 2 or (person and person.account in subject.accounts):
            return ""
        servers = self.book.servers_of(subject.name)
        held = max(servers, key=lambda each: each.opened_at, default=None)
        if held is not None or self._health.reason:
            return held.account if held else ""
        try:
            with self._store.read() as transaction:
                return ledger.find_last_account(transaction, subject.name)
        except StoreError as error:
            self._health.mark_down(error)
            return ""

    def choose_account(self, subject: Subject) -> ChosenAccount:
        """Return the account of a start that names none, and what says so."""
        last = self.find_last_account(subject)
        return choose_account(self.snapshot.policy, subject, (last,))

    def _decide(self, start: Start, options: Options, *, alternatives: bool = True) -> Decision:
        snapshot, now = self.snapshot, self._clock()
        subject = snapshot.subject(start.user, start.memberships, now)
        is_named = options.account != "" and not options.remembered
        question = ask(
            snapshot.policy,
            self.book,
            subject,
            start.server,
            options,
            now=now,
            revision=snapshot.revision,
            alternatives=alternatives,
            last_account="" if is_named else self.find_last_account(subject),
        )
        return decide(question)

    def _admitted(self, start: Start, decision: Decision, identifier: str) -> Admitted:
        policy, question = self.snapshot.policy, decision.question
        tier = policy.tiers[question.tier].find_variant(question.size)
        if tier is None:  # pragma: no cover - what was decided on is there
            raise RuntimeError(f"there is no {question.label}")
        reservation = Reservation(
            id=identifier,
            user=start.user,
            server=start.server,
            spawner_id=start.spawner_id,
            account=question.account,
            tier=question.tier,
            size=question.size,
            image=question.image,
            demand=decision.demand,
            opened_at=question.at,
            ends_at=question.at + tier.max_lifetime if tier.max_lifetime else None,
            idle_timeout=tier.idle_timeout,
        )
        pod = policy.pod_of(
            tier, question.account, question.subject.accounts, question.subject.name
        )
        return Admitted(reservation, tier, find_image(policy, question.image), pod, decision)

    def _record_passed_over(
        self, transaction: Transaction, start: Start, decision: Decision, identifier: str
    ) -> None:
        audit.append(
            transaction,
            at=decision.question.at,
            actor=start.by or start.user,
            action="server.choice_passed_over",
            subject=f"{start.user}/{start.server}",
            detail={
                "decision": identifier,
                "passed_over": list(decision.question.passed_over),
                "sentence": decision.sentence,
            },
        )
