"""Several files are one document: nothing overrides, and each fault names its file."""

from typing import Any

import pytest

from jupyterhub_platform.core.document.files import (
    Part,
    find_include_fault,
    list_includes,
    unite_parts,
)
from jupyterhub_platform.core.document.lines import Files, Lines, number_line
from jupyterhub_platform.core.errors import Fault

FILES = Files({0: "platform.yaml", 1: "people/vision.yaml", 2: "tiers.yaml"})
INCLUDE = ["people/vision.yaml", "tiers.yaml"]


def part(file: int, document: Any, entry: int = 0, **more: Any) -> Part:
    """Return what a file says, as if each of its sections and objects had a line of its own."""
    line, marks = 0, {}
    for section, found in document.items() if isinstance(document, dict) else ():
        line += 1
        at, below = number_line(file, line), {}
        names = map(str, range(len(found))) if isinstance(found, list) else found
        for name in names if isinstance(found, dict | list) else ():
            line += 1
            below[name] = number_line(file, line)
        marks[section] = (at, below) if below else at
    return Part(document, (number_line(file, 1), marks), entry=entry, **more)  # type: ignore[arg-type]


def unite(main: Any, *others: Any) -> Part:
    parts = [part(number + 1, each, number) for number, each in enumerate(others)]
    return unite_parts([part(0, main), *parts], FILES)


def faults_of(whole: Part) -> list[str]:
    return [str(fault) for fault in whole.faults]


def test_sections_are_united_in_the_order_of_the_files() -> None:
    whole = unite(
        {"include": INCLUDE, "users": {"root": {}}, "grants": [{"user": "root"}]},
        {"users": {"kim": {}}, "groups": {"vision": {}}, "grants": [{"user": "kim"}]},
        {"tiers": {"small": {}}, "users": {}, "grants": []},
    )
    assert not whole.faults
    assert whole.document == {
        "include": INCLUDE,
        "users": {"root": {}, "kim": {}},
        "grants": [{"user": "root"}, {"user": "kim"}],
        "groups": {"vision": {}},
        "tiers": {"small": {}},
    }
    lines = Lines.of(whole.mark, FILES)
    found = {path: str(lines[path]) for path in ("users.root", "users.kim", "grants.1", "tiers")}
    assert found == {
        "users.root": "platform.yaml:5",
        "users.kim": "people/vision.yaml:2",
        "grants.1": "people/vision.yaml:6",
        "tiers": "tiers.yaml:1",
    }


def test_what_the_files_say_is_left_as_it_is() -> None:
    main, other = {"users": {"root": {}}, "grants": []}, {"users": {"kim": {}}, "grants": [{}]}
    unite(main, other)
    assert (main, other) == (
        {"users": {"root": {}}, "grants": []},
        {"users": {"kim": {}}, "grants": [{}]},
    )


@pytest.mark.parametrize(
    ("main", "other", "fault"),
    [
        (
            {"users": {"kim": {}}},
            {"users": {"kim": {}}},
            (
                "people/vision.yaml:2: users.kim: is declared already at platform.yaml:4; "
                "keep it in one "
                "file, and remove it here"
            ),
        ),
        (
            {"users": {"Kim": {}}},
            {"users": {"kim": {}}},
            (
                "people/vision.yaml:2: users.kim: is declared already as “Kim”, who is the "
                "same person, "
                "at platform.yaml:4; keep it in one file, and remove it here"
            ),
        ),
        (
            {},
            {"users": {"Kim": {}, "kim": {}}},
            (
                "people/vision.yaml:3: users.kim: is declared already as “Kim”, who is the "
                "same person, "
                "at people/vision.yaml:2; keep it in one file, and remove it here"
            ),
        ),
        (
            {"tiers": {"small": {}}},
            {"tiers": {"small": {}}},
            (
                "people/vision.yaml:2: tiers.small: is declared already at "
                "platform.yaml:4; keep it in "
                "one file, and remove it here"
            ),
        ),
        (
            {},
            None,
            (
                "people/vision.yaml:1: the file is empty; declare something in it, or remove it "
                "from include"
            ),
        ),
        (
            {},
            ["kim"],
            "people/vision.yaml:1: is a list, not keys and values; write KEY: VALUE lines",
        ),
        (
            {},
            {"users": ["kim"]},
            (
                "people/vision.yaml:1: users: is a list, not keys and values; "
                "write what it declares below it, or remove it"
            ),
        ),
        (
            {},
            {"grants": None},
            (
                "people/vision.yaml:1: grants: is empty, not a list; write what it "
                "declares below it, or remove it"
            ),
        ),
        (
            {},
            {"quota": {}},
            ("people/vision.yaml:1: quota: stands in platform.yaml alone; move it there"),
        ),
        (
            {},
            {"include": ["x"]},
            (
                "people/vision.yaml:1: include: stands in platform.yaml alone, "
                "which includes this file at platform.yaml:2; name the files there, and "
                "remove it here"
            ),
        ),
        (
            {},
            {"user": {}},
            "people/vision.yaml:1: user: there is no such key; did you mean “users”?",
        ),
        (
            {},
            {"x": {}},
            (
                "people/vision.yaml:1: x: there is no such key; remove it; an included "
                "file has users, groups, images, tiers and grants"
            ),
        ),
    ],
)
def test_what_does_not_fit_is_a_fault_with_its_place(main: Any, other: Any, fault: str) -> None:
    assert faults_of(unite({"include": INCLUDE[:1], **main}, other)) == [fault]


def test_the_first_of_two_is_kept() -> None:
    main = {"users": {"kim": {"level": "admin"}}}
    assert unite(main, {"users": {"kim": {}}}).document == main


def test_a_section_that_cannot_be_united_is_not_judged_further() -> None:
    assert unite({"users": {}}, {"users": 5}).unreadable == (("users",),)
    # What is wrong in the first file is said of the whole document.
    wrongs: tuple[Any, ...] = (None, 5, [])
    for wrong in wrongs:
        assert unite({"users": wrong}, {"users": {"kim": {}}}).document == {"users": wrong}


@pytest.mark.parametrize("main", [None, 5, ["x"]])
def test_a_first_file_that_is_no_mapping_is_judged_alone(main: Any) -> None:
    whole = unite(main, {"users": {"kim": {}}})
    assert (whole.document, whole.faults) == (main, ())


def test_what_readers_report_of_grants_is_numbered_anew() -> None:
    others = part(1, {"grants": [{}, {}]}, faults=(Fault(("grants", 1, "by"), "x", "y"),))
    others = Part(
        others.document, others.mark, others.faults, (("grants", 0), ("users", "kim"), ("grants",))
    )
    whole = unite_parts([part(0, {"grants": [{}]}), others], FILES)
    assert [each.path for each in whole.faults] == [("grants", 2, "by")]
    assert whole.unreadable == (("grants", 1), ("users", "kim"), ("grants",))


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"include": ["people/", "a.yaml"]}, [(0, "people"), (1, "a.yaml")]),
        ({"include": [5, "a.yaml", None]}, [(1, "a.yaml")]),
        ({"include": "people"}, []),
        ({}, []),
        (None, []),
    ],
)
def test_what_is_included_is_listed_by_number(document: Any, found: list[tuple[int, str]]) -> None:
    assert list_includes(document) == found


@pytest.mark.parametrize(
    "entry", ["a.yaml", "people", "people/", "people/vision.yaml", "a b/ü.yml"]
)
def test_what_is_below_the_folder_can_be_included(entry: str) -> None:
    assert find_include_fault(entry) is None


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("", "is no path below"),
        ("/", "is no path below"),
        ("/etc/a.yaml", "is no path below"),
        ("people//a.yaml", "is no path below"),
        ("a\n.yaml", "is no path below"),
        (".", "begins with a dot"),
        ("..", "begins with a dot"),
        ("../a.yaml", "begins with a dot"),
        ("people/../../a.yaml", "begins with a dot"),
        ("./a.yaml", "begins with a dot"),
        ("..data/a.yaml", "begins with a dot"),
        ("people/.a.yaml", "begins with a dot"),
    ],
)
def test_nothing_outside_of_the_folder_and_nothing_hidden_is_included(
    entry: str, what: str
) -> None:
    fault = find_include_fault(entry)
    assert fault is not None
    assert what in fault[0]
