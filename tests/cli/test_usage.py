"""``jhp usage``: a table for people, and JSON and CSV as the service says them."""

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.cli.hub.usage import list_remarks, render
from tests.support.live_hub import LiveHub, running

POLICY = """\
version: 1
name: Usage
defaults: {tier: small}
users:
  admin: {level: admin}
  paul: {level: developer}
groups:
  vision: {members: [paul, admin], member_quota: {servers: 2}}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {title: Small, requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
"""


def line(name: str, **hours: float) -> dict[str, Any]:
    used = dict.fromkeys(
        ("cpu_hours", "memory_gib_hours", "accelerator_hours", "server_hours"), 0.0
    )
    period = {"start": "2026-02-01T00:00:00+00:00", "used": used | hours}
    return {"name": name, "used": used | hours, "periods": [period]}


def make_answer(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    until = "2026-03-01T00:00:00+00:00"
    answer = {
        "sentence": "You used something.",
        "by": "group",
        "per": "month",
        "until": until,
        "counted_until": until,
        "lines": {"items": list(lines), "total": len(lines)},
    }
    return answer | more


def test_a_table_has_a_row_for_each_name() -> None:
    answer = make_answer(line("vision", cpu_hours=1234.5), line("", accelerator_hours=2))
    assert render(answer, by_period=False) == [
        "You used something.",
        "",
        "GROUP    CPU HOURS  GIB HOURS  GPU HOURS  SERVER HOURS",
        "vision     1,234.5        0.0        0.0           0.0",
        "unknown        0.0        0.0        2.0           0.0",
    ]


def test_a_table_by_period_has_a_row_for_each_period_of_a_name() -> None:
    answer = make_answer(line("vision", cpu_hours=1), line("text", cpu_hours=2))
    assert render(answer, by_period=True)[2:] == [
        "MONTH       GROUP   CPU HOURS  GIB HOURS  GPU HOURS  SERVER HOURS",
        "2026-02-01  text          2.0        0.0        0.0           0.0",
        "2026-02-01  vision        1.0        0.0        0.0           0.0",
    ]


def test_a_table_of_nothing_is_the_sentence() -> None:
    for by_period in (False, True):
        assert render(make_answer(), by_period=by_period) == ["You used something."]


def test_what_a_table_leaves_out_is_said() -> None:
    assert list(list_remarks(make_answer(line("vision")))) == []
    cut = make_answer(lines={"items": [line("vision")], "total": 9})
    assert list(list_remarks(cut)) == [
        "1 of 9 names; see the rest with --all, or everything with --csv."
    ]
    behind = make_answer(counted_until="2026-02-03T00:00:00+00:00")
    assert list(list_remarks(behind)) == ["What came after 2026-02-03 is still being added up."]


def jhp(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    """Run ``jhp`` as a shell does."""
    command = [sys.executable, "-m", "jupyterhub_platform", *arguments, "--state", str(state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


@pytest.mark.hub
def test_a_server_that_ran_is_in_every_format_and_in_the_metrics(hub: LiveHub) -> None:
    paul = hub.token("paul")
    began = datetime.now(UTC)
    assert paul.start("paul", tier="small").status_code in {201, 202}
    paul.wait_until_ready("paul")
    time.sleep(1.1)  # what is used counts in whole seconds
    answer = json.loads(jhp("usage", "--by", "person", "--json", state=hub.state).stdout)
    (line,) = answer["lines"]["items"]
    assert line["name"] == "paul"
    most = (datetime.now(UTC) - began) / timedelta(seconds=1) + 1
    assert 0 < line["used"]["server_seconds"] <= most
    metrics = hub.token("admin").get(f"{hub.url}/hub/metrics").text
    assert 'jupyterhub_platform_group_held{group="vision",resource="servers"} 1.0' in metrics
    assert 'jupyterhub_platform_tier_held{resource="cpu",tier="small"} 0.1' in metrics
    table = jhp("usage", "--by", "person", "--per", "day", state=hub.state)
    assert (table.returncode, table.stderr) == (0, "")
    assert "paul" in table.stdout
    file = jhp("usage", "--by", "tier", "--csv", state=hub.state)
    assert next(csv.reader(io.StringIO(file.stdout)))[0] == "tier"
    wrong = jhp("usage", "--since", "gestern", state=hub.state)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("The Hub refused (400): “gestern” is not a time; write for")
    both = jhp("usage", "--csv", "--json", state=hub.state)
    assert both.returncode == 2
