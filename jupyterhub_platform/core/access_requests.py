"""Requests for access, with a reason: a tier, more quota, a longer grant, or a level.

A manager of the account or an admin answers. An approval makes a grant that ends by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.managed import Key, Kind, Sources

OPEN_DAYS: Final = 14
"""A request that nobody answers expires after so many days."""
MAX_OPEN: Final = 10
"""How many requests of one user may be open at once."""
MAX_DAYS: Final = 366


class Wish(StrEnum):
    """What kind of thing is asked for."""

    TIER = "tier"
    QUOTA = "quota"
    EXTENSION = "extension"
    LEVEL = "level"


class RequestState(StrEnum):
    """What has become of a request."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request, and its answer.

    ``wish`` is what a grant would say: ``{"tier": …}`` or ``{"add": {…}}``; or which ``grant``
    shall last longer, or which ``level`` is asked for. ``lasts`` is for how long; only a level may
    be asked for without an end.
    """

    id: str
    user: str
    account: str
    kind: Wish
    wish: Mapping[str, Any]
    lasts: timedelta | None
    reason: str
    at: datetime
    state: RequestState = RequestState.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    answer: str | None = None

    def is_over(self, now: datetime) -> bool:
        """Tell whether it has waited for an answer for too long."""
        return self.state is RequestState.OPEN and now >= self.at + timedelta(days=OPEN_DAYS)


def plan(
    request: AccessRequest,
    sources: Sources,
    by: str,
    now: datetime,
    *,
    lasts: timedelta | None = None,
    add: Mapping[str, Any] | None = None,
) -> tuple[Key, dict[str, Any]]:
    """Return the object that an approval puts, and what it says.

    ``lasts`` and ``add`` are what is approved instead of what was asked for.

    Raises
    ------
    LookupError
        Raised if what it is about is gone.
    """
    lasts = lasts or request.lasts
    if request.kind is Wish.LEVEL and lasts is None:
        key = Key(Kind.USER, request.user)
        return key, {**(sources.find(key) or {}), "level": request.wish["level"]}
    ends = now + (lasts or timedelta())
    if request.kind is Wish.EXTENSION:
        key = Key(Kind.GRANT, str(request.wish["grant"]))
        grant = sources.find(key)
        if grant is None or fold_user(str(grant.get("user") or "")) != request.user:
            raise LookupError("The grant that shall last longer is gone.")
        return key, {**grant, "until": ends.isoformat(), "by": by}
    wish = {**request.wish, **({"add": dict(add)} if add is not None else {})}
    return Key(Kind.GRANT, request.id), {
        "user": request.user,
        **({"account": request.account} if request.account else {}),
        **wish,
        "until": ends.isoformat(),
        "by": by,
        "reason": request.reason,
    }
