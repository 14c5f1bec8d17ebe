import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jupyterhub_platform.core.typed_names import parse_names, render_command, render_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        (" kim, lee;ana\n\nben ", ["kim", "lee", "ana", "ben"]),
        ('"kim lee"\no\'malley@uni.edu', ["kim lee", "o'malley@uni.edu"]),
        ('"cn=kim,ou=x", auth0|5f', ["cn=kim,ou=x", "auth0|5f"]),
        ('"a ""b"""', ['a "b"']),
        ('a"b c"d', ['a"b', 'c"d']),
        ('"never closed', ['"never', "closed"]),
        ('""', []),
    ],
)
def test_names_are_read_as_people_type_them(text: str, names: list[str]):
    assert parse_names(text) == names


@given(st.lists(st.text(min_size=1)))
def test_what_a_form_shows_is_what_it_reads(names: list[str]):
    assert parse_names(render_names(names)) == names
    assert parse_names(render_names(names).replace("\n", "\r\n")) == [
        name.replace("\n", "\r\n") for name in names
    ]


@given(st.text(min_size=1))
@example("-kim")
def test_a_command_has_a_name_as_one_word(name: str):
    words = shlex.split(render_command("jhp resume", name, " --reason x"))
    if name.startswith("-"):
        assert words == ["jhp", "resume", "--reason", "x", "--", name]
    else:
        assert words == ["jhp", "resume", name, "--reason", "x"]
