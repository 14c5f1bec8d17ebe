"""A list goes on where it was, whatever is made and removed meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.usecases.reports.cursors import parse_cursor, render_cursor
from jupyterhub_platform.usecases.reports.paging import Page, Query, QueryError, cut, read_query

COLUMNS = {"name": lambda line: line, "length": lambda line: (len(line), line)}
names = st.text(st.sampled_from("abcé"), min_size=1, max_size=4)
orders = st.sampled_from(["", "name", "-name", "length", "-length"])
parts = st.one_of(
    st.text(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(),
)


def page(lines: set[str], query: Query) -> Page[str]:
    return cut(lines, query, columns=COLUMNS, words=lambda line: {"name": line})


@given(st.tuples(parts, st.tuples(parts, parts)))
def test_a_cursor_says_what_was_put_into_it(values: tuple[object, ...]) -> None:
    assert parse_cursor(render_cursor(*values), (object, object)) == values


@given(st.sets(names, max_size=12), st.sets(names), st.sets(names), orders, st.integers(1, 4))
def test_lines_that_stay_come_once_whatever_comes_and_goes(
    lines: set[str], new: set[str], gone: set[str], sort: str, limit: int
) -> None:
    stays = lines - gone
    query, seen = Query(limit=limit, sort=sort), []
    now = set(lines)
    while True:
        found = page(now, query)
        seen += [line for line in found.items if line in stays]
        if found.next is None:
            break
        query = Query(limit=limit, sort=sort, cursor=found.next)
        now = (now | new) - (gone - lines) if len(seen) % 2 else now - gone
    assert sorted(seen) == sorted(stays)
    key = COLUMNS[sort.removeprefix("-") or "name"]
    assert seen == sorted(stays, key=key, reverse=sort.startswith("-"))


def test_the_last_part_has_no_next_and_the_same_total() -> None:
    first = page({"a", "b", "c"}, Query(limit=2))
    assert (first.items, first.total) == (("a", "b"), 3)
    assert first.next is not None
    last = page({"a", "b", "c"}, Query(limit=2, cursor=first.next))
    assert (last.items, last.total, last.next) == (("c",), 3, None)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "[]",
        render_cursor("name"),
        render_cursor("length", (1, "a")),
        render_cursor("name", 7),
        render_cursor("-name", "a"),
        render_cursor("name", None),
        render_cursor(7, "a"),
        "W3siYSI6MX1d",
        "x" * 5000,
    ],
)
def test_a_cursor_of_another_list_is_refused_with_what_to_send(cursor: str) -> None:
    with pytest.raises(QueryError, match="cursor is the `next` of a part of the same list"):
        page({"a", "b"}, Query(cursor=cursor))


def test_cursor_and_offset_are_not_sent_together() -> None:
    with pytest.raises(QueryError, match="leave one out"):
        read_query({"cursor": "x", "offset": "3"})
    assert read_query({"cursor": "x"}).cursor == "x"


@pytest.mark.parametrize("kind", [int, datetime, timedelta])
def test_parts_have_their_kinds(kind: type) -> None:
    with pytest.raises(QueryError):
        parse_cursor(render_cursor(True), (kind,))
