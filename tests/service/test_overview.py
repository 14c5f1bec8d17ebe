"""Overview begins with what needs attention: what, why, what to do, and where that is done."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.service.conftest import POLICY, PREFIX, Filled, Running
from tests.support.fake_hub import FakePerson

LOG = "Traceback (most recent call last):\nModuleNotFoundError: <b>lab</b> & more"
WEAK = "c.JupyterHub.cookie_max_age_days is 90, and was 14."


def break_much(filled: Filled) -> None:
    """Leave behind what each kind of entry is about."""
    until = (filled.now + timedelta(hours=20)).isoformat(timespec="seconds")
    given = f"user: dev1, account: vision, add: {{cpu: 1}}, until: '{until}', by: admin"
    filled.publish(f"{POLICY.read_text()}grants:\n- {{{given}, reason: demo}}\n")
    crashed = filled.start("dev1", "train", "medium", "vision", 30)
    filled.end(crashed, "server.failed", 20, LOG)
    again = filled.start("dev1", "train", "medium", "vision", 15)
    filled.end(again, "server.out_of_memory", 10, "killed " + LOG)
    idle = filled.start("dev2", "calm", "small", "language", 40)
    filled.end(idle, "idle", 5)
    for number in range(3):
        filled.start("dev2", f"s{number}", "small", "language")
    filled.request("user", "vision", "A deadline <i>soon</i>")


@pytest.fixture(autouse=True)
def manager_of_vision(running: Running) -> None:
    """Let the policy say which groups a manager is in charge of, as the level's scope does."""
    scopes = frozenset({"custom:platform:self", "custom:platform:manage"})
    running.hub.people["manager"] = FakePerson("manager", ("vision",), scopes)


async def read_overview(running: Running, level: str, query: str = "") -> dict[str, Any]:
    async with running.program(level) as program:
        answer = await program.get(f"{PREFIX}api/v1/overview{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def by_kind(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in told["attention"]}


async def test_an_admin_is_told_of_each_kind_once(running: Running) -> None:
    break_much(running.filled)
    running.hub.answers["GET settings"] = (200, {"weakened": [{"sentence": WEAK}]})
    told = await read_overview(running, "admin")
    kinds = by_kind(told)
    assert list(kinds) == ["failed", "requests", "groups", "grants"]
    (failed,) = kinds["failed"]["entries"]
    assert failed["subject"] == "train of dev1"
    assert failed["sentence"].startswith("This server used more memory than its tier has")
    assert "It failed 2 times in the last day." in failed["sentence"]
    assert failed["fix"] == "Start it again with a tier that has more memory, or load less at once."
    assert (failed["code"], failed["log"]) == ("server.out_of_memory", "killed " + LOG)
    assert kinds["requests"]["entries"][0]["place"] == "requests/r1"
    assert kinds["groups"]["entries"][0]["subject"] == "language"
    assert kinds["grants"]["entries"][0]["subject"] == "dev1"
    assert told["weakened"] == [WEAK]
    assert told["sentence"] == (
        "3 servers run; language is full, 1 server failed in the last day, 1 request waits for "
        "your answer, 1 grant ends within two days and 1 setting is weaker than the platform's own."
    )
    counts = {each["code"]: each["count"] for each in told["ended"]["counts"]}
    assert counts == {"server.failed": 1, "server.out_of_memory": 1, "server.idle": 1}
    assert [each["server"] for each in told["ended"]["others"]] == ["calm"]


@pytest.mark.parametrize("level", ["manager", "operator", "auditor", "admin"])
async def test_no_entry_leads_where_its_reader_may_not_go(running: Running, level: str) -> None:
    break_much(running.filled)
    for server in (("dev1", "train"), *(("dev2", f"s{number}") for number in range(3))):
        running.hub.explain(*server)
    async with running.browser(level) as browser:
        page = (await browser.get(f"{PREFIX}overview")).text
        part = page[page.index('<div id="live">') :]
        links = set(re.findall(rf'href="({PREFIX}[^"]+)"', part))
        assert any("servers/why" in each for each in links)
        # The documentation is for all, where it is built.
        links.discard(f"{PREFIX}docs/")
        for link in links - {each for each in links if "requests/" in each}:
            answer = await browser.get(html.unescape(link))
            assert answer.status_code == 200, link


async def test_a_manager_hears_of_their_groups_alone_and_reads_no_log(running: Running) -> None:
    other = running.filled.start("dev1", "gone", "small", "language", 90)
    running.filled.end(other, "server.failed", 80, "of another group")
    break_much(running.filled)
    told = await read_overview(running, "manager")
    kinds = by_kind(told)
    assert list(kinds) == ["failed", "requests", "grants"]
    assert [each["subject"] for each in kinds["failed"]["entries"]] == ["train of dev1"]
    assert [each["log"] for each in kinds["failed"]["entries"]] == [""]
    assert told["ended"]["others"] == []
    assert list(told["day"]["groups"]) == ["vision"]
    assert "language" not in str(told)


@pytest.mark.parametrize(("level", "reads"), [("operator", 1), ("admin", 1), ("auditor", 0)])
async def test_logs_are_for_those_who_operate(running: Running, level: str, reads: int) -> None:
    break_much(running.filled)
    async with running.browser(level) as browser:
        page = (await browser.get(f"{PREFIX}overview")).text
    assert page.count("ModuleNotFoundError: &lt;b&gt;lab&lt;/b&gt; &amp; more") == reads
    assert "<i>soon</i>" not in page
    told = await read_overview(running, level)
    assert sum(bool(each["log"]) for each in by_kind(told)["failed"]["entries"]) == reads


async def test_requests_are_shown_to_those_who_may_answer(running: Running) -> None:
    running.filled.request("user", "vision", "once", id_="r1")
    running.filled.request("manager", "vision", "my own", id_="r2")
    running.filled.request("dev2", "language", "another group", id_="r3")
    for level, seen in (("manager", ["r1"]), ("admin", ["r1", "r2", "r3"]), ("operator", [])):
        kinds = by_kind(await read_overview(running, level))
        places = [each["place"] for each in kinds.get("requests", {"entries": []})["entries"]]
        assert places == [f"requests/{each}" for each in seen], level


async def test_there_are_five_of_a_kind_and_up_to_a_hundred_if_asked_for(running: Running) -> None:
    for number in range(120):
        held = running.filled.start("dev1", f"n{number}", "small", "vision")
        running.filled.end(held, "server.failed", 120 - number, "x" * 4000)
    told = by_kind(await read_overview(running, "operator"))["failed"]
    assert (told["total"], len(told["entries"])) == (120, 5)
    assert told["entries"][0]["subject"] == "n119 of dev1"
    async with running.browser("operator") as browser:
        assert 'href="/services/platform/overview?show=failed"' in (
            await browser.get(f"{PREFIX}overview")
        ).text.replace("&#34;", '"')
        page = await browser.get(f"{PREFIX}{told['rest']}")
    assert page.text.count('<li>\n      <div class="entry">') == 100
    assert len(page.content) < 150_000
    async with running.program("operator") as program:
        answer = await program.get(f"{PREFIX}api/v1/overview?show=nonsense")
    assert (answer.status_code, answer.json()["code"]) == (400, "query.invalid")


async def test_a_day_old_failure_and_ends_that_were_wanted_need_nobody(running: Running) -> None:
    old = running.filled.start("dev1", "old", "small", "vision", 60 * 30)
    running.filled.end(old, "server.failed", 60 * 24 + 1)
    for reason in ("stopped", "lifetime", "idle", "suspended", "server.ended"):
        held = running.filled.start("dev1", reason, "small", "vision", 60)
        running.filled.end(held, reason)
    told = await read_overview(running, "operator")
    assert told["attention"] == []
    assert told["sentence"] == "No server runs; nothing needs attention."
    assert sum(each["count"] for each in told["ended"]["counts"]) == 5


async def test_the_last_day_is_drawn_as_it_was_held(running: Running) -> None:
    held = running.filled.start("dev1", "long", "large", "vision", 60 * 6)
    running.filled.end(held, "stopped", 60 * 3)
    told = await read_overview(running, "operator")
    servers = told["day"]["groups"]["vision"]["servers"]
    assert len(servers) == 48
    assert max(servers) == 1
    assert sum(servers) == pytest.approx(6, abs=0.01)
    assert max(told["day"]["tiers"]["large"]["memory"]) == 4
    async with running.browser("operator") as browser:
        page = (await browser.get(f"{PREFIX}overview")).text
    assert "Over the last day, by half hours, at most 4 of 12 GiB" in page


async def test_a_server_that_just_started_is_drawn_whole(running: Running) -> None:
    running.filled.start("dev1", "new", "small", "vision", 0)
    async with running.browser("operator") as browser:
        page = (await browser.get(f"{PREFIX}overview")).text
    assert "last day, by half hours: at most 1<" in page


async def test_a_user_at_a_limit_is_named_once(running: Running) -> None:
    for number in range(3):
        running.filled.start("dev1", f"n{number}", "small", "vision")
    told = by_kind(await read_overview(running, "admin"))["people"]
    assert told["sentence"] == "1 user is at a limit of their own"
    assert [each["sentence"] for each in told["entries"]] == [
        "dev1 holds 3 of 3 servers in vision."
    ]
    assert told["entries"][0]["place"] == "new/grant?user=dev1&account=vision"
    seen = by_kind(await read_overview(running, "operator"))["people"]["entries"][0]
    assert seen["place"] == "people/dev1"
