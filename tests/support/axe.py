"""What axe-core finds on a page: the rules of WCAG that a program can check."""

import os
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[2]

RUN: Final = "axe.run(document, {rules: {'target-size': {enabled: true}}})"
"""Look at the whole page, the Hub's own navigation with it."""


def find_axe() -> Path:
    """Return the script of axe-core, where npm put it."""
    places = [ROOT / "node_modules", *map(Path, os.environ.get("NODE_PATH", "").split(":"))]
    found = [place / "axe-core/axe.min.js" for place in places]
    return next(path for path in found if path.is_file())


def list_serious(found: Any) -> list[tuple[str, list[str]]]:
    """Return the rules that are broken in a way that keeps people out, and by what."""
    return [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
