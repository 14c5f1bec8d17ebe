"""The page on which a user confirms that a terminal logs in as them, and reads its code."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from jupyterhub.handlers.login import LogoutHandler
from tornado import web

from jupyterhub_platform.core.times import describe_duration, describe_instant
from jupyterhub_platform.hub.auth.pages import PlatformPage
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.usecases.terminal_logins import (
    CODE_SECONDS,
    Asked,
    Browser,
    clean_machine,
    is_challenge,
    say_check,
)

PAGE: Final = "platform/login"
SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=90)
MAX_SCOPES: Final = 20
_OWN_SITES: Final = frozenset({"same-origin", "none"})
_SCOPE: Final = re.compile(r"[!-~]{1,200}|[a-z:-]{1,80}!(?:user|server)=[^\x00-\x1f\x7f]{1,511}")
"""A scope may name a user and a server, each of 255 characters that a name may have."""
_NOT_WHOLE: Final = "This address is not whole. Run `jhp login` again, and open what it prints."


class TerminalLoginPage(PlatformPage):
    """Asks a user, in their browser's session, and shows the code in that session alone.

    Tokens are not accepted here: one with few scopes would get one with more.
    """

    @web.authenticated
    async def get(self) -> None:
        """Show who asks for what; nothing is made yet."""
        await self._show(self._read_asked())

    @web.authenticated
    async def post(self) -> None:
        """Show a code that the terminal takes for a token."""
        asked, user = self._read_asked(), self.current_user
        session = self.get_session_cookie() or ""
        browser = Browser(user.name, session, user.orm_user.cookie_id)
        await self._show(asked, self.platform.runtime.terminal_logins.confirm(asked, browser))

    async def _show(self, asked: Asked, code: str = "") -> None:
        await self.show(
            "terminal_login.html",
            asked=asked,
            seconds=int(asked.lasts.total_seconds()),
            lasts=describe_duration(asked.lasts),
            until=describe_instant(datetime.now(UTC) + asked.lasts),
            check=say_check(asked.challenge),
            code=code,
            minutes=int(CODE_SECONDS // 60),
        )

    def _read_asked(self) -> Asked:
        """Return what a terminal asks for.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 if the user is kept out, with 400 if the address is not of a terminal.
        """
        user = self.current_user
        self.authenticator.refuse_undeclared(user.name)
        self.authenticator.refuse_suspended(user.name)
        challenge = self.get_argument("challenge", "")
        scopes = tuple(dict.fromkeys(self.get_arguments("scope")))
        seconds = self.get_argument("seconds", "")
        if (
            not is_challenge(challenge)
            or not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 10)
            or len(scopes) > MAX_SCOPES
            or not all(map(_SCOPE.fullmatch, scopes))
        ):
            raise web.HTTPError(400, _NOT_WHOLE)
        machine = clean_machine(self.get_argument("machine", "")) or "a machine without a name"
        return Asked(challenge, machine, self._bound(timedelta(seconds=int(seconds))), scopes)

    def _bound(self, lasts: timedelta) -> timedelta:
        """Return how long the token lasts: what is asked for, within what this Hub allows."""
        longest = self.settings.get("token_expires_in_max_seconds") or 0
        bounds = (LONGEST, timedelta(seconds=longest)) if longest else (LONGEST,)
        return min(max(lasts, SHORTEST), *bounds)


class LogoutGuard(LogoutHandler):  # type: ignore[misc]
    """Makes codes void with the session that was shown them, and ends it for its user alone."""

    async def get(self) -> None:
        """Log out, or ask first: a page of another site may have sent the browser here."""
        site = self.request.headers.get("Sec-Fetch-Site", "none")
        if self.current_user is None or site in _OWN_SITES:
            await super().get()
        else:
            self.finish(await self.render_template("confirm_logout.html"))

    async def default_handle_logout(self) -> None:
        """Forget the codes of the session, then end it."""
        session = self.get_session_cookie()
        if session:
            platform_of(self.settings).runtime.terminal_logins.forget(session)
        await super().default_handle_logout()
