"""Users whom JupyterHub knows and no policy: listed, and removed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from jupyterhub import orm
from tornado import web

from jupyterhub_platform.hub.api.handler import CodedError, PlatformAPIHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.upstream.event_loop import Turn
from jupyterhub_platform.origin import ORIGIN
from jupyterhub_platform.rest.undeclared_users import (
    RemovedUser,
    UndeclaredUser,
    UndeclaredUsers,
)
from jupyterhub_platform.usecases.recorded_requests import RecordedRequest
from jupyterhub_platform.usecases.reports.cursors import QueryError, parse_cursor, render_cursor
from jupyterhub_platform.usecases.reports.paging import read_query

_LISTED: Final = 100
_USER_BATCH: Final = 200


class UndeclaredUsersHandler(PlatformAPIHandler):
    """Lists them."""

    async def get(self) -> None:
        """Answer a part of the list, by name."""
        self.require(roles.READ, roles.ADMIN)
        names = ("limit", "cursor")
        sent = {name: self.get_query_argument(name, "", strip=False) for name in names}
        try:
            query = read_query({"limit": str(_LISTED), **{k: v for k, v in sent.items() if v}})
            (after,) = parse_cursor(query.cursor, (str,)) if query.cursor else ("",)
        except QueryError as error:
            raise CodedError(400, str(error), error.code) from None
        found = await self._find(after, query.limit + 1)
        items, further = found[: query.limit], None
        if len(found) > query.limit:
            further = render_cursor(items[-1].name)
        self.answer(UndeclaredUsers(items=items, next=further))

    async def _find(self, after: str, limit: int) -> list[UndeclaredUser]:
        """Return them in steps that yield the Hub's loop to others."""
        people, turn = self.platform.snapshot.policy.people, Turn()
        found: list[UndeclaredUser] = []
        if not self._is_any(people):
            return found
        query = self.db.query(orm.User.name, orm.User.created, orm.User.last_activity)
        while len(found) < limit:
            part = query.filter(orm.User.name > after).order_by(orm.User.name)
            rows = part.limit(_USER_BATCH).all()
            for row in rows:
                if row.name not in people and len(found) < limit:
                    found.append(self._make_user(*row))
            if len(rows) < _USER_BATCH:
                break
            after = rows[-1].name
            await turn.yield_if_due()
        return found

    def _is_any(self, people: Mapping[str, Any]) -> bool:
        """Tell whether there can be one: everyone whom the policy knows is in JupyterHub."""
        blocked = self.authenticator.blocked_users
        known = self.db.query(orm.User.id).count()
        return bool(known > len(people.keys() - blocked))

    def _make_user(self, name: str, created: Any, active: Any) -> UndeclaredUser:
        running = len(self.platform.admission.book.servers_of(name))
        return UndeclaredUser(
            name=name, created=_render(created), last_activity=_render(active), servers=running
        )


class UndeclaredUserHandler(PlatformAPIHandler):
    """Removes one of them."""

    audit_actions = MappingProxyType({"DELETE": "person.removed"})

    async def delete(self, name: str) -> None:
        """Remove a user from JupyterHub; their files stay."""
        self.require(roles.ADMIN)
        if name in self.platform.snapshot.policy.people:
            raise CodedError(
                409,
                f"The policy knows {name[:64]!a}. Take them out of it first: jhp user retire.",
                "request.conflict",
            )
        row = self.find_in_hub(name)
        if row is None:
            raise web.HTTPError(404, f"There is no user with the name {name[:64]!a}.")
        user = self.users[row.id]
        groups = sorted(group.name for group in row.groups)
        # Its servers are stopped first; one that does not end refuses the whole.
        await self.authenticator.delete_user(user)
        await user.delete_spawners()
        self.users.delete(user)
        self.platform.runtime.added_memberships.forget(user=name)
        now, before = datetime.now(UTC), {"groups": groups}
        removed = {"before": before, "after": None}
        self.platform.runtime.requests.record(
            [RecordedRequest(now, self.me, "person.removed", name, ORIGIN.get(), detail=removed)]
        )
        self.answer(RemovedUser(name=name))


def _render(at: datetime | None) -> str | None:
    return None if at is None else at.replace(tzinfo=UTC).isoformat()
