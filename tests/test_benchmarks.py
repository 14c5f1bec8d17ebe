"""The benchmark works at a size that proves nothing about time, and what it counts is exact."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import list_chosen
from benchmarks.figures import Figure, compare, quantile, render_table
from benchmarks.population import make_document, make_policy, make_population, render_document
from benchmarks.sizes import SIZES
from benchmarks.topics import TOPICS
from jupyterhub_platform.documents import parse_policy

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What a whole run at the smallest size measures, by what it is."""
    written = tmp_path_factory.mktemp("benchmark") / "figures.json"
    return run(*(name for name in TOPICS if name != "pods"), written=written)


def run(*topics: str, written: Path) -> dict[str, dict[str, Any]]:
    """Measure topics at the smallest size, and return the figures by what they are of."""
    command = [sys.executable, "-m", "benchmarks", *topics, "--size", "tiny"]
    command += ["--json", str(written)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # Targets of time may be missed here, which is code 1.
    assert written.exists(), ended.stderr
    report = json.loads(written.read_text())
    return {f"{each['topic']}: {each['what']}": each for each in report["figures"]}


@pytest.mark.hub
@pytest.mark.postgres
def test_every_topic_is_measured(figures: dict[str, dict[str, Any]]) -> None:
    topics = {each["topic"] for each in figures.values()}
    assert topics == {
        "decision",
        "start",
        "denial",
        "hook",
        "stall",
        "files",
        "plan",
        "bulk",
        "restart",
        "memory",
        "login",
        "anonymous",
        "usage",
        "pages",
    }
    assert "hook: PostgreSQL, p50" in figures
    assert figures["restart: until a stock Hub answers"]["value"] > 0


@pytest.mark.hub
@pytest.mark.postgres
def test_a_start_costs_the_hub_no_query_more_and_the_store_one_row(
    figures: dict[str, dict[str, Any]],
) -> None:
    counted = {name: each["value"] for name, each in figures.items() if name.startswith("start: ")}
    assert counted["start: statements on the Hub's database, beyond stock"] <= 0
    assert counted["start: commits on the Hub's database, beyond stock"] <= 1
    assert counted["start: rows written in our store"] == 1
    assert counted["start: commits on our store"] == 1


@pytest.mark.hub
@pytest.mark.postgres
def test_strangers_are_answered_without_an_error_of_the_hub(
    figures: dict[str, dict[str, Any]],
) -> None:
    statuses = figures["anonymous: errors of the Hub"]["note"]
    assert {"413", "400", "403"} <= set(re.findall(r"(\d+):", statuses)), statuses
    for where in ("", " through the proxy"):
        assert figures[f"anonymous: errors of the Hub{where}"]["value"] == 0
        assert 0 < figures[f"anonymous: longest suspension{where}"]["value"] < 5
        assert figures[f"anonymous: health{where}, p99"]["most"] == 200
        assert figures[f"anonymous: platform/health with a token{where}, p99"]["most"] == 200


@pytest.mark.hub
@pytest.mark.postgres
def test_a_denial_asks_less_of_the_hub_than_a_start(figures: dict[str, dict[str, Any]]) -> None:
    for what in ("statements", "commits"):
        denial = figures[f"denial: {what} on the Hub's database"]
        assert denial["value"] < denial["most"], what


@pytest.mark.hub
@pytest.mark.postgres
def test_usage_of_a_year_is_measured_on_both_databases(
    figures: dict[str, dict[str, Any]],
) -> None:
    for kind in ("SQLite", "PostgreSQL"):
        assert figures[f"usage: {kind}, a year by person, per month"]["most"] == 500
        assert figures[f"usage: {kind}, 30 days by group, as the page opens"]["most"] == 100


@pytest.mark.hub
@pytest.mark.cluster
def test_pods_are_measured_and_are_never_more_than_the_quota(tmp_path: Path) -> None:
    figures = run("pods", written=tmp_path / "figures.json")
    assert figures["pods: starts in a second, stock"]["value"] > 0
    assert figures["pods: rate of starts"]["least"] == 0.95
    assert figures["pods: restart, until it knows its servers and answers"]["most"] == 1.1
    counted = {name: each["value"] for name, each in figures.items() if each["most"] == 0}
    assert len(counted) == 7
    assert set(counted.values()) == {0}, counted


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: size.name)
def test_every_size_has_people_for_what_it_does(size):
    population = make_population(size.people, size.active, seed=1)
    assert len(population.busy) == size.active
    assert len(population.names) == len(set(population.names)) == size.people
    assert len(population.free) >= max(size.spawns, size.burst)
    assert population.refused


def test_the_file_says_what_the_policy_is_made_of():
    population = make_population(60, 10, seed=1)
    text = render_document(make_document(population))
    read = parse_policy(text.encode(), "platform.yaml").policy
    made = make_policy(population)
    assert (read.people, read.groups, read.tiers) == (made.people, made.groups, made.tiers)
    assert len(read.list_limits(population.free[0], "group000", read.grants[0].until)) >= 12


def test_the_target_of_a_comparison_is_what_stock_differs_from_itself():
    figure = compare("a", "b", ours=[1.1, 1.3], stock=[1.0, 1.0], again=[1.1, 0.8])
    assert figure.value == pytest.approx(1.2)
    assert figure.most == pytest.approx(1.25)
    assert figure.verdict == "met"
    worse = compare("a", "b", ours=[1.3, 1.3], stock=[1.0, 1.0], again=[1.1, 0.8])
    assert worse.verdict == "MISSED"


def test_a_target_may_be_from_below():
    assert [Figure("a", "b", x, least=0.95).verdict for x in (0.94, 0.95)] == ["MISSED", "met"]
    assert Figure("a", "b", 1, least=0.95).target == "≥ 0.95"


def test_a_quantile_is_one_of_the_values():
    assert [quantile([3, 1, 2, 4], part) for part in (0, 0.5, 0.99)] == [1, 3, 4]


def test_a_table_is_markdown_that_lines_up():
    table = render_table([Figure("a", "b", 0.5, "ms", 20), Figure("a", "longer", 1234, "MiB")])
    lines = table.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split("|")[1:5] == [" a: b      ", " 0.50 ms  ", " ≤ 20   ", " met "]
    assert set(lines[1]) == {"|", "-", " "}


def test_topics_that_need_kubernetes_are_left_out_by_choice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for choice, left_out in (("off", {"pods"}), ("api", set()), ("", set())):
        monkeypatch.setenv("KUBERNETES", choice)
        assert set(list_chosen()) == TOPICS.keys() - left_out
        assert ("KUBERNETES=off" in capsys.readouterr().out) is bool(left_out)


def test_topics_have_names_that_can_be_asked_for():
    of_starts = ("decision", "statements", "hook", "cpu", "stalls", "files", "plan", "bulk")
    assert tuple(TOPICS) == (*of_starts, "restart", "login", "anonymous", "usage", "pages", "pods")
