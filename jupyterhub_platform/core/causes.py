"""Causes of a server that does not run: in words, with who can do something about it, and what."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from jupyterhub_platform.core.observed_pods import CHANGED, GONE, UNASSIGNED, UNOBSERVED
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.resource_names import CPU
from jupyterhub_platform.core.sentences import join_remedies
from jupyterhub_platform.core.tiers import JUPYTERLAB_CPU_SECONDS
from jupyterhub_platform.core.times import read_stored


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
    "The server did not get ready in time, and was stopped.",
    Who.OPERATOR,
    "Start it again; if it fails again, ask an operator to look at the logs of Hub and server.",
)
NOT_STARTED: Final = Cause(
    "server.not_started",
    "The Hub could not start this server: something went wrong before it ran.",
    Who.OPERATOR,
    "Start it again; if it fails again, ask an operator: the Hub's log has the error.",
)
NOT_ANSWERING: Final = Cause(
    "server.not_answering",
    "The server started, but did not answer the Hub in time.",
    Who.OPERATOR,
    "Start it again. If it fails again, ask an operator to look at its log: “Failed to connect to "
    "my Hub” there means that DNS or a NetworkPolicy keeps it from the Hub. jhp doctor checks "
    "both.",
)
TOO_SLOW: Final = Cause(
    "server.too_slow",
    "The server did not answer in time: its tier has too little CPU to start JupyterLab.",
    Who.YOU,
    "Choose a tier with more CPU, or ask an operator to raise the CPU limit of this one, or "
    "c.Spawner.http_timeout.",
)
NO_HUB: Final = Cause(
    "server.no_hub",
    "The server started, but its log says that it cannot reach the Hub.",
    Who.OPERATOR,
    "Ask an operator to check the NetworkPolicies of servers and Hub, for example with jhp doctor.",
)
UNEXPLAINED: Final = frozenset({NOT_UP.code, NOT_ANSWERING.code})
"""Codes of starts that failed in time, and that may have failed by the Hub and not the server."""
FAILED: Final = Cause(
    "server.failed",
    "The server's program ended with an error.",
    Who.OPERATOR,
    "Start it again; if it ends again, ask an operator to look at its log.",
)
OUT_OF_MEMORY: Final = Cause(
    "server.out_of_memory",
    "This server used more memory than its tier has, and was killed for it.",
    Who.YOU,
    "Start it again with a tier that has more memory, or load less at once.",
)
RUNS: Final = Cause("server.running", "It runs.", Who.NOBODY, "There is nothing to do.")
STARTS: Final = Cause(
    "server.starting",
    "It is starting, and no problem is known.",
    Who.NOBODY,
    "Wait a moment.",
)
LOOKS: Final = Cause(
    "server.checking",
    "The Hub was restarted, and is checking whether this server runs.",
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
    "It is shutting down, and keeps its reservation until it is gone.",
    Who.NOBODY,
    "Wait a moment. A stop that fails is retried every few seconds.",
)
_SUSPENDED: Final = Cause(
    "server.suspended",
    "The server was stopped because its owner was suspended.",
    Who.ADMIN,
    "Ask an admin to lift the suspension with jhp resume.",
)
COUNTED: Final = Cause(
    "pod.counted",
    "What its owner runs made this pod. The platform counts what it holds, and neither starts nor "
    "stops it.",
    Who.YOU,
    "End it through what made it, for example by closing its Dask cluster.",
)
_OBSERVED: Final = {
    GONE: Cause(
        "pod.gone", "The pod is gone, and holds nothing.", Who.NOBODY, "There is nothing to do."
    ),
    CHANGED: Cause(
        "pod.changed",
        "The pod holds something else now, or is charged otherwise.",
        Who.NOBODY,
        "Look again in a moment.",
    ),
    UNASSIGNED: Cause(
        "pod.unassigned",
        "The pod is not charged to this user any more: its labels name nobody, or someone else.",
        Who.OPERATOR,
        "Ask an operator to look at the label that names its user; the overview lists such pods.",
    ),
    UNOBSERVED: Cause(
        "pod.unobserved",
        "The platform does not count pods of this kind any more.",
        Who.NOBODY,
        "There is nothing to do.",
    ),
}
"""Why an observed pod holds nothing any more, by the reason in the ledger."""
_NOT_LET_IN: Final = Cause(
    "server.not_let_in",
    "The server was stopped because no rule lets its owner in any more.",
    Who.ADMIN,
    "Ask an admin whether that is meant: identity.rules say who is let in, by what the identity "
    "provider says of them.",
)
_OF_REASONS: Final = _OBSERVED | {
    "stopped": STOPPED,
    "suspended": _SUSPENDED,
    "not_let_in": _NOT_LET_IN,
    "lifetime": Cause(
        "server.lifetime", "The server was stopped at the end of its lifetime.", Who.YOU, _AGAIN
    ),
    "idle": Cause(
        "server.idle", "The server was stopped because it was not used.", Who.YOU, _AGAIN
    ),
    **{
        cause.code: cause
        for cause in (
            *(OUT_OF_MEMORY, FAILED, NOT_UP, UNREACHED, ENDED),
            *(NOT_STARTED, NOT_ANSWERING, TOO_SLOW, NO_HUB),
        )
    },
}
"""By the reason in the ledger: why a user or the Hub stopped it, or the code of what was seen."""
DELIBERATE: Final = frozenset({STOPPED.code, ENDED.code, _SUSPENDED.code})
"""Codes of ends that were wanted. Pages do not report them unasked."""
PLANNED: Final = DELIBERATE | {"server.lifetime", "server.idle", _NOT_LET_IN.code}
"""Codes of ends that policy or a user wanted; every other one is a failure."""

_UNRESOLVED: Final = re.compile(
    r"name resolution|Name or service not known|No address associated|Could not resolve|"
    r"getaddrinfo|nodename nor servname|Domain name not found|Timeout while contacting DNS",
    re.IGNORECASE,
)
"""How a server's libraries say that a name is not found."""
_WHO_HELPS: Final = (
    ("options.", Who.YOU),
    ("quota.", Who.YOU),
    ("account.not_member", Who.YOU),
    ("tier.", Who.MANAGER),
    ("capacity.", Who.OPERATOR),
)


def not_up(seconds: float) -> Cause:
    """Name the time within which a start did not get ready."""
    sentence = (
        f"The server did not get ready within {seconds:g} s (start_timeout), and was stopped."
    )
    return replace(NOT_UP, sentence=sentence)


def not_answering(seconds: float, cpu: int) -> Cause:
    """Name the time that the Hub waited for a started server, and what the server may lack.

    ``cpu`` is what it may use at most, in thousandths; 0 if there is no limit. The half of what
    JupyterLab takes counts as too little: what else starts with it is the user's own.
    """
    told = f"The server started, but did not answer the Hub within {seconds:g} s (http_timeout)"
    needs = JUPYTERLAB_CPU_SECONDS * 1000 / cpu if cpu else 0
    if needs * 2 < seconds or not cpu:
        return replace(NOT_ANSWERING, sentence=f"{told}.")
    may = "needs" if needs >= seconds else "may need"
    amount = describe_amount(CPU, cpu)
    return replace(TOO_SLOW, sentence=f"{told}; with {amount} JupyterLab {may} longer.")


def no_hub(log: str, api_url: str) -> Cause | None:
    """Say that a server cannot reach the Hub, if its ``log`` says so; ``None`` if it does not."""
    if "Failed to connect to my Hub" not in log:
        return None
    if not _UNRESOLVED.search(log):
        return replace(
            NO_HUB, sentence=f"The server started, but cannot reach the Hub at {api_url}."
        )
    sentence = f"The server started, but DNS does not tell it where the Hub is ({api_url})."
    fix = (
        "Ask an operator whether the NetworkPolicies of servers let them ask DNS (port 53), and "
        "whether the cluster's DNS runs; jhp doctor checks both."
    )
    return replace(NO_HUB, sentence=sentence, fix=fix)


def cause_of_release(reason: str) -> Cause:
    """Return why a server ended, by the ``reason`` in the ledger."""
    sentence = f"The server ended; the recorded reason is {reason!a}."
    unknown = Cause("server.ended", sentence, Who.YOU, _AGAIN)
    return _OF_REASONS.get(reason, unknown)


def cause_of_denial(
    codes: tuple[str, ...], reasons: Iterable[str], remedies: Iterable[str]
) -> Cause:
    """Return why a start was refused, by what its decision says; its first code counts."""
    who = next((who for prefix, who in _WHO_HELPS if codes[0].startswith(prefix)), Who.ADMIN)
    return Cause(codes[0], " ".join(dict.fromkeys(reasons)), who, " ".join(join_remedies(remedies)))
