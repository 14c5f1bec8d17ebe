"""Whom a label of a pod names: by user name, or as KubeSpawner and its older versions write it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from kubespawner.slugs import escape_slug, is_valid_label, safe_slug, strip_and_hash

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.hub.upstream.event_loop import Turn

_HASHED: Final = re.compile(r"---[0-9a-f]{8}$")
_MARK: Final = len("---01234567")
_ESCAPED: Final = re.compile(rb"-([0-9a-f]{2})")


class LabelledUsers:
    """Finds users by the values of labels.

    A value with a hash does not tell the name: then the slugs of all names are made, once each.
    """

    def __init__(self) -> None:
        self._by_mark: dict[str, set[str]] = {}
        self._marked: set[str] = set()
        self._people: Mapping[str, Any] | None = None

    async def find(self, value: str, people: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the users of the policy whom a value names, sorted: one, if all is well."""
        found = {name for name in (_normalise(value), _unescape(value)) if name in people}
        if mark := _HASHED.search(value):
            await self._mark(people)
            candidates = self._by_mark.get(mark[0], ())
            found |= {name for name in candidates if name in people and slug_of(name) == value}
        return tuple(sorted(found))

    async def _mark(self, people: Mapping[str, Any]) -> None:
        if people is self._people:
            return
        turn = Turn()
        for name in people:
            if name not in self._marked:
                self._marked.add(name)
                self._by_mark.setdefault(strip_and_hash(name)[-_MARK:], set()).add(name)
            await turn.yield_if_due()
        self._people = people


def slug_of(name: str) -> str:
    """Return how KubeSpawner writes a name into a label."""
    return str(safe_slug(name, is_valid=is_valid_label))


def _normalise(value: str) -> str:
    try:
        return normalise_user(value)
    except IdentityError:
        return ""


def _unescape(value: str) -> str:
    """Return the name that KubeSpawner before version 7 wrote so; many sites' Dask does still."""
    read = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), value.encode())
    name = read.decode("utf-8", "replace")
    return name if escape_slug(name) == value else ""
