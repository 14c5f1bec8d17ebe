"""Names of users and groups: normalised once, here, and refused where two could be confused."""

import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from jupyterhub_platform.core.errors import IdentityError

LEVEL_GROUP_PREFIX: Final = "level:"
"""Groups of the Hub with this prefix say who has which level; they are never accounts."""

MAX_CHARACTERS: Final = 64
_UNNOTICED: Final = "CMZ"
"""Unicode categories that a comparison may leave out: controls, marks, separators."""

_USER: Final = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")


def normalise_user(name: str) -> str:
    """Return the one form of a user name that the platform knows.

    Compatibility forms (NFKC) and case are folded: ``Kim`` and ``KIM`` are ``kim``. Characters that
    cannot be seen (zero width, direction marks, controls) and letters outside ASCII, which look
    like others, are refused rather than dropped: a name must be what its reader sees.

    Raises
    ------
    IdentityError
        Raised if the name is empty, too long, or has characters that names don't have.
    """
    if _is_folded(name):
        return sys.intern(name)
    if len(name) > 4 * MAX_CHARACTERS:
        raise IdentityError(
            f"A name has {MAX_CHARACTERS} characters at most; this one has {len(name)}"
        )
    invisible = next((c for c in name if unicodedata.category(c)[0] == "C"), None)
    if invisible is not None:
        raise IdentityError(
            f"The name {name!a} has a character that cannot be seen "
            f"(U+{ord(invisible):04X}); remove it"
        )
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip()).casefold())
    if len(folded) > MAX_CHARACTERS:
        raise IdentityError(
            f"A name has {MAX_CHARACTERS} characters at most; this one has {len(folded)}"
        )
    if not _USER.fullmatch(folded):
        raise IdentityError(
            f"{name!a} is not a user name; use letters a to z, digits and . _ - @ +, "
            "beginning and ending with a letter or digit"
        )
    return sys.intern(folded)


def _is_folded(name: str) -> bool:
    """Tell quickly whether it is in that form already, as most names of a large policy are."""
    return _USER.fullmatch(name) is not None


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
