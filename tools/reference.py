"""Write the reference below ``docs/reference/`` from the code, or check that it is current.

::

    .venv/bin/python tools/reference.py            writes the pages
    .venv/bin/python tools/reference.py --check    exit code 1 if one of them is not current

What the code says is taken from it: traits, the JSON Schema, levels and scopes, calls, verbs.
What it does not say, ``reference_pages.facts`` adds; a page without its entry there stops the run.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from progress import say
from reference_pages.cli import render_cli
from reference_pages.codes import render_codes
from reference_pages.levels import render_levels
from reference_pages.policy import render_policy
from reference_pages.rest import render_rest
from reference_pages.settings import render_settings

from jupyterhub_platform.rest.document import render_document

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES_DIRECTORY: Final = ROOT / "docs" / "reference"
WRITTEN_BY: Final = "<!-- Written by tools/reference.py; changes here are lost. -->"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": render_settings,
    "policy.md": render_policy,
    "codes.md": render_codes,
    "levels.md": render_levels,
    "rest.md": render_rest,
    "cli.md": render_cli,
    "openapi.json": render_document,
}


def run() -> int:
    """Write the pages, or name those that are not current, and return the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not current")
    check = parser.parse_args().check
    stale = []
    for name, render in PAGES.items():
        path, text = PAGES_DIRECTORY / name, render()
        if path.suffix == ".md":
            text = f"{WRITTEN_BY}\n\n{text}\n"
        if path.exists() and path.read_text() == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if not check:
            PAGES_DIRECTORY.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for each in stale:
        say(f"{'Not current' if check else 'Wrote'}: {each}")
    if check and stale:
        say("Write them again: .venv/bin/python tools/reference.py")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(run())
