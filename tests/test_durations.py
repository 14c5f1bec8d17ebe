"""A module of tests that takes over twice its budget is named, whatever the machine."""

from pathlib import Path

import durations
import pytest
from durations import (
    find_exceeded,
    find_factor,
    read_budgets,
    read_durations,
    render_exceeded,
    render_slowest,
)

TESTS = Path(__file__).resolve().parent
BUDGETS = {"tests.a": 20.0, "tests.b": 40.0, "tests.c": 60.0}


def test_every_budget_is_of_a_module_that_there_is() -> None:
    budgets = read_budgets()
    assert [n for n in budgets if not (TESTS.parent / f"{n.replace('.', '/')}.py").exists()] == []
    assert all(seconds > durations.UNNAMED for seconds in budgets.values())


def test_the_seconds_of_a_module_are_those_of_its_tests(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.a" name="x" time="1.5"/>'
        '<testcase classname="tests.a" name="y" time="2"/>'
        '<testcase classname="tests.b" name="z" time="4"/></testsuite></testsuites>'
    )
    assert read_durations(report) == {"tests.a": 3.5, "tests.b": 4.0}
    assert read_durations(tmp_path / "none.xml") == {}


@pytest.mark.parametrize("slower", [1, 4])
def test_only_the_module_that_grew_is_named_on_a_machine_of_any_speed(slower: int) -> None:
    taken = {"tests.a": 18.0 * slower, "tests.b": 85.0 * slower, "tests.c": 60.0 * slower}
    assert find_exceeded(taken, BUDGETS) == {"tests.b": 85.0 * slower}


def test_a_quick_machine_makes_no_budget_smaller() -> None:
    assert find_factor({"tests.a": 2, "tests.b": 4}, BUDGETS) == 1.0
    assert find_exceeded({"tests.a": 2, "tests.b": 4, "tests.c": 100}, BUDGETS) == {}


def test_a_module_without_a_budget_has_the_one_of_all() -> None:
    assert find_exceeded({"tests.new": 19}, BUDGETS) == {}
    assert find_exceeded({"tests.new": 21}, BUDGETS) == {"tests.new": 21}
    line = render_exceeded("tests.new", 21, BUDGETS)
    assert line.startswith("tests.new took 21 s, and its budget is 10 s.")
    assert "tests/budgets.toml" in line


def test_the_slowest_come_first() -> None:
    assert render_slowest({"tests.a": 5, "tests.b": 15, "tests.c": 0.1}) == [
        "   15.0 s   75%  tests.b",
        "    5.0 s   25%  tests.a",
    ]
