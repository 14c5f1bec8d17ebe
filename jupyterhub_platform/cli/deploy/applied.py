"""What was applied last to the platform of a state directory, and what came before it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError

FILE: Final = "applied.json"
MAX_KEPT: Final = 20
"""How many are kept; older ones are in git."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One that was applied.

    Attributes
    ----------
    digest
        That of the policy's files.
    revision
        The revision that came into force with them.
    commit
        The commit that had them; empty if they were in none.
    at
        When.
    schema
        The version of the store's schema then, empty if it was not known.
    """

    digest: str
    revision: int
    commit: str
    at: str
    schema: str


def list_applied(state: State) -> list[Applied]:
    """Return what was applied, the newest first.

    Raises
    ------
    PlatformError
        Raised if the list is damaged.
    """
    kept = state.read_json(FILE).get("applied") or []
    try:
        return [_read(one) for one in kept]
    except (KeyError, TypeError, ValueError):
        raise PlatformError(
            f"{state / FILE} is damaged. The next `jhp apply` writes it anew."
        ) from None


def note_applied(state: State, new: Applied) -> None:
    """Keep what was applied: once if it was applied twice in a row. A damaged list starts anew."""
    before: list[Applied] = []
    with suppress(PlatformError):
        before = list_applied(state)
    if before and (before[0].digest, before[0].commit) == (new.digest, new.commit):
        before = before[1:]
    state.write_json(FILE, {"applied": [asdict(each) for each in (new, *before)][:MAX_KEPT]})


def _read(kept: Mapping[str, Any]) -> Applied:
    texts = {name: str(kept[name]) for name in ("digest", "commit", "at", "schema")}
    return Applied(revision=int(kept["revision"]), **texts)
