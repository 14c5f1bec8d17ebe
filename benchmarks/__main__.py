"""Measure the platform beside a stock JupyterHub: ``python -m benchmarks``.

Prints a table per topic as soon as it is measured, and all of them again at the end. The exit code
is 1 if a target was missed.
"""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
from pathlib import Path

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure, render_table
from benchmarks.hub_driver import running_backend
from benchmarks.report import Report, render_json, render_markdown
from benchmarks.sizes import SIZES
from benchmarks.topics import TOPICS
from tests.cluster.fixtures import CHOICE, read_choice


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(TOPICS)}")
    parser.add_argument("--size", default="quick", choices=SIZES)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--markdown", type=Path, help="also write the tables there")
    arguments = parser.parse_args()
    unknown = set(arguments.topics) - TOPICS.keys()
    if unknown:
        parser.error(f"there is no topic {', '.join(sorted(unknown))}")
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    report = Report.begin(arguments.size, arguments.seed)
    _say(report.heading)
    with tempfile.TemporaryDirectory(prefix="jupyterhub-platform-benchmark-") as directory:
        async with running_backend() as port:
            size = SIZES[arguments.size]
            setup = BenchSetup.build(size, arguments.seed, Path(directory), port)
            for name in arguments.topics or list_chosen():
                figures: list[Figure] = await TOPICS[name](setup)
                report.figures += figures
                _say(f"\n{render_table(figures)}")
    report.end()
    _say(f"\n{render_markdown(report)}")
    if arguments.json:
        arguments.json.write_text(render_json(report))
    if arguments.markdown:
        arguments.markdown.write_text(render_markdown(report))
    return 1 if any(figure.verdict == "MISSED" for figure in report.figures) else 0


def list_chosen() -> list[str]:
    """Return every topic, but for those that were left out by choice."""
    left_out = {"pods"} if "cluster" in read_choice() else set()
    for name in left_out:
        _say(f"Not measured, by choice ({CHOICE}={os.environ[CHOICE]}): {name}")
    return [name for name in TOPICS if name not in left_out]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
