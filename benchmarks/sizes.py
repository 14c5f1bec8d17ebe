"""How much is measured: a glance, an everyday size, and the figures that are published."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Size:
    """The platform that is measured, and how often each thing is done.

    ``books`` are how many servers are active where ``decisions`` are made. ``spawns`` are starts in
    a row whose hook and statements are noted; in each of ``rounds`` every Hub in turn starts and
    stops ``burst`` servers; every Hub is restarted ``restarts`` times, and left alone for
    ``quiet_seconds``. On a cluster each Hub starts ``pods`` pods, a part of them in each of
    ``pod_rounds``. A ledger of a year has ``ledger_rows`` of ``ledger_people``. So many
    ``strangers`` send at once, for ``stranger_seconds``. So many ``logins`` come at the rate of
    1,000 a minute.
    """

    name: str
    people: int
    active: int
    books: tuple[int, ...]
    decisions: int
    spawns: int
    rounds: int
    burst: int
    restarts: int
    quiet_seconds: float
    pods: int
    pod_rounds: int
    ledger_people: int
    ledger_rows: int
    strangers: int = 100
    stranger_seconds: float = 60.0
    logins: int = 1_000


SIZES: Final = {
    size.name: size
    for size in (
        Size("tiny", 60, 10, (10, 20), 50, 3, 1, 2, 1, 0.3, 20, 1, 50, 500, 10, 3.0, 10),
        Size(
            "quick",
            1_000,
            500,
            (100, 1_000),
            2_000,
            60,
            4,
            15,
            2,
            5.0,
            200,
            4,
            10_000,
            200_000,
            100,
            15.0,
            250,
        ),
        Size(
            "full",
            10_000,
            5_000,
            (100, 1_000, 10_000),
            20_000,
            300,
            10,
            20,
            3,
            20.0,
            1_000,
            4,
            100_000,
            3_000_000,
        ),
    )
}
