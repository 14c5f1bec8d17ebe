"""What a policy of very many people in several files costs: to validate, and in a running Hub."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.bench_setup import BenchSetup
from benchmarks.figures import Figure
from benchmarks.hub_driver import ROOT, Hub
from benchmarks.population import Population, make_document, render_document
from benchmarks.stalls import MAX_MILLISECONDS, longest_stall, started

FILES: Final = 20
MAX_SECONDS: Final = 10
MAX_MEBIBYTES: Final = 1024
# What the kernel remembers of a child's memory counts its parent's, too.
_VALIDATE: Final = """
import re, sys, time
from pathlib import Path
from jupyterhub_platform.cli.main import main
code = main(["validate", sys.argv[1]], standalone_mode=False)
peak = re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]
print(time.process_time(), peak)
sys.exit(code)
"""


async def measure_included(setup: BenchSetup) -> list[Figure]:
    """Validate a policy of many files, then change one of them, and all, under a Hub."""
    size = replace(setup.size, people=setup.size.ledger_people)
    many = BenchSetup.build(size, setup.seed, setup.directory / "included", setup.port)
    hub = many.make_hub("files", governed=True)
    files = write_files(hub.directory, many.population)
    seconds, mebibytes = await asyncio.to_thread(_validate, hub.directory / "platform.yaml")
    note = f"{size.people:,} people in {len(files)} files"
    figures = [
        Figure("files", "validated, CPU", seconds, "s", MAX_SECONDS, note),
        Figure("files", "validated, memory at most", mebibytes, "MiB", MAX_MEBIBYTES),
    ]
    async with started(hub):
        # JupyterHub looks at the routes of all servers once it has started.
        await hub.wait_until_quiet()
        for what, changed in (("one file", files[:1]), ("all files", files)):
            stall, spent = await _change(hub, changed)
            figures += [
                Figure("files", f"longest stall, {what} changed", stall, "ms", MAX_MILLISECONDS),
                Figure("files", f"CPU of the Hub, {what} changed", spent, "s"),
            ]
    return figures


def write_files(folder: Path, population: Population) -> list[Path]:
    """Write the policy with people and groups in files of their own; return those."""
    whole = make_document(population)
    people, groups = list(whole["users"].items()), list(whole["groups"].items())
    (folder / "people").mkdir()
    files = []
    for number in range(FILES):
        part: dict[str, Any] = {
            "users": dict(people[number::FILES]),
            "groups": dict(groups[number::FILES]),
        }
        files.append(folder / "people" / f"{number:02d}.yaml")
        files[-1].write_text(render_document({k: each for k, each in part.items() if each}))
    rest = {key: each for key, each in whole.items() if key not in {"users", "groups"}}
    (folder / "platform.yaml").write_text(render_document({**rest, "include": ["people"]}))
    return files


def _validate(file: Path) -> tuple[float, float]:
    """Return the seconds of CPU that ``jhp validate`` takes, and the mebibytes."""
    command = [sys.executable, "-c", _VALIDATE, str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    seconds, kibibytes = done.stdout.splitlines()[-1].split()
    return float(seconds), int(kibibytes) / 1024


async def _change(hub: Hub, files: list[Path]) -> tuple[float, float]:
    """Return the longest stall while changed files take effect, and the CPU of the Hub."""
    for each in files:
        with each.open("a") as file:
            file.write("# changed\n")
    await hub.reset()
    before = hub.cpu_seconds()
    await hub.reload()
    return await longest_stall(hub), hub.cpu_seconds() - before
