"""Whom a provider has proved: the identity, and what the Hub keeps to ask again."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.hub.json_bodies import is_storable

MAX_SUBJECT: Final = 255
MAX_CLAIMS: Final = 200
MAX_DEPTH: Final = 6
MAX_ENTRIES: Final = 10_000
"""Values within one claim; more are no claim that a rule could read."""
MAX_TEXT: Final = 4_096
_OF_THE_PROTOCOL: Final = frozenset(
    {
        *("iss", "sub", "aud", "azp", "exp", "iat", "nbf", "jti", "nonce", "sid", "typ"),
        *("at_hash", "c_hash", "s_hash", "session_state"),
    }
)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gave for a user; empty where it gave nothing.

    ``expires_at`` is when the access token ends, in seconds since 1970; 0 if that is unknown.
    """

    access: str = ""
    refresh: str = ""
    identity: str = ""
    expires_at: float = 0.0

    def keep(self, older: "Tokens") -> "Tokens":
        """Return these, with those of before where there is no newer one."""
        return replace(
            self, refresh=self.refresh or older.refresh, identity=self.identity or older.identity
        )


@dataclass(frozen=True, slots=True)
class Proven:
    """A user whom a provider has proved, at a time in seconds since 1970.

    ``signed_only`` are claims that the ID token alone had: that userinfo does not say them takes
    nothing back.
    """

    identity: ProviderIdentity
    tokens: Tokens
    at: float
    signed_only: frozenset[str] = frozenset()

    def render_state(self) -> dict[str, Any]:
        """Render the Hub's ``auth_state``, which it encrypts.

        Its names are those of oauthenticator, for a site's own hooks.
        """
        return {
            "provider": self.identity.provider,
            "issuer": self.identity.issuer,
            "subject": self.identity.subject,
            "access_token": self.tokens.access,
            "refresh_token": self.tokens.refresh or None,
            "id_token": self.tokens.identity or None,
            "expires_at": self.tokens.expires_at,
            "checked_at": self.at,
            "signed_only": sorted(self.signed_only),
            "oauth_user": {"sub": self.identity.subject, **self.identity.claims},
        }


def read_state(state: object) -> Proven | None:
    """Return who was proved, from an ``auth_state``; ``None`` if it is of another origin."""
    if not isinstance(state, Mapping) or not isinstance(state.get("oauth_user"), Mapping):
        return None
    provider, issuer, subject = (str(state.get(n)) for n in ("provider", "issuer", "subject"))
    claims = {k: v for k, v in state["oauth_user"].items() if k != "sub"}
    return Proven(
        ProviderIdentity(provider, issuer, subject, claims),
        Tokens(
            access=state.get("access_token") or "",
            refresh=state.get("refresh_token") or "",
            identity=state.get("id_token") or "",
            expires_at=float(state.get("expires_at") or 0),
        ),
        float(state.get("checked_at") or 0),
        frozenset(map(str, state.get("signed_only") or ())),
    )


def read_tokens(answer: Mapping[str, Any], now: float | None = None) -> Tokens:
    """Return the tokens in the answer to a code or a refresh token."""
    at = time.time() if now is None else now
    seconds = _read_seconds(answer.get("expires_in"))
    texts = [answer.get(name) for name in ("access_token", "refresh_token", "id_token")]
    access, refresh, identity = (each if isinstance(each, str) else "" for each in texts)
    return Tokens(access, refresh, identity, at + seconds if seconds else 0.0)


def _read_seconds(value: object) -> float:
    """Return for how long a token lasts; 0 if that is not said."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value < 1e9 else 0.0


def unite_claims(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims of several sources, of which later ones win, without what is unreadable.

    What belongs to the protocol is left out, and so is what no rule could read: too deep, too long
    or too much. A claim is kept whole or not at all, so that nobody has some of their groups.
    """
    united: dict[str, Any] = {}
    for source in sources:
        united.update(
            {name: value for name, value in source.items() if name not in _OF_THE_PROTOCOL}
        )
    readable = {
        name: value
        for name, value in united.items()
        if len(name) <= MAX_TEXT and is_storable(name) and _is_readable(value, [MAX_ENTRIES], 0)
    }
    return dict(list(readable.items())[:MAX_CLAIMS])


def _is_readable(value: object, left: list[int], depth: int) -> bool:
    left[0] -= 1
    if left[0] < 0 or depth > MAX_DEPTH:
        return False
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and is_storable(value)
    if isinstance(value, list):
        return all(_is_readable(each, left, depth + 1) for each in value)
    if isinstance(value, Mapping):
        return all(
            _is_readable(name, left, depth + 1) and _is_readable(each, left, depth + 1)
            for name, each in value.items()
        )
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int)


def are_as_before(one: Proven, other: Proven) -> bool:
    """Tell whether nothing has changed that the Hub would have to keep."""
    return one.tokens == other.tokens and json.dumps(one.identity.claims, sort_keys=True) == (
        json.dumps(other.identity.claims, sort_keys=True)
    )


def is_subject(value: object) -> bool:
    """Tell whether this can identify a user: text that is the same wherever it is kept."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_SUBJECT
        and value.isprintable()
        and value == value.strip()
    )
