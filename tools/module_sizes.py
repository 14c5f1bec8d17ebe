"""Which modules have grown so long that their author should look whether they hold two ideas."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("jupyterhub_platform", "tools", "benchmarks")
WORTH_A_LOOK: Final = 300
"""Lines above which a module is worth a look; a test refuses those over 400."""


def list_long_modules(root: Path = ROOT) -> list[str]:
    """Return a line for each module that is worth a look, the longest first."""
    found = [
        (len(path.read_text().splitlines()), path.relative_to(root).as_posix())
        for folder in FOLDERS
        for path in (root / folder).rglob("*.py")
    ]
    return [
        f"{path} has {lines} lines, over {WORTH_A_LOOK}: does it hold two ideas?"
        for lines, path in sorted(found, reverse=True)
        if lines > WORTH_A_LOOK
    ]
