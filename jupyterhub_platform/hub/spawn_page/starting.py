"""The page of a server that starts: what has happened so far, and how to leave it."""

import inspect
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join

from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.public_address import pages_of
from jupyterhub_platform.hub.spawn_page.options_form import asked_options
from jupyterhub_platform.hub.spawn_page.running_choice import options_query, say_server

_OWN_PAGES: Final = frozenset({"spawn_pending.html", "stop_pending.html"})


@dataclass(frozen=True, slots=True)
class Starting:
    """A server that starts, as its page shows it.

    ``stop_api`` is the Hub's call that ends the start, ``stop_page`` the page that does so without
    scripts; both are empty for those who may not. ``why_page`` explains what it waits for.
    """

    name: str
    own: bool
    spawn_page: str
    tier: str = ""
    account: str = ""
    since: datetime | None = None
    stop_api: str = ""
    stop_page: str = ""
    why_page: str = ""


class PendingSpawn(BaseHandler):  # type: ignore[misc]
    """Part of the page of a starting server: a link with options leads to the choice."""

    async def get(self, user_name: str, server_name: str = "") -> Any:
        """Redirect to the spawn page, which has the choice, unless there is no server at all."""
        wish = asked_options(self)
        user = self.find_user(user_name) if wish and self.current_user else None
        spawner = user.spawners.get(server_name) if user is not None else None
        if user is None or spawner is None or not spawner.active:
            answered = super().get(user_name, server_name)
            # An anonymous visitor is sent to the login at once.
            return await answered if inspect.isawaitable(answered) else answered
        return self.redirect(f"{self._page_of(user, spawner, 'spawn')}?{options_query(wish)}")

    def render_template(self, name: str, sync: bool = False, **named: Any) -> Any:
        """Add what our page shows; the Hub itself would name the server's owner as the visitor."""
        if name in _OWN_PAGES:
            owner, spawner = named["user"], named["spawner"]
            named |= {"user": self.current_user, "starting": self._read_start(owner, spawner)}
        return super().render_template(name, sync, **named)

    def _read_start(self, owner: Any, spawner: Any) -> Starting:
        platform = platform_of(self.settings)
        held = platform.admission.book.of_server(owner.name, spawner.name)
        tier = platform.snapshot.policy.tiers.get(held.tier) if held else None
        own = owner.name == self.current_user.name
        may_stop = self.has_scope(f"delete:servers!server={owner.name}/{spawner.name}")
        named = {"user": owner.name, "server": spawner.name}
        pages = next(
            (
                pages_of(each)
                for each in self.get_accessible_services(self.current_user)
                if each.name == roles.SERVICE_NAME
            ),
            "",
        )
        stop = urlencode({**named, "back": "own" if own else "people"})
        return Starting(
            name=say_server(owner.name, spawner.name, own=own),
            own=own,
            spawn_page=self._page_of(owner, spawner, "spawn"),
            tier=(tier.title or tier.name) if tier else held.tier if held else "",
            account=held.account if held else "",
            since=held.opened_at if held else None,
            stop_api=self._page_of(
                owner, spawner, "api/users", "servers" if spawner.name else "server"
            )
            if may_stop
            else "",
            stop_page=f"{pages}servers/stop?{stop}" if may_stop and pages else "",
            why_page=f"{pages}servers/why?{urlencode(named)}" if pages else "",
        )

    def _page_of(self, owner: Any, spawner: Any, page: str, part: str = "") -> str:
        parts = [*filter(None, (part,)), *([quote(spawner.name, safe="")] if spawner.name else [])]
        return str(url_path_join(self.hub.base_url, page, owner.escaped_name, *parts))
