"""The table of authenticators misses no two settings, and stands in the documentation as it is."""

from itertools import combinations, product
from pathlib import Path

from tests.hub.auth.authenticator_rows import EXCLUDED, ROWS, RULES, SETTINGS, render_table

PAGE = Path(__file__).resolve().parents[3] / "docs/authenticators.md"


def test_every_pair_of_settings_is_in_a_row() -> None:
    missing = []
    for one, other in combinations(SETTINGS, 2):
        for has_one, has_other in product((True, False), repeat=2):
            on, off = (one, other) if has_one else (other, one)
            if has_one != has_other and (on, off) in EXCLUDED:
                continue
            if not any(
                (one in each.settings) == has_one and (other in each.settings) == has_other
                for each in ROWS
            ):
                missing.append((one, has_one, other, has_other))
    assert missing == []


def test_the_documentation_has_the_table_as_it_is_seen() -> None:
    page = PAGE.read_text()
    table = render_table()
    assert table in page, f"put this into {PAGE.name}:\n{table}"
    assert RULES in page
