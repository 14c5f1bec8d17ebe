"""Records what users changed on the Hub's own routes, and what they were refused there.

Rows of the audit are not removed soon, and any caller can be refused as often as they like. So a
repeated attempt is not recorded again: it is counted in memory, and the count is entered once a
minute. A caller has at most :data:`MAX_BURST` different attempts recorded at once, and one more
each minute; one row counts those in between. All callers without a login are one caller here, whose
attempts are distinguished by where they come from.
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

MAX_BURST: Final = 10
"""The number of different attempts of one caller that are recorded at once."""

ONE_MORE_SECONDS: Final = 60.0
"""The time after which one more attempt of a caller is recorded."""

ANONYMOUS: Final = "(anonymous)"
"""The actor of callers without a login; no user can have this name."""

FLOOD: Final = "call.refused"
"""The action of rows that count refused attempts which are not recorded one by one."""

COUNTED: Final = "call.counted"
"""The action of rows that count changes by users which are not recorded one by one."""

CHANGE_BURST: Final = 100
"""The number of changes of tokens and shares, which any user may make, recorded at once."""

ONE_MORE_CHANGE_SECONDS: Final = 5.0
_OF_ANY_USER: Final = ("token.", "share.", "share_code.")
_MAX_NAMED: Final = 20
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What a user did or tried. ``source`` distinguishes callers without a login."""

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
        """What makes two attempts of one caller the same.

        A caller without a login chooses the subject freely, so that it makes no difference.
        """
        if self.actor == ANONYMOUS:
            return self.action, self.source, ""
        return self.action, self.subject, str(self.detail.get("status", ""))


@dataclass(slots=True)
class _Attempt:
    """An attempt that is on record, and how often it was repeated since."""

    request: RecordedRequest
    repeats: RepeatCount = field(default_factory=RepeatCount)


@dataclass(slots=True)
class _Caller:
    """The attempts of a caller that are on record, and those that are only counted."""

    attempts: dict[_Key, _Attempt] = field(default_factory=dict)
    unrecorded: RepeatCount = field(default_factory=RepeatCount)
    actions: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)

    def count(self, request: RecordedRequest) -> None:
        """Count a request that is not recorded by itself."""
        self.unrecorded.add(request.at)
        for counter, name in ((self.actions, request.action), (self.sources, request.source)):
            if name in counter or len(counter) < _MAX_NAMED:
                counter[name] += 1


class RecordedRequests:
    """Records requests. Belongs to the Hub's thread, except for the callables that it returns.

    While the store does not answer, rows wait for it.
    """

    def __init__(
        self, store: Store, health: StoreHealth, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._health = health
        self._rate_limit = RateLimit(MAX_BURST, ONE_MORE_SECONDS, clock=clock)
        self._changes = RateLimit(CHANGE_BURST, ONE_MORE_CHANGE_SECONDS, clock=clock)
        self._callers: dict[str, _Caller] = {}
        self._busy: dict[str, _Caller] = {}

    def record(self, requests: Iterable[RecordedRequest]) -> None:
        """Record what was done, or failed halfway, each in full.

        Changes that any user may make as often as they like are recorded up to
        :data:`CHANGE_BURST`, and then only counted.
        """
        recorded = tuple(each for each in requests if not self._is_counted(each))
        if recorded:
            self._health.enter(partial(self._append, recorded))

    def _is_counted(self, request: RecordedRequest) -> bool:
        if not request.action.startswith(_OF_ANY_USER):
            return False
        if not self._changes.seconds_to_wait(request.actor):
            self._changes.use(request.actor)
            return False
        self._busy.setdefault(request.actor, _Caller()).count(request)
        return True

    def refuse(self, request: RecordedRequest) -> None:
        """Record what was refused: in full if it is new, otherwise as a count within a minute."""
        caller = self._callers.setdefault(request.actor, _Caller())
        attempt = caller.attempts.get(request.key)
        if attempt is not None:
            attempt.repeats.add(request.at)
        elif self._rate_limit.seconds_to_wait(request.actor) or len(caller.attempts) >= MAX_BURST:
            caller.count(request)
        else:
            self._rate_limit.use(request.actor)
            caller.attempts[request.key] = _Attempt(request)
            self._health.enter(partial(self._append, (request,)))

    def take_counts(self) -> list[Callable[[], None]]:
        """Return callables that enter the counts, and reset these.

        An attempt that was not repeated since the last time is forgotten.
        """
        rows: list[RecordedRequest] = []
        for actor, caller in tuple(self._callers.items()):
            for key, attempt in tuple(caller.attempts.items()):
                if attempt.repeats.times:
                    rows.append(_make_repeats(attempt))
                    attempt.repeats = RepeatCount()
                else:
                    del caller.attempts[key]
            if caller.unrecorded.times:
                rows.append(_make_sum(actor, caller, FLOOD, REFUSED))
                caller.unrecorded = RepeatCount()
                caller.actions, caller.sources = Counter(), Counter()
            if not caller.attempts:
                del self._callers[actor]
        rows += [_make_sum(actor, caller, COUNTED, DONE) for actor, caller in self._busy.items()]
        self._busy = {}
        parts = (rows[n : n + _MAX_NAMED] for n in range(0, len(rows), _MAX_NAMED))
        return [partial(self._health.enter, partial(self._append, tuple(part))) for part in parts]

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


def _make_repeats(attempt: _Attempt) -> RecordedRequest:
    """Return the row that counts the repeats of an attempt."""
    detail = {**attempt.request.detail, **attempt.repeats.to_json()}
    return replace(attempt.request, at=attempt.repeats.last_at, detail=detail)


def _make_sum(actor: str, caller: _Caller, action: str, result: str) -> RecordedRequest:
    """Return the row that counts requests of a caller which are not recorded one by one."""
    sources = {source: times for source, times in caller.sources.items() if source}
    detail = {"actions": dict(caller.actions), "from": sources, **caller.unrecorded.to_json()}
    at = caller.unrecorded.last_at
    return RecordedRequest(at, actor, action, "", OWN, result=result, detail=detail)
