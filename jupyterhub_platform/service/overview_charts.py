"""Draw the last day: one small picture of what was held, with the limit where there is one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, overload

from jupyterhub_platform.core.quantities import describe_number, describe_unit
from jupyterhub_platform.core.resource_names import CPU, MEMORY, SERVERS, is_accelerator
from jupyterhub_platform.usecases.holdings import LimitLine
from jupyterhub_platform.usecases.reports.last_day import PARTS, Measure, Series
from jupyterhub_platform.usecases.reports.overview import Overview, Pressure

WIDTH: Final = PARTS
HEIGHT: Final = 24
_GIB: Final = 2**30
_UNITS: Final[dict[Measure, str]] = {
    "servers": "servers",
    "cpu": "CPU",
    "memory": "GiB",
    "accelerators": "accelerators",
}


@dataclass(frozen=True, slots=True)
class Spark:
    """What was held over a day: an area, its upper edge, and the height of the limit.

    ``peak`` and ``mean`` are in words, without the unit.
    """

    area: str
    edge: str
    limit_y: float | None
    label: str
    unit: str
    peak: str
    mean: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One large figure: what is held now, of how much, and over the last day."""

    title: str
    figure: str
    unit: str
    of: str
    fullness: str
    spark: Spark | None


def draw_tiles(report: Overview) -> tuple[Tile, ...]:
    """Draw servers, CPU, memory and accelerators; these only where there are any."""
    return tuple(_draw_tiles(report))


def _draw_tiles(report: Overview) -> Iterator[Tile]:
    for title, name, measure in (
        ("Servers", SERVERS, "servers"),
        ("CPU", CPU, "cpu"),
        ("Memory", MEMORY, "memory"),
    ):
        line = next((each for each in report.platform if each.limit.resource == name), None)
        yield _draw_tile(report, title, name, measure, report.held.amount(name), line)  # type: ignore[arg-type]
    devices = [name for name in report.held if is_accelerator(name)]
    lines = [each for each in report.platform if is_accelerator(each.limit.resource)]
    amount = sum(report.held.amount(name) for name in devices)
    was_used = report.day is not None and any(report.day.all.accelerators)
    if devices or lines or was_used:
        only = lines[0] if len(lines) == 1 else None
        name = devices[0] if devices else lines[0].limit.resource if lines else "nvidia.com/gpu"
        yield _draw_tile(report, "GPU", name, "accelerators", amount, only)


def _draw_tile(
    report: Overview, title: str, name: str, measure: Measure, held: int, line: LimitLine | None
) -> Tile:
    series = report.day.all if report.day and report.day.is_whole else None
    maximum = line.limit.maximum if line else None
    of = (
        ""
        if maximum is None
        else f"of {describe_number(name, maximum)} {describe_unit(name, maximum)}"
    )
    return Tile(
        title,
        describe_number(name, held),
        "" if name == SERVERS or of else describe_unit(name, held),
        of,
        line.fullness if line else "free",
        None
        if series is None
        else draw_spark(series, measure, _scale(measure, held), _scale(measure, maximum)),
    )


def spark_of(pressure: Pressure) -> Spark | None:
    """Draw what a group or tier held of the limit that was fullest; servers if it has none."""
    if pressure.day is None:
        return None
    measure: Measure = "servers"
    held, limit, fullest = float(pressure.servers), None, -1.0
    for line in pressure.limits:
        of_line = _measure_of(line.limit.resource)
        scaled = _scale(of_line, line.limit.maximum) if of_line else None
        if of_line and scaled and max(pressure.day.of(of_line)) / scaled > fullest:
            measure, held, limit = of_line, _scale(of_line, line.limit.held), scaled
            fullest = max(pressure.day.of(of_line)) / scaled
    return draw_spark(pressure.day, measure, held, limit)


def _measure_of(resource: str) -> Measure | None:
    if is_accelerator(resource):
        return "accelerators"
    known: dict[str, Measure] = {SERVERS: "servers", CPU: "cpu", MEMORY: "memory"}
    return known.get(resource)


@overload
def _scale(measure: Measure, amount: int) -> float: ...
@overload
def _scale(measure: Measure, amount: None) -> None: ...
def _scale(measure: Measure, amount: int | None) -> float | None:
    if amount is None:
        return None
    return amount / {"cpu": 1000, "memory": _GIB}.get(measure, 1)


def draw_spark(series: Series, measure: Measure, held: float, limit: float | None = None) -> Spark:
    """Draw one series as steps; the limit is at the top unless more than it was held.

    The last part is not over: it shows what is ``held`` now.
    """
    values = (*series.of(measure)[:-1], held)
    peak = max(values)
    top = max(peak, limit or 0.0) or 1.0
    heights = [round(HEIGHT - value / top * HEIGHT, 2) for value in values]
    steps = "".join(f"V{height:g}h1" for height in heights)
    unit, mean = _UNITS[measure], _say(sum(values) / len(values))
    at_most = f"at most {_say(peak)}" + (f" of {_say(limit)}" if limit is not None else "")
    return Spark(
        area=f"M0 {HEIGHT}{steps}V{HEIGHT}z",
        edge=f"M0 {heights[0]:g}{steps}",
        limit_y=None if limit is None else round(HEIGHT - limit / top * HEIGHT, 2),
        label=f"Over the last day, by half hours, {at_most} {unit}, {mean} on average",
        unit=unit,
        peak=_say(peak),
        mean=mean,
    )


def _say(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value < 100 else f"{value:.0f}"
