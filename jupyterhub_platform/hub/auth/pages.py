"""Pages of local accounts: accept an invite, and change one's own password."""

from typing import Any

from jupyterhub import orm
from tornado import web

from jupyterhub_platform.core.local_accounts import why_no_password
from jupyterhub_platform.hub.auth.invites import is_still_good
from jupyterhub_platform.hub.auth.login import LocalLogin, forbid_caching
from jupyterhub_platform.hub.auth.sessions import end_sessions
from jupyterhub_platform.hub.pages.files import HeadAsGet
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.usecases.credentials import INVITE_SENTENCE, InviteError, PasswordError


class PlatformPage(HeadAsGet):
    """The common part of the platform's own pages."""

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
            Raised with 404 if this Hub signs users in through an identity provider.
        """
        if not getattr(self.authenticator, "local_credentials", False):
            raise web.HTTPError(404)
        login: LocalLogin = self.authenticator.login
        return login

    def refuse_password(self, name: str) -> None:
        """Refuse a user who may have no password here.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403.
        """
        if why_not := why_no_password(self.platform.snapshot.policy, name):
            raise web.HTTPError(403, why_not)

    def set_default_headers(self) -> None:
        """Keep these pages, and their addresses, out of caches and other sites' logs."""
        super().set_default_headers()
        forbid_caching(self)

    async def show(self, template: str, **names: Any) -> None:
        """Render one of the platform's templates."""
        self.finish(await self.render_template(template, **names))


class InvitePage(PlatformPage):
    """Where an invited user sets a password.

    The token is in the query, never in the path: the Hub keeps queries out of its log.
    """

    async def get(self, _: str) -> None:
        """Show the form, if the invite is good; viewing it does not use it up."""
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
            # A user who knew the previous password may be logged in with it.
            orm_user = orm.User.find(self.db, name)
            if orm_user is not None:
                end_sessions(self.db, orm_user)
            self.login.remember_device(self, name)
            await self.show("invite.html", invited=name, token="", error="", done=True)

    async def _find_invited(self, token: str) -> str:
        """Return whom an invite is for, if its maker may still make it.

        Raises
        ------
        InviteError
            Raised if it cannot be used.
        """
        invite = await self.login.find_invite(self, token)
        self.refuse_password(invite.name)
        if not is_still_good(
            self.platform, invite.name, invite.by, has_password=invite.has_password
        ):
            raise InviteError(INVITE_SENTENCE)
        return invite.name


class PasswordPage(PlatformPage):
    """Where a user changes their own password."""

    @web.authenticated
    async def get(self) -> None:
        """Show the form."""
        _ = self.login
        self.refuse_password(self.current_user.name)
        await self.show("password.html", error="")

    @web.authenticated
    async def post(self) -> None:
        """Change it, and end all their other sessions."""
        login, user = self.login, self.current_user
        self.refuse_password(user.name)
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
        # They may have been suspended since, and a new cookie would outlive that.
        self.authenticator.refuse_suspended(user.name)
        end_sessions(self.db, user.orm_user, keep=self.get_session_cookie())
        self.set_login_cookie(user)
        await self.show("password.html", error="", done=True)
