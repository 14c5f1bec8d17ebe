"""Local accounts: invited, given a password by themselves, checked at login."""

import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from jupyterhub_platform.core.errors import PlatformError, StoreError
from jupyterhub_platform.store import audit, credentials
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.rate_limit import RateLimit, RateLimitedError

log = logging.getLogger(__name__)

MIN_PASSWORD_LENGTH: Final = 12
MAX_PASSWORD_LENGTH: Final = 1024
"""Hashing time grows with the length, and no user types more."""

CHANGE_BURST: Final = 20
INVITE_BURST: Final = 500
"""Password changes, and invites, that a user may make without a break."""


class PasswordError(PlatformError, ValueError):
    """Raised if a password cannot be accepted; the sentence says why."""

    code = "password.invalid"


class InviteError(PlatformError):
    """Raised if an invite is unknown, used or expired; it does not say which."""

    code = "invite.invalid"


class PasswordHasher(Protocol):
    """Hashes passwords, slowly on purpose."""

    def hash(self, password: str) -> str:
        """Return a hash with everything that is needed to verify it."""
        ...

    def verify(self, password_hash: str, password: str) -> bool:
        """Tell whether ``password`` is the one that was hashed."""
        ...

    def needs_rehash(self, password_hash: str) -> bool:
        """Tell whether the hash was made with weaker parameters than today's."""
        ...


@dataclass(frozen=True, slots=True)
class Invite:
    """An invite, shown once: the store keeps only its hash."""

    name: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom an open invite is for, who made it, and whether they have a password already."""

    name: str
    by: str
    has_password: bool


def _now() -> datetime:
    return datetime.now(UTC)


class LocalCredentials:
    """The platform's own accounts. Every method may take long: call it in a thread."""

    def __init__(
        self, store: Store, hasher: PasswordHasher, *, clock: Callable[[], datetime] = _now
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._clock = clock
        # Each adds a permanent row to the audit: at most 0.2 MB a day of password changes for one
        # user, and 1 MB of invites.
        self._changes = RateLimit(CHANGE_BURST, 300)
        self._invites = RateLimit(INVITE_BURST, 60)
        self._nobody = hasher.hash(secrets.token_urlsafe())

    def verify(self, name: str, password: str) -> bool:
        """Tell whether ``password`` is that of ``name``.

        Takes as long for a name without a password as for one with, so that timing does not reveal
        who has credentials.
        """
        if len(password) > MAX_PASSWORD_LENGTH or not _is_unicode(password):
            return False
        with self._store.read() as transaction:
            found = credentials.get_credentials(transaction, name)
        known = found.password_hash if found and found.password_hash else None
        right = self._hasher.verify(known or self._nobody, password)
        if known is None or not right:
            return False
        if self._hasher.needs_rehash(known):
            self._rehash(name, known, password)
        return True

    def _rehash(self, name: str, known: str, password: str) -> None:
        stronger = self._hasher.hash(password)
        try:
            with self._store.begin() as transaction:
                credentials.replace_hash(transaction, name, known, stronger)
        except StoreError as error:
            # The password is still right; the next login tries again.
            log.warning("The password of %s keeps its old hash for now. %s", name, error)

    def has_password(self, name: str) -> bool:
        """Tell whether ``name`` has set a password."""
        with self._store.read() as transaction:
            found = credentials.get_credentials(transaction, name)
        return found is not None and found.password_hash is not None

    def invite(self, name: str, *, by: str, valid_for: timedelta) -> Invite:
        """Invite ``name`` to set a password; an earlier invite is void, a password stays good.

        Raises
        ------
        RateLimitedError
            Raised if ``by`` has made many without a break.
        """
        if seconds := self._invites.seconds_to_wait(by):
            raise RateLimitedError(f"{by} has invited many people. {_say_wait(seconds)}", seconds)
        self._invites.use(by)
        token = secrets.token_urlsafe(32)
        now = self._clock()
        expires_at = now + valid_for
        with self._store.begin() as transaction:
            credentials.set_invite(transaction, name, _hash_token(token), expires_at, by, now)
            audit.append(
                transaction,
                at=now,
                actor=by,
                action="person.invited",
                subject=name,
                detail={"expires_at": expires_at.isoformat()},
            )
        return Invite(name, token, expires_at)

    def find_invite(self, token: str) -> Invited:
        """Return what is known of an invite, without using it.

        Raises
        ------
        InviteError
            Raised if it cannot be used.
        """
        with self._store.read() as transaction:
            found = credentials.find_by_invite(transaction, _hash_token(token))
        if found is None or not found.has_open_invite(self._clock()):
            raise InviteError(INVITE_SENTENCE)
        return Invited(found.name, found.invite_by or "", found.password_hash is not None)

    def find_invited(self, token: str) -> str:
        """Return whom an invite is for, without using it.

        Raises
        ------
        InviteError
            Raised if it cannot be used.
        """
        return self.find_invite(token).name

    def accept(self, token: str, password: str) -> str:
        """Set the password of whom an invite is for, once, and return their name.

        Raises
        ------
        InviteError
            Raised if it cannot be used.
        PasswordError
            Raised if the password cannot be accepted; the invite stays good.
        """
        name = self.find_invited(token)
        check_password(name, password)
        now, hashed = self._clock(), self._hasher.hash(password)
        with self._store.begin() as transaction:
            if credentials.redeem_invite(transaction, _hash_token(token), hashed, now) is None:
                raise InviteError(INVITE_SENTENCE)
            audit.append(
                transaction,
                at=now,
                actor=name,
                action="person.password_set",
                subject=name,
                detail={"with": "invite"},
            )
        return name

    def change(self, name: str, password: str) -> None:
        """Set the password of a person who has proved who they are.

        Raises
        ------
        PasswordError
            Raised if the password cannot be accepted, or was changed many times without a break.
        """
        check_password(name, password)
        if seconds := self._changes.seconds_to_wait(name):
            raise PasswordError(f"This password was changed many times. {_say_wait(seconds)}")
        self._changes.use(name)
        self._set(name, password, actor=name, how="change")

    def provide_samples(self, passwords: Mapping[str, str]) -> None:
        """Give these people these passwords, unless they have one: for a first start."""
        for name, password in passwords.items():
            if not self.has_password(name):
                self._set(name, password, actor="platform", how="sample")

    def _set(self, name: str, password: str, *, actor: str, how: str) -> None:
        now, hashed = self._clock(), self._hasher.hash(password)
        with self._store.begin() as transaction:
            credentials.set_password(transaction, name, hashed, now)
            audit.append(
                transaction,
                at=now,
                actor=actor,
                action="person.password_set",
                subject=name,
                detail={"with": how},
            )


INVITE_SENTENCE: Final = "This invite is not valid any more. Ask for a new one."


def _say_wait(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"Try again in {minutes} minute{'' if minutes == 1 else 's'}."


def check_password(name: str, password: str) -> None:
    """Refuse passwords that are easy to guess.

    Length is what counts (NIST SP 800-63B, section 5.1.1.2): no rules about kinds of characters.

    Raises
    ------
    PasswordError
        Raised if it is too short, too long, no Unicode, or made of the name or of few characters.
    """
    if len(password) < MIN_PASSWORD_LENGTH:
        raise PasswordError(f"A password has at least {MIN_PASSWORD_LENGTH} characters.")
    if len(password) > MAX_PASSWORD_LENGTH:
        raise PasswordError(f"A password has {MAX_PASSWORD_LENGTH} characters at most.")
    if not _is_unicode(password):
        raise PasswordError("A password has a character that cannot be kept.")
    plain = password.casefold()
    if not plain.replace(name.casefold(), "").strip("0123456789 .-_!"):
        raise PasswordError("A password is more than the name with digits.")
    if len(set(plain)) < 4:
        raise PasswordError("A password has more than three different characters.")


def _is_unicode(text: str) -> bool:
    # JSON can carry halves of a character, which no hasher takes.
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _hash_token(token: str) -> str:
    # A random token of 256 bits needs no slow hash: it cannot be guessed.
    return hashlib.sha256(token.encode()).hexdigest()
