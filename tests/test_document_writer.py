"""What is written into a policy file changes the lines of one object, and no other."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.document_writer import WriteError, add_object, remove_object
from jupyterhub_platform.documents import parse_policy

FILE = """\
# Ours.
version: 1
users:   # people
  # in charge
  admin: {level: admin}  # since May
  "Kim":
    suspended:
      reason: |
        away
        for long
  # further people here

# groups follow
groups: {}  # none yet
images:
    lab: {reference: a/b:1}
tiers:
    small:
        requests: {cpu: 1, memory: 1Gi}
        images:
        - lab
        # the end
"""
BIG = {"requests": {"cpu": 2, "memory": "1Gi"}, "images": ["lab"]}
GRANT = {
    "user": "kim",
    "add": {"servers": 1},
    "until": "2030-01-31T18:00:00+00:00",
    "by": "admin",
    "reason": "yes",
}


def differ(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines that went, and those that came."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return tuple([line[2:] for line in lines if line.startswith(mark)] for mark in "-+")  # type: ignore[return-value]


@pytest.mark.parametrize("ending", ["", "\n", "\n\n# last words"])
@pytest.mark.parametrize(
    ("section", "name", "document", "after"),
    [
        ("users", "on", {"level": "user", "title": "Ä: #1"}, "        for long"),
        (
            "tiers",
            "big",
            {"requests": {"cpu": 2, "memory": "1Gi"}, "images": ["lab"]},
            "        - lab",
        ),
        ("images", "new", {"reference": "a/c:1"}, "    lab: {reference: a/b:1}"),
    ],
)
def test_an_object_stands_at_the_end_of_its_section(
    ending: str, section: str, name: str, document: dict[str, object], after: str
) -> None:
    text = FILE.rstrip("\n") + ending
    written = add_object(text, section, name, document)
    gone, came = differ(text, written)
    assert gone == []
    lines = written.splitlines()
    assert lines[lines.index(came[0]) - 1] == after
    read = parse_policy(written.encode(), "x").document
    assert read[section] == {**parse_policy(text.encode(), "x").document[section], name: document}
    assert parse_policy(remove_object(written, section, name).encode(), "x").document == (
        parse_policy(text.encode(), "x").document
    )


def test_a_section_that_is_empty_or_missing_begins() -> None:
    written = add_object(FILE, "groups", "vision", {"members": ["kim"]})
    assert "groups:  # none yet\n  vision:\n    members:\n    - kim\nimages:" in written
    assert remove_object(written, "groups", "vision") == FILE
    written = add_object(add_object(FILE, "grants", None, GRANT), "grants", None, GRANT)
    assert parse_policy(written.encode(), "x").document["grants"] == [GRANT, GRANT]
    assert written.startswith(FILE)
    assert add_object("groups:\n", "groups", "v", {}) == "groups:\n  v: {}\n"
    assert add_object("groups: null  # x\n", "groups", "v", {}) == "groups:  # x\n  v: {}\n"


def test_within_braces_it_stays_within_them() -> None:
    text = "users: {a: {}, 'b': {title: x}}  # all\ngrants: [{user: a}]\n"
    written = add_object(text, "users", "c", {"title": "Ä"})
    assert written.startswith('users: {a: {}, \'b\': {title: x}, "c": {"title": "Ä"}}  # all\n')
    assert remove_object(written, "users", "c") == text
    assert remove_object(written, "users", "a").startswith("users: {'b': {title: x}, \"c\"")
    assert remove_object("users: {a: {}}\n", "users", "a") == "users: {}\n"
    assert add_object(text, "grants", None, {"user": "b"}).endswith(
        'grants: [{user: a}, {"user": "b"}]\n'
    )


def test_what_cannot_be_done_by_lines_is_refused() -> None:
    with pytest.raises(WriteError, match=r"declares no users\.b"):
        remove_object(FILE, "users", "b")
    for text in ("{users: {}}", "- a\n", "a: [\n", ""):
        with pytest.raises(WriteError):
            add_object(text, "users", "b", {})


NAMES = st.text(
    "abc-._@|'\"#?:{}[],&*!%`\\ ~ \u00e9\uae401", min_size=1, max_size=12
) | st.sampled_from(
    ["null", "yes", "1e5", "007", "~", "- a", "a: b", "#ext#", "<<", "=", "\uae40" * 255]
)


@given(NAMES)
def test_any_user_name_is_written_and_read_again(text: str) -> None:
    try:
        name = normalise_user(text)
    except IdentityError:
        return
    title = name[:100].strip()
    written = add_object(FILE, "users", name, {"title": title})
    policy = parse_policy(written.encode(), "platform.yaml").policy
    assert policy.people[name].title == title
    assert remove_object(written, "users", name) == FILE
    member = {"members": [name, "kim"], "users": {name: {"cpu": 1}}}
    whole = add_object(written, "groups", "vision", member)
    policy = parse_policy(whole.encode(), "platform.yaml").policy
    assert policy.groups["vision"].members == {name, "kim"}
    assert "vision" in policy.people[name].within
