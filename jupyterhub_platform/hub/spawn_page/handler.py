"""The spawn page, in place of the Hub's own."""

import asyncio
from typing import Any

from markupsafe import escape
from tornado import web

from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.pages.files import HeadAsGet
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.hub.spawn_page.already_running import AlreadyRunning
from jupyterhub_platform.hub.spawn_page.options_form import spawn_form


class SpawnPageHandler(HeadAsGet, AlreadyRunning):
    """Goes before the Hub's spawn page: nothing starts from a GET, since a link only preselects."""

    @property
    def platform(self) -> Platform:
        """The platform of this Hub."""
        return platform_of(self.settings)

    async def prepare(self) -> None:
        """Refuse arguments that are not text: the Hub itself fails where it reads them."""
        await super().prepare()
        arguments = self.request.query_arguments, self.request.body_arguments
        for value in (each for named in arguments for values in named.values() for each in values):
            try:
                value.decode()
            except UnicodeDecodeError:
                raise web.HTTPError(400, "The address or the form is not UTF-8.") from None

    def read_link(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return none: the Hub starts a server at once if a link carries options."""
        return {}

    async def start_server(
        self,
        user: Any,
        server_name: str,
        display_name: str,
        spawner: Any,
        pending_url: str,
        options: Any,
    ) -> Any:
        """Start a server, and wait for admission's answer before going on to the next page.

        The Hub itself goes on after a second: on a busy Hub, the user would never see a denial. It
        would also log a denial as an error with its traceback.
        """
        start = asyncio.ensure_future(
            self.spawn_single_user(user, server_name, display_name, options=options)
        )
        while not (start.done() or _is_admitted(user, server_name)):
            await asyncio.wait([start], timeout=0.05)
        await asyncio.wait([start], timeout=1)
        if start.done():
            try:
                await start
            except AdmissionDenied as denial:
                return await self._show_denial(user, denial)
        return self.redirect(pending_url)

    async def _show_denial(self, user: Any, denial: AdmissionDenied) -> None:
        self.set_status(denial.status_code)
        for name, value in denial.headers.items():
            self.set_header(name, value)
        text, html = denial.jupyterhub_message, denial.jupyterhub_html_message
        if denial.decision is not None:
            codes = escape(", ".join(denial.decision.codes))
            seen = f" <code>{codes}</code>" if self.has_scope(roles.READ) else ""
            html = f'<span data-code="{codes}">{escape(text)}{seen}</span>'
        self.finish(await self.render_form(user, "", text, html))

    async def render_form(self, user: Any, form: str, message: str, html_message: str) -> Any:
        """Show the form of the server in the URL; after a refusal the Hub offers another one's."""
        server = self.path_args[1] if len(self.path_args) > 1 else ""
        spawner = user.spawners[server] if server in user.orm_spawners else user.spawner
        form = spawn_form(self.platform, user, server or "", self, spawner.page_notes())
        return await super().render_form(user, form, message, html_message)


def _is_admitted(user: Any, server: str) -> bool:
    # The spawner that starts may be another object than the one that showed the form.
    spawner = user.spawners.get(server)
    return spawner is not None and spawner.admitted is not None
