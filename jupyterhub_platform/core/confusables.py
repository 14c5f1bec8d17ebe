"""What a name looks like: characters that are taken for others, and scripts that are mixed.

The tables are those of Unicode's security mechanisms (UTS 39), as the package
``confusable_homoglyphs`` has them. They are read when the first name asks for them: most sites have
none beyond ASCII.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

_PLAIN: Final = re.compile(r"[a-z0-9._@+-]*")
"""Names of these characters look like themselves alone: ``user1`` and ``userl`` are two people."""

_NEUTRAL: Final = frozenset({"COMMON", "INHERITED"})
_TOGETHER: Final = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
)
"""Scripts that people write together, and that nobody takes for each other (UTS 39, 5.2)."""

_BLANK: Final = "\u115f\u1160\u17b4\u17b5"
"""Letters and marks without a shape: those that Unicode ignores, and calls no control."""


class _Kind(NamedTuple):
    """What a character is: its general category, and its script if that is one of letters."""

    category: str
    script: str


def say_odd_character(name: str) -> str:
    """Say which character a name must not have, beyond ASCII; empty if there is none.

    There are letters, and the marks that their script needs: an accent that is not part of a letter
    can be put on any, and several on one. Digits, blanks and signs are those of ASCII, since others
    look like them.
    """
    before = ""
    for character in name:
        category, script = _kind(character)
        is_letter = category == "L" and character not in _BLANK
        is_mark = category == "M" and before in {"L", "M"} and character not in _BLANK
        if not (is_letter or character.isascii() or (is_mark and script)):
            return f"{character!a} ({unicodedata.name(character, 'unnamed')})"
        before = category
    return ""


def find_mixture(name: str) -> tuple[str, ...]:
    """Return the scripts that one word of a name mixes, sorted; nothing if each is of one script.

    Words end where the name has a sign: ``김@uni.edu`` mixes none.
    """
    scripts: set[str] = set()
    for character in (*name, "@"):
        category, script = _kind(character)
        if script:
            scripts.add(script)
        elif category not in {"L", "M", "N"}:
            if len(scripts) > 1 and not any(scripts <= each for each in _TOGETHER):
                return tuple(sorted(scripts))
            scripts = set()
    return ()


def draw_skeleton(name: str) -> str:
    """Return what a name looks like: the same for two that can be taken for each other.

    A skeleton is to be compared, not shown. Plain names are their own.
    """
    if _PLAIN.fullmatch(name):
        return name
    if name.isascii():
        return name.translate(_PLAIN_LOOK)
    return unicodedata.normalize("NFD", name).translate(_read_prototypes())


_PLAIN_LOOK: Final = str.maketrans("|`", "l'")
"""What the tables say of ASCII, for which they need not be read."""


@lru_cache(maxsize=4096)
def _kind(character: str) -> _Kind:
    category = unicodedata.category(character)[0]
    if character.isascii():
        return _Kind(category, "LATIN" if category == "L" else "")
    from confusable_homoglyphs.categories import alias

    script = str(alias(character))
    return _Kind(category, "" if script in _NEUTRAL else script)


@lru_cache(maxsize=1)
def _read_prototypes() -> Mapping[int, str]:
    """Return what stands for each character in a skeleton: one of all that look the same."""
    from confusable_homoglyphs.confusables import (
        confusables_data,
    )

    alike: defaultdict[str, set[str]] = defaultdict(set)
    for source, entries in confusables_data.items():
        # The tables put marks of direction around what is written from right to left.
        texts = {each.replace("\u200e", "") for each in (source, *(e["c"] for e in entries))}
        united = texts.union(*(alike[text] for text in texts))
        for text in united:
            alike[text] = united
    prototypes = {}
    for character, texts in alike.items():
        if len(character) == 1 and not _PLAIN.fullmatch(character):
            prototypes[ord(character)] = min(texts, key=_rank)
    return prototypes


def _rank(text: str) -> tuple[bool, bool, bool, bool, str]:
    """Prefer what plain names have, letters first, then ASCII, then one character."""
    is_plain = _PLAIN.fullmatch(text) is not None
    return not is_plain, not text.isalpha(), not text.isascii(), len(text) > 1, text
