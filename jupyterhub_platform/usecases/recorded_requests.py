"""What users did on the Hub's own routes, and what they tried there and were refused, on record.

Rows of the audit stay, and any caller can be refused as often as they like. So an attempt that is
repeated shares the row of the first one: it is counted in memory, and the count is entered once a
minute. Beyond :data:`MAX_AT_ONCE` different ones, a caller has one more recorded each minute, and
one row says how many there were in between. All callers without a login are one caller here, told
apart by where they come from.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from jupyterhub_platform.origin import OWN, RequestOrigin
from jupyterhub_platform.store import audit
from jupyterhub_platform.store.audit import DONE as DONE
from jupyterhub_platform.store.audit import FAILED as FAILED
from jupyterhub_platform.store.audit import REFUSED as REFUSED
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.rate_limit import RateLimit
from jupyterhub_platform.usecases.repeat_count import RepeatCount
from jupyterhub_platform.usecases.store_health import StoreHealth

MAX_AT_ONCE: Final = 10
"""Refused attempts of one caller that are recorded at once, and their repeats one by one."""

ONE_MORE_SECONDS: Final = 60.0
"""After how long a caller may have one more recorded."""

ANONYMOUS: Final = "(anonymous)"
"""The actor of callers without a login; no user can have this name."""

FLOOD: Final = "call.refused"
"""The action of rows that count what was refused beyond all that is recorded one by one."""

COUNTED: Final = "call.counted"
"""The action of rows that count changes of one's own beyond all that is recorded one by one."""

CHANGES_AT_ONCE: Final = 100
"""Changes of tokens and shares that a caller has recorded at once: any user may make them."""

ONE_MORE_CHANGE_SECONDS: Final = 5.0
_OF_ANY_USER: Final = ("token.", "share.", "share_code.")
_MAX_NAMED: Final = 20
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What a user did or tried. ``source`` tells callers without a login apart."""

    at: datetime
    actor: str
    action: str
    subject: str
    origin: RequestOrigin
    result: str = DONE
    source: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> _Key:
        """What two attempts of one caller have in common that are the same.

        A caller without a login chooses the subject freely: it tells nothing apart.
        """
        if self.actor == ANONYMOUS:
            return self.action, self.source, ""
        return self.action, self.subject, str(self.detail.get("status", ""))


@dataclass(slots=True)
class _Shared:
    request: RecordedRequest
    count: RepeatCount = field(default_factory=RepeatCount)


@dataclass(slots=True)
class _Caller:
    shared: dict[_Key, _Shared] = field(default_factory=dict)
    beyond: RepeatCount = field(default_factory=RepeatCount)
    actions: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)

    def count_beyond(self, request: RecordedRequest) -> None:
        self.beyond.add(request.at)
        for counter, name in ((self.actions, request.action), (self.sources, request.source)):
            if name in counter or len(counter) < _MAX_NAMED:
                counter[name] += 1


class RecordedRequests:
    """Records requests. Belongs to the Hub's thread, apart from what it returns.

    While the store does not answer, rows wait for it.
    """

    def __init__(
        self, store: Store, health: StoreHealth, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._health = health
        self._rate_limit = RateLimit(MAX_AT_ONCE, ONE_MORE_SECONDS, clock=clock)
        self._changes = RateLimit(CHANGES_AT_ONCE, ONE_MORE_CHANGE_SECONDS, clock=clock)
        self._callers: dict[str, _Caller] = {}
        self._busy: dict[str, _Caller] = {}

    def record(self, requests: Iterable[RecordedRequest]) -> None:
        """Record what was done, or failed halfway, each in full.

        Of what any user may do as often as they like, what is beyond :data:`CHANGES_AT_ONCE` is
        only counted.
        """
        kept = tuple(each for each in requests if not self._is_counted(each))
        if kept:
            self._health.enter(partial(self._append, kept))

    def _is_counted(self, request: RecordedRequest) -> bool:
        if not request.action.startswith(_OF_ANY_USER):
            return False
        if not self._changes.seconds_to_wait(request.actor):
            self._changes.use(request.actor)
            return False
        self._busy.setdefault(request.actor, _Caller()).count_beyond(request)
        return True

    def refuse(self, request: RecordedRequest) -> None:
        """Record what was refused: in full if it is new, and else as a count, within a minute."""
        caller = self._callers.setdefault(request.actor, _Caller())
        shared = caller.shared.get(request.key)
        if shared is not None:
            shared.count.add(request.at)
        elif self._rate_limit.seconds_to_wait(request.actor) or len(caller.shared) >= MAX_AT_ONCE:
            caller.count_beyond(request)
        else:
            self._rate_limit.use(request.actor)
            caller.shared[request.key] = _Shared(request)
            self._health.enter(partial(self._append, (request,)))

    def take_counts(self) -> list[Callable[[], None]]:
        """Return what enters the counts, and reset them; what was not repeated is forgotten."""
        counted: list[RecordedRequest] = []
        for actor, caller in tuple(self._callers.items()):
            for key, shared in tuple(caller.shared.items()):
                if shared.count.times:
                    counted.append(_repeat(shared))
                    shared.count = RepeatCount()
                else:
                    del caller.shared[key]
            if caller.beyond.times:
                counted.append(_sum(actor, caller, FLOOD, REFUSED))
                caller.beyond, caller.actions, caller.sources = RepeatCount(), Counter(), Counter()
            if not caller.shared:
                del self._callers[actor]
        counted += [_sum(actor, caller, COUNTED, DONE) for actor, caller in self._busy.items()]
        self._busy = {}
        enter = self._health.enter
        parts = (counted[n : n + _MAX_NAMED] for n in range(0, len(counted), _MAX_NAMED))
        return [partial(enter, partial(self._append, tuple(part))) for part in parts]

    def _append(self, requests: tuple[RecordedRequest, ...]) -> None:
        with self._store.begin() as transaction:
            for each in requests:
                audit.append(
                    transaction,
                    at=each.at,
                    actor=each.actor,
                    action=each.action,
                    subject=each.subject,
                    detail=each.detail,
                    result=each.result,
                    origin=each.origin,
                )


def _repeat(shared: _Shared) -> RecordedRequest:
    detail = {**shared.request.detail, **shared.count.to_json()}
    return replace(shared.request, at=shared.count.last_at, detail=detail)


def _sum(actor: str, caller: _Caller, action: str, result: str) -> RecordedRequest:
    sources = {source: times for source, times in caller.sources.items() if source}
    detail = {"actions": dict(caller.actions), "from": sources, **caller.beyond.to_json()}
    at = caller.beyond.last_at
    return RecordedRequest(at, actor, action, "", OWN, result=result, detail=detail)
