"""Offers a choice if the server to start is already running, instead of a silent redirect.

JupyterHub redirects to the running server, whatever options a link carries: a user who asked for a
larger tier would find themselves in the small one.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.slugs import is_valid_safe_slug
from jupyterhub.utils import url_path_join
from tornado import web
from tornado.httputil import url_concat

from jupyterhub_platform.core.options import OPTION_NAMES
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.hub.public_address import pages_of
from jupyterhub_platform.hub.spawn_page.options_form import asked_options
from jupyterhub_platform.hub.spawn_page.running_choice import (
    NEW_SERVER,
    RunningChoice,
    RunningState,
    find_free_name,
    options_query,
    say_why_not,
)
from jupyterhub_platform.hub.upstream.spawn_handler import SpawnHooks
from jupyterhub_platform.usecases.admission import Start

_STARTING: Final = frozenset({"spawn", "check"})
_MAX_SHOWN_LENGTH: Final = 64
_WISHES: Final = frozenset({*OPTION_NAMES, *(f"opt-{name}" for name in OPTION_NAMES)})


class AlreadyRunning(SpawnHooks):
    """Part of the spawn page: shows the choice, and links to a server of another name."""

    async def get_page(self, user_name: str, server_name: str, display_name: str) -> Any:
        """Show the choice if a link carries options while the server is running."""
        wish, user = asked_options(self), self.find_user(user_name)
        if user is None or not (wish or NEW_SERVER in self.request.query_arguments):
            return await super().get_page(user_name, server_name, display_name)
        new, error = self.get_query_argument(NEW_SERVER, ""), ""
        if new:
            error = await self._refuse_name(user, new)
            if not error:
                return self.redirect(f"{self._page_of(user, new)}?{options_query(wish)}")
        spawner = user.spawners.get(server_name)
        if spawner is None or not spawner.active:
            if error:
                raise web.HTTPError(400, error)
            return await super().get_page(user_name, server_name, display_name)
        return await self._show_choice(user, spawner, wish, error, 400 if error else 200)

    async def post_form(self, user_name: str, server_name: str, display_name: str) -> Any:
        """Show the choice if a form is posted that was opened before the server started."""
        user = self.find_user(user_name)
        spawner = user.spawners.get(server_name) if user is not None else None
        if spawner is None or not spawner.active:
            return await super().post_form(user_name, server_name, display_name)
        wish = dict(asked_options(self))
        return await self._show_choice(user, spawner, wish, "", 400)

    def make_pending_url(self, user: Any, server_name: str) -> str:
        """Drop the options: the starting server has those of the form."""
        url = urlsplit(super().make_pending_url(user, server_name))
        query = [(key, value) for key, value in parse_qsl(url.query) if key not in _WISHES]
        return str(url._replace(query=urlencode(query)).geturl())

    async def _show_choice(
        self, user: Any, spawner: Any, wish: Mapping[str, str], error: str, status: int
    ) -> None:
        platform: Platform = platform_of(self.settings)
        reservation = platform.admission.book.of_server(user.name, spawner.name)
        tiers, held = platform.snapshot.policy.tiers, reservation.tier if reservation else ""
        wanted = tiers.get(wish.get("tier", ""))
        new_name, why_none = await self._find_new(platform, user, wish)
        choice = RunningChoice(
            owner=user.name,
            own=user.name == self.current_user.name,
            server=spawner.name,
            tier=(tiers[held].title or held) if held in tiers else held,
            wanted=(wanted.title or wanted.name) if wanted else "another tier",
            state=_state_of(spawner),
            wish=wish,
            page_url=self._page_of(user, spawner.name),
            open_url=self._open_url(user, spawner),
            stop_url=self._stop_url(user, spawner, wish),
            new_name=self.get_query_argument(NEW_SERVER, "")[:_MAX_SHOWN_LENGTH] or new_name,
            why_none=why_none,
            others=tuple(
                (name, f"{self._page_of(user, name)}?{options_query(wish)}")
                for name, row in sorted(user.orm_spawners.items())
                if name and row.server is None and not _is_active(user, name)
            )
            if self.allow_named_servers
            else (),
            error=error,
        )
        self.set_status(status)
        self.finish(await self.render_template("already_running.html", choice=choice))

    async def _find_new(
        self, platform: Platform, user: Any, wish: Mapping[str, str]
    ) -> tuple[str, str]:
        """Return a free name for another server, or why there is none."""
        if not self.allow_named_servers:
            return "", "Each person has one server on this Hub."
        name = find_free_name(user.orm_spawners.keys(), _name_after(wish.get("tier", "")))
        memberships = frozenset(group.name for group in user.groups)
        start = Start(user.name, memberships, name, dict(wish), by=self.current_user.name)
        why_none = say_why_not(platform.admission.dry_run(start))
        if not why_none:
            why_none = await self._refuse_full(user)
        return ("", why_none) if why_none else (name, "")

    async def _refuse_full(self, user: Any) -> str:
        maximum = await self.get_current_user_named_server_limit()
        named = [name for name in user.orm_spawners if name]
        if not 0 < maximum <= len(named):
            return ""
        servers = "1 named server" if maximum == 1 else f"{maximum} named servers"
        who = "You have" if user.name == self.current_user.name else f"{user.name} has"
        return f"{who} {len(named)} of {servers}. Remove one on My resources first."

    async def _refuse_name(self, user: Any, name: str) -> str:
        """Say why another server cannot have this name; empty if it can."""
        if not self.allow_named_servers:
            return "Each person has one server on this Hub."
        if _is_active(user, name):
            return f"A server {name[:_MAX_SHOWN_LENGTH]} exists already. Choose another name."
        if name in user.orm_spawners:
            return ""
        if not is_valid_safe_slug(name):
            return (
                "A name has up to 30 lower-case letters, digits and single hyphens, begins with a "
                "letter, and does not end with a hyphen."
            )
        return await self._refuse_full(user)

    def _page_of(self, user: Any, server: str, page: str = "spawn") -> str:
        tail = [quote(server, safe="")] if server else []
        return str(url_path_join(self.hub.base_url, page, user.escaped_name, *tail))

    def _open_url(self, user: Any, spawner: Any) -> str:
        scope = f"access:servers!server={user.name}/{spawner.name}"
        if not spawner.ready:
            return self._page_of(user, spawner.name, "spawn-pending")
        return str(user.server_url(spawner.name)) if self.has_scope(scope) else ""

    def _stop_url(self, user: Any, spawner: Any, wish: Mapping[str, str]) -> str:
        """Return the URL that stops the server without scripts, and then goes on with the start."""
        scope = f"delete:servers!server={user.name}/{spawner.name}"
        if not spawner.ready or not self.has_scope(scope):
            return ""
        for service in self.get_accessible_services(self.current_user):
            if service.name == roles.SERVICE_NAME:
                named = {"user": user.name, "server": spawner.name, "back": "spawn"}
                place = f"{pages_of(service)}servers/stop"
                return f"{place}?{urlencode(named)}&{options_query(wish)}"
        return str(url_path_join(self.hub.base_url, "home"))


class UserRedirect(BaseHandler):  # type: ignore[misc]
    """Part of the redirect to one's own server: a link's options go to the spawn page."""

    def redirect(self, url: str, *how: Any, **more: Any) -> None:
        """Redirect; only ``opt-…`` is ours here, since the rest is for the server's page."""
        named = {f"opt-{name}" for name in OPTION_NAMES} & self.request.query_arguments.keys()
        wish = {name: self.get_query_argument(name) for name in sorted(named)}
        if url.startswith(url_path_join(self.hub.base_url, "spawn", "")):
            url = url_concat(url, wish)
        super().redirect(url, *how, **more)


def _state_of(spawner: Any) -> RunningState:
    if spawner.ready:
        return "running"
    return "starting" if spawner.pending in _STARTING else "stopping"


def _is_active(user: Any, server: str) -> bool:
    spawner = user.spawners.get(server)
    return spawner is not None and bool(spawner.active)


def _name_after(tier: str) -> str:
    """Return a server name after the tier; not every tier name is a valid server name."""
    return tier if is_valid_safe_slug(f"{tier}-99") else "server"
