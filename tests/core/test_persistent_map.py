"""A mapping is a dict that is never changed, and knows quickly what differs from another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core import persistent_map
from jupyterhub_platform.core.persistent_map import MAX_CHANGES, PersistentMap, list_changed

KEYS = st.sampled_from("abcdefg")
CHANGES = st.lists(st.tuples(KEYS, st.none() | st.integers(0, 3)), max_size=30)


@given(st.dictionaries(KEYS, st.integers(0, 3)), CHANGES)
def test_a_table_is_what_a_dict_would_be(
    entries: dict[str, int], changes: list[tuple[str, int | None]]
) -> None:
    mapping, same = PersistentMap(entries), dict(entries)
    for key, value in changes:
        before, was = mapping, dict(same)
        if value is not None:
            mapping, same[key] = mapping.put(key, value), value
        elif key in same:
            mapping = mapping.drop(key)
            del same[key]
        assert dict(mapping) == same
        assert (len(mapping), list(mapping.values())) == (
            len(same),
            [same[each] for each in mapping],
        )
        assert all((each in mapping) is (each in same) for each in "abcdefg")
        assert [mapping.get(each) for each in "abcdefg"] == [same.get(each) for each in "abcdefg"]
        assert before == was
        differing = {e for e in "abcdefg" if was.get(e) is not same.get(e)}
        assert list_changed(before, mapping) == list_changed(mapping, before) == differing
        assert list_changed(was, mapping) == list_changed(PersistentMap(was), mapping) == differing


def test_many_changes_are_taken_together_and_make_a_table_of_their_own() -> None:
    mapping = PersistentMap({"a": 0})
    for number in range(3 * MAX_CHANGES):
        mapping = mapping.put(str(number), number)
    assert len(mapping) == len(mapping.put_all({"a": 1, "b": 2})) - 1 == 3 * MAX_CHANGES + 1
    assert PersistentMap.of(mapping) is mapping
    assert PersistentMap.of({"a": 1}) == {"a": 1}
    assert len(mapping._changes) <= persistent_map.MAX_CHANGES


def test_what_is_gone_is_no_key() -> None:
    mapping = PersistentMap({"a": 0, "b": 1}).drop("a")
    assert mapping.get("a", "nothing") == "nothing"
    with pytest.raises(KeyError, match="a"):
        mapping["a"]
    assert (list(mapping), "a" in mapping) == (["b"], False)
    assert list(mapping.put("a", 2)) == ["a", "b"]
