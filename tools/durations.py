"""How long each module of tests took, beside what it may take.

A budget is in seconds of wall time on an idle machine with two cores. A busy or slower machine
stretches all modules alike, so a run is compared with its own median first.
"""

import statistics
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

BUDGETS: Final = Path(__file__).resolve().parent.parent / "tests" / "budgets.toml"
UNNAMED: Final = 10.0
"""What a module may take that has no budget of its own, in seconds."""
TOLERANCE: Final = 2.0
_MAX_SHOWN: Final = 15


def read_durations(report: Path) -> dict[str, float]:
    """Return the seconds of each module in a JUnit report, by its dotted name."""
    seconds: dict[str, float] = defaultdict(float)
    if report.exists():
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 pytest wrote it
            seconds[case.get("classname", "")] += float(case.get("time", 0))
    return dict(seconds)


def read_budgets(path: Path = BUDGETS) -> dict[str, float]:
    """Return the budgets that are written down, in seconds, by the module's dotted name."""
    return {name: float(value) for name, value in tomllib.loads(path.read_text()).items()}


def find_factor(durations: Mapping[str, float], budgets: Mapping[str, float]) -> float:
    """Say how much slower than the budgets' machine this run was: its median, and 1 at least."""
    ratios = [durations[name] / budgets[name] for name in budgets if name in durations]
    return max(1.0, statistics.median(ratios)) if ratios else 1.0


def find_exceeded(durations: Mapping[str, float], budgets: Mapping[str, float]) -> dict[str, float]:
    """Return the modules that took over twice their budget, with their seconds."""
    allowed = TOLERANCE * find_factor(durations, budgets)
    return {
        name: taken
        for name, taken in sorted(durations.items())
        if taken > allowed * budgets.get(name, UNNAMED)
    }


def render_exceeded(name: str, taken: float, budgets: Mapping[str, float]) -> str:
    """Say that a module took too long, and what to do."""
    return (
        f"{name} took {taken:.0f} s, and its budget is {budgets.get(name, UNNAMED):.0f} s. "
        f"Make it quicker, or raise its budget in {BUDGETS.parent.name}/{BUDGETS.name}."
    )


def render_slowest(durations: Mapping[str, float]) -> list[str]:
    """Render the modules that took longest, a line each, with their share of the whole."""
    total = sum(durations.values())
    slowest = sorted(durations.items(), key=lambda item: -item[1])[:_MAX_SHOWN]
    return [f"{taken:7.1f} s  {taken / total:4.0%}  {name}" for name, taken in slowest if taken > 1]
