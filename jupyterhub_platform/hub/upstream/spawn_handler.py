"""The private steps of JupyterHub's spawn page, as public methods that can be overridden.

``SpawnHandler`` has no hook between its arguments and its page: a form of one's own, a choice where
it would redirect, or a start that is waited for need its private methods.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``SpawnHandler`` has public methods for its form, its start and where it redirects to.
"""

from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope

from jupyterhub_platform.hub.upstream.spawner_state import forget_ended_start


class SpawnHooks(BaseHandler):  # type: ignore[misc]
    """Goes before ``SpawnHandler``; each method does what that does, unless it is overridden."""

    async def get_page(self, user_name: str, server_name: str, display_name: str) -> Any:
        """Answer with the form, or redirect to a server that runs already."""
        return await super()._get(user_name, server_name, display_name)

    async def post_form(self, user_name: str, server_name: str, display_name: str) -> Any:
        """Start a server with the options of the form."""
        return await super()._post(user_name, server_name, display_name)

    async def render_form(self, user: Any, form: str, message: str, html_message: str) -> Any:
        """Return the page with a form, and with what is wrong."""
        return await super()._render_form(user, form, message, html_message)

    def read_link(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a link; with any, the server starts at once."""
        options: dict[str, Any] = super()._get_user_options(arguments)
        return options

    def make_pending_url(self, user: Any, server_name: str) -> str:
        """Return where the user waits for the start."""
        return str(super()._get_pending_url(user, server_name))

    async def start_server(
        self,
        user: Any,
        server_name: str,
        display_name: str,
        spawner: Any,
        pending_url: str,
        options: Any,
    ) -> Any:
        """Start a server, and redirect to where the user waits for it."""
        return await super()._wrap_spawn_single_user(
            user, server_name, display_name, spawner, pending_url, options
        )

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    async def _get(self, user_name: str, server_name: str, display_name: str) -> Any:
        return await self.get_page(user_name, server_name, display_name)

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    async def _post(self, user_name: str, server_name: str, display_name: str) -> Any:
        return await self.post_form(user_name, server_name, display_name)

    async def _render_form(
        self, for_user: Any, spawner_options_form: str, message: str = "", html_message: str = ""
    ) -> Any:
        return await self.render_form(for_user, spawner_options_form, message, html_message)

    def _get_user_options(self, query_options: dict[str, Any]) -> dict[str, Any]:
        return self.read_link(query_options)

    def _get_pending_url(self, user: Any, server_name: str) -> str:
        return self.make_pending_url(user, server_name)

    async def _wrap_spawn_single_user(
        self,
        user: Any,
        server_name: str,
        display_name: str,
        spawner: Any,
        pending_url: str,
        options: Any = None,
    ) -> Any:
        forget_ended_start(spawner)
        return await self.start_server(
            user, server_name, display_name, spawner, pending_url, options
        )
