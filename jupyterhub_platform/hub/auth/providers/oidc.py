"""OpenID Connect: a login from the button to verified claims, and the claims asked for again."""

import hmac
import secrets
import time
from collections.abc import Collection, Mapping
from typing import Any, Final

from tornado.httputil import url_concat

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.core.identity_providers import Client, Provider
from jupyterhub_platform.hub.auth.providers.attempts import Attempt
from jupyterhub_platform.hub.auth.providers.cached import Cached
from jupyterhub_platform.hub.auth.providers.errors import (
    AccessEndedError,
    ProviderAnswerError,
    ProviderDownError,
)
from jupyterhub_platform.hub.auth.providers.id_token import (
    Expected,
    UnknownKeyError,
    check_id_token,
)
from jupyterhub_platform.hub.auth.providers.metadata import (
    WELL_KNOWN,
    Metadata,
    SigningKey,
    read_keys,
    read_metadata,
)
from jupyterhub_platform.hub.auth.providers.oauth_client import CallRefusedError, OAuthClient
from jupyterhub_platform.hub.auth.providers.proven import (
    Proven,
    Tokens,
    is_subject,
    read_tokens,
    unite_claims,
)

_COGNITO: Final = "://cognito-idp."
"""In the issuer of each user pool of Amazon, where pages to come back to have another name."""
MAX_HINT: Final = 3_000
"""Characters of an ID token that goes into an address; servers refuse longer ones."""


class OidcClient(OAuthClient):
    """One provider with OpenID Connect."""

    def __init__(self, provider: Provider, client: Client, **traits: Any) -> None:
        super().__init__(provider, client, **traits)
        self._metadata = Cached(self._read_metadata)
        self._keys = Cached(self._read_keys)

    async def _read_metadata(self) -> Metadata:
        issuer = self.provider.issuer
        try:
            document = await self.get_json(issuer.rstrip("/") + WELL_KNOWN)
        except CallRefusedError as error:
            raise ProviderDownError(f"it has no discovery document ({error.status})") from None
        return read_metadata(document, issuer)

    async def _read_keys(self) -> tuple[SigningKey, ...]:
        metadata = await self._metadata.get()
        try:
            return read_keys(await self.get_json(metadata.keys))
        except CallRefusedError as error:
            raise ProviderDownError(f"it does not give its keys ({error.status})") from None

    async def begin(self, attempt: Attempt, callback: str) -> str:
        """Return the provider's address at which a user logs in."""
        metadata = await self._metadata.get()
        asked = {
            **self.provider.parameters,
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": callback,
            "scope": " ".join(self.provider.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return url_concat(metadata.authorization, asked)

    async def check_issuer(self, named: str) -> None:
        """Refuse an answer that another provider gave in this one's place.

        Raises
        ------
        ProviderAnswerError
            Raised if it names another issuer, or none where this provider always does.
        """
        if not named and not (await self._metadata.get()).names_itself:
            return
        if not hmac.compare_digest(named.encode(), self.provider.issuer.encode()):
            raise ProviderAnswerError("another provider answered in its place")

    async def finish(self, attempt: Attempt, code: str, callback: str) -> Proven:
        """Return who has logged in.

        Raises
        ------
        ProviderError
            Raised if nobody has.
        """
        metadata = await self._metadata.get()
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": attempt.verifier,
        }
        tokens = read_tokens(await self.ask_for_tokens(metadata.token, given))
        token = await self._check(tokens, nonce=attempt.nonce)
        try:
            userinfo = await self._ask_userinfo(tokens.access, token["sub"])
        except AccessEndedError as error:
            raise ProviderAnswerError("it does not take the access token that it gave") from error
        return self._prove(token["sub"], tokens, userinfo, token, token.keys() - userinfo.keys())

    async def renew(self, known: Proven) -> Tokens:
        """Return newer tokens of a user, which the Hub has to keep: the older ones are void.

        Raises
        ------
        AccessEndedError
            Raised if the provider does not let them in any more.
        ProviderError
            Raised if it gives no usable answer.
        """
        if not known.tokens.refresh:
            return known.tokens
        metadata = await self._metadata.get()
        given = {"grant_type": "refresh_token", "refresh_token": known.tokens.refresh}
        return read_tokens(await self.ask_for_tokens(metadata.token, given)).keep(known.tokens)

    async def ask_again(self, known: Proven, tokens: Tokens) -> Proven | None:
        """Return who a user is now, with these tokens; ``None`` if that cannot be asked.

        Raises
        ------
        ProviderError
            Raised as by :meth:`renew`.
        """
        subject = known.identity.subject
        is_new = tokens.identity != known.tokens.identity
        token = await self._check(tokens, subject=subject) if is_new else {}
        expired = 0 < tokens.expires_at <= time.time()
        can_ask = self.provider.userinfo and bool((await self._metadata.get()).userinfo)
        if not is_new and (expired or not can_ask):
            return None
        userinfo = await self._ask_userinfo(tokens.access, subject)
        if is_new:
            return self._prove(subject, tokens, userinfo, token, token.keys() - userinfo.keys())
        # What the last ID token alone said was said of the login, and no newer one takes it back.
        kept = {
            name: value
            for name, value in known.identity.claims.items()
            if name in known.signed_only and not self._has_groups(name)
        }
        return self._prove(subject, tokens, kept, userinfo, known.signed_only)

    async def find_logout(self, known: Proven, page: str) -> str:
        """Return where a user logs out at the provider, to come back to ``page``; may be empty."""
        address = (await self._metadata.get()).end_session
        if not address or not self.provider.logout:
            return ""
        asked = {"client_id": self.client.id, "post_logout_redirect_uri": page}
        # Of no use here, and wanted by some.
        asked["state"] = secrets.token_urlsafe(32)
        if _COGNITO in self.provider.issuer:
            asked["logout_uri"] = page
        if self.provider.logout_hint and 0 < len(known.tokens.identity) <= MAX_HINT:
            asked["id_token_hint"] = known.tokens.identity
        return url_concat(address, asked)

    async def _check(
        self, tokens: Tokens, *, nonce: str | None = None, subject: str = ""
    ) -> dict[str, Any]:
        """Return what an ID token says; keys that it names and that are not known are asked for."""
        metadata = await self._metadata.get()
        expected = Expected(
            issuer=self.provider.issuer,
            client_id=self.client.id,
            algorithms=metadata.algorithms,
            nonce=nonce,
            access_token=tokens.access,
            subject=subject,
        )
        try:
            keys = await self._keys.get()
            return check_id_token(tokens.identity, keys, expected, time.time())
        except UnknownKeyError:
            keys = await self._keys.get_newer()
            return check_id_token(tokens.identity, keys, expected, time.time())

    async def _ask_userinfo(self, access_token: str, subject: str) -> Mapping[str, Any]:
        address = (await self._metadata.get()).userinfo
        if not address or not self.provider.userinfo:
            return {}
        try:
            userinfo = await self.get_json(address, access_token=access_token)
        except CallRefusedError as error:
            if error.status in {401, 403}:
                raise AccessEndedError("it does not say who you are any more") from None
            raise ProviderDownError(f"it does not say who users are ({error.status})") from None
        if not isinstance(userinfo, dict):
            raise ProviderAnswerError("what it says of users cannot be read")
        if not is_subject(userinfo.get("sub")) or userinfo["sub"] != subject:
            raise ProviderAnswerError("its userinfo is of another user")
        return userinfo

    def _has_groups(self, claim: str) -> bool:
        """Tell whether a claim lists groups, which count for a day once they are not said."""
        return any(claim in {each, each.partition(".")[0]} for each in self.provider.groups)

    def _prove(
        self,
        subject: str,
        tokens: Tokens,
        older: Mapping[str, Any],
        newer: Mapping[str, Any],
        signed_only: Collection[str],
    ) -> Proven:
        claims = unite_claims(older, newer)
        identity = ProviderIdentity(self.provider.key, self.provider.issuer, subject, claims)
        return Proven(identity, tokens, time.time(), frozenset(signed_only) & claims.keys())
