"""Reservations: what is held, and the scopes at which they are added up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol, Self

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.times import read_stored

WARN_BEFORE: Final = timedelta(minutes=10)
"""How long before its deadline the owner of a server is warned."""


POD: Final = "pod/"
"""What the name of an observed pod begins with, where a server has its own: none has a slash."""


class Scope(NamedTuple):
    """Where a limit applies, and where what is held is added up.

    ``kind`` is ``platform``, ``account``, ``member`` (a user within an account), ``user``,
    ``tier``, ``tier-account`` or ``tier-user`` (a tier, also within an account or for a user).
    """

    kind: str
    account: str = ""
    user: str = ""
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one admitted server holds, from its admission until its backend is gone.

    An observed pod, which a user's own controller made, has one as well: ``server`` is ``pod/NAME``
    then, ``tier`` what the policy calls such pods, and ``demand`` is without ``servers``.

    ``id`` is also the id of the decision that admitted it. ``demand`` includes ``servers: 1``.
    ``spawner_id`` is the Hub's own row id: names can be changed, or given to another user.
    ``ends_at`` is the deadline after which the server is stopped, ``idle_timeout`` how long it may
    be without use; both as the tier said at admission, and ``None`` if it said nothing.
    """

    id: str
    user: str
    server: str
    spawner_id: int
    account: str
    tier: str
    image: str
    demand: Resources
    opened_at: datetime
    ends_at: datetime | None = None
    idle_timeout: timedelta | None = None
    size: str = ""

    @property
    def label(self) -> str:
        """The tier, with its size if it has one: ``gpu/large``."""
        return f"{self.tier}/{self.size}" if self.size else self.tier

    @property
    def pod(self) -> str:
        """The name of the observed pod that holds it; empty if it is a server."""
        return self.server.removeprefix(POD) if self.server.startswith(POD) else ""

    def scopes(self) -> Iterator[Scope]:
        """Yield every scope at which this reservation counts."""
        yield Scope("platform")
        yield Scope("account", self.account)
        yield Scope("member", self.account, self.user)
        yield Scope("user", "", self.user)
        yield Scope("tier", "", "", self.tier)
        yield Scope("tier-account", self.account, "", self.tier)
        yield Scope("tier-user", "", self.user, self.tier)

    def to_json(self) -> dict[str, Any]:
        """Render for the Hub's spawner state and for our API."""
        return {
            "id": self.id,
            "user": self.user,
            "server": self.server,
            "spawner_id": self.spawner_id,
            "account": self.account,
            "tier": self.tier,
            "size": self.size,
            "image": self.image,
            "demand": dict(self.demand),
            "opened_at": self.opened_at.isoformat(),
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
            "idle_seconds": self.idle_timeout.total_seconds() if self.idle_timeout else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` rendered.

        Raises
        ------
        KeyError, TypeError, ValueError
            Raised if it is anything else; what stands in a database is not trusted.
        """
        return cls(
            id=str(data["id"]),
            user=str(data["user"]),
            server=str(data["server"]),
            spawner_id=int(data["spawner_id"]),
            account=str(data["account"]),
            tier=str(data["tier"]),
            size=str(data.get("size", "")),
            image=str(data["image"]),
            demand=Resources.of({str(k): int(v) for k, v in dict(data["demand"]).items()}),
            opened_at=read_stored(data["opened_at"]),
            ends_at=read_stored(data["ends_at"]) if data.get("ends_at") else None,
            idle_timeout=timedelta(seconds=data["idle_seconds"])
            if data.get("idle_seconds")
            else None,
        )


class HeldTotals(Protocol):
    """Tells what is held at a scope; the book in memory is one, a snapshot in a test another."""

    def held(self, scope: Scope, name: str) -> int:
        """Return the amount of resource ``name`` held at ``scope``, in base units."""
        ...

    def held_by_pods(self, scope: Scope, name: str) -> int:
        """Return the part of it that observed pods hold, which are not servers."""
        ...
