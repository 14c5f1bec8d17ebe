"""Where everything in a document stands: the same lines, in less memory."""

import pytest

from jupyterhub_platform.core.document.lines import (
    Files,
    Lines,
    Mark,
    Marks,
    find_line,
    line_of,
    make_mark,
    merge_marks,
    number_line,
)
from jupyterhub_platform.core.errors import Place

MARKS: Marks = {
    "version": 1,
    "users": (2, {"kim": 3, "j.doe": (4, {"title": 5}), "j": 6}),
    "groups": (7, {"vision": (8, {"members": (9, {"1": 10})})}),
}
FILES = Files({0: "platform.yaml", 7: "people/vision.yaml"})
LINES = Lines(FILES, MARKS)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("version", 1),
        ("users", 2),
        ("users.kim", 3),
        ("users.kim.quota.servers", 3),
        ("users.j", 6),
        ("users.j.title", 6),
        ("users.j.doe", 4),
        ("users.j.doe.title", 5),
        ("users.j.doe.level", 4),
        ("groups.vision.members", 9),
        ("groups.vision.members.0", 9),
        ("groups.vision.members.1", 10),
    ],
)
def test_a_path_has_its_line_or_that_of_the_object_it_is_in(path: str, line: int) -> None:
    assert str(LINES[path]) == f"platform.yaml:{line}"


@pytest.mark.parametrize("path", ["tiers", "users.lee", "users.lee.level", "version.x", ""])
def test_what_is_not_there_has_no_line(path: str) -> None:
    assert path not in LINES
    assert LINES.get(path) is None


def test_all_places_are_listed() -> None:
    assert len(LINES) == len(list(LINES)) == 10
    assert {"users.j.doe.title", "groups.vision.members.1"} <= set(LINES)


def test_only_within_an_object_what_stands_on_its_line_is_left_out() -> None:
    below: Marks = {"level": 3, "title": 4}
    assert make_mark(("users", "kim"), 3, below) == (3, {"title": 4})
    assert make_mark(("users", "kim"), 3, {"level": 3}) == 3
    assert make_mark(("users",), 3, {"kim": 3}) == (3, {"kim": 3})
    assert make_mark(("users",), 3, {}) == 3


def test_the_nearest_place_above_has_the_line_of_a_fault() -> None:
    whole: Mark = (1, MARKS)
    assert find_line(whole, ("users", "j.doe", "title")) == 5
    assert find_line(whole, ("groups", "vision", "members", 1)) == 10
    assert find_line(whole, ("groups", "vision", "quota")) == 8
    assert find_line(whole, ("tiers", "small")) == 1


def test_a_section_that_is_there_twice_keeps_its_first_places() -> None:
    first: Mark = (2, {"kim": 3})
    second: Mark = (7, {"kim": 8, "lee": 9})
    assert merge_marks(first, second) == (2, {"kim": 3, "lee": 9})
    assert merge_marks(2, 7) == 2
    assert line_of(merge_marks(2, second)) == 2


def test_a_document_without_keys_has_no_lines() -> None:
    assert dict(Lines.of(1, FILES)) == {}
    assert dict(Lines.of((1, {"version": 1}), FILES)) == {"version": Place("platform.yaml", 1)}


def test_a_line_says_which_file_it_is_in() -> None:
    kim = number_line(7, 12)
    marks: Marks = {"users": (2, {"lee": 3, "kim": (kim, {"title": kim + 1})})}
    found = {path: str(place) for path, place in Lines(FILES, marks).items()}
    assert found == {
        "users": "platform.yaml:2",
        "users.lee": "platform.yaml:3",
        "users.kim": "people/vision.yaml:12",
        "users.kim.title": "people/vision.yaml:13",
    }
    assert FILES.find((1, marks), ("users", "kim", "level")) == Place("people/vision.yaml", 12)
