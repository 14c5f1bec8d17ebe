"""The usage page and its call: who sees what, in which shape, and that it never overwhelms."""

import csv
import io
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.service.usage_charts import find_top
from jupyterhub_platform.store import ledger
from jupyterhub_platform.usecases.reports import usage as usage_report
from jupyterhub_platform.usecases.usage_sums import UsageSums
from tests.service.conftest import PREFIX, Filled, Running

CALL = f"{PREFIX}api/v1/usage/history"
GIB = 2**30
HOUR = timedelta(hours=1)


def hold(
    filled: Filled,
    user: str,
    account: str,
    began: datetime,
    hours: int | None = 1,
    tier: str = "small",
    **amounts: int,
) -> None:
    """Enter a server of the past that held 1 CPU and 2 GiB, or ``amounts``."""
    key = f"{user}-{account}-{tier}-{began.timestamp()}"
    demand = Resources.of({"servers": 1, "cpu": 1000, "memory": 2 * GIB, **amounts})
    held = Reservation(key, user, key, 1, account, tier, "lab", demand, began)
    with filled.store.begin() as transaction:
        ledger.open_reservation(transaction, held, decision_json="{}", policy_revision=1)
        if hours is not None:
            ledger.release(transaction, key, began + hours * HOUR, "stopped")


@pytest.fixture
def used(running: Running) -> Running:
    """Three people of two groups have had servers; some of these days are settled."""
    now = running.filled.now
    day = now.replace(hour=6, minute=0, second=0, microsecond=0)
    filled = running.filled
    hold(filled, "dev1", "vision", day - timedelta(days=20), 10)
    hold(filled, "dev1", "language", day - timedelta(days=3), 2)
    hold(filled, "dev2", "language", day - timedelta(days=2), 5, "gpu", **{"nvidia.com/gpu": 2})
    hold(filled, "user", "vision", day - timedelta(days=1), 1)
    for _ in UsageSums(filled.store).settle(now - timedelta(days=10)):
        pass
    return running


async def read(running: Running, level: str, query: str = "") -> Any:
    async with running.program(level) as program:
        answer = await program.get(f"{CALL}?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def cpu_by_name(report: Any) -> dict[str, float]:
    return {line["name"]: line["used"]["cpu_hours"] for line in report["lines"]["items"]}


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("auditor", {"dev1": 12, "dev2": 5, "user": 1}),
        ("admin", {"dev1": 12, "dev2": 5, "user": 1}),
        # What dev1 used in another group is none of the manager's business.
        ("manager", {"dev1": 10, "user": 1}),
        ("developer", {"dev1": 12}),
        ("user", {"user": 1}),
        ("viewer", {}),
    ],
)
async def test_each_level_sees_the_usage_that_is_theirs(
    used: Running, level: str, expected: dict[str, float]
) -> None:
    for per in ("day", "week", "month"):
        report = await read(used, level, f"by=person&per={per}&since=40d")
        assert cpu_by_name(report) == expected, per
        assert report["used"]["cpu_hours"] == sum(expected.values())
        assert report["lines"]["total"] == len(expected)


async def test_a_managers_own_servers_count_once_wherever_they_are_charged(used: Running) -> None:
    now = used.filled.now
    hold(used.filled, "manager", "vision", now - 9 * HOUR, 3)
    hold(used.filled, "manager", "language", now - 9 * HOUR, 4)
    assert cpu_by_name(await read(used, "manager", "by=group")) == {"vision": 14, "language": 4}


@pytest.mark.parametrize("level", ["developer", "manager", "viewer"])
@pytest.mark.parametrize("name", ["person=dev2", "group=language", "tier=gpu", "image=lab"])
async def test_no_filter_shows_more_than_may_be_seen(used: Running, level: str, name: str) -> None:
    seen = cpu_by_name(await read(used, level, "by=person"))
    found = cpu_by_name(await read(used, level, f"by=person&{name}"))
    assert found.keys() <= seen.keys()
    assert all(found[key] <= seen[key] for key in found)


async def test_filters_leave_only_what_they_name(used: Running) -> None:
    assert cpu_by_name(await read(used, "admin", "by=person&group=language")) == {
        "dev1": 2,
        "dev2": 5,
    }
    assert cpu_by_name(await read(used, "admin", "by=group&person=dev1")) == {
        "vision": 10,
        "language": 2,
    }
    assert cpu_by_name(await read(used, "admin", "by=group&group=vision")) == {"vision": 11}
    assert cpu_by_name(await read(used, "admin", "by=tier&tier=gpu&image=lab")) == {"gpu": 5}
    assert cpu_by_name(await read(used, "admin", "by=image&image=none&person=dev1")) == {}


async def test_amounts_are_exact_in_seconds_and_readable_in_hours(used: Running) -> None:
    report = await read(used, "admin", "by=tier")
    gpu = next(line for line in report["lines"]["items"] if line["name"] == "gpu")
    assert gpu["title"] == "GPU"
    assert gpu["used"] == {
        "server_seconds": 5 * 3600,
        "cpu_millicore_seconds": 5 * 3600 * 1000,
        "memory_byte_seconds": 5 * 3600 * 2 * GIB,
        "accelerator_seconds": 2 * 5 * 3600,
        "server_hours": 5.0,
        "cpu_hours": 5.0,
        "memory_gib_hours": 10.0,
        "accelerator_hours": 10.0,
    }
    (period,) = gpu["periods"]
    assert period["used"] == gpu["used"]
    assert report["zone"] == "UTC"
    assert period in [
        {**each, "used": gpu["used"]} for each in report["periods"] if each["used"] == gpu["used"]
    ]


async def test_amounts_beyond_any_number_of_the_database_stay_exact(running: Running) -> None:
    now = running.filled.now
    for days in (40, 3):
        hold(running.filled, "dev1", "vision", now - timedelta(days=days), 2, memory=2**63 - 1)
    for _ in UsageSums(running.filled.store).settle(now):
        pass
    report = await read(running, "admin", "by=person&per=month&since=70d")
    assert report["used"]["memory_byte_seconds"] == 2 * 2 * 3600 * (2**63 - 1)


async def test_a_running_server_counts_until_now(used: Running) -> None:
    now = used.filled.now
    hold(used.filled, "user", "vision", now - 30 * HOUR, None)
    (line,) = (await read(used, "user", "by=person&since=3d"))["lines"]["items"]
    ended = 1 if now.hour >= 7 or now.hour < 6 else 0
    assert line["used"]["cpu_hours"] == pytest.approx(30 + ended, abs=1.1)


async def test_names_are_sorted_and_cut_on_the_server(used: Running) -> None:
    async def names(query: str) -> list[str]:
        report = await read(used, "admin", f"by=person&{query}")
        assert report["lines"]["total"] == 3
        return [line["name"] for line in report["lines"]["items"]]

    assert await names("sort=-cpu") == ["dev1", "dev2", "user"]
    assert await names("sort=name&limit=2&offset=1") == ["dev2", "user"]
    assert (await names("sort=-accelerators"))[0] == "dev2"
    assert await names("offset=3") == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("by=nose", "by is one of person, group, tier, image; leave it out or correct it."),
        ("per=year", "per is one of day, week, month; leave it out or correct it."),
        ("since=gestern", "“gestern” is not a time; write for example 30d,"),
        ("since=1d&until=2d", "Since is not before until; name an earlier time as since."),
        ("since=2020-01-01", "These are more than 400 days; name a later time as since,"),
        ("since=0001-01-01&per=month", "These are more than 400 months;"),
        ("since=9999-12-31", "Since is not before until;"),
        ("sort=password", "There is no column 'password'; sort by one of cpu, memory,"),
        ("format=xml", "format is csv or json; leave it out or correct it."),
        ("limit=0", "limit is a whole number from 1 to 200;"),
        ("search=x", "This address takes no 'search'; it takes by, cursor, format, group, image,"),
    ],
)
@pytest.mark.parametrize("more", ["", "&format=csv"])
async def test_what_cannot_be_answered_is_refused_with_what_to_write(
    used: Running, query: str, words: str, more: str
) -> None:
    if "format" in query and more:
        return
    async with used.program("admin") as program:
        answer = await program.get(f"{CALL}?{query}{more}")
    assert (answer.status_code, answer.json()["code"]) == (400, "query.invalid")
    assert answer.json()["message"].startswith(words)


async def test_csv_has_every_name_and_the_same_figures(used: Running) -> None:
    report = await read(used, "admin", "by=person&per=month")
    due = {
        (line["name"], period["start"]): period["used"]["cpu_hours"]
        for line in report["lines"]["items"]
        for period in line["periods"]
    }
    for ask in ({"format": "csv"}, {}):
        async with used.program("admin") as program:
            answer = await program.get(
                f"{CALL}?by=person&per=month&limit=1",
                params={"by": "person", "per": "month", "limit": "1", **ask},
                headers={} if ask else {"Accept": "text/csv"},
            )
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="usage.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert {(row["person"], row["start"]): float(row["cpu_hours"]) for row in rows} == due


async def test_half_a_file_never_looks_like_a_whole_one(
    used: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        hold(used.filled, f"person{number}", "vision", used.filled.now - 2 * HOUR)
    monkeypatch.setattr(usage_report, "_NAME_BATCH", 1)
    async with (
        used.program("admin") as program,
        program.stream("GET", f"{CALL}?by=person&format=csv&sort=name") as answer,
    ):
        parts = answer.aiter_text()
        assert "dev1" in await anext(parts)
        Path(used.filled.url.removeprefix("sqlite:///")).unlink()  # noqa: ASYNC240
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in parts:
                pass


async def test_a_name_is_no_formula_for_a_spreadsheet(running: Running) -> None:
    now = running.filled.now
    for name in ("=1+1", "@sum", "-2", "+3"):
        hold(running.filled, name, "vision", now - 2 * HOUR)
    async with running.program("admin") as program:
        answer = await program.get(f"{CALL}?by=person&format=csv")
    names = {row["person"] for row in csv.DictReader(io.StringIO(answer.text))}
    assert names == {"'=1+1", "'@sum", "'-2", "'+3"}


async def test_the_page_shows_the_figures_and_leads_to_what_they_are_made_of(
    used: Running,
) -> None:
    async with used.browser("auditor") as browser:
        page = (await browser.get(f"{PREFIX}usage?per=week")).text
        people = (await browser.get(f"{PREFIX}usage?by=person&group=language")).text
    assert "Everybody together used 18 CPU hours, 36 GiB hours of memory and 10 GPU hours" in page
    assert "by=person&amp;per=week&amp;group=vision" in page or "group=vision" in page
    assert page.count("<figure") == 3
    assert "Computer vision" in page
    assert "Everybody together used 7 CPU hours" in people
    assert "10 GPU hours in language from" in people
    assert "Vision" not in people
    assert len(page) < 150_000


async def test_twelve_months_are_twelve_on_every_day_of_the_year(used: Running) -> None:
    async with used.browser("admin") as browser:
        page = (await browser.get(f"{PREFIX}usage")).text
        (since,) = re.findall(
            r'href="\?[^"]*since=([\d-]+)[^"]*per=month|per=month[^"]*since=([\d-]+)', page
        )
        year = await read(used, "admin", f"per=month&since={''.join(since)}")
    assert len(year["periods"]) == 12


async def test_a_year_of_days_fits_into_a_page(used: Running) -> None:
    async with used.browser("admin") as browser:
        page = (await browser.get(f"{PREFIX}usage?since=366d")).text
    assert len(page) < 150_000
    assert page.count("<rect") < 100


async def test_a_hostile_name_is_text(running: Running) -> None:
    name = "<script>alert(1)</script>"
    hold(running.filled, name, "vision", running.filled.now - 2 * HOUR)
    async with running.browser("admin") as browser:
        page = (await browser.get(f"{PREFIX}usage?by=person")).text
    assert name not in page
    assert "&lt;script&gt;alert(1)" in page


async def test_the_tab_is_there_for_all_who_may(used: Running) -> None:
    for level in ("developer", "viewer", "admin"):
        async with used.browser(level) as browser:
            assert f'href="{PREFIX}usage"' in (await browser.get(PREFIX)).text


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (0.3, 0.3), (1, 1), (2.2, 3), (51, 60), (61, 80), (999, 1000)]
)
def test_an_axis_ends_at_a_round_number(highest: float, top: float) -> None:
    assert find_top(highest) == pytest.approx(top)
