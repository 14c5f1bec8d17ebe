"""A table of people, read without a Hub: each fault has its line and its column."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.bulk_changes import MAX_NAMES
from jupyterhub_platform.core.people_table import PeopleTable, TableError, parse_table


def say(table: PeopleTable) -> list[tuple[int, str, str]]:
    return [(each.line, each.sentence.partition(";")[0], each.place) for each in table.faults]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "=HYPERLINK(1)"])
@pytest.mark.parametrize(("column", "place"), [("name", "2, name"), ("title", "1, title")])
def test_a_formula_is_refused_in_any_column(cell: str, column: str, place: str) -> None:
    row = {"title": "Ana", "name": "ana"} | {column: cell}
    table = parse_table(f"title,name\n{row['title']},{row['name']}\n".encode())
    assert table.rows == ()
    formula = "begins as a formula, which a spreadsheet would run"
    assert say(table) == [(2, formula, f"column {place}")]


def test_each_line_is_that_of_the_file_whatever_its_cells_have() -> None:
    table = parse_table(b'title,name\n"two\nlines",ana\n,\nBen,ana\n')
    assert [row.name for row in table.rows] == ["ana"]
    assert say(table) == [
        (4, "has no name", "column 2, name"),
        (5, "repeats ana of line 3", "column 2, name"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_spreadsheets_save_or_copy_is_read(end: str, separator: str, mark: str) -> None:
    lines = ["Name ,level,groups", "Kim,user,a b", "", "lee,,"]
    text = mark + end.join(lines).replace(",", separator) + end
    kim, lee = parse_table(text.encode()).rows
    assert kim.to_json() == {"name": "kim", "document": {"level": "user"}, "groups": ["a", "b"]}
    assert (lee.to_json(), lee.line) == ({"name": "lee"}, 4)


def test_groups_stand_in_one_cell_however_they_are_separated() -> None:
    table = parse_table(b'name,groups\nkim,"a, b;c  d"\nlee\n')
    assert [row.groups for row in table.rows] == [("a", "b", "c", "d"), ()]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"", 0, "has the columns of nothing; its first line is some of name, level, title"),
        (b"name,age\nkim,7\n", 0, "has the columns name, age;"),
        (b"level\nuser\n", 0, "has the columns level;"),
        (b"name,level,Name\nkim,user,lee\n", 0, "has the column name twice; remove one."),
        ("name\nkim\n".encode("utf-16"), 0, "is not UTF-8; save it as CSV in UTF-8."),
        ("name,title\nkim,J\u00fcrgen\n".encode("latin-1"), 0, "is not UTF-8"),
        ("name\nkim\n".encode("utf-16-le"), 0, "has the columns"),
        (b'name,title\nkim,"open\n', 2, "is not CSV: "),
        (b'name,title\nkim,"a"b\n', 2, "is not CSV: "),
        (b"x" * 100_000, 0, f"has the columns {'x' * 100};"),
        (b"name\n" + b"a\n" * (MAX_NAMES + 1), 0, "has 20,001 lines of people; add 20,000"),
    ],
)
def test_what_is_no_table_of_people_is_said_to_be_that(data: bytes, line: int, words: str) -> None:
    with pytest.raises(TableError) as refused:
        parse_table(data)
    assert (refused.value.line, str(refused.value)[: len(words)]) == (line, words)


@pytest.mark.parametrize("hidden", ["\0", "\x1b[2J", "\x85", "\u2028", "\u202e", "\x0b"])
def test_characters_that_nobody_sees_are_a_fault_and_end_no_line(hidden: str) -> None:
    table = parse_table(f"name,title\nkim,a{hidden}b\nlee,b\n".encode())
    assert [row.name for row in table.rows] == ["lee"]
    assert say(table) == [(2, "has a character that is not printed", "column 2, title")]


def test_a_line_with_too_many_cells_is_a_fault_of_no_column() -> None:
    table = parse_table(b"name,level\nkim,user,a,b\n")
    assert say(table) == [(2, "has more cells than columns", "")]


def test_what_the_hub_refuses_is_placed_in_the_column_that_it_is_about() -> None:
    table = parse_table(b"level,name,groups\nboss,kim,vision\n")
    (kim,) = table.rows
    reason = "users.kim.level: is odd; write user\ngroups.vision: there is none\nno such thing"
    found = [(each.line, each.place) for each in table.explain(kim, reason)]
    assert found == [(2, "column 1, level"), (2, "column 3, groups"), (2, "column 2, name")]
    (lee,) = parse_table(b"name\nlee\n").rows
    (fault,) = parse_table(b"name\nlee\n").explain(lee, "users.lee.title: no group says it")
    assert fault.place == "column 1, name"


_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(_CELLS, _CELLS), max_size=8))
def test_each_line_is_a_person_or_has_a_fault(lines: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("name", "title"), *lines])
    table = parse_table(text.getvalue().encode())
    assert {row.line for row in table.rows}.isdisjoint(fault.line for fault in table.faults)
    places = {row.line for row in table.rows} | {fault.line for fault in table.faults}
    assert len(places) == len(lines)
