"""A table of people, read without a Hub: each fault has its line and its column."""

from pathlib import Path

import pytest

from jupyterhub_platform.cli.objects.bulk import read_table


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "=HYPERLINK(1)"])
@pytest.mark.parametrize(("column", "place"), [("name", "2, name"), ("title", "1, title")])
def test_a_formula_is_refused_in_any_column(
    tmp_path: Path, cell: str, column: str, place: str
) -> None:
    table = tmp_path / "people.csv"
    row = {"title": "Ana", "name": "ana"} | {column: cell}
    table.write_text(f"title,name\n{row['title']},{row['name']}\n")
    rows, faults = read_table(table)
    assert rows == []
    (fault,) = faults
    assert fault.startswith(f"{table}:2 begins as a formula, which a spreadsheet would run;")
    assert fault.endswith(f"(column {place})")


def test_each_line_is_that_of_the_file_whatever_its_cells_have(tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text('title,name\n"two\nlines",ana\n,\nBen,ana\n')
    rows, faults = read_table(table)
    assert [row.name for row in rows] == ["ana"]
    assert [fault.removeprefix(str(table))[:3] for fault in faults] == [":4 ", ":5 "]
    assert all(fault.endswith("(column 2, name)") for fault in faults)
