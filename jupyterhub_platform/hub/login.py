"""Login with local accounts: slow to guess, and nobody can lock out somebody else."""

import asyncio
import secrets
import time
from typing import Any, Final

from tornado import web

from jupyterhub_platform.core.errors import IdentityError, StoreError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.hub.upstream.forwarded import source_of
from jupyterhub_platform.usecases.people import LocalAccounts
from jupyterhub_platform.usecases.throttle import Throttle

DEVICE_COOKIE: Final = "platform-device"
DEVICE_DAYS: Final = 180


class LocalLogin:
    """Checks a name and a password that came in over a login form."""

    def __init__(self, accounts: LocalAccounts) -> None:
        self._accounts = accounts
        self._throttle = Throttle(time.monotonic)
        self._trying: set[tuple[str, str]] = set()

    async def check(self, handler: Any, name: str, password: str) -> str | None:
        """Return the normalised name if the password is right, otherwise ``None``.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 if too many wrong passwords came from the same place, and with 503 if
            the accounts cannot be read.
        """
        try:
            person = normalise_user(name)
        except IdentityError:
            person = ""
        source = self._source(handler, person)
        wait = self._throttle.seconds_to_wait(person, source)
        if wait:
            again = f"in {wait} seconds" if wait > 1 else "in a second"
            raise web.HTTPError(403, f"Too many wrong passwords from here. Try again {again}.")
        if (person, source) in self._trying:
            # One at a time, or many would be looked at before the first one counts.
            raise web.HTTPError(
                403, "Another login with this name is being checked. Try again in a second."
            )
        self._trying.add((person, source))
        try:
            right = await asyncio.get_running_loop().run_in_executor(
                None, self._accounts.verify, person, password
            )
        except StoreError as error:
            raise web.HTTPError(
                503, "Nobody can log in right now: the accounts cannot be read. Try again later."
            ) from error
        finally:
            self._trying.discard((person, source))
        if not right or not person:
            self._throttle.note_wrong(person, source)
            return None
        self._throttle.note_right(person, source)
        self.remember_device(handler, person)
        return person

    def _source(self, handler: Any, person: str) -> str:
        """Return where a try counts: a browser that ``person`` has used before, or an address."""
        cookie = handler.get_secure_cookie(DEVICE_COOKIE, max_age_days=DEVICE_DAYS)
        known, _, device = (cookie or b"").decode("utf8", "replace").partition("|")
        if person and known == person and device:
            return f"device {device}"
        return source_of(handler.request)

    def remember_device(self, handler: Any, person: str) -> None:
        """Mark this browser as one in which ``person`` has logged in."""
        handler.set_secure_cookie(
            DEVICE_COOKIE,
            f"{person}|{secrets.token_urlsafe(12)}",
            expires_days=DEVICE_DAYS,
            httponly=True,
            samesite="Lax",
            secure=handler.request.protocol == "https",
            path=handler.hub.base_url,
        )
