"""What is wrong with the platform itself stands first on Overview, for those who operate it."""

from typing import Any

import pytest

from tests.service.conftest import PREFIX, Running
from tests.support.fake_hub import healthy

READERS = ("operator", "auditor", "admin")
FAULT = "/srv/platform.yaml:11: tiers.small: there is no image 'lib'; name one of lab"


def break_policy(running: Running, **changes: Any) -> None:
    running.hub.health = healthy()
    since = "2026-02-27T09:30:00+00:00"
    broken = {"faults": [FAULT, "<b>2</b>"], "file_digest": None, "faulty_since": since}
    running.hub.health["policy"] |= {**broken, **changes}


@pytest.mark.parametrize("level", READERS)
async def test_faults_of_the_policy_file_come_first(running: Running, level: str) -> None:
    break_policy(running)
    async with running.browser(level) as browser, running.program(level) as program:
        page = (await browser.get(f"{PREFIX}overview")).text
        part = (await browser.get(f"{PREFIX}overview?part=live")).text
        told = (await program.get(f"{PREFIX}api/v1/overview")).json()
    for text in (page, part):
        assert "name one of lab" in text
        assert "/srv/platform.yaml:11" in text
        assert "&lt;b&gt;2&lt;/b&gt;" in text
        assert "2026-02-27 09:30:00 UTC" in text
        assert "Correct /srv/platform.yaml." in text
    headline = "The policy file has 2 faults; revision 1 stays in force. No server runs; "
    assert told["sentence"].startswith(headline)
    assert told["troubles"][0]["details"][0] == FAULT
    assert told["troubles"][0]["since"] == "2026-02-27T09:30:00+00:00"


async def test_a_manager_sees_none_of_it(running: Running) -> None:
    break_policy(running)
    async with running.browser("manager") as browser, running.program("manager") as program:
        assert "fault" not in (await browser.get(f"{PREFIX}overview")).text
        assert (await program.get(f"{PREFIX}api/v1/overview")).json()["troubles"] == []


async def test_store_drift_and_a_file_not_in_force_are_told_as_well(running: Running) -> None:
    break_policy(running, faults=[], file_digest="sha256:2")
    assert running.hub.health
    running.hub.health["store"]["fault"] = "the store does not answer: it is full"
    drift = {"kind": "row_without_server", "detail": "dev1/train holds a row, and does not run"}
    running.hub.health["checker"]["drift"] = [drift]
    since = "2026-02-27T09:30:00+00:00"
    running.hub.health["memberships"] = {"settled": False, "fault": "it is full", "since": since}
    async with running.program("operator") as program:
        told = (await program.get(f"{PREFIX}api/v1/overview")).json()["troubles"]
    codes = [each["code"] for each in told]
    assert codes == [
        "platform.store",
        "policy.not_in_force",
        "platform.memberships",
        "platform.drift",
    ]
    assert told[0]["details"] == ["the store does not answer: it is full"]
    assert told[2]["details"] == ["it is full"]
    assert told[2]["since"] == since
    assert told[3]["details"] == ["dev1/train holds a row, and does not run"]


async def test_notices_that_do_not_arrive_are_told(running: Running) -> None:
    running.hub.health = healthy()
    counts = {"waiting": 2, "delivered": 5, "failed": 1, "skipped": 0}
    mail = {"channel": "mail", "target": "smtp:587", "error": "The mail server answered 421."}
    webhook = {"channel": "webhook", "target": "chat", "error": ""}
    running.hub.health["notices"] = [mail | counts, webhook | counts]
    async with running.program("operator") as program:
        (told,) = (await program.get(f"{PREFIX}api/v1/overview")).json()["troubles"]
    assert told["code"] == "notices.undelivered"
    assert told["details"] == ["mail at smtp:587: The mail server answered 421."]


async def test_pods_that_are_not_seen_or_charged_to_nobody_are_told(running: Running) -> None:
    running.hub.health = healthy()
    since = "2026-02-27T09:30:00+00:00"
    examples = [{"pod": "w-1", "source": "dask", "reason": "It has no label user."}]
    seen = {"sources": 1, "seconds": 10.0, "looked_at": since, "fault": "ApiException 503"}
    counts = {"held": 3, "unassigned": 12, "examples": examples}
    running.hub.health["observed_pods"] = seen | counts
    async with running.program("operator") as program:
        stale, unassigned = (await program.get(f"{PREFIX}api/v1/overview")).json()["troubles"]
        running.hub.health["observed_pods"] = {"sources": 1, "seconds": 0.0}
        (unobserved,) = (await program.get(f"{PREFIX}api/v1/overview")).json()["troubles"]
    assert (stale["code"], stale["since"]) == ("platform.pods.stale", since)
    assert stale["details"] == ["ApiException 503"]
    assert unassigned["sentence"] == "12 observed pods are charged to nobody."
    assert unassigned["details"] == ["w-1 (dask): It has no label user.", "and 11 more"]
    assert unobserved["code"] == "platform.pods.unobserved"


async def test_a_hub_that_is_well_is_no_news(running: Running) -> None:
    async with running.program("operator") as program:
        told = (await program.get(f"{PREFIX}api/v1/overview")).json()
    assert told["troubles"] == []
    assert told["sentence"] == "No server runs; nothing needs attention."


@pytest.mark.parametrize("health", [None, {}, {"policy": 3, "store": [], "checker": None}])
async def test_a_hub_that_says_nothing_of_itself_is_said_to(
    running: Running, health: dict[str, Any] | None
) -> None:
    running.hub.health = health
    async with running.browser("operator") as browser:
        page = await browser.get(f"{PREFIX}overview")
    assert page.status_code == 200
    assert "The Hub does not say how its policy file and its store are." in page.text


async def test_a_store_that_the_service_cannot_read_leaves_what_the_hub_says(
    running: Running,
) -> None:
    break_policy(running)
    async with running.browser("operator") as browser:
        await browser.get(f"{PREFIX}overview")
        with running.filled.store.begin() as transaction:
            transaction.exec_driver_sql("DROP TABLE policy_revision")
        page = await browser.get(f"{PREFIX}overview")
    assert page.status_code == 503
    assert "name one of lab" in page.text
