"""Who may start a tier, manage a group or charge servers to one, as far as the caller sees."""

from typing import Any

import pytest

from jupyterhub_platform.rest.service_calls import SERVICE_CALLS
from tests.service.conftest import Running
from tests.support.openapi_responses import find_faults

(CALL,) = (call for call in SERVICE_CALLS if call.id == "listWhoCan")


async def ask(running: Running, level: str, verb: str, name: str) -> Any:
    async with running.program(level) as program:
        answer = await program.get(CALL.path.format(verb=verb, name=name))
    assert find_faults(CALL, answer) == []
    return answer


async def test_a_tier_that_is_open_to_all_names_those_who_start_servers(running: Running) -> None:
    answer = await ask(running, "admin", "start", "small")
    items = answer.json()["people"]["items"]
    assert {"dev1", "dev2"} <= {each["name"] for each in items}
    assert {each["rule"] for each in items} == {"tiers.small"}
    assert all(each["declared_at"] for each in items)


async def test_a_manager_sees_their_own_group_alone(running: Running) -> None:
    items = (await ask(running, "manager", "start", "small")).json()["people"]["items"]
    assert {each["account"] for each in items} == {"vision"}
    assert "dev2" not in {each["name"] for each in items}
    assert (await ask(running, "manager", "manage", "vision")).status_code == 200
    assert (await ask(running, "manager", "manage", "language")).status_code == 404
    assert (await ask(running, "manager", "charge", "language")).status_code == 404


@pytest.mark.parametrize(
    ("level", "verb", "name", "status"),
    [
        ("user", "start", "small", 403),
        ("admin", "start", "nothing", 404),
        ("admin", "manage", "nothing", 404),
        ("admin", "charge", "vision", 200),
        ("admin", "fly", "vision", 400),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    running: Running, level: str, verb: str, name: str, status: int
) -> None:
    assert (await ask(running, level, verb, name)).status_code == status
