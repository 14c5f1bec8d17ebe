"""Names of users and groups: normalised once, here, and refused where two could be confused."""

import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from jupyterhub_platform.core.confusables import find_mixture, say_odd_character
from jupyterhub_platform.core.errors import IdentityError

LEVEL_GROUP_PREFIX: Final = "level:"
"""Groups of the Hub with this prefix say who has which level; they are never accounts."""

MAX_CHARACTERS: Final = 255
"""The size of a column of the Hub's database."""
_UNNOTICED: Final = "CMZ"
"""Unicode categories that a comparison may leave out: controls, marks, separators."""

_PRINTABLE: Final = re.compile(r"[!-.0-@\[-~]+(?: [!-.0-@\[-~]+)*")
"""Folded ASCII without a slash, where a blank stands alone and within."""
_ENCODED: Final = re.compile(r"%[0-9a-f]{2}")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")


def normalise_user(name: str) -> str:
    """Return the one form of a user name that the platform knows.

    A name is whatever JupyterHub accepts as one, such as ``auth0|5f``, ``o'malley@uni.edu``,
    ``kim lee`` or ``김``. Compatibility forms (NFKC) and case are folded: ``Kim`` and ``KIM`` are
    ``kim``. Refused rather than dropped is what would make two names look like one, since a name
    must be what its reader sees:

    - characters that cannot be seen (zero width, direction marks, controls, shapeless letters);
    - words of several scripts, such as ``kim`` with a Cyrillic letter; whole names that look like
      another person's are left to :class:`~jupyterhub_platform.core.look_alikes.LookAlikes`;
    - digits, blanks, signs and loose accents beyond ASCII, which look like others;
    - several blanks in a row, which pages show as one;
    - what an address could turn into another name: a slash, nothing but dots, and ``%2e``, which
      some proxies decode.

    Raises
    ------
    IdentityError
        Raised if the name is empty, too long, or has characters that names don't have.
    """
    if is_folded(name):
        return sys.intern(name)
    if len(name) > 4 * MAX_CHARACTERS:
        raise IdentityError(
            f"A name has {MAX_CHARACTERS} characters at most; this one has {len(name)}"
        )
    if not name.isprintable() and (invisible := _find_invisible(name)):
        raise IdentityError(
            f"The name {name!a} has a character that cannot be seen "
            f"(U+{ord(invisible):04X}); remove it"
        )
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())
    if len(folded) > MAX_CHARACTERS:
        raise IdentityError(
            f"A name has {MAX_CHARACTERS} characters at most; this one has {len(folded)}"
        )
    if why_not := _why_no_name(folded):
        raise IdentityError(f"{name!a} is not a user name: {why_not}")
    return sys.intern(folded)


def fold_case(name: str) -> str:
    """Fold case alone: no letter becomes two, and none of ASCII comes from another."""
    if name.isascii():
        return name.lower()
    return "".join("\u03c3" if each == "\u03c2" else _lower(each) for each in name)


def _lower(character: str) -> str:
    lower = character.lower()
    is_case = len(lower) == 1 and lower.isascii() is character.isascii()
    return lower if is_case else character


def _find_invisible(name: str) -> str:
    """Return what cannot be seen; blanks are not printable either, and are no such character."""
    return next((c for c in name if unicodedata.category(c)[0] == "C"), "")


def is_folded(name: str) -> bool:
    """Tell quickly whether it is in that form already, as most names of a large policy are."""
    return (
        _PRINTABLE.fullmatch(name) is not None
        and len(name) <= MAX_CHARACTERS
        and name.strip(".") != ""
        and ("%" not in name or not _ENCODED.search(name))
    )


def _why_no_name(folded: str) -> str:
    """Say why a folded text is no name, and what to do; empty if it is one."""
    if is_folded(folded):
        return ""
    if not folded.strip("."):
        return "it has no letter or digit; write one"
    if "/" in folded or _ENCODED.search(folded):
        return "an address cannot have it; leave out / and codes such as %2f"
    if " ".join(folded.split()) != folded:
        return "it has blanks at an end, or several in a row, which look like one; leave one"
    if odd := say_odd_character(folded):
        return f"it has {odd}; use letters, and digits and signs of ASCII"
    if mixed := find_mixture(folded):
        return f"one word has letters of {' and '.join(map(str.title, mixed))}; use one script"
    return ""


def check_name(name: str, kind: str) -> str:
    """Return ``name`` if it may name a group, tier or image (``kind`` says which).

    Raises
    ------
    IdentityError
        Raised if it may not; nothing is folded, so that a file says what is meant.
    """
    if not _NAME.fullmatch(name):
        raise IdentityError(
            f"{name[:MAX_CHARACTERS]!a} cannot be the name of this {kind}; use small letters, "
            "digits and . _ -, beginning and ending with a letter or digit, 63 characters at most"
        )
    return name


@lru_cache(maxsize=4096)
def is_level_group(name: str) -> bool:
    """Tell whether a Hub group carries a level, or could pass for one that does.

    Databases compare names by their collation: some ignore case, accents, spaces or invisible
    characters. Every name that any of them would take for a level is reserved.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    seen = (c for c in folded if unicodedata.category(c)[0] not in _UNNOTICED)
    return "".join(seen).startswith(LEVEL_GROUP_PREFIX)


def list_collisions(names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the names that fall together when normalised, by their common form.

    Invalid names are left to :func:`normalise_user` to refuse.
    """
    forms: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        try:
            forms[normalise_user(name)].append(name)
        except IdentityError:
            continue
    return {form: tuple(same) for form, same in sorted(forms.items()) if len(same) > 1}
