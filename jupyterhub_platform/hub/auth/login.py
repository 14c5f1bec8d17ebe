"""Login with local accounts: slow to guess, and no user can lock out another."""

import secrets
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from tornado import web

from jupyterhub_platform.core.errors import IdentityError, StoreError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.http.forwarded_headers import source_of
from jupyterhub_platform.hub.public_address import is_secure
from jupyterhub_platform.hub.threads import PasswordThread
from jupyterhub_platform.usecases.credentials import Invited, LocalCredentials
from jupyterhub_platform.usecases.login_throttle import TRY_BURST, SourceLimit, Throttle

T = TypeVar("T")

DEVICE_COOKIE: Final = "platform-device"
DEVICE_DAYS: Final = 180


class LocalLogin:
    """Checks a name and a password from a login form."""

    def __init__(self, credentials: LocalCredentials, tries_per_source: int = TRY_BURST) -> None:
        self._credentials = credentials
        self._throttle = Throttle(time.monotonic)
        self._limit = SourceLimit(time.monotonic, tries_per_source)
        self._trying: set[tuple[str, str]] = set()
        self._thread = PasswordThread()

    async def check(self, handler: Any, name: str, password: str) -> str | None:
        """Return the normalised name if the password is right, otherwise ``None``.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 after too many wrong passwords from the same place, and with 503 if too
            many checks are waiting or the accounts cannot be read.
        """
        try:
            person = normalise_user(name)
        except IdentityError:
            person = ""
        source = self._source(handler, person)
        wait = self._throttle.seconds_to_wait(person, source)
        refuse_for(max(wait, self._limit.seconds_to_wait(source)))
        if (person, source) in self._trying:
            # One at a time: otherwise many would be checked before the first one counts.
            raise web.HTTPError(
                403, "Another login with this name is being checked. Try again in a second."
            )
        self._trying.add((person, source))
        try:
            right = await self._check_limited(source, self._credentials.verify, person, password)
        finally:
            self._trying.discard((person, source))
        if not right or not person:
            self._throttle.note_wrong(person, source)
            return None
        self._limit.release(source)
        self._throttle.note_right(person, source)
        self.remember_device(handler, person)
        return person

    async def find_invite(self, handler: Any, token: str) -> Invited:
        """Return whom an invite is for, and who made it.

        Raises
        ------
        InviteError
            Raised if it cannot be used.
        tornado.web.HTTPError
            Raised as by :meth:`check`: a token can be guessed like a password.
        """
        source = source_of(handler.request)
        refuse_for(self._limit.seconds_to_wait(source))
        invite = await self._check_limited(source, self._credentials.find_invite, token)
        self._limit.release(source)
        return invite

    async def _check_limited(self, source: str, call: Callable[..., T], *arguments: str) -> T:
        self._limit.acquire(source)
        try:
            return await self._run(call, *arguments)
        except web.HTTPError:
            self._limit.release(source)
            raise

    async def accept(self, token: str, password: str) -> str:
        """Set the password of an invited user, and return their name."""
        return await self._run(self._credentials.accept, token, password)

    async def change(self, name: str, password: str) -> None:
        """Set the password of an authenticated user."""
        await self._run(self._credentials.change, name, password)

    async def _run(self, call: Callable[..., T], *arguments: str) -> T:
        """Run calls that hash, or that strangers may cause, outside the Hub's loop."""
        try:
            return await self._thread.run(call, *arguments)
        except StoreError as error:
            raise web.HTTPError(
                503,
                "Logins are not possible right now: the accounts cannot be read. Try again later.",
            ) from error

    def _source(self, handler: Any, person: str) -> str:
        """Return where an attempt counts: a browser that ``person`` has used, or an address."""
        cookie = handler.get_secure_cookie(DEVICE_COOKIE, max_age_days=DEVICE_DAYS)
        known, _, device = (cookie or b"").decode("utf8", "replace").rpartition("|")
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
            secure=is_secure(handler),
            path=handler.hub.base_url,
        )


def refuse_for(seconds: int) -> None:
    """Refuse a caller who has to wait.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 403 and how long to wait.
    """
    if seconds:
        again = f"in {seconds} seconds" if seconds > 1 else "in a second"
        raise web.HTTPError(403, f"Too many wrong passwords from here. Try again {again}.")


def forbid_caching(handler: Any) -> None:
    """Keep a page with passwords or invites out of caches and of other sites' logs."""
    handler.set_header("Cache-Control", "no-store")
    handler.set_header("Referrer-Policy", "no-referrer")
