"""Denials on record: each new one in full, repeats as a count, and few a minute for each caller.

Rows of the ledger and of the audit stay for ever, and any user can be denied as often as they like.
So a repeated denial shares the row of the first one: its repeats are counted in memory, and entered
once a minute. Beyond :data:`MAX_AT_ONCE` different denials, a caller has one more recorded each
minute; a row says how many there were in between, and of which servers.
Every denial is answered alike, recorded or not.
"""

import hashlib
import json
import time
import uuid
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from jupyterhub_platform.core.decision import Decision
from jupyterhub_platform.store import audit, decision_log
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.repeated_denials import RepeatedDenials, record_repeated_denials
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.rate_limit import RateLimit
from jupyterhub_platform.usecases.repeat_count import RepeatCount

MAX_AT_ONCE: Final = 10
"""Denials of one caller that are recorded at once, and whose repeats are counted one by one."""

ONE_MORE_SECONDS: Final = 60.0
"""After how long a caller may have one more recorded."""

ENTER_SECONDS: Final = 60.0
"""How often counts are entered; a Hub that is killed loses what it counted since."""

SHARED_SECONDS: Final = 3600.0
"""How long a row is shared: after that, such a denial is recorded whole again."""

ROWS_AT_A_TIME: Final = 20
"""Counts that are entered in one transaction, which takes a few milliseconds."""

_MAX_NAMED: Final = 20
_MAX_NAMED_LENGTH: Final = 64

_Server: TypeAlias = tuple[str, str]
_Key: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class _Shared:
    """A denial that stands in the ledger, and how often it was given since that was entered."""

    id: str
    server: _Server
    codes: tuple[str, ...]
    until: float
    count: RepeatCount = field(default_factory=RepeatCount)


@dataclass(slots=True)
class _Caller:
    """What was counted for one caller; least lately given first."""

    shared: "OrderedDict[_Key, _Shared]" = field(default_factory=OrderedDict)
    ended: list[_Shared] = field(default_factory=list)
    beyond: RepeatCount = field(default_factory=RepeatCount)
    servers: Counter[str] = field(default_factory=Counter)
    codes: set[str] = field(default_factory=set)

    def count_beyond(self, decision: Decision) -> None:
        self.beyond.add(decision.question.at)
        name = f"{decision.question.subject.name}/{decision.question.server}"[:_MAX_NAMED_LENGTH]
        if name in self.servers or len(self.servers) < _MAX_NAMED:
            self.servers[name] += 1
        self.codes.update(decision.codes)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit that says how often, and the row of the ledger that goes with it."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    repeats: RepeatedDenials | None = None


class Denials:
    """Records denials. Belongs to the Hub's thread, apart from :meth:`enter`."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._rate_limit = RateLimit(MAX_AT_ONCE, ONE_MORE_SECONDS, clock=clock)
        self._callers: dict[str, _Caller] = {}
        self._of_server: defaultdict[_Server, set[tuple[str, _Key]]] = defaultdict(set)

    def record(self, decision: Decision, by: str) -> str:
        """Record what ``by`` was denied, whole or as a repeat.

        Returns
        -------
        str
            The id of its row, which is that of the first one for a repeat; empty if it was only
            counted.

        Raises
        ------
        StoreError
            Raised if it cannot be recorded.
        """
        now, key = self._clock(), _key_of(decision)
        caller = self._callers.setdefault(by, _Caller())
        shared = caller.shared.get(key)
        if shared is not None and now < shared.until:
            caller.shared.move_to_end(key)
            shared.count.add(decision.question.at)
            return shared.id
        if self._rate_limit.seconds_to_wait(by):
            caller.count_beyond(decision)
            return ""
        identifier = uuid.uuid4().hex
        with self._store.begin() as transaction:
            _record_whole(transaction, decision, by, identifier)
        self._rate_limit.use(by)
        self._end(by, key)
        server = (decision.question.subject.name, decision.question.server)
        caller.shared[key] = _Shared(identifier, server, decision.codes, now + SHARED_SECONDS)
        self._of_server[server].add((by, key))
        if len(caller.shared) > MAX_AT_ONCE:
            self._end(by, next(iter(caller.shared)))
        return identifier

    def forget_repeats(self, user: str, server: str) -> None:
        """Share no row of a server any more: it was admitted, and what comes later is another."""
        for by, key in tuple(self._of_server.get((user, server), ())):
            self._end(by, key)

    def _end(self, by: str, key: _Key) -> None:
        caller = self._callers[by]
        shared = caller.shared.pop(key, None)
        if shared is None:
            return
        of_server = self._of_server[shared.server]
        of_server.discard((by, key))
        if not of_server:
            del self._of_server[shared.server]
        if shared.count.times:
            caller.ended.append(shared)

    def take(self) -> list[Entry]:
        """Return the counts and reset them; denials that were not repeated since are forgotten."""
        entries: list[Entry] = []
        for by, caller in tuple(self._callers.items()):
            for key in [key for key, shared in caller.shared.items() if not shared.count.times]:
                self._end(by, key)
            for shared in (*caller.ended, *caller.shared.values()):
                entries.append(_entry_of(shared, by))
                shared.count = RepeatCount()
            if caller.beyond.times:
                entries.append(_entry_beyond(caller, by))
            caller.ended, caller.beyond = [], RepeatCount()
            caller.servers, caller.codes = Counter(), set()
            if not caller.shared:
                del self._callers[by]
        return entries

    def enter(self, entries: Sequence[Entry]) -> None:
        """Enter what was counted; may run in a thread of its own.

        Raises
        ------
        StoreError
            Raised if it cannot be entered; then none of it is.
        """
        with self._store.begin() as transaction:
            for entry in entries:
                if entry.repeats is not None:
                    record_repeated_denials(transaction, entry.repeats)
                audit.append(
                    transaction,
                    at=entry.at,
                    actor=entry.actor,
                    action=entry.action,
                    subject=entry.subject,
                    detail=entry.detail,
                    result=audit.REFUSED,
                )


def _key_of(decision: Decision) -> _Key:
    """Return what two denials have in common that are the same: what was asked, and the answer.

    An account that is named is the one that would have been chosen: the answer tells more.
    """
    question = decision.question
    return (
        question.subject.name,
        question.server,
        question.revision,
        *(question.tier, question.account, question.image),
        decision.codes,
        decision.sentence,
    )


def _record_whole(transaction: Transaction, decision: Decision, by: str, identifier: str) -> None:
    question, whole = decision.question, json.dumps(decision.to_json())
    decision_log.record_denial(
        transaction,
        decision_log.DecisionRecord(
            id=identifier,
            at=question.at,
            user=question.subject.name,
            server=question.server,
            account=question.account,
            tier=question.tier,
            admitted=False,
            observed=False,
            codes=decision.codes,
            sentence=decision.sentence,
            decision_json=whole,
            requested_by=by,
        ),
    )
    audit.append(
        transaction,
        at=question.at,
        actor=by,
        action="server.denied",
        subject=f"{question.subject.name}/{question.server}",
        detail={
            "decision": identifier,
            "codes": list(decision.codes),
            "sentence": decision.sentence,
            "digest": hashlib.sha256(whole.encode()).hexdigest(),
        },
        result=audit.REFUSED,
    )


def _entry_of(shared: _Shared, by: str) -> Entry:
    count, (user, server), identifier = shared.count, shared.server, uuid.uuid4().hex
    return Entry(
        count.last_at,
        by,
        "server.denied_again",
        f"{user}/{server}",
        {
            "decision": shared.id,
            "repeats": identifier,
            "codes": list(shared.codes),
            **count.to_json(),
        },
        RepeatedDenials(identifier, shared.id, count.times, count.first_at, count.last_at),
    )


def _entry_beyond(caller: _Caller, by: str) -> Entry:
    codes = sorted(caller.codes)[:_MAX_NAMED]
    detail = {"codes": codes, "servers": dict(caller.servers), **caller.beyond.to_json()}
    return Entry(caller.beyond.last_at, by, "server.denials_counted", by, detail)
