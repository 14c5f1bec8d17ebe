"""Sums of usage are those of the ledger, whatever interrupts the Hub that makes them."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice, pairwise

import pytest
from sqlalchemy import func, select

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.usage import (
    KINDS,
    NOTHING,
    PERIODS,
    Kind,
    Per,
    Run,
    Usage,
    add_up,
    list_periods,
    to_seconds,
)
from jupyterhub_platform.store import ledger, usage
from jupyterhub_platform.store.schema import usage_day, usage_span
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.reports.kept_book import KeptBook
from jupyterhub_platform.usecases.reports.kept_runs import KeptRuns
from jupyterhub_platform.usecases.reports.usage_figures import UsageQuery, read_figures
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.usage_sums import ROW_BATCH, UsageSums
from tests.support.seeds import SEED

NOW = datetime(2026, 3, 9, 15, 30, 20, tzinfo=UTC)
EVERYTHING = Viewer("root", reads_all=True)
SHAPES = (
    {"servers": 1, "cpu": 500, "memory": 2**30},
    {"servers": 1, "cpu": 8_001, "memory": 2**60 + 7, "nvidia.com/gpu": 2},
    {"servers": 1},
)


class Site:
    """A ledger of 80 days with servers of seconds and of weeks, and what it adds up to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.random = random.Random(SEED)
        self.runs: list[Run] = []

    def fill(self, servers: int) -> None:
        for number in range(servers):
            opened = NOW - timedelta(seconds=self.random.randrange(80 * 86_400))
            lasts = timedelta(seconds=self.random.choice((30, 7_000, 86_400, 20 * 86_400)))
            ended = None if opened + lasts > NOW or number % 17 == 0 else opened + lasts
            self.hold(f"r{number}", opened, ended)

    def hold(self, key: str, opened: datetime, ended: datetime | None, person: str = "") -> None:
        pick = self.random.choice
        demand = pick(SHAPES)
        names = (
            person or pick(("ada", "bob", "cy")),
            pick(("vision", "text")),
            pick(("small", "gpu")),
            pick(("lab", "")),
        )
        user, account, tier, image = names
        held = Reservation(key, user, key, 1, account, tier, image, Resources.of(demand), opened)
        with self.store.begin() as transaction:
            ledger.open_reservation(transaction, held, decision_json="{}", policy_revision=1)
            if ended is not None:
                ledger.release(transaction, key, ended, "stopped")
        released = None if ended is None else to_seconds(ended)
        self.runs.append(Run(*names, Usage.of(demand), to_seconds(opened), released))

    def settle(self, now: datetime = NOW, steps: int | None = None) -> int:
        """Settle, or only so many steps of it; return how many steps there were."""
        return sum(1 for _ in islice(UsageSums(self.store).settle(now), steps))

    def settled(self) -> date | None:
        with self.store.read() as transaction:
            return usage.read_settled(transaction)

    def read(
        self, query: UsageQuery, viewer: Viewer = EVERYTHING, limit: int = 50, offset: int = 0
    ):
        with self.store.read() as transaction:
            read_runs = partial(KeptRuns().read, transaction, KeptBook().read(transaction))
            return read_figures(transaction, viewer, query, limit, offset, read_runs)

    def check(self, by: Kind, per: Per, since: datetime, until: datetime = NOW) -> None:
        """Hold the figures of a time against what the runs add up to."""
        asked = ask(by, per, since, until)
        figures = self.read(asked, limit=1000)
        borders = [to_seconds(each.start) for each in asked.periods]
        borders.append(to_seconds(asked.periods[-1].end))
        added = add_up(self.runs, borders, to_seconds(asked.until), [by])[by]
        due = {(name, asked.periods[n].start): used for (name, n), used in added.items()}
        assert {key: used for key, used in figures.cells.items() if used != NOTHING} == due
        assert set(figures.names) == {name for name, _ in due}
        for period in asked.periods:
            total = NOTHING
            for (_, start), used in due.items():
                total = total.plus(used) if start == period.start else total
            assert figures.periods.get(period.start, NOTHING) == total
        assert figures.counted_until == asked.until


def ask(by: Kind, per: Per, since: datetime, until: datetime = NOW, **more) -> UsageQuery:
    periods = list_periods(since, until, per, 400)
    until = min(periods[-1].end, NOW)
    return UsageQuery(by, per, periods, until, more.get("only", {}), more.get("sort", "-cpu"))


@pytest.fixture
def site(store: Store) -> Site:
    return Site(store)


SINCES = (
    NOW - timedelta(days=80),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 2, tzinfo=UTC),
    datetime(2026, 3, 1, tzinfo=UTC),
    NOW - timedelta(minutes=5),
)
UNTILS = (NOW, datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 14, tzinfo=UTC))


def times() -> Iterator[tuple[datetime, datetime]]:
    return ((since, until) for since in SINCES for until in UNTILS if since < until)


def check_all(site: Site) -> None:
    for number, (since, until) in enumerate(times()):
        for per in PERIODS:
            site.check(KINDS[number % len(KINDS)], per, since, until)
    for by in KINDS:
        site.check(by, "day", SINCES[0])


def test_figures_are_the_same_with_no_sums_some_and_all(site: Site) -> None:
    site.fill(120)
    check_all(site)
    total = site.settle()
    assert total > 80
    assert site.settled() == NOW.date()
    check_all(site)
    assert site.settle() <= 2


def test_what_interrupts_settling_loses_and_doubles_nothing(site: Site) -> None:
    site.fill(60)
    steps = site.random.sample(range(1, 120), 12)
    for count in steps:
        site.settle(steps=count)
        site.check("tier", "month", SINCES[1])
        site.check("person", "day", SINCES[1])
        site.check("group", "week", SINCES[2])
    site.settle()
    check_all(site)


def test_a_hub_that_ends_after_any_step_goes_on_where_it_was(site: Site) -> None:
    for number in range(5):
        began = NOW - timedelta(days=4, hours=number)
        site.hold(f"r{number}", began, began + timedelta(days=number))
    ended = 0
    while site.settled() != NOW.date():
        ended += 1
        site.settle(steps=ended)
        site.check("person", "month", NOW - timedelta(days=9))
        site.settle(steps=ended)
        for _ in UsageSums(site.store).forget() if ended < 20 else ():
            pass
    site.check("person", "day", NOW - timedelta(days=9))
    assert ended == 20


def test_every_step_of_a_day_that_begins_a_month_leaves_figures_right(site: Site) -> None:
    first = datetime(2026, 2, 1, tzinfo=UTC)
    for number in range(ROW_BATCH):
        began = first - timedelta(hours=30) + timedelta(minutes=number)
        site.hold(f"r{number}", began, began + timedelta(days=3), f"person{number}")
    for _ in UsageSums(site.store).settle(first + timedelta(days=2)):
        for per in ("month", "day"):
            site.check("tier", per, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_day_is_settled_an_hour_after_its_end_and_never_before(site: Site) -> None:
    midnight = datetime(2026, 3, 9, tzinfo=UTC)
    site.hold("a", midnight - timedelta(hours=30), None)
    site.settle(midnight + timedelta(minutes=59))
    assert site.settled() == date(2026, 3, 8)
    site.settle(midnight + timedelta(hours=1))
    assert site.settled() == date(2026, 3, 9)
    site.check("person", "day", midnight - timedelta(days=5))


def test_a_clock_that_was_set_back_has_its_days_settled_again(site: Site) -> None:
    site.fill(40)
    site.settle(NOW + timedelta(days=40))
    assert site.settled() == date(2026, 4, 18)
    # The days that were to come are taken out of the sums; what happens now is in them later.
    site.settle(NOW)
    assert site.settled() == NOW.date()
    check_all(site)


def test_sums_that_were_forgotten_are_made_again(site: Site) -> None:
    site.fill(40)
    site.settle()
    for _ in UsageSums(site.store).forget():
        pass
    with site.store.read() as transaction:
        for table in (usage_day, usage_span):
            assert transaction.execute(select(func.count()).select_from(table)).scalar() == 0
    check_all(site)
    site.settle()
    check_all(site)


def test_no_step_enters_more_than_a_start_may_wait_for(site: Site) -> None:
    midnight = datetime(2026, 3, 8, tzinfo=UTC)
    for number in range(ROW_BATCH + 20):
        site.hold(f"r{number}", midnight, midnight + timedelta(hours=1), f"person{number}")
    counted = [0]
    for _ in UsageSums(site.store).settle(NOW):
        with site.store.read() as transaction:
            counted.append(
                transaction.execute(select(func.count()).select_from(usage_day)).scalar_one()
            )
    assert counted[-1] > ROW_BATCH
    assert max(after - before for before, after in pairwise(counted)) <= ROW_BATCH
    site.check("person", "day", midnight)


def test_an_empty_ledger_has_nothing_to_settle(site: Site) -> None:
    assert site.settle() == 0
    assert site.settled() is None
    site.check("person", "day", SINCES[0])


@pytest.mark.parametrize("sort", ["-cpu", "memory", "-accelerators", "servers", "name", "-name"])
def test_names_are_ranked_alike_from_sums_and_from_the_ledger(site: Site, sort: str) -> None:
    site.fill(80)
    asked = ask("person", "month", SINCES[0], sort=sort)
    before = [site.read(asked, limit=1, offset=n).names for n in range(4)]
    site.settle()
    after = [site.read(asked, limit=1, offset=n) for n in range(4)]
    assert [each.names for each in after] == before
    assert [each.total for each in after] == [3, 3, 3, 3]
    used = site.read(asked)
    if sort.strip("-") != "name":
        sums = dict.fromkeys(used.names, NOTHING)
        for (name, _), each in used.cells.items():
            sums[name] = sums[name].plus(each)
        values = [getattr(sums[name], sort.strip("-")) for name in used.names]
        assert values == sorted(values, reverse=sort[0] == "-")
