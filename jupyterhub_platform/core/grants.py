"""Grants: what people or groups get in addition, until when, by whom and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.resources import Resources


@dataclass(frozen=True, slots=True)
class Grant:
    """A time-limited addition for a user or a group, with who, why and until when.

    For a user it adds
    to what that person may hold, alone and within ``account`` (within every account if none is
    named). For a group it adds to what the group holds together. ``tier`` opens a tier to them;
    ``level`` is the level of that user meanwhile. It is live from ``starts`` (from the beginning,
    if none) to before ``until``; nothing has to run when it ends: it does not count from then on.
    """

    path: str
    user: str
    group: str
    account: str
    add: Resources
    tier: str
    starts: datetime | None
    until: datetime
    by: str
    reason: str
    level: Level | None = None

    def counts_for(self, user: str, account: str) -> bool:
        """Tell whether the grant counts for what ``user`` starts in ``account``."""
        if self.user:
            return self.user == user and self.account in {"", account}
        return self.group == account

    def is_live(self, now: datetime) -> bool:
        """Tell whether the grant counts at ``now``."""
        return (self.starts is None or self.starts <= now) and now < self.until


def level_at(own: Level, grants: Iterable[Grant], now: datetime) -> Level:
    """Return the level of a user at ``now`` whose ``own`` one is that, and who has these grants.

    An admin stays an admin; of several levels the highest counts.
    """
    given = [each.level for each in grants if each.level is not None and each.is_live(now)]
    return max(given, key=list(Level).index) if given and own is not Level.ADMIN else own
