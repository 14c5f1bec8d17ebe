"""The pages at which users go to a provider, and come back."""

from typing import Any, Final

from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.utils import url_path_join
from tornado import web

from jupyterhub_platform.http.forwarded_headers import source_of
from jupyterhub_platform.hub.auth.pages import PlatformPage
from jupyterhub_platform.hub.auth.providers.attempts import Attempt, Attempts
from jupyterhub_platform.hub.auth.providers.errors import (
    AccessEndedError,
    AttemptError,
    ProviderAnswerError,
    ProviderError,
)
from jupyterhub_platform.hub.auth.providers.front_end import FrontEndClient
from jupyterhub_platform.hub.auth.providers.proven import Proven, read_state
from jupyterhub_platform.hub.auth.providers.registry import AnyClient, Providers, RedirectingClient
from jupyterhub_platform.hub.public_address import public_address
from jupyterhub_platform.usecases.login_throttle import SourceLimit

LOGIN: Final = "oauth_login"
CALLBACK: Final = "oauth_callback"
PROVEN: Final = "proven"
"""The key under which an authenticator gets what a provider has proved; forms are texts alone."""
MAX_LENGTH: Final = 4_096
UNKNOWN: Final = "There is no login of this name here. Choose one on the login page."
_REFUSALS: Final = {
    "access_denied": "you or it refused",
    "login_required": "you are not logged in there",
    "consent_required": "it needs your consent",
    "interaction_required": "it needs to ask you something",
    "account_selection_required": "it needs to know which account",
    "temporarily_unavailable": "it is not available now",
    "server_error": "it failed",
    "invalid_scope": "it does not know one of the scopes that were asked for",
    "unauthorized_client": "it does not know this platform as a client",
    "invalid_request": "it does not take what it was asked",
}


class ProviderPage(PlatformPage):
    """The common part of both pages."""

    is_login = True
    """Whether a refusal here is one of a login, for the audit."""

    _found: Any = None

    def find_user(self, name: str) -> Any:
        """Return a user of the Hub. They are looked up once: JupyterHub asks again at a login."""
        if self._found is None or self._found.name != name:
            self._found = super().find_user(name)
        return self._found

    def render_template(self, name: str, **names: Any) -> Any:
        """Render a page; one that says why a login failed leads back."""
        return super().render_template(name, is_login=True, **names)

    @property
    def providers(self) -> Providers:
        """The providers of the policy in force."""
        found: Providers = self.authenticator.providers
        return found

    async def head(self, *_: str) -> None:
        """Refuse: a program that only looks at an address would log in by it.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 405.
        """
        raise web.HTTPError(405)

    @property
    def attempts(self) -> Attempts:
        """The logins that browsers have begun."""
        found: Attempts = self.authenticator.attempts
        return found

    @property
    def answers(self) -> SourceLimit:
        """What counts the answers that came to nothing."""
        found: SourceLimit = self.authenticator.answers
        return found

    def get_client(self, key: str) -> AnyClient:
        """Return what speaks to a provider.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 404 if there is none, and with 503 if it cannot be used.
        """
        try:
            client = self.providers.find(key)
        except ProviderError as error:
            raise error.refuse(key) from error
        if client is None:
            raise web.HTTPError(404, UNKNOWN)
        return client

    async def let_in(self, proven: Proven) -> None:
        """Log a user in, and lead them on."""
        user = await self.login_user({PROVEN: proven})
        if user is None:
            raise web.HTTPError(
                403, "Your identity provider gives you a name that this platform refuses."
            )
        self.redirect(self.get_next_url(user))


class ProviderLogin(ProviderPage):
    """Where the button of a provider leads."""

    async def get(self, key: str) -> None:
        """Lead to the provider, or let the user in whom a front end names."""
        client = self.get_client(key)
        try:
            if isinstance(client, FrontEndClient):
                proven = client.prove(self.request)
            else:
                page = self.get_query_argument("next", "")
                attempt = self.attempts.begin(self, key, page)
                self.redirect(await client.begin(attempt, find_callback(self, key)))
                return
        except ProviderError as error:
            raise error.refuse(client.provider.title) from error
        await self.let_in(proven)


class ProviderCallback(ProviderPage):
    """Where a provider sends users back to."""

    async def get(self, key: str) -> None:
        """Let a user in whom the provider has proved."""
        client = self.get_client(key)
        if isinstance(client, FrontEndClient):
            raise web.HTTPError(404, UNKNOWN)
        try:
            proven = await self._finish(client)
        except ProviderError as error:
            self.log.warning("A login at the provider %s failed: %s", key, error)
            raise error.refuse(client.provider.title) from error
        await self.let_in(proven)

    async def _finish(self, client: RedirectingClient) -> Proven:
        key = client.provider.key
        attempt = self.attempts.finish(self, key, self._read("state"))
        await client.check_issuer(self._read("iss"))
        if error := self._read("error"):
            # Its description is a stranger's text: any site can make such an address.
            known = _REFUSALS.get(error, "it gives no reason that is known here")
            raise AccessEndedError(known)
        code = self._read("code")
        if not code:
            raise ProviderAnswerError("it sent no code")
        proven = await self._ask(client, attempt, code)
        # As if the page that was asked for had been asked for here: the Hub checks it as always.
        self.request.arguments = {"next": [attempt.next.encode()]}
        self.request.query = ""
        return proven

    async def _ask(self, client: RedirectingClient, attempt: Attempt, code: str) -> Proven:
        """Return whom a code is of; a source gets only so many wrong ones looked at."""
        source, limit = source_of(self.request), self.answers
        async with self.authenticator.turns.take(source):
            if wait := limit.seconds_to_wait(source):
                raise AttemptError(f"too many from here failed; the next is looked at in {wait} s")
            limit.acquire(source)
            proven = await client.finish(attempt, code, find_callback(self, client.provider.key))
            limit.release(source)
        return proven

    def _read(self, name: str) -> str:
        values = self.get_query_arguments(name)
        if len(values) > 1 or any(len(each) > MAX_LENGTH for each in values):
            raise AttemptError("its address is not one that a provider leads to")
        return values[0] if values else ""


class ProviderLogout(LogoutHandler):  # type: ignore[misc]
    """Ends the session here, and then the one at the provider that it came from."""

    _leads_to = ""

    async def default_handle_logout(self) -> None:
        """Note where the session came from, then end it."""
        user = self.current_user
        if user is not None and user.encrypted_auth_state is not None:
            self._leads_to = await self._find_logout(user)
        await super().default_handle_logout()

    async def render_logout_page(self) -> None:
        """Lead to the provider, or show JupyterHub's own page."""
        if self._leads_to:
            self.redirect(self._leads_to)
        elif self.authenticator.find_only_provider() is not None:
            # The login page would log them in again at once.
            self.finish(await self.render_template("logout.html"))
        else:
            await super().render_logout_page()

    async def _find_logout(self, user: Any) -> str:
        known = read_state(await user.get_auth_state())
        if known is None:
            return ""
        try:
            client = self.authenticator.providers.find(known.identity.provider)
            if client is None or isinstance(client, FrontEndClient):
                return ""
            address = await client.find_logout(known, f"{public_address(self)}login")
        except ProviderError as error:
            self.log.warning("%s is not logged out at the provider: %s", user.name, error)
            return ""
        return str(address)


def find_callback(handler: Any, key: str) -> str:
    """Return the address at which a provider's users come back, as it is registered there."""
    return f"{public_address(handler)}{CALLBACK}/{key}"


def find_login(handler: Any, key: str) -> str:
    """Return the address of a provider's button."""
    return str(url_path_join(handler.hub.base_url, LOGIN, key))
