"""What the broken platform files in ``tests/data/broken`` expect of their reader."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "broken"
FILES = sorted(FOLDER.glob("*.yaml"))

_EXPECTED = re.compile(r"# fault: (.*?): (.*?)(?=  # fault: |$)")


@dataclass(frozen=True, slots=True)
class Expected:
    line: int
    key: str
    words: str


def expected_faults(file: Path) -> list[Expected]:
    rows = file.read_text().split("\n")
    return [
        Expected(number, "" if found[1] == "." else found[1], found[2].strip())
        for number, row in enumerate(rows, start=1)
        for found in _EXPECTED.finditer(row)
    ]
