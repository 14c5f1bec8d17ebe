"""GitHub, which has OAuth 2.0 and no ID tokens: a user is who its API says.

The subject is the number of the account: a login can be renamed, and then taken by another user.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from tornado.httputil import url_concat

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.hub.auth.providers.attempts import Attempt
from jupyterhub_platform.hub.auth.providers.errors import (
    AccessEndedError,
    ProviderAnswerError,
    ProviderDownError,
)
from jupyterhub_platform.hub.auth.providers.oauth_client import CallRefusedError, OAuthClient
from jupyterhub_platform.hub.auth.providers.proven import Proven, Tokens, read_tokens, unite_claims

PAGE: Final = 100
MAX_PAGES: Final = 10
_PUBLIC: Final = "https://github.com"
_RESIDENT: Final = ".ghe.com"


class GitHubClient(OAuthClient):
    """GitHub, or a GitHub of an enterprise at its ``issuer``."""

    @property
    def api(self) -> str:
        """The address of its API."""
        issuer = self.provider.issuer.rstrip("/")
        host = urlsplit(issuer).hostname or ""
        if issuer == _PUBLIC or host.endswith(_RESIDENT):
            return f"https://api.{host}"
        return f"{issuer}/api/v3"

    def _address(self, page: str) -> str:
        return f"{self.provider.issuer.rstrip('/')}/login/oauth/{page}"

    async def begin(self, attempt: Attempt, callback: str) -> str:
        """Return the address at which a user logs in."""
        asked = {
            **self.provider.parameters,
            "client_id": self.client.id,
            "redirect_uri": callback,
            "scope": " ".join(self.provider.scopes),
            "state": attempt.state,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return url_concat(self._address("authorize"), asked)

    async def check_issuer(self, named: str) -> None:
        """Refuse an answer that another provider gave in this one's place."""
        if named and named != self.provider.issuer and named != self._address("")[:-1]:
            raise ProviderAnswerError("another provider answered in its place")

    async def finish(self, attempt: Attempt, code: str, callback: str) -> Proven:
        """Return who has logged in.

        Raises
        ------
        ProviderError
            Raised if nobody has.
        """
        given = {"code": code, "redirect_uri": callback, "code_verifier": attempt.verifier}
        answer = await self.ask_for_tokens(self._address("access_token"), given)
        return await self._ask(read_tokens(answer))

    async def renew(self, known: Proven) -> Tokens:
        """Return newer tokens of a user; apps of some kinds have such that end."""
        if not known.tokens.refresh or known.tokens.expires_at > time.time():
            return known.tokens
        given = {"grant_type": "refresh_token", "refresh_token": known.tokens.refresh}
        answer = await self.ask_for_tokens(self._address("access_token"), given)
        return read_tokens(answer).keep(known.tokens)

    async def ask_again(self, known: Proven, tokens: Tokens) -> Proven | None:
        """Return who a user is now, with these tokens."""
        proven = await self._ask(tokens)
        if proven.identity.subject != known.identity.subject:
            raise ProviderAnswerError("it answered with another user")
        return proven

    async def find_logout(self, known: Proven, page: str) -> str:
        """Return where a user logs out: GitHub has no such address for others."""
        return ""

    async def _ask(self, tokens: Tokens) -> Proven:
        user = await self._get("/user", tokens)
        number = user.get("id") if isinstance(user, dict) else None
        if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
            raise ProviderAnswerError("it does not say who you are")
        emails, teams, organizations = await asyncio.gather(
            self._list("/user/emails", tokens),
            self._list("/user/teams", tokens),
            self._list("/user/orgs", tokens),
        )
        claims: dict[str, Any] = {
            "preferred_username": user.get("login"),
            "login": user.get("login"),
            "name": user.get("name"),
        }
        if emails is not None:
            primary = next((e for e in emails if e.get("primary") is True), {})
            claims["email"] = primary.get("email")
            claims["email_verified"] = primary.get("verified") is True
        if teams is not None:
            claims["groups"] = sorted(filter(None, map(_name_team, teams)))
        if organizations is not None:
            names = (each.get("login") for each in organizations)
            claims["organizations"] = sorted(each for each in names if isinstance(each, str))
        identity = ProviderIdentity(
            self.provider.key,
            self.provider.issuer,
            str(number),
            unite_claims({name: value for name, value in claims.items() if value is not None}),
        )
        return Proven(identity, tokens, time.time())

    async def _list(self, path: str, tokens: Tokens) -> list[Mapping[str, Any]] | None:
        """Return the entries of a list; ``None`` if the token does not show it."""
        found: list[Mapping[str, Any]] = []
        for page in range(1, MAX_PAGES + 1):
            try:
                part = await self._get(f"{path}?per_page={PAGE}&page={page}", tokens)
            except CallRefusedError:
                return None
            if not isinstance(part, list):
                raise ProviderAnswerError("its lists cannot be read")
            found += [each for each in part if isinstance(each, Mapping)]
            if len(part) < PAGE:
                return found
        # Some of them would be as if there were no others.
        self.log.warning(
            "GitHub's %s has more than %d entries; it is passed over", path, len(found)
        )
        return None

    async def _get(self, path: str, tokens: Tokens) -> Any:
        try:
            return await self.get_json(self.api + path, access_token=tokens.access)
        except CallRefusedError as error:
            if error.status == 401:
                raise AccessEndedError("it does not say who you are any more") from None
            if path == "/user":
                raise ProviderDownError(f"it answered {error.status}") from None
            raise


def _name_team(team: Mapping[str, Any]) -> str:
    organization = team.get("organization")
    owner = organization.get("login") if isinstance(organization, Mapping) else None
    slug = team.get("slug")
    return f"{owner}:{slug}" if isinstance(owner, str) and isinstance(slug, str) else ""
