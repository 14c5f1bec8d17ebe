"""A time is cut into few spans, which are exactly that time; and older sums become such spans."""

from datetime import date
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

import jupyterhub_platform.store as package
from jupyterhub_platform.core.usage import Usage
from jupyterhub_platform.store import usage_totals
from jupyterhub_platform.store.engine import create_sqlite_file, open_engine, parse_url
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.store.usage_spans import SPANS, Ranges, begin_span, cover, end_span

MONTHS = st.integers(0, 47).map(lambda n: date(2024 + n // 12, n % 12 + 1, 1))


@given(MONTHS, MONTHS, st.dates(date(2024, 1, 1), date(2028, 12, 31)))
def test_spans_follow_each_other_and_end_where_they_shall_or_beyond(
    first: date, last: date, beyond: date
) -> None:
    at = first
    for start, months in cover(first, last, beyond, SPANS):
        assert start == at
        assert begin_span(start, months) == start
        at = end_span(start, months)
    assert at == max(first, last) or at > last >= beyond


@pytest.mark.parametrize("month", range(1, 13))
def test_a_year_until_now_is_a_handful_of_spans(month: int) -> None:
    now = date(2026, month, 20)
    spans = list(cover(date(2025, month, 1), end_span(now.replace(day=1), 1), now, SPANS))
    assert len(spans) <= 6
    assert spans[-1] == (date(2026, 1, 1), 12)


def test_sums_by_month_of_an_older_version_become_sums_of_spans(store_url: str) -> None:
    url = parse_url(store_url)
    create_sqlite_file(url)
    engine = open_engine(url, read_only=False, for_upgrade=True)
    config = Config()
    config.set_main_option("script_location", str(Path(package.__path__[0]) / "migrations"))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        for month, name, servers in (
            *(("2025-12-01", "ada", 1), ("2026-01-01", "ada", 10), ("2026-02-01", "ada", 100)),
            *(("2026-04-01", "ada", 1000), ("2026-04-01", "bob", 5)),
        ):
            row = f"('person', '{name}', '{month}', {servers}, 0, 7, {2**39}, 2, 0, 0)"
            connection.execute(text(f"INSERT INTO usage_month VALUES {row}"))
    engine.dispose()
    store = Store.open(store_url)
    with store.read() as tx:
        ranges = Ranges((), ((date(2025, 12, 1), date(2026, 5, 1)),), date(2026, 4, 20))
        sums = usage_totals.list_sums(tx, "person", ["ada"], ranges)
        found = {(each.name, each.start): each.used for each in sums}
        names, total = usage_totals.rank_names(
            tx, "person", ranges, {}, sort="-cpu", limit=9, offset=0
        )
        years = tx.execute(
            text("SELECT months, start, servers FROM usage_span WHERE name = 'ada' AND months > 1")
        )
        spans = {(row.months, str(row.start)): row.servers for row in years}
    store.close()
    used = Usage(1, 7, 2**39 * 2**40 + 2, 0)
    assert found["ada", date(2025, 12, 1)] == used
    assert len(found) == 4
    assert (names, total) == (["ada", "bob"], 2)
    assert spans == {
        (3, "2025-10-01"): 1,
        (3, "2026-01-01"): 110,
        (3, "2026-04-01"): 1000,
        (12, "2025-01-01"): 1,
        (12, "2026-01-01"): 1110,
    }
