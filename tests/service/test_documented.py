"""Every answer of the service's API has the shape that the document gives it."""

from collections import Counter

import pytest

from jupyterhub_platform.rest.service_calls import SERVICE_CALLS
from jupyterhub_platform.store.repeated_denials import RepeatedDenials, record_repeated_denials
from tests.service.conftest import Running
from tests.support.openapi_responses import find_faults

QUERIES = ("", "?limit=1", "?limit=0", "?nonsense=1", "?sort=nonsense", "?before=nothing")


@pytest.mark.parametrize("level", ["user", "manager", "admin", ""])
async def test_every_answer_has_the_shape_that_is_said(running: Running, level: str) -> None:
    filled = running.filled
    running.filled.start("dev1", "train", "medium", "vision")
    filled.audit("admin", "person.suspended", "dev2", detail={"reason": "left"})
    denied = filled.start("dev2", "", "none", "language")
    with filled.store.begin() as transaction:
        record_repeated_denials(
            transaction, RepeatedDenials("1", denied, 3, filled.now, filled.now)
        )
    statuses = Counter[int]()
    async with running.program(level) as program:
        for call in SERVICE_CALLS:
            for known in (
                {"name": "dev1", "id": denied, "number": "1", "first": "1", "last": "1"},
                {"name": "nobody", "id": "nothing", "number": "2", "first": "1", "last": "2"},
            ):
                if "/groups/" in call.path and known["name"] == "dev1":
                    known = known | {"name": "vision"}
                path = call.path.format(user="dev1", server="none", verb="start", **known)
                for query in QUERIES if known["name"] != "nobody" else ("",):
                    answer = await program.request(call.method, path + query)
                    assert find_faults(call, answer) == [], path + query
                    statuses[answer.status_code] += 1
    assert statuses[200] or not level
    assert statuses[400] or not level


async def test_an_answer_of_another_shape_is_noticed(running: Running) -> None:
    (me, overview) = SERVICE_CALLS[:2]
    async with running.program("admin") as program:
        answer = await program.get(me.path)
    assert find_faults(me, answer) == []
    assert find_faults(overview, answer)
