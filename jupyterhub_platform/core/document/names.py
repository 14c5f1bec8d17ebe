"""Which names a document declares, by section; user names in the one form that they have."""

from collections.abc import Container, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import is_folded, normalise_user

KINDS: Final[Mapping[str, str]] = {"groups": "group", "images": "image", "tiers": "tier"}
"""The sections with names that are no users', and what each calls its objects."""


def fold_user(name: str) -> str:
    """Return the normal form of ``name``, or ``name`` itself if it is not a user name."""
    return name if is_folded(name) else _fold(name)


@lru_cache(maxsize=2**17)
def _fold(name: str) -> str:
    """Fold a name once: a document is gone through several times, and this takes microseconds."""
    try:
        return normalise_user(name)
    except IdentityError:
        return name


@dataclass(frozen=True, slots=True)
class Names:
    """What is declared, by name and by section; also what could not be read otherwise.

    A rule may put ``claimed`` users into groups that list them, too.
    """

    declared: Mapping[str, AbstractSet[str]]
    claimed: Container[str] = ()

    @classmethod
    def of(cls, document: object, claimed: Container[str] = ()) -> "Names":
        """Collect the names of all sections of ``document``."""
        sections = document if isinstance(document, dict) else {}
        found = {}
        for section in ("users", *KINDS):
            entries = sections.get(section)
            names = [str(name) for name in entries] if isinstance(entries, dict) else []
            found[section] = frozenset(map(fold_user, names) if section == "users" else names)
        return cls(found, claimed)
