"""Answers which servers a user has, and which are shared with them."""

from collections.abc import Iterator
from typing import Any, Final

from jupyterhub.utils import url_path_join
from tornado import web

from jupyterhub_platform.core.causes import DELIBERATE
from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.spawner.explain import explain_now, with_larger_tier
from jupyterhub_platform.rest.own_servers import OwnServer, OwnServers, SharedServer
from jupyterhub_platform.rest.response_bodies import Why
from jupyterhub_platform.usecases.explanations import State

_MAX_SHARED: Final = 200


class OwnServersHandler(PlatformAPIHandler):
    """All servers of the caller, and those that are shared with them."""

    def get(self) -> None:
        """Answer for the caller."""
        self.require(roles.SELF)
        user = self.current_user
        if getattr(user, "kind", "") != "user":
            raise web.HTTPError(403, "A service has no servers. Send a token of a user.")
        names = dict.fromkeys(["", *sorted(user.orm_spawners)])
        self.answer(
            OwnServers(
                servers=[self._make_server(user, name) for name in names],
                shared=list(self._list_shared(user)),
            )
        )

    def _make_server(self, user: Any, name: str) -> OwnServer:
        row = user.orm_spawners.get(name)
        last = read_options(row.user_options if row else None)
        now = explain_now(user, name)
        whole = None if now is None else with_larger_tier(self.platform, now, self._memberships)
        ended = whole is not None and whole.state is State.ENDED
        return OwnServer(
            server=name,
            title=(row.display_name if row else "") or name,
            url=user.server_url(name),
            tier=whole.tier if whole else last.tier,
            account=whole.account if whole else last.account,
            why=None if whole is None else Why.model_validate(whole.to_json()),
            unwanted=bool(ended and whole and whole.cause.code not in DELIBERATE),
        )

    @property
    def _memberships(self) -> list[str]:
        return [group.name for group in self.current_user.groups]

    def _list_shared(self, user: Any) -> Iterator[SharedServer]:
        rows = {share.spawner.id: share.spawner for share in user.orm_user.all_shared_with_me}
        for row in sorted(rows.values(), key=lambda each: (each.user.name, each.name))[
            :_MAX_SHARED
        ]:
            owner = self.users[row.user_id]
            spawner = owner.spawners.get(row.name)
            yield SharedServer(
                user=owner.name,
                server=row.name,
                title=row.display_name or row.name,
                url=url_path_join(owner.url, row.name, "/") if row.name else owner.url,
                running=bool(spawner and spawner.ready),
            )
