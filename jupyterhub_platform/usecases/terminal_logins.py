"""Logins of terminals: a page shows a code, which its user types where the login was asked for.

The terminal keeps a secret, the *verifier*. The page's address has only its hash, the *challenge*,
so that a code is worth nothing without the terminal that asked. All of it is in memory: a Hub that
is restarted has forgotten every code.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.usecases.rate_limit import RateLimit, RateLimitedError

CODE_SECONDS: Final = 120.0
"""For how long a code can be used."""
TRIES_OF_A_CODE: Final = 5
"""How many wrong codes a terminal may send before it has to ask again."""
TRIES_OF_A_SOURCE: Final = 30
"""How many wrong codes are looked at for a source at once; after that it is one in ten seconds."""
TRIES_IN_ALL: Final = 300
"""How many terminals that asked for nothing are looked at, at once, wherever they are."""
MAX_WAITING: Final = 10_000
MAX_MACHINE: Final = 64
_EVERYWHERE: Final = ""
_LEGIBLE: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class LoginCodeError(PlatformError):
    """Raised if a code gives no token."""

    code = "login.no_code"


class WrongCodeError(LoginCodeError):
    """Raised if the code is wrong, and another may be tried."""

    code = "login.wrong_code"


@dataclass(frozen=True, slots=True)
class Browser:
    """The session in which a user confirmed; ``cookie_id`` changes when all of theirs end."""

    user: str
    session: str
    cookie_id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a terminal asks for: ``machine`` is what it calls itself, and may be anything."""

    challenge: str
    machine: str
    lasts: timedelta
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A login that a user confirmed, in this browser."""

    asked: Asked
    browser: Browser


@dataclass(slots=True)
class _Waiting:
    confirmed: Confirmed
    code: bytes
    ends: float
    tries: int = 0


class TerminalLogins:
    """The codes that can be used now. Belongs to the Hub's loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._of_source = RateLimit(TRIES_OF_A_SOURCE, 10.0, clock=clock)
        self._in_all = RateLimit(TRIES_IN_ALL, 0.2, clock=clock)

    def confirm(self, asked: Asked, browser: Browser) -> str:
        """Return the code that lets a terminal in; earlier ones of the user are void."""
        self._drop(lambda each: each.confirmed.browser.user == browser.user)
        code = "".join(secrets.choice(_LEGIBLE) for _ in range(8))
        ends = self._clock() + CODE_SECONDS
        self._waiting[asked.challenge] = _Waiting(Confirmed(asked, browser), _digest(code), ends)
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popitem(last=False)
        return f"{code[:4]}-{code[4:]}"

    def take(self, verifier: str, code: str, source: str) -> Confirmed:
        """Return what was confirmed for the terminal with this verifier, and use the code up.

        Raises
        ------
        LoginCodeError
            Raised if nothing was, if the code is wrong, used, or too old.
        RateLimitedError
            Raised if too many wrong codes came from this source, or for nothing from everywhere.
        """
        self._refuse_often(self._of_source, source)
        challenge = hash_verifier(verifier)
        waiting = self._waiting.get(challenge)
        if waiting is None or self._clock() >= waiting.ends:
            self._waiting.pop(challenge, None)
            # Only those that asked for nothing: no stranger keeps a user's terminal out.
            self._refuse_often(self._in_all, _EVERYWHERE)
            self._in_all.use(_EVERYWHERE)
            self._of_source.use(source)
            raise LoginCodeError(
                "There is no such code: it was used, its two minutes are over, or it was shown for "
                "another terminal. Run `jhp login` again."
            )
        if hmac.compare_digest(waiting.code, _digest(_normalise(code))):
            del self._waiting[challenge]
            return waiting.confirmed
        self._of_source.use(source)
        waiting.tries += 1
        left = TRIES_OF_A_CODE - waiting.tries
        if not left:
            del self._waiting[challenge]
            raise LoginCodeError("The code was wrong too often. Run `jhp login` again.")
        raise WrongCodeError(f"The code is wrong. Type the one on the page; {left} more may be.")

    def forget(self, session: str) -> None:
        """Make the codes of a browser session void, which ends."""
        self._drop(lambda each: each.confirmed.browser.session == session)

    def _drop(self, is_void: Callable[[_Waiting], bool]) -> None:
        now = self._clock()
        for challenge, each in tuple(self._waiting.items()):
            if is_void(each) or now >= each.ends:
                del self._waiting[challenge]

    def _refuse_often(self, limit: RateLimit, caller: str) -> None:
        wait = limit.seconds_to_wait(caller)
        if wait:
            raise RateLimitedError(f"Too many wrong codes. Try again in {wait} seconds.", wait)


def hash_verifier(verifier: str) -> str:
    """Return the challenge of a verifier, as PKCE has it."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_challenge(text: str) -> bool:
    """Tell whether this can be a challenge."""
    return _CHALLENGE.fullmatch(text) is not None


def say_check(challenge: str) -> str:
    """Say a few characters by which a user sees that page and terminal belong together."""
    return "".join(_LEGIBLE[each % len(_LEGIBLE)] for each in _digest(challenge)[:6]).upper()


def clean_machine(text: str) -> str:
    """Return a name of a machine that a page can show: short, and nothing that is not seen."""
    seen = "".join(each for each in text[: 4 * MAX_MACHINE] if each.isprintable())
    return seen.strip()[:MAX_MACHINE]


def _normalise(code: str) -> str:
    return "".join(each for each in code.lower() if each.isalnum())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
