"""What was applied last to the platform of a state directory, and what came before it."""

from dataclasses import asdict, dataclass, fields
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
    text
        Those files as a revision keeps them.
    commit
        The commit that had them; empty if they were in none.
    at
        When.
    schema
        The version of the store's schema then, empty if it was not known.
    """

    digest: str
    text: str
    commit: str
    at: str
    schema: str


def list_applied(state: State) -> list[Applied]:
    """Return what was applied, the newest first; only that one has its text.

    Raises
    ------
    PlatformError
        Raised if the list is damaged.
    """
    kept = state.read_json(FILE).get("applied") or []
    try:
        return [
            Applied(**{each.name: str(one[each.name]) for each in fields(Applied)}) for one in kept
        ]
    except (KeyError, TypeError):
        raise PlatformError(
            f"{state / FILE} is damaged. Remove it: the next `jhp apply` writes it."
        ) from None


def note_applied(state: State, new: Applied) -> None:
    """Keep what was applied; the same twice in a row is one."""
    before = list_applied(state)
    if before and (before[0].digest, before[0].commit) == (new.digest, new.commit):
        before = before[1:]
    older: list[dict[str, Any]] = [{**asdict(each), "text": ""} for each in before]
    state.write_json(FILE, {"applied": [asdict(new), *older][:MAX_KEPT]})
