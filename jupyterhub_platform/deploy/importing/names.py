"""Names for what a source calls otherwise: groups, images, tiers and sizes of a document."""

import re
import unicodedata
from collections.abc import Container
from typing import Final

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import check_name, is_level_group

_OTHER: Final = re.compile(r"[^a-z0-9._]+")
_MAX: Final = 50


def make_name(text: str, kind: str, taken: Container[str] = ()) -> str:
    """Return a name that a document can have for what a source calls ``text``.

    ``kind`` stands in where nothing of the text can be in a name.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = _OTHER.sub("-", plain).strip("-._")[:_MAX].strip("-._") or kind
    name = base = slug if is_usable_name(slug, kind) else kind
    number = 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def is_usable_name(text: str, kind: str) -> bool:
    """Tell whether a source's own name can stand in a document."""
    try:
        check_name(text, kind)
    except IdentityError:
        return False
    return not is_level_group(text)
