"""Of many thousand names from all of Unicode, no two become one that do not look alike.

What a name should become is worked out here from the Unicode tables, letter by letter.
"""

import random
import string
import unicodedata

import pytest

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import MAX_CHARACTERS, list_collisions, normalise_user
from tests.support.seeds import dice_for

LETTERS = string.ascii_lowercase + string.digits
INNER = LETTERS + "._@+-"

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
    """Return what a name becomes, or nothing for one that is refused."""
    if any(unicodedata.category(each).startswith("C") for each in name):
        return None
    form = "".join(map(unfold, name.strip()))
    fits = 0 < len(form) <= MAX_CHARACTERS and set(form) <= set(INNER)
    return form if fits and form[0] in LETTERS and form[-1] in LETTERS else None


FORMS = compatible_forms()


def any_name(dice: random.Random) -> str:
    """Return a name: one as people have, disguised in one of the ways there are, or noise."""
    name = "".join(dice.choices(INNER, k=dice.choice((1, 2, 3, 5, 9, 16, 63, 64, 65))))
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
        if form is None:
            with pytest.raises(IdentityError) as caught:
                normalise_user(name)
            assert str(caught.value).isprintable(), ascii(name)
            assert len(str(caught.value)) < 1000
        else:
            assert normalise_user(name) == form, ascii(name)
            assert normalise_user(form) == form
            accepted[name] = form
    print(f"{number} names, {len(accepted)} accepted as {len(set(accepted.values()))}")
    assert len(accepted) > number / 10
    for form, same in list_collisions(accepted).items():
        assert {expected_form(each) for each in same} == {form}


@pytest.mark.parametrize("number", [5_000, pytest.param(50_000, marks=pytest.mark.long)])
def test_a_name_with_a_letter_of_another_script_is_refused(number: int) -> None:
    dice = dice_for("look-alikes")
    for _ in range(number):
        name = "".join(dice.choices(list(LOOKALIKES), k=dice.randint(1, 12)))
        at = dice.randrange(len(name))
        alike = name[:at] + dice.choice(LOOKALIKES[name[at]]) + name[at + 1 :]
        with pytest.raises(IdentityError):
            normalise_user(alike)
        assert normalise_user(name) == name
