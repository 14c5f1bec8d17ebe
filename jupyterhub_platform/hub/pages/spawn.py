"""The pages that the platform adds to the Hub, and the one that it replaces: the spawn page."""

import asyncio
from pathlib import Path
from typing import Any, Final

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.handlers.static import CacheControlStaticFilesHandler
from tornado import web

from jupyterhub_platform.hub.api.servers import SingleStart
from jupyterhub_platform.hub.auth.invites import is_still_good
from jupyterhub_platform.hub.auth.login import LocalLogin, keep_to_itself
from jupyterhub_platform.hub.auth.sessions import end_sessions
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.pages.already_running import AlreadyRunning
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.hub.spawn_page.mixin import spawn_form
from jupyterhub_platform.usecases.credentials import INVITE_SENTENCE, InviteError, PasswordError

TEMPLATE_DIRECTORY: Final = Path(__file__).parent / "templates"
STATIC_DIRECTORY: Final = Path(__file__).parent / "static"


class StaticFiles(CacheControlStaticFilesHandler):  # type: ignore[misc]
    """Serves our own style sheets and scripts, as the Hub serves its own."""


class Visited(BaseHandler):  # type: ignore[misc]
    """Answers ``HEAD`` as a visit, which the Hub's own pages refuse."""

    async def head(self, *names: str) -> None:
        """Answer what a ``GET`` would be answered, without the page."""
        answer = self.get(*names)
        if answer is not None:
            await answer


class SpawnPage(Visited, AlreadyRunning, SingleStart, SpawnHandler):  # type: ignore[misc]
    """The Hub's spawn page, except that nothing starts from a GET: a link only preselects."""

    @property
    def platform(self) -> Platform:
        """The platform of this Hub."""
        return platform_of(self.settings)

    async def prepare(self) -> None:
        """Refuse arguments that are no text: the Hub itself fails where it reads them."""
        await super().prepare()
        arguments = self.request.query_arguments, self.request.body_arguments
        for value in (each for named in arguments for values in named.values() for each in values):
            try:
                value.decode()
            except UnicodeDecodeError:
                raise web.HTTPError(400, "The address or the form is not UTF-8.") from None

    def _get_user_options(self, query_options: Any) -> dict[str, Any]:
        """Return none: the Hub starts a server at once where a link carries options."""
        return {}

    async def _wrap_spawn_single_user(
        self,
        user: Any,
        server_name: str,
        display_name: str,
        spawner: Any,
        pending_url: str,
        options: Any = None,
    ) -> Any:
        """Start a server, and wait for the answer of admission before going on to the next page.

        The Hub itself goes on after a second: on a busy Hub, a denial would then be seen by nobody.
        It would also log a denial as an error with its trace.
        """
        if spawner._spawn_future and spawner._spawn_future.done():
            spawner._spawn_future = None
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
        self.finish(await self._render_form(user, "", text, html))

    async def _render_form(
        self, for_user: Any, spawner_options_form: str, message: str = "", html_message: str = ""
    ) -> Any:
        """Show the form of the server in the URL; after a refusal the Hub offers another one's."""
        server = self.path_args[1] if len(self.path_args) > 1 else ""
        spawner = for_user.spawners[server] if server in for_user.orm_spawners else for_user.spawner
        form = spawn_form(self.platform, for_user, server or "", self, spawner.page_notes())
        return await super()._render_form(for_user, form, message, html_message)


def _is_admitted(user: Any, server: str) -> bool:
    # The spawner that starts may be another object than the one that showed the form.
    spawner = user.spawners.get(server)
    return spawner is not None and spawner.admitted is not None


class PlatformPage(Visited):
    """What our own pages have in common."""

    @property
    def platform(self) -> Platform:
        """The platform of this Hub."""
        return platform_of(self.settings)

    @property
    def login(self) -> LocalLogin:
        """The local accounts.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 404 if people of this Hub prove who they are elsewhere.
        """
        if not getattr(self.authenticator, "local_accounts", False):
            raise web.HTTPError(404)
        login: LocalLogin = self.authenticator.login
        return login

    def set_default_headers(self) -> None:
        """Keep what is on these pages, and in their addresses, from being kept elsewhere."""
        super().set_default_headers()
        keep_to_itself(self)

    async def show(self, template: str, **names: Any) -> None:
        """Render one of our templates."""
        self.finish(await self.render_template(template, **names))


class InvitePage(PlatformPage):
    """Where somebody who was invited sets a password.

    The token is in the query, never in the path: the Hub keeps queries out of its log.
    """

    async def get(self, _: str) -> None:
        """Show the form, if the invite is good; looking at it does not use it."""
        token = self.get_query_argument("token", "")
        try:
            name = await self._find_invited(token)
        except InviteError as error:
            self.set_status(410)
            await self.show("invite.html", invited="", token="", error=str(error))
            return
        await self.show("invite.html", invited=name, token=token, error="")

    async def post(self, _: str) -> None:
        """Set the password and use the invite up."""
        token = self.get_body_argument("token", "", strip=False)
        password = self.get_body_argument("password", "", strip=False)
        again = self.get_body_argument("again", "", strip=False)
        try:
            name = await self._find_invited(token)
            if password != again:
                raise PasswordError("The two passwords are not the same.")
            await self.login.accept(token, password)
        except InviteError as error:
            self.set_status(410)
            await self.show("invite.html", invited="", token="", error=str(error))
        except PasswordError as error:
            self.set_status(400)
            await self.show("invite.html", invited=name, token=token, error=str(error))
        else:
            # Somebody who knew the password of before may be logged in with it.
            orm_user = orm.User.find(self.db, name)
            if orm_user is not None:
                end_sessions(self.db, orm_user)
            self.login.remember_device(self, name)
            await self.show("invite.html", invited=name, token="", error="", done=True)

    async def _find_invited(self, token: str) -> str:
        """Return whom an invite is for, if its maker could make it now.

        Raises
        ------
        InviteError
            Raised if it cannot be used.
        """
        invite = await self.login.find_invite(self, token)
        if not is_still_good(
            self.platform, invite.name, invite.by, has_password=invite.has_password
        ):
            raise InviteError(INVITE_SENTENCE)
        return invite.name


class PasswordPage(PlatformPage):
    """Where a person changes their own password."""

    @web.authenticated
    async def get(self) -> None:
        """Show the form."""
        _ = self.login
        await self.show("password.html", error="")

    @web.authenticated
    async def post(self) -> None:
        """Change it, and end every other session of theirs."""
        login, user = self.login, self.current_user
        current = self.get_body_argument("current", "", strip=False)
        password = self.get_body_argument("password", "", strip=False)
        again = self.get_body_argument("again", "", strip=False)
        try:
            if await login.check(self, user.name, current) != user.name:
                raise PasswordError("The current password is not right.")
            if password != again:
                raise PasswordError("The two new passwords are not the same.")
            await login.change(user.name, password)
        except PasswordError as error:
            self.set_status(400)
            await self.show("password.html", error=str(error))
            return
        # They may have been put out meanwhile, and a cookie of now would outlive that.
        self.authenticator.refuse_suspended(user.name)
        end_sessions(self.db, user.orm_user, keep=self.get_session_cookie())
        self.set_login_cookie(user)
        await self.show("password.html", error="", done=True)
