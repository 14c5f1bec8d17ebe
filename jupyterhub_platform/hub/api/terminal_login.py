"""Logs a terminal in: where its user confirms that, the code exchanged, the token revoked."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from jupyterhub import orm
from tornado import web

from jupyterhub_platform.http.forwarded_headers import source_of
from jupyterhub_platform.hub.api.handler import CodedError, PlatformAPIHandler
from jupyterhub_platform.hub.auth.terminal_login import PAGE
from jupyterhub_platform.hub.public_address import public_address
from jupyterhub_platform.hub.retry_after import retry_after
from jupyterhub_platform.origin import ORIGIN
from jupyterhub_platform.rest.terminal_logins import (
    LoggedOut,
    LoginPlace,
    TakeLoginRequest,
    TerminalToken,
)
from jupyterhub_platform.usecases.rate_limit import RateLimitedError
from jupyterhub_platform.usecases.recorded_requests import RecordedRequest
from jupyterhub_platform.usecases.terminal_logins import CODE_SECONDS, Confirmed, LoginCodeError

NOTE: Final = "jhp on "
"""How the notes of tokens begin that terminals were given."""


class TerminalLoginHandler(PlatformAPIHandler):
    """A login without a login: whose browser it comes from makes no difference."""

    _accept_cookie_auth = False
    audit_actions = MappingProxyType({"POST": "token.made", "DELETE": "token.revoked"})

    async def prepare(self) -> None:
        """Let callers in who are not logged in."""
        await super(PlatformAPIHandler, self).prepare()

    def check_xsrf_cookie(self) -> None:
        """Check nothing: no cookie is looked at."""

    def get(self) -> None:
        """Answer with the page's address."""
        self.answer(
            LoginPlace(page=f"{public_address(self)}{PAGE}", code_seconds=int(CODE_SECONDS))
        )

    def post(self) -> None:
        """Answer with a token of the user who confirmed."""
        body = self.read(TakeLoginRequest)
        try:
            confirmed = self.platform.runtime.terminal_logins.take(
                body.verifier, body.code, source_of(self.request)
            )
        except LoginCodeError as error:
            raise CodedError(403, str(error), error.code) from None
        except RateLimitedError as error:
            raise retry_after(web.HTTPError(429, str(error)), error.seconds) from None
        self.answer(self._make_token(confirmed), 201)

    def _make_token(self, confirmed: Confirmed) -> TerminalToken:
        """Make a token, unless its user has left or was logged out since they confirmed.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 then, and if they do not hold what was asked for.
        """
        browser, asked = confirmed.browser, confirmed.asked
        user = orm.User.find(self.db, browser.user)
        if (
            user is None
            or user.cookie_id != browser.cookie_id
            or not self.platform.lets_in(browser.user)
        ):
            raise CodedError(
                403,
                "The session that showed this code has ended. Log in there, and run `jhp login` "
                "again.",
                "login.no_code",
            )
        # From here on, a refusal is on record by their name.
        self._jupyterhub_user = self.users[user]
        try:
            token = user.new_api_token(
                note=f"{NOTE}{asked.machine}",
                expires_in=int(asked.lasts.total_seconds()),
                scopes=list(asked.scopes) or None,
            )
        except (ValueError, KeyError) as error:
            raise CodedError(403, f"{error}. Ask for fewer scopes.", "login.scopes") from None
        made = orm.APIToken.find(self.db, token)
        self._record_token(user.name, made)
        return TerminalToken(
            user=user.name,
            token=token,
            id=made.api_id,
            expires_at=_render(made.expires_at),
            scopes=sorted(made.scopes),
        )

    def _record_token(self, user: str, made: Any) -> None:
        after = {
            "note": made.note,
            "scopes": sorted(made.scopes),
            "expires_at": _render(made.expires_at),
        }
        detail = {"before": None, "after": {made.api_id: after}}
        self._record_row(user, "token.made", detail)

    def _record_row(self, user: str, action: str, detail: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        row = RecordedRequest(now, user, action, user, ORIGIN.get(), detail=detail)
        self.platform.runtime.requests.record([row])

    def delete(self) -> None:
        """Revoke the caller's token, if a terminal was given it."""
        token = self.get_token()
        if token is None:
            raise web.HTTPError(403, "Send the token that shall be revoked.")
        if token.user is None or not token.note.startswith(NOTE):
            raise web.HTTPError(
                403, "`jhp login` did not make this token. Revoke it on your token page."
            )
        user, gone = token.user.name, token.api_id
        detail = {"before": {gone: {"note": token.note}}, "after": {}}
        self.db.delete(token)
        self.db.commit()
        self._record_row(user, "token.revoked", detail)
        self.answer(LoggedOut(user=user, id=gone))


def _render(instant: Any) -> str:
    """Return an instant of the Hub's database, which has none with a zone."""
    return str(instant.replace(tzinfo=UTC).isoformat())
