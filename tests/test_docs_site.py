"""The pages of docs/ become a site without a warning: no page is left out, no link is broken."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.full
def test_the_site_has_every_page(tmp_path: Path) -> None:
    options = ("--fail-on-warning", "--keep-going", "--quiet")
    command = [sys.executable, "-m", "sphinx", *options, str(ROOT / "docs"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    missing = [
        page
        for page in pages - {Path("README.md")}
        if not (tmp_path / page).with_suffix(".html").is_file()
    ]
    assert missing == []
