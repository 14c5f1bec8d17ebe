"""Of many thousand names from all of Unicode, no two become one that do not look alike.

What a name should become is worked out here from the Unicode tables, letter by letter.
"""

import random
import string
import unicodedata
from contextlib import suppress
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jupyterhub.auth import Authenticator
from jupyterhub.utils import url_escape_path

from jupyterhub_platform.core.confusables import draw_skeleton
from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import MAX_CHARACTERS, list_collisions, normalise_user
from jupyterhub_platform.core.look_alikes import LookAlikes
from tests.support.seeds import dice_for

LETTERS = string.ascii_lowercase + string.digits
INNER = LETTERS + "._@+-"
SIGNS = "".join(sorted(set(string.punctuation) - {"/"}))

# Letters of other scripts that look like one of ours, and are not.
LOOKALIKES = {
    "a": "\u0430\u03b1\u0251",
    "b": "\u0184\u042c",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435\u04bd",
    "g": "\u0261\u0581",
    "h": "\u04bb\u0570",
    "i": "\u0456\u03b9\u0131",
    "j": "\u0458\u03f3",
    "k": "\u03ba\u043a",
    "l": "\u04cf\u05d5\u0627",
    "m": "\u043c",
    "n": "\u0578\u03b7",
    "o": "\u043e\u03bf\u0585\u0665",
    "p": "\u0440\u03c1",
    "q": "\u051b",
    "r": "\u0433",
    "s": "\u0455\ua731",
    "t": "\u0442\u03c4",
    "u": "\u03c5\u057d",
    "v": "\u03bd\u0475",
    "w": "\u051d\u03c9",
    "x": "\u0445\u03c7",
    "y": "\u0443\u03b3",
    "z": "\u1d22",
    "0": "\u0cb0\u03c3",
    "1": "\u05d5\u07ca",
}
UNSEEN = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u202d\u2066\u061c\u180e"
    "\0\x1b\x7f\ud800\ue000\U000e0041"
)
BLANKS = (" ", "\u3000", "\u00a0", "\t")
TAILS = ("\u0301", "\u0323", "\u20dd", "\ufe0f", "/", "%2f", "!", "\u2024", "\n")


LATIN = "\u0251\u0184\u0261\u0131\ua731\u1d22"
UNLISTED = (
    "\u0184\u042c\u03f2\u03ba\u043a\u04cf\u05d5\u0627\u043c\u03b7\u0442\u03c4\u03c9\u03c7"
    "\u0cb0\u03c3\u07ca"
)
"""Of those above, what Unicode says looks like another letter, or like none."""


def compatible_forms() -> dict[str, str]:
    """Return, for each of our letters, all characters that Unicode says are forms of it."""
    forms = dict.fromkeys(LETTERS, "")
    for code in range(0x80, 0x20000):
        plain = unfold(chr(code))
        if plain in forms:
            forms[plain] += chr(code)
    return forms


def unfold(character: str) -> str:
    """Return what one character is a form of, by its decomposition in the Unicode tables."""
    if character in "\u00df\u1e9e":
        return "ss"  # sharp s: the only letter whose other case is two
    rule = unicodedata.decomposition(character)
    if not rule:
        return character.lower()
    codes = [each for each in rule.split() if not each.startswith("<")]
    return "".join(unfold(chr(int(each, 16))) for each in codes)


def expected_form(name: str) -> str | None:
    """Return what a name becomes, or nothing for one that is refused.

    It is asked about names that end up in ASCII, and about those that no name may be.
    """
    if any(unicodedata.category(each).startswith("C") for each in name):
        return None
    form = "".join(map(unfold, name.strip()))
    is_fit = form == " ".join(form.split()) and set(form) <= {*LETTERS, *SIGNS, " "}
    is_address = set(form) != {"."} and unquote(form) == form
    return form if is_fit and is_address and 0 < len(form) <= MAX_CHARACTERS else None


FORMS = compatible_forms()


def any_name(dice: random.Random) -> str:
    """Return a name: one as people have, disguised in one of the ways there are, or noise."""
    letters = INNER if dice.randrange(4) else INNER + SIGNS + " "
    name = "".join(dice.choices(letters, k=dice.choice((1, 2, 3, 5, 9, 16, 64, 254, 255, 256))))
    match dice.randrange(8):
        case 0:
            return name
        case 1:
            return "".join(dice.choice((str.upper, str.lower))(each) for each in name)
        case 2 | 3:
            return "".join(dice.choice(FORMS.get(each, "") + each) for each in name)
        case 4:
            at = dice.randrange(len(name) + 1)
            return name[:at] + dice.choice(UNSEEN) + name[at:]
        case 5:
            return (
                dice.choice((" ", "\u3000", "\u00a0", "\t")) + name + dice.choice(("", " ", "\n"))
            )
        case 6:
            return name + dice.choice(
                ("\u0301", "\u0323", "\u20dd", "\ufe0f", "/", "%2f", "!", "\u2024")
            )
        case _:
            limit = dice.choice((0x80, 0x600, 0x3000, 0x11000, 0x20000))
            return "".join(chr(dice.randrange(limit)) for _ in range(dice.randrange(12)))


@pytest.mark.parametrize("number", [10_000, pytest.param(200_000, marks=pytest.mark.long)])
def test_a_name_becomes_what_a_reader_sees_or_is_refused(number: int) -> None:
    dice = dice_for("names")
    accepted: dict[str, str] = {}
    for _ in range(number):
        name = any_name(dice)
        form = expected_form(name)
        found, why_not = try_to_normalise(name)
        if why_not:
            assert form is None, ascii(name)
            assert why_not.isprintable(), ascii(name)
            assert len(why_not) < 4000
            continue
        assert found == form or not found.isascii(), ascii(name)
        assert_is_one_name(found)
        accepted[name] = found
    print(f"{number} names, {len(accepted)} accepted as {len(set(accepted.values()))}")
    assert len(accepted) > number / 10
    for form, same in list_collisions(accepted).items():
        assert {fold(each.strip()) for each in same} == {form}


def try_to_normalise(name: str) -> tuple[str, str]:
    """Return what a name becomes, or why it is refused."""
    try:
        return normalise_user(name), ""
    except IdentityError as error:
        return "", str(error)


def fold(name: str) -> str:
    """Fold compatibility forms and case until nothing changes any more."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return folded if folded == name else fold(folded)


def assert_is_one_name(form: str) -> None:
    """Assert that a normal form is one for JupyterHub, for addresses and for a reader, too."""
    assert normalise_user(form) == form, ascii(form)
    assert fold(form) == form, ascii(form)
    assert Authenticator().validate_username(form), ascii(form)
    assert "/" not in form
    assert unquote(form) == unquote(url_escape_path(form)) == form, ascii(form)
    assert form == " ".join(form.split()), ascii(form)
    assert form.isprintable(), ascii(form)


@given(st.text(max_size=300))
@example("\u037a\u03bd\u03b1")
@example("\u1e9b\u0323")
@example("\u0345\u0345")
def test_any_text_is_refused_or_has_one_form(name: str) -> None:
    form, why_not = try_to_normalise(name)
    if not why_not:
        assert_is_one_name(form)


@pytest.mark.parametrize("number", [5_000, pytest.param(50_000, marks=pytest.mark.long)])
def test_a_letter_of_another_script_makes_no_second_name(number: int) -> None:
    """A name with one of its letters replaced is refused, or looks like the first."""
    dice = dice_for("look-alikes")
    alone = 0
    for _ in range(number):
        name = "".join(dice.choices(list(LOOKALIKES), k=dice.randint(1, 12)))
        at = dice.randrange(len(name))
        letter = dice.choice(LOOKALIKES[name[at]])
        alike = name[:at] + letter + name[at + 1 :]
        assert normalise_user(name) == name
        form, why_not = try_to_normalise(alike)
        if why_not:
            continue
        # It is a Latin letter, or the only letter of the name.
        alone += 1
        assert letter in LATIN or not set(name[:at] + name[at + 1 :]) & set(string.ascii_letters)
        if letter not in UNLISTED:
            assert LookAlikes.of([form]).find(name, ()) == form, ascii(alike)
            assert LookAlikes.of([form]).find(form, {name}) == name, ascii(alike)
    assert 0 < alone < number / 4


CLOSE = "abl1\u043e\u0430\u03bf김"


@given(st.lists(st.text(SIGNS + CLOSE, min_size=1, max_size=8), max_size=30), st.randoms())
def test_no_two_of_whom_the_policy_knows_look_alike(texts: list[str], dice: random.Random) -> None:
    known = LookAlikes.of(())
    people: dict[str, None] = {}
    for text in texts:
        with suppress(IdentityError):
            name = normalise_user(text)
            if name in people or known.find(name, people):
                continue
            people[name] = None
            known = known.follow({name}, {name})
    shapes = [draw_skeleton(name) for name in people]
    assert len(set(shapes)) == len(shapes)
    assert known == LookAlikes.of(people)
    gone = dice.sample(sorted(people), len(people) // 2)
    left = people.keys() - set(gone)
    fewer = known.follow(gone, ())
    assert {k: v for k, v in fewer.by_skeleton.items() if v} == dict(
        LookAlikes.of(left).by_skeleton
    )
