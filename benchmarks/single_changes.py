"""How long one change of a managed object takes, with very many people and groups."""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, quantile
from benchmarks.ledger import name_group, name_person
from benchmarks.pages import PER_GROUP
from benchmarks.population import Population, make_document
from benchmarks.sizes import Size
from jupyterhub_platform.core.managed import Key, Kind, Sources
from jupyterhub_platform.core.memberships import list_moved
from jupyterhub_platform.store import policies
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Change, record
from jupyterhub_platform.usecases.managed import PutObject, RetireObject
from jupyterhub_platform.usecases.snapshot import Snapshot
from jupyterhub_platform.usecases.suspensions import Resume, Suspend

MAX_MILLISECONDS: Final = 50
_EACH: Final = 50


def measure_single_changes(size: Size) -> list[Figure]:
    """Make, change and retire people and groups, and suspend, each until it is in the store."""
    people = size.ledger_people
    groups = max(1, people // PER_GROUP)
    names = tuple(name_person(number) for number in range(people))
    members = {name_group(number): names[number::groups] for number in range(groups)}
    document = make_document(Population((), names, (), members))
    document["users"]["admin"] = {"level": "admin"}
    sources, now = Sources(document), datetime.now(UTC)
    seconds: list[float] = []
    with tempfile.TemporaryDirectory(prefix="jupyterhub-platform-benchmark-") as directory:
        store = Store.open(f"sqlite:///{Path(directory, 'platform.sqlite')}")
        with store.begin() as transaction:
            number = policies.record_revision(
                transaction, document_json="{}", digest="", source="", actor="admin", at=now
            )
        snapshot = Snapshot(sources.unite(now), number, {}, sources)
        for change in _list_changes(names):
            began = time.perf_counter()
            after = record(store, change, snapshot, now)
            list_moved(snapshot.policy, after.policy)
            seconds.append(time.perf_counter() - began)
            snapshot = after
        store.close()
    note = f"{people:,} people, {groups:,} groups; {len(seconds)} changes"
    return [
        Figure(
            "bulk", "a single change, p50", quantile(seconds, 0.5) * 1_000, "ms", MAX_MILLISECONDS
        ),
        Figure(
            "bulk",
            "a single change, p99",
            quantile(seconds, 0.99) * 1_000,
            "ms",
            MAX_MILLISECONDS,
            note,
        ),
    ]


def _list_changes(names: tuple[str, ...]) -> Iterator[Change]:
    for number in range(_EACH):
        user, group = Key(Kind.USER, f"new{number}"), Key(Kind.GROUP, f"new{number}")
        yield PutObject(user, {"level": "user"}, "bench", "admin")
        yield PutObject(group, {"members": [user.name]}, "bench", "admin")
        yield PutObject(user, {"level": "developer"}, "bench", "admin")
        yield PutObject(group, {"members": list(names[:20])}, "bench", "admin")
        yield RetireObject(user, "bench", "admin")
        yield Suspend(names[number], "bench", None, "admin")
        yield Resume(names[number], "bench", "admin")
