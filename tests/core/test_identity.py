import re

import pytest

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import (
    check_name,
    is_level_group,
    list_collisions,
    normalise_user,
)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("kim", "kim"),
        ("KIM", "kim"),
        ("\u212aim", "kim"),  # Kelvin sign
        ("\uff4b\uff49\uff4d", "kim"),  # full width
        ("ﬁona", "fiona"),  # ligature
        ("ⅳan", "ivan"),  # Roman numeral
        (" kim ", "kim"),
        ("kim@example.org", "kim@example.org"),
        ("k.i-m_1+x", "k.i-m_1+x"),
        ("²", "2"),
        ("a" * 64, "a" * 64),
    ],
)
def test_forms_of_one_name_are_one_name(name: str, form: str):
    assert normalise_user(name) == form


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a" * 65,
        "ﷺ" * 40,  # grows when folded
        "x" * 100_000,
        "ki\u200bm",  # zero width space
        "ki\u200dm",  # zero width joiner
        "\u202emik",  # right-to-left override
        "ki\u2066m",
        "\ufeffkim",
        "kim\n",
        "k\0m",
        "ki\u00adm",  # soft hyphen
        "k\u0456m",  # Cyrillic i
        "κim",  # Greek kappa
        "k\u0131m",  # dotless i
        "kïm",
        "İ",
        "ki m",
        "ki/m",
        "../kim",
        "-kim",
        "kim.",
        "level:admin",
        "kim%2f",
        "🙂",
        "\ud800",
    ],
)
def test_invalid_user_name_is_refused(name: str):
    with pytest.raises(IdentityError) as caught:
        normalise_user(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_names_that_fall_together_are_listed():
    names = ["kim", "KIM", "\u212aim", "eve", "not a name"]
    assert list_collisions(names) == {"kim": ("kim", "KIM", "\u212aim")}
    assert list_collisions(["not a name", "eve", "EVE"]) == {"eve": ("eve", "EVE")}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 65, "64 characters at most; this one has 65"),
        ("a" * 300, "64 characters at most; this one has 300"),
        ("ki\u200bm", "cannot be seen (U+200B); remove it"),
        ("ki/m", "beginning and ending with a letter or digit"),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_name(name: str, words: str):
    with pytest.raises(IdentityError, match=re.escape(words)):
        normalise_user(name)


@pytest.mark.parametrize("name", ["vision", "a", "a-b_c.d", "1", "a" * 63])
def test_group_name_is_accepted(name: str):
    assert check_name(name, "group") == name


@pytest.mark.parametrize(
    "name", ["", "Vision", "level:admin", "a b", "-a", "a-", "a" * 64, "é", "a\n", "a/b"]
)
def test_invalid_group_name_is_refused(name: str):
    with pytest.raises(IdentityError, match="this group"):
        check_name(name, "group")


def test_groups_that_carry_levels_are_recognised():
    assert is_level_group("level:admin")
    assert not is_level_group("levels")
