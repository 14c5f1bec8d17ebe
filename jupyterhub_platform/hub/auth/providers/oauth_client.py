"""What all providers with OAuth 2.0 have in common: bounded calls, and proof of which client asks.

It builds on oauthenticator's generic class, whose settings of a site (``http_request_kwargs``, such
as ``ca_certs``) apply to every provider. One instance speaks to one provider.
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey
from oauthenticator.generic import GenericOAuthenticator
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from jupyterhub_platform.core.identity_providers import BASIC, POST, PRIVATE_KEY, Client, Provider
from jupyterhub_platform.hub.auth.providers.errors import (
    AccessEndedError,
    ProviderAnswerError,
    ProviderDownError,
    ProviderSettingError,
)
from jupyterhub_platform.hub.auth.providers.secrets import read_secret

CALL_SECONDS: Final = 5.0
MAX_BYTES: Final = 1_000_000
_CALLS_AT_ONCE: Final = 100
_ASSERTION_SECONDS: Final = 240
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CODE: Final = re.compile(r"[a-z_]{1,40}")
_BUSY: Final = 429
_NO_ANSWER: Final = 599


class CallRefusedError(Exception):
    """Raised if a provider refuses a call; ``code`` is one word of the protocol, or empty."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}".strip())
        self.status = status
        self.code = code


class OAuthClient(GenericOAuthenticator):  # type: ignore[misc]
    """Speaks to one provider, as one client."""

    def __init__(self, provider: Provider, client: Client, **traits: Any) -> None:
        # What a site has set of oauthenticator's own is for its own class.
        super().__init__(client_id=client.id, scope=list(provider.scopes), allow_all=True, **traits)
        self.provider = provider
        self.client = client
        plain = self.http_request_kwargs.get("proxy_host") is None
        kind = SimpleAsyncHTTPClient if plain else AsyncHTTPClient
        bound = {"max_body_size": MAX_BYTES} if plain else {}
        self.http_client = kind(force_instance=True, max_clients=_CALLS_AT_ONCE, **bound)

    # -- calls ----------------------------------------------------------------------------------

    async def get_json(self, url: str, *, access_token: str = "") -> Any:
        """Return what a provider says at an address."""
        headers = {"Accept": "application/json"}
        if access_token:
            headers = self.build_userdata_request_headers(access_token, "Bearer")
        return await self.httpfetch(url, method="GET", headers=headers)

    async def visit(self, url: str) -> HTTPResponse:
        """Return what a provider answers at an address, whatever that is.

        Raises
        ------
        ProviderDownError
            Raised without an answer.
        """
        headers = {"Accept": "application/json"}
        answer: HTTPResponse = await self.httpfetch(url, headers=headers, raise_error=False)
        return answer

    async def fetch(
        self,
        req: HTTPRequest,
        label: str = "",
        parse_json: bool = True,
        raise_error: bool = True,
        **_: Any,
    ) -> Any:
        """Make a call, within bounds of time and size, and follow nothing.

        Nothing of a provider's answer is logged: it may say anything, also what it was sent.

        Raises
        ------
        ProviderDownError
            Raised without a usable answer.
        CallRefusedError
            Raised with a status of 4xx.
        ProviderAnswerError
            Raised if the answer leads elsewhere.
        """
        req.follow_redirects, req.validate_cert = False, True
        req.connect_timeout = req.request_timeout = CALL_SECONDS
        req.decompress_response = False
        try:
            answer: HTTPResponse = await self.http_client.fetch(req, raise_error=False)
        except (OSError, HTTPClientError, ValueError) as error:
            raise ProviderDownError(f"it does not answer ({_name_cause(error)})") from None
        body = answer.body or b""
        if len(body) > MAX_BYTES:
            raise ProviderDownError("its answer is too long")
        if not raise_error and answer.code != _NO_ANSWER:
            return answer
        self._check_status(answer, body)
        if not parse_json:
            return answer
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            # Also what stands in front of a provider answers so, in words for people.
            raise ProviderDownError("its answer is not JSON") from None

    def _check_status(self, answer: HTTPResponse, body: bytes) -> None:
        status = answer.code
        if status == _NO_ANSWER:
            raise ProviderDownError(f"it does not answer ({_name_cause(answer.error)})")
        if status >= 500 or status == _BUSY:
            raise ProviderDownError(f"it answered {status}")
        if 300 <= status < 400:
            raise ProviderAnswerError("it leads to another address")
        if status >= 400:
            raise CallRefusedError(status, _read_code(body))

    # -- tokens ---------------------------------------------------------------------------------

    async def ask_for_tokens(self, url: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """Return what a provider gives for a code or a refresh token.

        Raises
        ------
        AccessEndedError
            Raised if that is void.
        ProviderError
            Raised as by :meth:`fetch`.
        """
        proof, headers = self._prove_client(url)
        headers |= {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = urlencode({**fields, **proof})
        try:
            answer = await self.httpfetch(url, method="POST", headers=headers, body=body)
        except CallRefusedError as error:
            raise self._explain(error.code, error.status) from None
        if isinstance(answer, Mapping) and isinstance(answer.get("error"), str):
            raise self._explain(_clean_code(answer["error"]), 200)  # as GitHub answers
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise ProviderAnswerError("it gave no access token")
        if str(answer.get("token_type", "bearer")).lower() != "bearer":
            raise ProviderAnswerError("its access token is of a kind that is not known")
        return answer

    def _explain(self, code: str, status: int) -> Exception:
        if code in {"invalid_grant", "bad_verification_code", "bad_refresh_token"}:
            return AccessEndedError("it was used already, took too long, or you were removed there")
        what = f"it refuses this platform as a client ({code or status})"
        self.log.error("The identity provider %s: %s", self.provider.key, what)
        return ProviderSettingError(what)

    def _prove_client(self, url: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return the fields and headers that prove which client asks."""
        client = self.client
        if client.auth == BASIC and client.secret:
            # Encoded before they are joined: either may have a colon.
            pair = f"{quote_plus(client.id)}:{quote_plus(read_secret(client.secret))}"
            return {}, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        if client.auth == POST and client.secret:
            return {"client_id": client.id, "client_secret": read_secret(client.secret)}, {}
        if client.auth == PRIVATE_KEY and client.key:
            assertion = sign_assertion(client.id, url, read_secret(client.key))
            named = {"client_assertion_type": _ASSERTION, "client_assertion": assertion}
            return {"client_id": client.id, **named}, {}
        return {"client_id": client.id}, {}


def sign_assertion(client_id: str, audience: str, key_text: str) -> str:
    """Return what proves for some minutes, once, that this is the client with the key.

    Raises
    ------
    ProviderSettingError
        Raised if that is not a private key.
    """
    key, algorithm = _read_private_key(key_text)
    header = {"alg": algorithm, **({"kid": key.kid} if key.kid else {})}
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
    }
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def _read_private_key(text: str) -> tuple[Any, str]:
    try:
        if text.startswith("{"):
            key = JWKRegistry.import_key(json.loads(text))
        else:
            kinds = ("RSA", "EC")
            key = next(found for kind in kinds if (found := _import_pem(text, kind)) is not None)
    except (JoseError, ValueError, KeyError, StopIteration):
        raise ProviderSettingError("what should be its private key is none") from None
    if not isinstance(key, RSAKey | ECKey) or not key.is_private:
        raise ProviderSettingError("what should be its private key is none")
    if isinstance(key, ECKey):
        curves = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
        return key, curves.get(key.curve_name, "ES256")
    return key, "RS256"


def _import_pem(text: str, kind: str) -> Any:
    try:
        return JWKRegistry.import_key(text, kind)
    except (JoseError, ValueError, TypeError):
        return None


def _name_cause(error: BaseException | None) -> str:
    """Return what kind of failure it is; its text may have an address with what was sent."""
    if isinstance(error, HTTPClientError) and error.code == _NO_ANSWER:
        return "timeout" if "imeout" in str(error) else "connection closed"
    return type(error).__name__


def _read_code(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return _clean_code(answer.get("error")) if isinstance(answer, dict) else ""


def _clean_code(value: object) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def host_of(url: str) -> str:
    """Return the host of an address, which may be shown."""
    return urlsplit(url).hostname or ""
