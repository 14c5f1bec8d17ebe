"""The servers of *My resources*: what the Hub has of each, beside what it holds by the ledger."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jupyterhub_platform.core.reservations import WARN_BEFORE
from jupyterhub_platform.core.times import read_stored
from jupyterhub_platform.rest.own_servers import OwnServer, OwnServers, SharedServer
from jupyterhub_platform.usecases.explanations import State
from jupyterhub_platform.usecases.reports.lines import ServerLine

_ACTIVE: Final = frozenset({State.RUNNING, State.STARTING, State.CHECKING, State.STOPPING})
_WORDS: Final[Mapping[State | None, str]] = {
    State.RUNNING: "runs",
    State.STARTING: "starting",
    State.CHECKING: "being checked",
    State.STOPPING: "stopping",
}


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One server in the table. ``held`` is what it holds, if anything.

    ``state`` is in words. ``fault`` says why it ended, if that was not wanted, ``since`` when, and
    ``remedy`` what to do; ``larger`` is a tier that has more of what it lacked.
    """

    server: str
    title: str
    url: str
    tier: str
    account: str
    state: str
    active: bool
    running: bool
    held: ServerLine | None = None
    fault: str = ""
    remedy: str = ""
    code: str = ""
    larger: str = ""
    since: datetime | None = None

    def ends_soon(self, now: datetime) -> bool:
        """Tell whether its owner is to be warned of its deadline."""
        ends_at = self.held.ends_at if self.held else None
        return ends_at is not None and ends_at - now <= WARN_BEFORE

    @property
    def name(self) -> str:
        """What the page calls it."""
        return self.title or "default server"


@dataclass(frozen=True, slots=True)
class ServerTable:
    """The rows, active ones first, and what is shared with the viewer.

    ``complete`` is false if the Hub did not say: then only servers that hold something are there.
    """

    rows: tuple[ServerRow, ...]
    shared: tuple[SharedServer, ...]
    complete: bool

    @property
    def active(self) -> tuple[ServerRow, ...]:
        """The servers that run, start or stop."""
        return tuple(row for row in self.rows if row.active)

    @property
    def stopped(self) -> tuple[ServerRow, ...]:
        """The servers that can be started."""
        return tuple(row for row in self.rows if not row.active)


def make_table(held: Iterable[ServerLine], told: OwnServers | None, server_url: str) -> ServerTable:
    """Put together what is held, by the store, and what the Hub told, if it did.

    ``server_url`` is where the viewer's servers are opened.
    """
    lines = {line.server: line for line in held if not line.pod}
    listed = told.servers if told is not None else []
    rows = [_row(each, lines.pop(each.server, None)) for each in listed if _was_used(each, lines)]
    # Held by the store, and not in the Hub's answer: it has just started, or the Hub is silent.
    rows += [
        ServerRow(
            server=line.server,
            title=line.server,
            url=f"{server_url}{line.server}/" if line.server else server_url,
            tier=line.tier_title,
            account=line.account,
            state="",
            active=True,
            running=True,
            held=line,
        )
        for line in lines.values()
    ]
    rows.sort(key=lambda row: (not row.active, row.server))
    return ServerTable(
        tuple(rows), tuple(told.shared) if told is not None else (), told is not None
    )


def _was_used(each: OwnServer, lines: Mapping[str, Any]) -> bool:
    return bool(each.server or each.why is not None or each.server in lines)


def _row(each: OwnServer, line: ServerLine | None) -> ServerRow:
    why = each.why
    state = why.state if why is not None else None
    active = state in _ACTIVE or (line is not None and state is None)
    broken = why if each.unwanted else None
    return ServerRow(
        server=each.server,
        title=each.title,
        url=each.url,
        tier=line.tier_title if line else each.tier,
        account=line.account if line else each.account,
        state=_WORDS.get(state, "ended" if broken else "" if active else "stopped"),
        active=active,
        running=state is State.RUNNING,
        held=line,
        fault=broken.cause.sentence if broken else "",
        remedy=broken.cause.fix if broken else "",
        code=broken.cause.code if broken else "",
        larger=(broken.larger_tier or "") if broken else "",
        since=read_stored(broken.since) if broken else None,
    )
