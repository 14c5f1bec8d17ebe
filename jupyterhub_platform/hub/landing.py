"""Leads users on: after a login, from the Hub's root, and from its pages that give way to ours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import (
    AdminHandler,
    HomeHandler,
    ProxyErrorHandler,
    RootHandler,
)
from tornado import web
from tornado.httputil import url_concat

from jupyterhub_platform.core.levels import LEVELS
from jupyterhub_platform.core.question import may_start_servers
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.public_address import pages_of

_MAY_READ_PEOPLE: Final = (roles.READ, roles.MANAGE, roles.ADMIN)


def service_url(handler: Any, page: str = "") -> str:
    """Return the address of a page of the platform's service; the first is *My resources*."""
    return pages_of(handler.services[roles.SERVICE_NAME]) + page


def land(handler: Any) -> str:
    """Return where a user arrives who asked for no page; empty for JupyterHub's own choice.

    That is their running server, or the spawn page. It is the value of ``c.JupyterHub.default_url``
    where a site has set none.
    """
    user = handler.current_user
    if user is None:
        return str(handler.hub.base_url)  # where the user arrives is known once they are logged in
    memberships = frozenset(group.name for group in user.groups)
    snapshot = platform_of(handler.settings).snapshot
    subject = snapshot.subject(user.name, memberships, datetime.now(UTC))
    if subject.level is None:
        return ""  # no page of the service is open to them; the spawn page says why
    rule = LEVELS[subject.level]
    if rule.reads_everything or rule.manages_groups:
        return service_url(handler, "overview")
    if not (may_start_servers(subject) and subject.accounts):
        return service_url(handler)
    return ""


class Root(BaseHandler):  # type: ignore[misc]
    """The Hub's root: JupyterHub would pass over ``next=`` where ``default_url`` is set."""

    def get(self) -> None:
        """Lead to what was asked for, or to where the user arrives."""
        if self.default_url is not land:
            super().get()
        elif self.current_user is None:
            self.redirect(url_concat(self.settings["login_url"], {"next": self.request.uri}))
        else:
            self.redirect(self.get_next_url(self.current_user))


class Home(BaseHandler):  # type: ignore[misc]
    """The Hub's home page, which gives way to *My resources*."""

    @web.authenticated
    def get(self) -> None:
        """Lead to *My resources*."""
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(service_url(self) + query)


class Admin(BaseHandler):  # type: ignore[misc]
    """The Hub's admin page, which gives way to *People*."""

    @web.authenticated
    def get(self) -> None:
        """Lead to *People*, or refuse callers who may see no other people."""
        if not any(self.has_scope(scope) for scope in _MAY_READ_PEOPLE):
            raise web.HTTPError(
                403, "Your level does not show other people. Ask an admin for another level."
            )
        self.redirect(service_url(self, "people"))


class ProxyErrorPage(BaseHandler):  # type: ignore[misc]
    """What the proxy shows when something behind it does not answer."""

    async def get(self, status: str) -> None:
        """Name the platform's pages where they are what does not answer."""
        path = self.get_query_argument("url", "")
        if status != "503" or not path.startswith(self.services[roles.SERVICE_NAME].prefix):
            await super().get(status)
            return
        self.set_status(503)
        self.set_header("Retry-After", "5")
        sent = parse_qs(urlsplit(path).query).get("sent")
        self.finish(await self.render_template("service_down.html", is_form=bool(sent)))


PAGE_GUARDS: Final[Mapping[type[Any], type[Any]]] = {
    RootHandler: Root,
    HomeHandler: Home,
    AdminHandler: Admin,
    ProxyErrorHandler: ProxyErrorPage,
}
"""What goes before pages of JupyterHub."""
