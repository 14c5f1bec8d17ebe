"""The site of docs/, built as `make docs` builds it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build_site(place: Path) -> Path:
    """Build the site in a folder, without a warning, and return where it is."""
    site = place / "site"
    options = ("--fail-on-warning", "--keep-going", "--quiet", "-d", str(place / "trees"))
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return site
