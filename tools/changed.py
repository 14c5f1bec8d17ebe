"""Which tests a change asks for: those that import what changed, however far away.

A test with real servers reaches most of the platform through other processes, which no import
shows. Of those only the changed ones are named, and one short walk through a real platform;
`make test-full` runs them all.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).resolve().parent.parent
ALWAYS: Final = ("tests/test_repository.py", "tests/test_docs.py")
WALK: Final = "tests/hub/stock_api/test_live_bodies.py"
_PACKAGES: Final = ("jupyterhub_platform", "tests")


def list_changed_files(base: str) -> list[str]:
    """Return what differs from where this branch left ``base``, untracked files too."""
    commands = (
        ("diff", "--name-only", "--merge-base", base),
        ("ls-files", "--others", "--exclude-standard"),
    )
    return sorted({line for command in commands for line in _ask_git(*command).splitlines()})


def _ask_git(*words: str) -> str:
    return subprocess.run(  # noqa: S603
        ("git", *words),  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def list_affected_tests(changed: Iterable[str]) -> list[str]:
    """Return the test modules that import a changed file, and those that always belong to it."""
    sys.path.insert(0, str(ROOT))
    graph = grimp.build_graph(*_PACKAGES, cache_dir=None)
    affected: set[str] = set()
    for path in changed:
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if module in graph.modules:
            affected |= {module, *graph.find_downstream_modules(module)}
    tests = (
        f"{module.replace('.', '/')}.py"
        for module in affected
        if module.rsplit(".", 1)[-1].startswith("test_")
    )
    return sorted({*tests, *ALWAYS})


def list_changed_tests(changed: Iterable[str]) -> list[str]:
    """Return the test modules that changed themselves, and one short walk."""
    tests = (path for path in changed if Path(path).name.startswith("test_"))
    return sorted({*(path for path in tests if (ROOT / path).is_file()), WALK})
