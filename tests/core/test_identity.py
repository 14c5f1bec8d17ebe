import re

import pytest

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import (
    check_name,
    fold_case,
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
        ("a" * 255, "a" * 255),
        # Names as identity providers give them.
        ("auth0|5f7c8ec7c33c6c004bbafe82", "auth0|5f7c8ec7c33c6c004bbafe82"),
        ("google-oauth2|117", "google-oauth2|117"),
        ("oauth2|cilogon|http:..x", "oauth2|cilogon|http:..x"),
        ("O'Malley@uni.edu", "o'malley@uni.edu"),
        ("Kim.Lee_uni.edu#EXT#@x.onmicrosoft.com", "kim.lee_uni.edu#ext#@x.onmicrosoft.com"),
        ("UNI\\Kim", "uni\\kim"),
        ("_kim@uni.edu", "_kim@uni.edu"),
        ("kim_", "kim_"),
        ("-kim", "-kim"),
        ("kim.", "kim."),
        ("...kim", "...kim"),
        ("kim lee", "kim lee"),
        ("level:admin", "level:admin"),  # a group of this name is something else
        ("100%", "100%"),
        ("José", "josé"),
        ("jose\u0301", "josé"),
        ("kïm", "kïm"),
        ("김@uni.edu", "김@uni.edu"),
        ("山田たろう", "山田たろう"),
        ("कमल", "कमल"),
        ("स्मिता", "स्मिता"),
        ("Иван.2", "иван.2"),
        ("ΝΊΚΟΣ", "νίκοσ"),
        ("νίκος", "νίκοσ"),
        ("Straße", "strasse"),
        ("Đặng", "đặng"),
    ],
)
def test_forms_of_one_name_are_one_name(name: str, form: str):
    assert normalise_user(name) == form


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a" * 256,
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
        "\u0443a",  # Cyrillic and Latin
        "김kim\u03b9",
        "İ",  # a dot that is part of no letter when folded
        "k\u0307im",
        "ki\u20ddm",
        "\u0903kim",  # a vowel sign without a letter
        "k\u1160im",  # letters and marks without a shape
        "가\u115f나",
        "ក\u17b4",
        "ki  m",
        "ki \u00a0m",
        "\u037a\u03bd\u03b1",  # a blank at its beginning when folded
        "kim\u0665",  # digits and signs of others
        "l·l",
        "ki/m",
        "ki\uff0fm",
        "../kim",
        ".",
        "..",
        "\u2025",  # two dots when folded
        "kim%2f",
        "%2E%2e",
        "kim%40uni",
        "🙂",
        "\ud800",
    ],
)
def test_invalid_user_name_is_refused(name: str):
    with pytest.raises(IdentityError) as caught:
        normalise_user(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("KIM", "kim"),
        ("José", "josé"),
        ("ΝΊΚΟΣ", "νίκοσ"),
        ("νίκος", "νίκοσ"),
        ("\u212aim", "\u212aim"),  # no letter of ASCII comes from another
        ("Straße", "straße"),  # and none becomes two
        ("\u0130", "\u0130"),
    ],
)
def test_case_is_folded_letter_by_letter(name: str, folded: str):
    assert fold_case(name) == folded


def test_names_that_fall_together_are_listed():
    names = ["kim", "KIM", "\u212aim", "eve", "not/a name"]
    assert list_collisions(names) == {"kim": ("kim", "KIM", "\u212aim")}
    assert list_collisions(["not/a name", "eve", "EVE"]) == {"eve": ("eve", "EVE")}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 256, "255 characters at most; this one has 256"),
        ("a" * 3000, "255 characters at most; this one has 3000"),
        ("ki\u200bm", "cannot be seen (U+200B); remove it"),
        ("ki/m", "an address cannot have it; leave out / and codes such as %2f"),
        ("ki%2Fm", "an address cannot have it; leave out / and codes such as %2f"),
        ("", "it has no letter or digit; write one"),
        ("ki  m", "several in a row, which look like one; leave one"),
        ("l·l", "it has '\\xb7' (MIDDLE DOT); use letters, and digits and signs of ASCII"),
        ("k\u0456m", "one word has letters of Cyrillic and Latin; use one script"),
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
