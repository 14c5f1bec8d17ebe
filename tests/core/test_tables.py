"""A table is a dict that is never changed, and knows quickly what differs from another one."""

from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core import tables
from jupyterhub_platform.core.tables import MAX_CHANGES, Table, list_changed

KEYS = st.sampled_from("abcdefg")
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.integers(0, 3)), max_size=30)


@given(st.dictionaries(KEYS, st.integers(0, 3)), CHANGES)
def test_a_table_is_what_a_dict_would_be(
    entries: dict[str, int], changes: list[tuple[str, int | None]]
) -> None:
    table, same = Table(entries), dict(entries)
    for key, value in changes:
        before, was = table, dict(same)
        if value is not None:
            table, same[key] = table.put(key, value), value
        elif key in same:
            table = table.drop(key)
            del same[key]
        assert dict(table) == same
        assert (len(table), list(table.values())) == (len(same), [same[each] for each in table])
        assert all((each in table) is (each in same) for each in "abcdefg")
        assert [table.get(each) for each in "abcdefg"] == [same.get(each) for each in "abcdefg"]
        assert before == was
        differing = {e for e in "abcdefg" if was.get(e) is not same.get(e)}
        assert list_changed(before, table) == list_changed(table, before) == differing
        assert list_changed(was, table) == list_changed(Table(was), table) == differing


def test_many_changes_are_taken_together_and_make_a_table_of_their_own() -> None:
    table = Table({"a": 0})
    for number in range(3 * MAX_CHANGES):
        table = table.put(str(number), number)
    assert len(table) == len(table.put_all({"a": 1, "b": 2})) - 1 == 3 * MAX_CHANGES + 1
    assert Table.of(table) is table
    assert Table.of({"a": 1}) == {"a": 1}
    assert len(table._changes) <= tables.MAX_CHANGES


def test_what_is_gone_is_no_key() -> None:
    table = Table({"a": 0, "b": 1}).drop("a")
    assert table.get("a", "nothing") == "nothing"
    assert (list(table), "a" in table) == (["b"], False)
    assert list(table.put("a", 2)) == ["a", "b"]
