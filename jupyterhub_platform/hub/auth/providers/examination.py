"""Looks at a provider as a login would, without one: what it answers the Hub now.

Documents and keys are asked for anew: the caller may have just changed something there. A login is
begun as users begin theirs, by what the Hub knows of the provider.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tornado.httpclient import HTTPResponse
from tornado.httputil import url_concat

from jupyterhub_platform.core.identity_providers import PRIVATE_KEY
from jupyterhub_platform.hub.auth.providers.attempts import Attempt
from jupyterhub_platform.hub.auth.providers.errors import ProviderError
from jupyterhub_platform.hub.auth.providers.examined import Examined
from jupyterhub_platform.hub.auth.providers.front_end import FrontEndClient
from jupyterhub_platform.hub.auth.providers.github import GitHubClient
from jupyterhub_platform.hub.auth.providers.metadata import (
    WELL_KNOWN,
    read_keys,
    read_metadata,
)
from jupyterhub_platform.hub.auth.providers.oauth_client import sign_assertion
from jupyterhub_platform.hub.auth.providers.oidc import OidcClient
from jupyterhub_platform.hub.auth.providers.registry import AnyClient, find_missing
from jupyterhub_platform.hub.auth.providers.secrets import read_secret

_NO_ACCOUNT: Final = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required"}
)
"""How a provider answers, at the right address, a client that it may show no page."""


async def examine(client: AnyClient, callback: str, claims: Sequence[str]) -> Examined:
    """Look at a provider whose users come back to ``callback``, and of whom ``claims`` are read."""
    missing = find_missing(client.provider)
    if missing or isinstance(client, FrontEndClient):
        return Examined(fault=missing, callback=callback)
    try:
        if isinstance(client, OidcClient):
            return await _examine_oidc(client, callback, claims)
        if isinstance(client, GitHubClient):
            answer = await client.visit(client.api + "/")
            return Examined(callback=callback, ahead_seconds=read_clock(answer, time.time()))
    except ProviderError as error:
        return Examined(fault=str(error), callback=callback)
    return Examined(callback=callback)


async def _examine_oidc(client: OidcClient, callback: str, claims: Sequence[str]) -> Examined:
    provider = client.provider
    address = provider.issuer.rstrip("/") + WELL_KNOWN
    answer = await client.visit(address)
    ahead = read_clock(answer, time.time())
    fault, is_registered = "", None
    document = _read_object(answer)
    try:
        metadata = read_metadata(document, provider.issuer)
        read_keys(_read_object(await client.visit(metadata.keys)))
        if client.client.auth == PRIVATE_KEY and client.client.key:
            sign_assertion(client.client.id, metadata.token, read_secret(client.client.key))
        if callback:
            is_registered = await _ask_for_nobody(client, callback)
    except ProviderError as error:
        fault = str(error) if answer.code == 200 else f"{address} answered {answer.code}"
    not_offered = list_not_offered(
        document,
        claims=claims,
        scopes=provider.scopes,
        client_auth=(client.client.auth,),
    )
    return Examined(fault, callback, is_registered, ahead, not_offered)


async def _ask_for_nobody(client: OidcClient, callback: str) -> bool | None:
    """Begin a login that may show no page, so that the provider only says whether it can begin."""
    attempt = Attempt("", client.provider.key, secrets.token_urlsafe(32), "", 0)
    address = await client.begin(attempt, callback)
    return read_registration(await client.visit(url_concat(address, {"prompt": "none"})), callback)


def read_registration(answer: HTTPResponse, callback: str) -> bool | None:
    """Tell whether a provider knows the address to come back to; ``None`` if it does not say."""
    leads_to = answer.headers.get("Location", "")
    if leads_to.partition("?")[0] == callback:
        # What else is wrong, it says there. It never leads to an address that it does not know.
        return True
    if 400 <= answer.code < 500 and answer.code not in {403, 405, 429}:
        return False
    named = parse_qs(urlsplit(leads_to).query).get("error", [""])[0]
    return False if named and named not in _NO_ACCOUNT else None


def read_clock(answer: HTTPResponse, now: float) -> float | None:
    """Return by how many seconds the clock of who answered is ahead; it says whole seconds."""
    try:
        then = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return round(then.timestamp() + 0.5 - now, 1)


def list_not_offered(
    document: Mapping[str, Any],
    *,
    claims: Sequence[str],
    scopes: Sequence[str],
    client_auth: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """Return what is wanted and a discovery document does not list, by kind."""
    wanted = {
        "claims": ("claims_supported", claims),
        "scopes": ("scopes_supported", scopes),
        "client_auth": ("token_endpoint_auth_methods_supported", client_auth),
    }
    found = {}
    for kind, (key, names) in wanted.items():
        offered = document.get(key)
        if isinstance(offered, list):
            # Of a claim within an object, the object is listed. Scopes may have dots, too.
            absent = [each for each in names if each not in offered]
            if kind == "claims":
                absent = [each for each in absent if each.split(".")[0] not in offered]
            found[kind] = tuple(absent)
    return {kind: names for kind, names in found.items() if names}


def _read_object(answer: HTTPResponse) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.body or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
