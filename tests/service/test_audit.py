"""The audit as a page, as JSON and as a table: found, paged, and safe to show."""

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from jupyterhub_platform.origin import RequestOrigin
from tests.service.conftest import PREFIX, Running

EVIL = "<script>alert(1)</script>\x1b[2J{{ 7 * 7 }}"


def fill(running: Running) -> None:
    filled = running.filled
    filled.audit(
        "admin",
        "person.suspended",
        "dev2",
        detail={"reason": "laptop stolen", "until": "2026-12-02T09:00:00+00:00"},
        origin=RequestOrigin("cli", "10.1.2.3"),
    )
    filled.audit("dev1", "token.made", "dev1", origin=RequestOrigin("page", "10.1.2.4"))
    filled.audit(
        "dev1",
        "person.suspended",
        "admin",
        detail={"reason": "This needs the scope custom:platform:admin."},
        result="refused",
        origin=RequestOrigin("api", "10.1.2.4"),
    )
    filled.audit("admin", "grant.made", "g1", detail={"after": {"user": "dev2", "add": {"cpu": 4}}})


async def test_page_says_each_event_in_one_line(running: Running) -> None:
    fill(running)
    async with running.browser("auditor") as browser:
        page = (await browser.get(f"{PREFIX}audit")).text
    assert "admin suspended dev2 until 02 Dec 2026 09:00 UTC: laptop stolen" in page
    assert (
        "dev1 tried to suspend admin, and was refused: "
        "This needs the scope custom:platform:admin." in page
    )
    assert "admin gave dev2 4 CPU more" in page
    assert "10.1.2.3" in page
    assert "The record is whole" in page
    assert page.index("grant.made") < page.index("token.made")


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [4, 3, 2, 1]),
        ("actor=dev1", [3, 2]),
        ("action=person.", [3, 1]),
        ("action=person.suspended&result=refused", [3]),
        ("subject=dev2", [1]),
        ("result=done&limit=2", [4, 2]),
        ("before=3", [2, 1]),
        ("after=2", [3, 4]),
        ("since=1h", [4, 3, 2, 1]),
        ("until=1h", []),
        ("until=2000-01-01T00:00:00Z", []),
    ],
)
async def test_api_finds_the_same_rows(running: Running, query: str, numbers: list[int]) -> None:
    fill(running)
    async with running.program("auditor") as program:
        answer = (await program.get(f"{PREFIX}api/v1/audit?{query}")).json()
    assert [event["number"] for event in answer["items"]] == numbers
    assert answer["go_on"] == (2 if "limit" in query else None)


@pytest.mark.parametrize(
    "query",
    [
        *("result=good", "since=yesterday", "until=2d2", "before=x", "after=-1"),
        *("before=99999999999", "before=1&after=1", "limit=0", "limit=201", "what=1"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_what_to_write(
    running: Running, query: str
) -> None:
    async with running.program("admin") as program:
        answer = await program.get(f"{PREFIX}api/v1/audit?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "query.invalid")


async def test_row_has_everything_that_was_recorded(running: Running) -> None:
    fill(running)
    async with running.program("auditor") as program, running.browser("auditor") as browser:
        row = (await program.get(f"{PREFIX}api/v1/audit/1")).json()
        page = (await browser.get(f"{PREFIX}audit/1")).text
        changed = (await browser.get(f"{PREFIX}audit/4")).text
    assert (row["via"], row["address"], row["result"]) == ("cli", "10.1.2.3", "done")
    assert (row["reason"], row["previous_hash"]) == ("laptop stolen", "0" * 64)
    assert row["hash"] in page
    assert "What changed" in changed


async def test_text_of_strangers_is_shown_and_not_run(running: Running) -> None:
    for actor, subject in ((EVIL, "x"), ("x", EVIL)):
        running.filled.audit(actor, "person.logged_in", subject, detail={"reason": EVIL, EVIL: 1})
    running.filled.audit("x", EVIL, EVIL, detail={"after": {EVIL: EVIL}})
    async with running.browser("admin") as browser:
        for place in ("audit", "audit/1", "audit/2", "audit/3"):
            page = (await browser.get(f"{PREFIX}{place}", params={"actor": EVIL})).text
            assert "<script>alert" not in page, place
            assert "{{ 7 * 7 }}" in page, place


async def test_export_is_a_table_that_no_spreadsheet_runs(running: Running) -> None:
    fill(running)
    for start in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1"):
        running.filled.audit("x", "a.b", start, detail={"reason": start})
    async with running.browser("auditor") as browser:
        answer = await browser.get(f"{PREFIX}audit.csv")
        some = await browser.get(f"{PREFIX}audit.csv?actor=dev1")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "audit.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["number"] for row in rows] == [str(number) for number in range(9, 0, -1)]
    assert not [v for row in rows for v in row.values() if v.startswith(("=", "+", "-", "@", "\t"))]
    assert json.loads(rows[5]["detail"]) == {"after": {"user": "dev2", "add": {"cpu": 4}}}
    assert len(list(csv.DictReader(io.StringIO(some.text)))) == 2


async def test_a_long_export_is_whole(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyterhub_platform.service.audit_export.ROW_BATCH", 7)
    for number in range(50):
        running.filled.audit("x", "a.b", str(number))
    async with running.browser("admin") as browser:
        answer = await browser.get(f"{PREFIX}audit.csv")
    numbers = [row["number"] for row in csv.DictReader(io.StringIO(answer.text))]
    assert numbers == [str(number) for number in range(50, 0, -1)]


async def test_page_shows_what_is_wrong_with_the_chain(running: Running) -> None:
    assert running.hub.health is not None
    finding = {"part": "audit", "row": "3", "what": "row 3 is not it", "fix": "Copy it."}
    running.hub.health["audit"] |= {"whole": False, "findings": [finding]}
    async with running.browser("auditor") as browser:
        wrong = (await browser.get(f"{PREFIX}audit")).text
        running.hub.health["audit"] |= {"whole": None, "looked_at": None, "head": None}
        unknown = (await browser.get(f"{PREFIX}audit")).text
        running.hub.health = None
        silent = (await browser.get(f"{PREFIX}audit")).text
    assert "The record is not what was written" in wrong
    assert "row 3 is not it" in wrong
    assert "has not been verified since the Hub started" in unknown
    assert "has not reported whether the audit is intact" in silent


async def test_rows_that_were_added_since_the_record_was_verified_are_not_said_to_be(
    running: Running,
) -> None:
    fill(running)
    assert running.hub.health is not None
    running.hub.health["audit"] |= {"whole": True, "rows": 3}
    async with running.browser("auditor") as browser:
        early = (await browser.get(f"{PREFIX}audit")).text
        older = (await browser.get(f"{PREFIX}audit?before=4")).text
        running.hub.health["audit"] |= {"rows": 4}
        whole = (await browser.get(f"{PREFIX}audit")).text
    assert 'The record is whole up to row <span class="amount">3</span>, verified' in early
    assert "Later rows are verified next." in early
    assert "Later rows" not in older
    assert "Later rows" not in whole


async def test_changed_row_is_still_shown(running: Running) -> None:
    fill(running)
    with running.filled.store.begin() as transaction:
        transaction.execute(text("DROP TRIGGER audit_no_update"))
        transaction.execute(
            text("UPDATE audit SET detail = 'none', at = 'soon', result = 'odd' WHERE seq = 3")
        )
    async with running.browser("auditor") as browser:
        for place in ("audit", "audit/3"):
            answer = await browser.get(f"{PREFIX}{place}")
            assert (answer.status_code, "tried to suspend admin" in answer.text) == (200, True)


async def test_only_those_who_may_see_the_way_to_it(running: Running) -> None:
    found = {}
    for level in ("viewer", "developer", "manager", "operator", "auditor", "admin"):
        async with running.browser(level) as browser:
            page = (await browser.get(PREFIX)).text
        found[level] = f'href="{PREFIX}audit"' in page
    assert [level for level, shown in found.items() if shown] == ["auditor", "admin"]


async def test_pages_of_a_filter_go_on_to_its_end(running: Running) -> None:
    for number in range(120):
        at = running.filled.now - timedelta(minutes=200 - number)
        running.filled.audit("x" if number % 2 else "y", "a.b", str(number), at=at)
    async with running.browser("auditor") as browser:
        page = (await browser.get(f"{PREFIX}audit?actor=x")).text
        assert "Earlier" in page
        last = (await browser.get(f"{PREFIX}audit?actor=x&before=21")).text
    assert "Earlier" not in last
    assert "Newest" in last
