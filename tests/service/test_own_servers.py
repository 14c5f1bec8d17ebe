"""The table of My resources: what the Hub has of each server, beside what it holds."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.rest.own_servers import OwnServers
from jupyterhub_platform.service.own_servers import make_table
from jupyterhub_platform.usecases.reports.lines import ServerLine

NOW = datetime(2026, 3, 1, tzinfo=UTC)
URL = "/user/kim/"


def held(server: str) -> ServerLine:
    return ServerLine(
        "id", "kim", server, "vision", "small", "Small", "lab", Resources.of({"servers": 1}), NOW
    )


def told(server: str, state: str = "", code: str = "server.running", **more: Any) -> dict[str, Any]:
    cause = {"code": code, "sentence": "It is so.", "who": "you", "fix": "Do that."}
    why = {
        "user": "kim",
        "server": server,
        "state": state,
        "since": NOW.isoformat(),
        "tier": "small",
        "account": "vision",
        "cause": cause,
        "decision": None,
        "times": None,
        "larger_tier": more.pop("larger", None),
    }
    return {
        "server": server,
        "title": more.pop("title", server),
        "url": f"{URL}{server}",
        "tier": "small",
        "account": "vision",
        "why": why if state else None,
        "unwanted": more.pop("unwanted", False),
    }


def answer(*servers: dict[str, Any]) -> OwnServers:
    return OwnServers.model_validate({"servers": list(servers), "shared": []})


@pytest.mark.parametrize(
    ("state", "words", "active", "running"),
    [
        ("running", "runs", True, True),
        ("starting", "starting", True, False),
        ("checking", "being checked", True, False),
        ("stopping", "stopping", True, False),
        ("ended", "stopped", False, False),
        ("", "stopped", False, False),
    ],
)
def test_a_state_is_said_in_words_and_decides_what_can_be_done(
    state: str, words: str, active: bool, running: bool
) -> None:
    (row,) = make_table([], answer(told("train", state)), URL).rows
    assert (row.state, row.active, row.running, row.fault) == (words, active, running, "")


def test_an_end_that_was_not_wanted_says_why_and_what_helps() -> None:
    ended = told("train", "ended", "server.out_of_memory", unwanted=True, larger="large")
    (row,) = make_table([], answer(ended), URL).stopped
    assert (row.state, row.fault, row.remedy) == ("ended", "It is so.", "Do that.")
    assert (row.code, row.larger) == ("server.out_of_memory", "large")


def test_active_servers_come_first_with_what_they_hold() -> None:
    table = make_table([held("z")], answer(told("a"), told("z", "running", title="My z")), URL)
    assert [row.server for row in table.rows] == ["z", "a"]
    assert [row.name for row in table.active] == ["My z"]
    assert table.active[0].held == held("z")
    assert table.active[0].tier == "Small"


def test_a_default_server_that_was_never_started_is_not_listed() -> None:
    assert make_table([], answer(told("")), URL).rows == ()
    (row,) = make_table([], answer(told("", "ended")), URL).rows
    assert row.name == "default server"
    (row,) = make_table([held("")], answer(told("")), URL).rows
    assert row.active


def test_without_an_answer_of_the_hub_what_is_held_is_listed_and_more_is_said_to_be_missing() -> (
    None
):
    table = make_table([held("train"), held("")], None, URL)
    assert not table.complete
    assert [(row.server, row.url, row.active) for row in table.rows] == [
        ("", URL, True),
        ("train", f"{URL}train/", True),
    ]
    # Held since the Hub answered: not lost between the two.
    assert [row.server for row in make_table([held("new")], answer(), URL).rows] == ["new"]


def test_an_observed_pod_is_no_server_to_open() -> None:
    assert make_table([replace(held("pod/w-1"), pod="w-1")], answer(), URL).rows == ()
