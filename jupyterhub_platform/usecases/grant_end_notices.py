"""Notices of grants that end: some time before, and when they have ended."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.notices import (
    Event,
    announce_at,
    gives_the_same,
    grant_facts,
    name_grant,
)
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.store import notices
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.notices import WatchedGrant
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.notices import Notify
from jupyterhub_platform.usecases.snapshot import Snapshot


class GrantEndNotices:
    """Compares the live grants with those that were recorded last.

    A grant that is gone has ended: by itself, by a manager, or with a change of the file, possibly
    while the Hub was down. Its methods may take long: call them in a thread.
    """

    def __init__(self, store: Store, notify: Notify, before: timedelta) -> None:
        self._store = store
        self._notify = notify
        self._before = before
        self._seen: tuple[Grant, ...] | None = None
        self._next: datetime | None = None

    def announce(self, snapshot: Snapshot, now: datetime) -> None:
        """Enter notices of ends that are near or have come; without a change this is free."""
        policy = snapshot.policy
        if self._seen is policy.grants and (self._next is None or now < self._next):
            return
        live = _list_live(snapshot, now)
        with self._store.read() as transaction:
            watched = notices.list_watched(transaction)
        ended = [each for id_, each in watched.items() if id_ not in live]
        current = {i: self._watch(i, each, watched.get(i), now) for i, each in live.items()}
        due = {i for i, each in current.items() if each.announce_at and each.announce_at <= now}
        changed = {i: each for i, each in current.items() if i in due or each != watched.get(i)}
        if ended or changed:
            with self._store.begin() as transaction:
                for each in ended:
                    self._end(transaction, policy, each, current.values(), now)
                for id_, each in changed.items():
                    if id_ in due:
                        self._tell(transaction, policy, Event.GRANT_ENDS, each, now)
                        current[id_] = each = replace(each, announce_at=None)
                    notices.put_watched(transaction, each)
        self._seen = policy.grants
        self._next = min(_instants(policy.grants, current.values(), now), default=None)

    def _watch(
        self, id_: str, grant: Grant, before: WatchedGrant | None, now: datetime
    ) -> WatchedGrant:
        same = before is not None and before.until == grant.until
        at = before.announce_at if same and before else announce_at(grant.until, now, self._before)
        return WatchedGrant(id_, grant_facts(grant), grant.until, at)

    def _end(
        self,
        transaction: Transaction,
        policy: Policy,
        grant: WatchedGrant,
        live: Iterable[WatchedGrant],
        now: datetime,
    ) -> None:
        notices.remove_watched(transaction, grant.id)
        if any(gives_the_same(grant.facts, other.facts) for other in live):
            return  # It goes on under another name: moved into the file, or out of it.
        self._tell(transaction, policy, Event.GRANT_ENDED, grant, now)

    def _tell(
        self,
        transaction: Transaction,
        policy: Policy,
        event: Event,
        grant: WatchedGrant,
        now: datetime,
    ) -> None:
        facts = dict(grant.facts["grant"])
        if event is Event.GRANT_ENDED:
            facts["early"] = now < grant.until
        about = f"{grant.id}\0{now.isoformat()}"
        people = list_holders(policy, facts)
        self._notify.enter(transaction, event, about, {"grant": facts}, people, now, by=facts["by"])


def list_holders(policy: Policy, grant: Mapping[str, Any]) -> Iterator[str]:
    """Yield who is told of an end: the user of the grant, managers of its group, or admins."""
    if grant["user"]:
        names: Iterable[str] = (grant["user"],)
    else:
        group = policy.groups.get(grant["group"])
        names = (group.managers if group else ()) or policy.admins()
    yield from (name for name in names if name in policy.people)


def _list_live(snapshot: Snapshot, now: datetime) -> dict[str, Grant]:
    """Return the live grants by stable names; of two that are alike, the longer one."""
    live: dict[str, Grant] = {}
    for grant in snapshot.policy.grants:
        if grant.is_live(now):
            key = Key(Kind.GRANT, grant.path.removeprefix(f"{Kind.GRANT.section}."))
            name = name_grant(grant, is_managed=key in snapshot.sources.managed)
            if name not in live or live[name].until < grant.until:
                live[name] = grant
    return live


def _instants(
    grants: Iterable[Grant], watched: Iterable[WatchedGrant], now: datetime
) -> Iterator[datetime]:
    """Yield the times at which a grant begins, is announced, or ends."""
    yield from (each.starts for each in grants if each.starts is not None and each.starts > now)
    for each in watched:
        yield each.until
        if each.announce_at is not None:
            yield each.announce_at
