"""What was measured, on what machine, and how it is written down."""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, render_table

_PACKAGES: Final = ("jupyterhub-platform", "jupyterhub", "sqlalchemy", "tornado", "psycopg")


@dataclass
class Report:
    """One run: its size and seed, its machine, and its figures."""

    size: str
    seed: int
    begun: datetime
    machine: str
    versions: str
    load_before: float
    figures: list[Figure] = field(default_factory=list)
    seconds: float = 0.0
    load_after: float = 0.0

    @classmethod
    def begin(cls, size: str, seed: int) -> "Report":
        """Note what is there before anything is measured."""
        return cls(
            size=size,
            seed=seed,
            begun=datetime.now(UTC),
            machine=describe_machine(),
            versions=describe_versions(),
            load_before=os.getloadavg()[0],
        )

    def end(self) -> None:
        """Note what there is to be noted at the end."""
        self.seconds = (datetime.now(UTC) - self.begun).total_seconds()
        self.load_after = os.getloadavg()[0]

    @property
    def heading(self) -> str:
        """Which run this is."""
        return (
            f"Size {self.size}, seed {self.seed}, {self.begun:%Y-%m-%d %H:%M} UTC. "
            f"{self.machine}. {self.versions}."
        )


def render_markdown(report: Report) -> str:
    """Render for ``RESULTS.md``."""
    took = (
        f"Took {report.seconds:.0f} s; load of the machine {report.load_before:.1f} before, "
        f"{report.load_after:.1f} after."
    )
    return f"{report.heading}\n{took}\n\n{render_table(report.figures)}\n"


def render_json(report: Report) -> str:
    """Render for programs."""
    figures = [asdict(figure) | {"verdict": figure.verdict} for figure in report.figures]
    whole = asdict(report) | {"begun": report.begun.isoformat(), "figures": figures}
    return json.dumps(whole, indent=2) + "\n"


def describe_machine() -> str:
    """Say what this runs on."""
    models = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    }
    model = next(iter(sorted(models)), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}"


def describe_versions() -> str:
    """Say what was measured."""
    packages = [f"{name} {version(name)}" for name in _PACKAGES]
    return ", ".join([f"Python {platform.python_version()}", *packages])
