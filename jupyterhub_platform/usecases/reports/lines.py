"""The lines that reports are made of: a limit with what is held, a server that runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.question import HeldLimit
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import SERVERS, Resources
from jupyterhub_platform.core.sentences import say_left, say_share
from jupyterhub_platform.usecases.reports.reader import Facts


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit, what is held against it, and where it is declared (``file:line``, if known)."""

    limit: HeldLimit
    declared_at: str

    @property
    def share(self) -> float:
        """The part that is held: 1 is full, more is over."""
        if self.limit.most:
            return self.limit.held / self.limit.most
        return 2.0 if self.limit.held else 0.0

    @property
    def figures(self) -> str:
        """What is held of how much: ``6 of 8 GiB``."""
        return say_share(self.limit.resource, self.limit.held, self.limit.most)

    @property
    def state(self) -> str:
        """What is left, in words."""
        return say_left(self.limit)

    @property
    def title(self) -> str:
        """What is limited, for whom: ``Memory, vision``."""
        what = describe_resource(self.limit.resource)
        return f"Servers of {self.limit.scope.tier}" if self.limit.scope.tier else what


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A server that holds something. ``id`` is that of the decision that admitted it."""

    id: str
    user: str
    server: str
    account: str
    tier: str
    tier_title: str
    image: str
    demand: Resources
    since: datetime
    ends_at: datetime | None = None
    idle_timeout: timedelta | None = None


def describe_resource(name: str) -> str:
    """Say what is counted: ``Servers``, ``CPU``, ``Memory``, ``GPU``."""
    known = {SERVERS: "Servers", "cpu": "CPU", "memory": "Memory"}
    return known.get(name) or ("GPU" if name.endswith("/gpu") else name)


def declared_at(policy: Policy, path: str) -> str:
    """Return the ``file:line`` of a key path, or of the nearest key above that has one."""
    while path:
        if path in policy.lines:
            return policy.lines[path]
        path = path.rpartition(".")[0]
    return ""


def limit_line(facts: Facts, limit: HeldLimit) -> LimitLine:
    """Return ``limit`` with where it is declared."""
    return LimitLine(limit, declared_at(facts.policy, limit.path))


def server_line(facts: Facts, held: Reservation) -> ServerLine:
    """Return what is shown of a server."""
    tier = facts.policy.tiers.get(held.tier)
    return ServerLine(
        held.id,
        held.user,
        held.server,
        held.account,
        held.tier,
        (tier.title if tier else "") or held.tier,
        held.image,
        held.demand,
        held.opened_at,
        held.ends_at,
        held.idle_timeout,
    )


def most_pressed(lines: tuple[LimitLine, ...]) -> LimitLine | None:
    """Return the line of which the largest part is held, the first of equals; none if unheld."""
    held = [line for line in lines if line.limit.held]
    return max(held, key=lambda line: line.share) if held else None
