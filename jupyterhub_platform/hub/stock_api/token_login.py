"""Requests for tokens with a login: a refused one says why."""

from typing import Any, Final

from tornado import web

from jupyterhub_platform.hub.stock_api.bodies import BodyGuard

WRONG_LOGIN: Final = (
    "Invalid username or password. Correct them, or send a token of a user who may make tokens."
)
NO_LOGIN: Final = "Log in, or send a token of a user who may make tokens."


class TokenLoginGuard(BodyGuard):
    """Explains why the login in a token request was refused; the Hub says only 403."""

    _refusal: web.HTTPError | None = None

    async def authenticate(self, data: Any) -> Any:
        """Check a login, and keep its refusal."""
        if data is None:
            # An authenticator with external login would still look for them.
            self._refusal = web.HTTPError(403, NO_LOGIN)
            return None
        try:
            known = await super().authenticate(data)
        except web.HTTPError as refusal:
            self._refusal = refusal
            raise
        if not known:
            self._refusal = web.HTTPError(403, WRONG_LOGIN)
        return known

    async def post(self, user_name: str) -> None:
        """Create a token."""
        try:
            await super().post(user_name)
        except web.HTTPError as error:
            raise self._refusal or error from None
