"""One login at a provider, from the button until the browser comes back: bound to the browser.

All of it is in a signed cookie of the browser: strangers who begin logins take no memory, and a
restart of the Hub ends none. The Hub remembers which ones came back, so that none does twice.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.hub.auth.providers.errors import AttemptError
from jupyterhub_platform.hub.public_address import is_secure

COOKIE: Final = "platform-attempt-"
LIFE_SECONDS: Final = 600
MAX_AT_ONCE: Final = 5
"""Logins of one browser, in as many tabs; older ones are forgotten."""
MAX_NEXT: Final = 800
_ID_LENGTH: Final = 8
_MAX_KEPT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that has begun: what the browser must bring back, and what the provider must say."""

    id: str
    provider: str
    secret: str
    next: str
    began: float

    @property
    def state(self) -> str:
        """What the browser comes back with."""
        return f"{self.id}.{self._derive('state')}"

    @property
    def nonce(self) -> str:
        """What the ID token must have."""
        return self._derive("nonce")

    @property
    def verifier(self) -> str:
        """What proves to the provider that the code is given to whom it is for."""
        return self._derive("verifier")

    @property
    def challenge(self) -> str:
        """What the provider checks the verifier with."""
        return _encode(hashlib.sha256(self.verifier.encode()).digest())

    def _derive(self, purpose: str) -> str:
        return _encode(hmac.digest(self.secret.encode(), purpose.encode(), "sha256"))


class Attempts:
    """Begins logins, and lets each come back once. Belongs to the Hub's loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._finished: dict[str, float] = {}

    def begin(self, handler: Any, provider: str, page: str) -> Attempt:
        """Begin a login, and let the browser keep it; ``page`` is where its user wants to go."""
        now = self._clock()
        attempt = Attempt(
            id=secrets.token_hex(_ID_LENGTH // 2),
            provider=provider,
            secret=secrets.token_urlsafe(32),
            next=page if len(page) <= MAX_NEXT else "",
            began=now,
        )
        kept = sorted(self._list_kept(handler), key=lambda each: each.began)
        for old in kept[: max(0, len(kept) - MAX_AT_ONCE + 1)]:
            _clear(handler, old.id)
        handler.set_secure_cookie(
            _name_cookie(handler, attempt.id),
            _render(attempt),
            expires_days=None,
            max_age=LIFE_SECONDS,
            httponly=True,
            samesite="Lax",
            **_place_cookie(handler),
        )
        return attempt

    def finish(self, handler: Any, provider: str, state: str) -> Attempt:
        """Return the login that a browser comes back from; it ends with this.

        Raises
        ------
        AttemptError
            Raised if this browser has begun no such login, or has come back from it already.
        """
        name = state.partition(".")[0]
        attempt = self._read(handler, name) if _is_id(name) else None
        if attempt is None:
            raise AttemptError(
                "this browser did not begin it, or more than ten minutes ago, or it does not keep "
                "cookies"
            )
        if attempt.provider != provider or not hmac.compare_digest(
            attempt.state.encode(), state.encode()
        ):
            raise AttemptError("it is not the one that this browser began")
        _clear(handler, attempt.id)
        if attempt.secret in self._finished:
            raise AttemptError("it is finished already")
        self._note_finished(attempt)
        return attempt

    def _note_finished(self, attempt: Attempt) -> None:
        now = self._clock()
        for secret, at in list(self._finished.items()):
            if now - at < LIFE_SECONDS and len(self._finished) < _MAX_KEPT:
                break  # in the order in which they came
            del self._finished[secret]
        self._finished[attempt.secret] = now

    def _list_kept(self, handler: Any) -> Iterator[Attempt]:
        for cookie in handler.request.cookies:
            _, begins, name = cookie.partition(COOKIE)
            if begins and _is_id(name):
                attempt = self._read(handler, name)
                if attempt is None:
                    _clear(handler, name)
                else:
                    yield attempt

    def _read(self, handler: Any, name: str) -> Attempt | None:
        value = handler.get_secure_cookie(_name_cookie(handler, name), max_age_days=1)
        try:
            attempt = Attempt(**json.loads(value or b"{}"))
        except (TypeError, ValueError):
            return None
        age = self._clock() - attempt.began
        return attempt if attempt.id == name and 0 <= age < LIFE_SECONDS else None


def _name_cookie(handler: Any, name: str) -> str:
    return f"{'__Host-' if _has_prefix(handler) else ''}{COOKIE}{name}"


def _has_prefix(handler: Any) -> bool:
    """Tell whether the site has cookies that no page on a user's server can plant."""
    return bool(handler.settings.get("cookie_host_prefix_enabled"))


def _place_cookie(handler: Any) -> dict[str, Any]:
    # With the prefix, a browser keeps nothing else.
    if _has_prefix(handler):
        return {"path": "/", "secure": True}
    return {"path": handler.hub.base_url, "secure": is_secure(handler)}


def _clear(handler: Any, name: str) -> None:
    handler.clear_cookie(_name_cookie(handler, name), **_place_cookie(handler))


def _is_id(text: str) -> bool:
    return len(text) == _ID_LENGTH and all(c in "0123456789abcdef" for c in text)


def _render(attempt: Attempt) -> str:
    fields = ("id", "provider", "secret", "next", "began")
    return json.dumps({name: getattr(attempt, name) for name in fields})


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
