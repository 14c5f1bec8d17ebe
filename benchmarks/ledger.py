"""A ledger of a year, as large as is asked for: made at once, without a decision for each row.

A day has more starts in the middle of the week; servers last from minutes to weeks. One person in
ten starts half of all servers, and everybody starts some.
"""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from jupyterhub_platform.store.prepared import PreparedInsert
from jupyterhub_platform.store.schema import reservation
from jupyterhub_platform.store.store import Store

DAYS: Final = 365
_AT_ONCE: Final = 5_000
_DECISION: Final = json.dumps({"admitted": True, "limits": ["x" * 40] * 4})
_LASTS: Final = (600, 3_600, 4 * 3_600, 8 * 3_600, 26 * 3_600, 9 * 86_400)
_TIERS: Final = {
    "small": {"cpu": 1_000, "memory": 2 * 2**30, "servers": 1},
    "medium": {"cpu": 2_000, "memory": 8 * 2**30, "servers": 1},
    "large": {"cpu": 8_000, "memory": 32 * 2**30, "servers": 1},
    "gpu": {"cpu": 4_000, "memory": 32 * 2**30, "nvidia.com/gpu": 1, "servers": 1},
}
_WEIGHTS: Final = (60, 25, 10, 5)
_FILL: Final = PreparedInsert(
    reservation,
    (
        *("id", "user", "server", "spawner_id", "account", "tier", "image", "demand"),
        *("policy_revision", "observed", "codes", "sentence", "decision", "requested_by"),
        *("opened_at", "ready_at", "released_at", "release_reason"),
    ),
)
IMAGES: Final = ("lab", "scipy", "torch")


def name_person(number: int) -> str:
    """Return the name of a person."""
    return f"person{number:06d}"


def name_group(number: int) -> str:
    """Return the name of a group."""
    return f"group{number:05d}"


def fill_ledger(
    store: Store, *, people: int, groups: int, rows: int, until: datetime, seed: int
) -> None:
    """Write so many rows of the year before ``until``, oldest first."""
    made = _make_rows(people, groups, rows, until, random.Random(seed))  # noqa: S311 - no secret
    while part := list(islice(made, _AT_ONCE)):
        with store.begin() as transaction:
            _FILL.execute_many(transaction, part)


def _make_rows(
    people: int, groups: int, rows: int, until: datetime, chance: random.Random
) -> Iterator[tuple[Any, ...]]:
    demands = {name: json.dumps(demand) for name, demand in _TIERS.items()}
    names = tuple(_TIERS)
    since, step = until - timedelta(days=DAYS), DAYS * 86_400 / rows
    for number in range(rows):
        # Everybody in turn, and in between those who use it most.
        person = number % people if number % 2 else chance.randrange(max(1, people // 10))
        (tier,) = chance.choices(names, _WEIGHTS)
        opened = since + timedelta(seconds=number * step + chance.random() * step)
        ended = opened + timedelta(seconds=chance.choice(_LASTS) * (0.5 + chance.random()))
        name = name_person(person)
        is_over = ended <= until
        yield (
            *(f"{number:032x}", name, str(number), person, name_group(person % groups), tier),
            *(IMAGES[person % len(IMAGES)], demands[tier], 1, False, "", "", _DECISION, name),
            *(opened, opened, ended if is_over else None, "stopped" if is_over else None),
        )
