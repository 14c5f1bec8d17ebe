"""Records denials: a new one in full, repeats as a count, and only some a minute for each caller.

Rows of the ledger are never removed, and any user can be denied as often as they like. So a
repeated denial is not recorded again: it is counted in memory, and the count is entered once a
minute. A caller has at most :data:`MAX_BURST` different denials recorded at once, and one more
each minute; one row counts those in between, and names their servers. Recorded or not, every denial
gets the same answer.
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

MAX_BURST: Final = 10
"""The number of different denials of one caller that are recorded at once."""

ONE_MORE_SECONDS: Final = 60.0
"""The time after which one more denial of a caller is recorded."""

ENTER_SECONDS: Final = 60.0
"""The interval at which counts are entered; a Hub that is killed loses those since then."""

REPEAT_SECONDS: Final = 3600.0
"""The time for which repeats of a denial are counted; after it, one is recorded in full again."""

ROW_BATCH: Final = 20
"""The number of counts entered in one transaction, which takes a few milliseconds."""

_MAX_NAMED: Final = 20
_MAX_NAMED_LENGTH: Final = 64

_Server: TypeAlias = tuple[str, str]
_Key: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class _Recorded:
    """A denial that is in the ledger, and its repeats since they were entered last."""

    id: str
    server: _Server
    codes: tuple[str, ...]
    until: float
    repeats: RepeatCount = field(default_factory=RepeatCount)


@dataclass(slots=True)
class _Caller:
    """The recorded denials of a caller, the least recent first, and those that are only counted."""

    recorded: "OrderedDict[_Key, _Recorded]" = field(default_factory=OrderedDict)
    ended: list[_Recorded] = field(default_factory=list)
    unrecorded: RepeatCount = field(default_factory=RepeatCount)
    servers: Counter[str] = field(default_factory=Counter)
    codes: set[str] = field(default_factory=set)

    def count(self, decision: Decision) -> None:
        """Count a denial that is not recorded by itself."""
        self.unrecorded.add(decision.question.at)
        name = f"{decision.question.subject.name}/{decision.question.server}"[:_MAX_NAMED_LENGTH]
        if name in self.servers or len(self.servers) < _MAX_NAMED:
            self.servers[name] += 1
        self.codes.update(decision.codes)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit with a count, and the row of the ledger that belongs to it."""

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
        self._rate_limit = RateLimit(MAX_BURST, ONE_MORE_SECONDS, clock=clock)
        self._callers: dict[str, _Caller] = {}
        self._of_server: defaultdict[_Server, set[tuple[str, _Key]]] = defaultdict(set)

    def record(self, decision: Decision, by: str) -> str:
        """Record a denial of what ``by`` requested, in full or as a repeat.

        Returns
        -------
        str
            The id of the row, which a repeat shares with the first denial; empty if it was only
            counted.

        Raises
        ------
        StoreError
            Raised if it cannot be recorded.
        """
        now, key = self._clock(), _key_of(decision)
        caller = self._callers.setdefault(by, _Caller())
        earlier = caller.recorded.get(key)
        if earlier is not None and now < earlier.until:
            caller.recorded.move_to_end(key)
            earlier.repeats.add(decision.question.at)
            return earlier.id
        if self._rate_limit.seconds_to_wait(by):
            caller.count(decision)
            return ""
        identifier = uuid.uuid4().hex
        with self._store.begin() as transaction:
            _record_in_full(transaction, decision, by, identifier)
        self._rate_limit.use(by)
        self._end(by, key)
        server = (decision.question.subject.name, decision.question.server)
        until = now + REPEAT_SECONDS
        caller.recorded[key] = _Recorded(identifier, server, decision.codes, until)
        self._of_server[server].add((by, key))
        if len(caller.recorded) > MAX_BURST:
            self._end(by, next(iter(caller.recorded)))
        return identifier

    def forget_repeats(self, user: str, server: str) -> None:
        """Count no more repeats for a server that was admitted: a later denial is a new one."""
        for by, key in tuple(self._of_server.get((user, server), ())):
            self._end(by, key)

    def _end(self, by: str, key: _Key) -> None:
        caller = self._callers[by]
        recorded = caller.recorded.pop(key, None)
        if recorded is None:
            return
        of_server = self._of_server[recorded.server]
        of_server.discard((by, key))
        if not of_server:
            del self._of_server[recorded.server]
        if recorded.repeats.times:
            caller.ended.append(recorded)

    def take(self) -> list[Entry]:
        """Return the counts and reset them; denials that were not repeated are forgotten."""
        entries: list[Entry] = []
        for by, caller in tuple(self._callers.items()):
            for key in [key for key, each in caller.recorded.items() if not each.repeats.times]:
                self._end(by, key)
            for recorded in (*caller.ended, *caller.recorded.values()):
                entries.append(_make_repeats(recorded, by))
                recorded.repeats = RepeatCount()
            if caller.unrecorded.times:
                entries.append(_make_sum(caller, by))
            caller.ended, caller.unrecorded = [], RepeatCount()
            caller.servers, caller.codes = Counter(), set()
            if not caller.recorded:
                del self._callers[by]
        return entries

    def enter(self, entries: Sequence[Entry]) -> None:
        """Enter counts; may run in a thread of its own.

        Raises
        ------
        StoreError
            Raised if they cannot be entered; then none is.
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
    """Return what makes two denials the same: what was requested, and the answer.

    An account that is named is the one that would have been chosen: the answer tells more.
    """
    question = decision.question
    return (
        question.subject.name,
        question.server,
        question.revision,
        *(question.tier, question.size, question.account, question.image),
        decision.codes,
        decision.sentence,
    )


def _record_in_full(transaction: Transaction, decision: Decision, by: str, identifier: str) -> None:
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


def _make_repeats(recorded: _Recorded, by: str) -> Entry:
    """Return the entry that counts the repeats of a denial."""
    count, (user, server), identifier = recorded.repeats, recorded.server, uuid.uuid4().hex
    return Entry(
        count.last_at,
        by,
        "server.denied_again",
        f"{user}/{server}",
        {
            "decision": recorded.id,
            "repeats": identifier,
            "codes": list(recorded.codes),
            **count.to_json(),
        },
        RepeatedDenials(identifier, recorded.id, count.times, count.first_at, count.last_at),
    )


def _make_sum(caller: _Caller, by: str) -> Entry:
    """Return the entry that counts denials which are not recorded one by one."""
    codes = sorted(caller.codes)[:_MAX_NAMED]
    detail = {"codes": codes, "servers": dict(caller.servers), **caller.unrecorded.to_json()}
    return Entry(caller.unrecorded.last_at, by, "server.denials_counted", by, detail)
