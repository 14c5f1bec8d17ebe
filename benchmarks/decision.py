"""What a decision costs: in this process, without a Hub, as CPU time of one thread."""

import gc
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from benchmarks.figures import Figure, quantile
from benchmarks.population import Population, make_policy, make_population
from benchmarks.sizes import Size
from jupyterhub_platform.core.decision import Decision, decide
from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.core.question import ask, subject_of
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.usecases.book import Book

MAX_MICROSECONDS: Final = 100
FLAT: Final = 1.5
"""How much dearer a decision may be among a hundred times as many; caches of the processor."""

TIER: Final = "small"
OPTIONS: Final = {"tier": TIER, "image": "lab"}


def measure_decision(size: Size, seed: int) -> list[Figure]:
    """Decide and enter in books of growing size, as admission does."""
    figures, medians = [], []
    for active in size.books:
        desk = _Desk(make_population(2 * active, active, seed))
        costs = desk.time(desk.admit, size.decisions)
        medians.append(quantile(costs, 0.5))
        what = f"decide and enter, {active:,} active"
        figures += [
            Figure("decision", f"{what}, p50", medians[-1], "us CPU"),
            Figure("decision", f"{what}, p99", quantile(costs, 0.99), "us CPU", MAX_MICROSECONDS),
        ]
    growth = f"p50 at {size.books[-1]:,} against {size.books[0]:,} active"
    figures.append(Figure("decision", growth, medians[-1] / medians[0], "x", FLAT))
    costs = desk.time(desk.answer, size.decisions)
    figures.append(
        Figure("decision", "with every tier, for a page", quantile(costs, 0.5), "us CPU")
    )
    return figures


class _Desk:
    """A policy and a book, without the store."""

    def __init__(self, population: Population) -> None:
        self._people = population.free
        self._policy = make_policy(population)
        self._account = population.account_of()
        self._book = Book()
        for name in population.busy:
            self._book.enter(self._reserve(name))

    def time(self, work: Callable[[str], None], times: int) -> list[float]:
        """Return the microseconds of CPU that each of so many took, each for another user."""
        # What was made so far stays; a collection that walks through it is not the decision's.
        gc.collect()
        gc.freeze()
        costs = []
        try:
            for number in range(times):
                name = self._people[number % len(self._people)]
                began = time.thread_time_ns()
                work(name)
                costs.append((time.thread_time_ns() - began) / 1_000)
                self._release(name)
        finally:
            gc.unfreeze()
        return costs

    def admit(self, name: str) -> None:
        """Decide on the tier that is asked for, and enter what it holds."""
        if not self._decide(name, alternatives=False).admitted:
            raise RuntimeError(f"{name} was denied; the population has room for everybody")
        self._book.enter(self._reserve(name))

    def answer(self, name: str) -> None:
        """Decide with all tiers, and enter nothing."""
        self._decide(name, alternatives=True)

    def _decide(self, name: str, *, alternatives: bool) -> Decision:
        subject = subject_of(self._policy, name, frozenset({self._account[name]}), None)
        question = ask(
            self._policy,
            self._book,
            subject,
            "",
            read_options(OPTIONS),
            now=datetime.now(UTC),
            revision=1,
            alternatives=alternatives,
        )
        return decide(question)

    def _reserve(self, name: str) -> Reservation:
        demand, account = self._policy.tiers[TIER].demand, self._account[name]
        now, identifier = datetime.now(UTC), uuid.uuid4().hex
        return Reservation(identifier, name, "", 1, account, TIER, "lab", demand, now)

    def _release(self, name: str) -> None:
        held = self._book.of_server(name, "")
        if held is not None:
            self._book.strike(held.id)
