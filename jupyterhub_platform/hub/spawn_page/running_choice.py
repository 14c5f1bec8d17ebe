"""Offers a choice on the spawn page if its server is already running.

A server keeps its tier until it stops: for another tier, the user opens the running server, starts
another one beside it, or stops it first.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

from jupyterhub_platform.core.decision import Decision

RunningState: TypeAlias = Literal["running", "starting", "stopping"]
NEW_SERVER: Final = "new-server"
"""The argument of the spawn page that names another server."""
_OPEN_CODES: Final = "options."


@dataclass(frozen=True, slots=True)
class RunningChoice:
    """The alternatives to the requested start.

    ``wish`` are the options of a link or form. ``open_url`` leads to the server, or to its
    progress;
    empty for viewers who may not. ``stop_url`` leads to where it can be stopped. ``new_name`` is a
    free name for another server, empty if none may be created, and ``why_none`` says why.
    ``others`` are stopped servers that can be started instead, with their links.
    """

    owner: str
    own: bool
    server: str
    tier: str
    wanted: str
    state: RunningState
    wish: Mapping[str, str]
    page_url: str
    open_url: str = ""
    stop_url: str = ""
    new_name: str = ""
    why_none: str = ""
    others: tuple[tuple[str, str], ...] = ()
    error: str = ""

    @property
    def sentence(self) -> str:
        """What is already running, in words."""
        what = say_server(self.owner, self.server, own=self.own)
        tier = f" {self.tier}" if self.tier else ""
        if self.state == "stopping":
            return f"{what} is stopping."
        return f"{what} {'already runs' if self.state == 'running' else 'is starting'}{tier}."

    @property
    def again_url(self) -> str:
        """The link that repeats the request."""
        return f"{self.page_url}?{options_query(self.wish)}"


def say_server(owner: str, server: str, *, own: bool) -> str:
    """Say whose server it is, to begin a sentence."""
    whose = "Your" if own else f"{owner}'s"
    return f"{whose} server {server}" if server else f"{whose} default server"


def options_query(wish: Mapping[str, str]) -> str:
    """Render options as the query of a link to the spawn page."""
    return urlencode({f"opt-{name}": value for name, value in wish.items()})


def find_free_name(taken: Collection[str], tier: str) -> str:
    """Return a name for another server, after its tier: ``medium``, ``medium-2``."""
    first = tier or "server"
    number, name = 1, first
    while name in taken:
        number += 1
        name = f"{first}-{number}"
    return name


def say_why_not(decision: Decision) -> str:
    """Say why the wish does not fit beside what runs; empty if it does, or is incomplete.

    Missing choices, an account for example, are made on the next page.
    """
    denials = [each for each in decision.denials if not each.code.startswith(_OPEN_CODES)]
    if decision.admitted or not denials:
        return ""
    return " ".join(dict.fromkeys(denial.reason for denial in denials))
