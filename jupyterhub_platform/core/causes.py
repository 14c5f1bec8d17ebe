"""Why a server does not run: one cause in words, who can do something about it, and what."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from jupyterhub_platform.core.instants import read_stored
from jupyterhub_platform.core.sentences import join_remedies


class Who(StrEnum):
    """Who can do something about it."""

    YOU = "you"
    """The owner of the server."""
    MANAGER = "manager"
    OPERATOR = "operator"
    ADMIN = "admin"
    NOBODY = "nobody"
    """It passes by itself, or there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a server does not run: a stable code, a sentence, who can help it, and how."""

    code: str
    sentence: str
    who: Who
    fix: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.fix}"

    def to_json(self) -> dict[str, str]:
        """Render for the API, and for the state of a server."""
        return {key: str(value) for key, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class LastRun:
    """How the last run of a server ended, and with which tier and account it ran."""

    cause: Cause
    at: datetime
    tier: str
    account: str

    def to_json(self) -> dict[str, Any]:
        """Render for the state of a server."""
        run = {"at": self.at.isoformat(), "tier": self.tier, "account": self.account}
        return {**self.cause.to_json(), **run}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LastRun":
        """Read what :meth:`to_json` rendered.

        Raises
        ------
        KeyError, TypeError, ValueError
            Raised if it is something else.
        """
        cause = Cause(data["code"], data["sentence"], Who(data["who"]), data["fix"])
        return cls(cause, read_stored(data["at"]), data["tier"], data["account"])


_AGAIN: Final = "Start it again."
STOPPED: Final = Cause("server.stopped", "The server was stopped.", Who.YOU, _AGAIN)
ENDED: Final = Cause("server.ended", "The server ended by itself.", Who.YOU, _AGAIN)
NOT_UP: Final = Cause(
    "server.not_up",
    "The server did not get ready in the time that it has for that, and was stopped.",
    Who.OPERATOR,
    "Start it again; if it fails again, an operator looks at the Hub's log and the server's own.",
)
FAILED: Final = Cause(
    "server.failed",
    "The server's program ended with an error.",
    Who.OPERATOR,
    "Start it again; if it ends again, an operator looks at its log.",
)
OUT_OF_MEMORY: Final = Cause(
    "server.out_of_memory",
    "This server used more memory than its tier has, and was ended for that.",
    Who.YOU,
    "Start it again with a tier that has more memory, or load less at once.",
)
RUNS: Final = Cause("server.running", "It runs.", Who.NOBODY, "There is nothing to do.")
STARTS: Final = Cause(
    "server.starting",
    "It is starting; nothing is known to be in its way.",
    Who.NOBODY,
    "Wait a moment.",
)
LOOKS: Final = Cause(
    "server.checking",
    "The Hub was restarted, and looks whether this server runs.",
    Who.NOBODY,
    "Wait a moment.",
)
UNREACHED: Final = Cause(
    "server.unreached",
    "The Hub was restarted while this server started or ran, and could not reach it afterwards.",
    Who.YOU,
    _AGAIN,
)
STOPS: Final = Cause(
    "server.stopping",
    "It is shutting down, and holds what it holds until it is gone.",
    Who.NOBODY,
    "Wait a moment; what does not end is tried again every few seconds.",
)
_PUT_OUT: Final = Cause(
    "server.suspended",
    "The server was stopped because its owner was suspended.",
    Who.ADMIN,
    "An admin lets them in again with jhp resume.",
)
_OF_REASONS: Final = {
    "stopped": STOPPED,
    "suspended": _PUT_OUT,
    "lifetime": Cause(
        "server.lifetime", "The server was stopped because its lifetime was over.", Who.YOU, _AGAIN
    ),
    "idle": Cause("server.idle", "The server was stopped because nobody used it.", Who.YOU, _AGAIN),
    **{cause.code: cause for cause in (OUT_OF_MEMORY, FAILED, NOT_UP, UNREACHED, ENDED)},
}
"""By what stands in the ledger: why somebody stopped it, or the code of what was seen."""
DELIBERATE: Final = frozenset({STOPPED.code, ENDED.code, _PUT_OUT.code})
"""Codes of ends that somebody wanted, and that are not told unasked."""

_WHO_HELPS: Final = (
    ("options.", Who.YOU),
    ("quota.", Who.YOU),
    ("account.not_member", Who.YOU),
    ("tier.", Who.MANAGER),
    ("capacity.", Who.OPERATOR),
)


def cause_of_release(reason: str) -> Cause:
    """Return why a server ended, by the ``reason`` that stands in the ledger."""
    sentence = f"The server ended; what is recorded is {reason!a}."
    unknown = Cause("server.ended", sentence, Who.YOU, _AGAIN)
    return _OF_REASONS.get(reason, unknown)


def cause_of_denial(
    codes: tuple[str, ...], reasons: Iterable[str], remedies: Iterable[str]
) -> Cause:
    """Return why a start was refused, by what its decision says; its first code counts."""
    who = next((who for prefix, who in _WHO_HELPS if codes[0].startswith(prefix)), Who.ADMIN)
    return Cause(codes[0], " ".join(dict.fromkeys(reasons)), who, " ".join(join_remedies(remedies)))
