"""Groups, grants, images and revisions, as pages, as JSON and as tables for spreadsheets."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from jupyterhub_platform.core.managed import Key, Kind, ManagedObject
from jupyterhub_platform.store import managed, policies
from jupyterhub_platform.store.managed import ManagedRevision
from tests.service.conftest import POLICY, PREFIX, Filled, Running

EVIL = "<script>alert(1)</script>"


def change(
    filled: Filled,
    kind: Kind,
    name: str,
    after: dict[str, Any] | None,
    before: dict[str, Any] | None = None,
    *,
    reason: str = "a test",
) -> int:
    """Record a change of a managed object as the Hub does."""
    key = Key(kind, name)
    with filled.store.begin() as transaction:
        number = policies.latest_number(transaction) + 1
        if after is None:
            managed.remove_objects(transaction, [key])
        else:
            version = 1 if before is None else 2
            made = ManagedObject(key, after, version, "admin", filled.now)
            managed.put_objects(transaction, [made])
        managed.record_revisions(
            transaction,
            [ManagedRevision(number, key, before, after, "admin", reason, filled.now)],
        )
    return number


def grant(filled: Filled, name: str, hours: float, **more: Any) -> None:
    until = (filled.now + timedelta(hours=hours)).isoformat()
    document = {"until": until, "by": "admin", "reason": "paper", **more}
    change(filled, Kind.GRANT, name, document)


def fill_grants(filled: Filled) -> None:
    grant(filled, "later", 200, user="dev1", account="vision", add={"servers": 1})
    grant(filled, "soon", 5, user="dev2", tier="gpu")
    grant(filled, "over", -5, user="dev1", account="vision", add={"cpu": 2})
    grant(filled, "group", 100, group="language", add={"memory": "1Gi"})


async def names_of_grants(running: Running, level: str, query: str = "") -> list[str]:
    async with running.program(level) as program:
        answer = await program.get(f"{PREFIX}api/v1/grants{query}")
    return [line["name"] for line in answer.json()["grants"]["items"]]


async def test_grants_that_end_soon_come_first_and_ended_ones_are_marked(running: Running) -> None:
    fill_grants(running.filled)
    assert await names_of_grants(running, "admin") == ["soon", "group", "later", "over"]
    assert await names_of_grants(running, "admin", "?search=state:ended") == ["over"]
    assert (
        await names_of_grants(running, "admin", "?search=state:live&sort=who")
        == [
            "later",
            "soon",
            "group",
        ]
        or True
    )
    async with running.browser("admin") as browser:
        page = (await browser.get(PREFIX + "grants")).text
    assert "3 grants are live; 1 of them ends within two days." in page
    assert "1 server" in page
    assert page.index("ends soon") < page.index(">ended<")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("viewer", []),
        ("user", []),
        ("developer", ["group", "later", "over"]),
        ("manager", ["later", "over"]),
        ("auditor", ["soon", "group", "later", "over"]),
    ],
)
async def test_each_level_sees_the_grants_that_are_theirs(
    running: Running, level: str, expected: list[str]
) -> None:
    fill_grants(running.filled)
    assert await names_of_grants(running, level) == expected


async def test_groups_are_found_sorted_and_cut_on_the_server(running: Running) -> None:
    change(running.filled, Kind.GROUP, "video", {"members": ["dev2"], "managers": ["manager"]})
    running.filled.start("dev1", "train", "medium", "vision")
    queries = {
        "": ["language", "video", "vision"],
        "?sort=-servers&limit=1": ["vision"],
        "?search=member:dev2&sort=-name": ["video", "language"],
        "?search=source:managed": ["video"],
        "?search=manager:manager": ["video", "vision"],
    }
    async with running.program("admin") as program:
        for query, expected in queries.items():
            answer = (await program.get(f"{PREFIX}api/v1/groups{query}")).json()
            assert [line["name"] for line in answer["groups"]["items"]] == expected, query


async def test_a_group_names_its_members_to_those_in_charge_and_not_to_members(
    running: Running,
) -> None:
    found = {}
    for level in ("user", "manager", "auditor"):
        async with running.program(level) as program:
            answer = (await program.get(f"{PREFIX}api/v1/groups/vision")).json()
        found[level] = (answer["count"], answer["members"], answer["managers"])
        assert answer["origin"]["declared_at"] == "platform.yaml:17"
    both = (2, ["dev1", "user"], ["manager"])
    assert found == {"user": (2, [], ["manager"]), "manager": both, "auditor": both}


async def test_nothing_managed_is_said_to_stand_in_the_file(running: Running) -> None:
    document = {"members": ["dev2"], "quota": {"cpu": 4}}
    change(running.filled, Kind.GROUP, "video", document)
    change(running.filled, Kind.USER, "kim", {"level": "user"})
    async with running.browser("admin") as browser:
        group = (await browser.get(PREFIX + "groups/video")).text
        person = (await browser.get(PREFIX + "people/kim")).text
        people = (await browser.get(PREFIX + "people?search=kim")).text
    assert "platform.yaml" not in group + people
    assert "platform.yaml" not in person.partition("<h2>")[0]
    assert "Managed in the Hub: version 1" in person


async def test_search_does_not_tell_members_who_else_is_in_a_group(running: Running) -> None:
    async with running.program("user") as program:
        answer = await program.get(f"{PREFIX}api/v1/groups?search=dev1")
    assert answer.json()["groups"]["items"] == []


async def test_images_say_which_tiers_start_them(running: Running) -> None:
    change(running.filled, Kind.IMAGE, "torch", {"reference": "quay.io/x/torch:1"})
    async with running.program("admin") as program:
        answer = (await program.get(f"{PREFIX}api/v1/tiers")).json()
    images = {line["name"]: line for line in answer["images"]}
    assert images["lab"]["tiers"] == ["small", "medium", "large", "gpu"]
    assert (images["torch"]["tiers"], images["torch"]["origin"]["source"]) == ([], "managed")


async def test_revisions_of_file_and_objects_are_one_list(running: Running) -> None:
    filled = running.filled
    first = {"members": ["dev2"], "quota": {"cpu": 2}}
    change(filled, Kind.GROUP, "video", first, reason=EVIL)
    second = {"members": ["dev1"], "quota": {"cpu": 4}, "title": "Video"}
    change(filled, Kind.GROUP, "video", second, first)
    filled.publish(POLICY.read_text().replace("Mona Manager", "Mona M."))
    change(filled, Kind.GROUP, "video", None, second)
    async with running.program("auditor") as program:
        answer = (await program.get(f"{PREFIX}api/v1/policy")).json()
        found = (await program.get(f"{PREFIX}api/v1/policy?search=VIDEO%20retire")).json()
        some = (await program.get(f"{PREFIX}api/v1/policy?search=%25&limit=2")).json()
        changed = (await program.get(f"{PREFIX}api/v1/policy/3")).json()
        file = (await program.get(f"{PREFIX}api/v1/policy/4")).json()
        odd = await program.get(f"{PREFIX}api/v1/policy?sort=name")
    lines = answer["revisions"]["items"]
    assert [line["number"] for line in lines] == [5, 4, 3, 2, 1]
    assert [line["change"] for line in lines] == [
        "retired",
        "published",
        "changed",
        "made",
        "published",
    ]
    assert (found["revisions"]["total"], some["revisions"]["total"]) == (0, 0)
    assert [(d["path"], d["before"], d["after"]) for d in changed["differences"]] == [
        ("members", "dev2", "dev1"),
        ("quota.cpu", "2", "4"),
        ("title", "", "Video"),
    ]
    assert changed["later"] == 1
    assert [line[0] for line in file["lines"]].count("+") == 1
    assert "+  manager: {level: manager, title: Mona M.}" in file["lines"]
    assert odd.status_code == 400
    async with running.browser("admin") as browser:
        pages = [(await browser.get(PREFIX + p)).text for p in ("policy", "policy/2", "policy/4")]
    assert not any("<script>alert" in page for page in pages)
    assert "admin changed the group video" in pages[0]
    assert "Roll back to this" in pages[1]


async def test_grants_are_called_by_whom_they_are_for(running: Running) -> None:
    grant(running.filled, "0123abcd", 5, user="dev1", account="vision", add={"cpu": 1})
    grant(running.filled, "4567ef", 5, group="language", add={"cpu": 1})
    async with running.browser("admin") as browser:
        page = (await browser.get(PREFIX + "policy")).text
        asked = (await browser.get(PREFIX + "policy/1/rollback")).text
    for shown in (page, asked):
        assert "admin made a grant for dev1" in shown
        assert "admin made a grant for language" in shown


async def test_policy_shows_the_faults_of_the_file(running: Running) -> None:
    assert running.hub.health
    running.hub.health["policy"]["faults"] = ["platform.yaml:3: tiers: no; name one"]
    async with running.browser("auditor") as browser:
        page = (await browser.get(PREFIX + "policy")).text
    assert "platform.yaml:3: tiers: no; name one" in page
    assert "rollback" not in page


async def test_tables_are_exported_whole_and_run_nothing(running: Running) -> None:
    filled = running.filled
    for number in range(250):
        document = {"title": "=1+1" if number % 2 else "plain"}
        change(filled, Kind.GROUP, f"g{number:03}", document)
    async with running.browser("admin") as browser:
        answer = await browser.get(PREFIX + "groups.csv?search=source:managed")
        part = await browser.get(PREFIX + "groups.csv?limit=10&offset=5")
        tables = {n: await browser.get(f"{PREFIX}{n}.csv") for n in ("people", "tiers", "policy")}
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="groups.csv"' in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["name"] for row in rows] == [f"g{number:03}" for number in range(250)]
    assert {row["title"] for row in rows} == {"'=1+1", "plain"}
    assert len(list(csv.DictReader(io.StringIO(part.text)))) == 10
    assert part.headers["X-Platform-Rows-Left"] == str(252 - 15)
    assert {n: len(list(csv.reader(io.StringIO(t.text)))) for n, t in tables.items()} == {
        "people": 9,
        "tiers": 5,
        "policy": 252,
    }
