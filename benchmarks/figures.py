"""A figure with its target, and how a table of them reads."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured; ``most`` or ``least`` is the target, and without one it is to be read."""

    topic: str
    what: str
    value: float
    unit: str = ""
    most: float | None = None
    note: str = ""
    least: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.most is None and self.least is None:
            return ""
        is_low = self.least is not None and self.value < self.least
        is_high = self.most is not None and self.value > self.most
        return "MISSED" if is_low or is_high else "met"

    @property
    def target(self) -> str:
        """What it should be."""
        bounds = (("≥", self.least), ("≤", self.most))
        return ", ".join(
            f"{sign} {render_number(bound)}" for sign, bound in bounds if bound is not None
        )


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which ``part`` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.floor(part * len(ordered)))]


def ratios(ours: Sequence[float], stock: Sequence[float]) -> list[float]:
    """Return, round by round, ours as a multiple of stock."""
    return [mine / theirs for mine, theirs in zip(ours, stock, strict=True)]


def compare(
    topic: str,
    what: str,
    ours: Sequence[float],
    stock: Sequence[float],
    again: Sequence[float],
    *,
    at_least: float = 1.0,
) -> Figure:
    """Compare rounds of ours with stock; the target is what stock differs from itself.

    The band is the largest difference between the two stock Hubs in any round, either way, and
    ``at_least`` that much.
    """
    same = ratios(again, stock)
    band = max(at_least, *same, *(1 / ratio for ratio in same))
    ratio = statistics.median(ratios(ours, stock))
    return Figure(topic, what, ratio, "x stock", band, f"stock against itself up to {band:.2f}")


def render_table(figures: Iterable[Figure]) -> str:
    """Render figures as a table that is Markdown, too."""
    rows = [["", "figure", "target", "", ""]]
    rows += [
        [
            f"{figure.topic}: {figure.what}",
            f"{render_number(figure.value)} {figure.unit}".strip(),
            figure.target,
            figure.verdict,
            figure.note,
        ]
        for figure in figures
    ]
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    )


def render_number(number: float) -> str:
    """Render a number with as many digits as it deserves."""
    if number == int(number) and abs(number) < 1e6:
        return str(int(number))
    digits = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2
    return f"{number:.{digits}f}"
