"""Local accounts: passwords and invites, as hashes that the caller made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import local_account

_COLUMNS = local_account.c


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the platform itself knows about how a person logs in."""

    name: str
    password_hash: str | None
    password_set_at: datetime | None
    invite_hash: str | None
    invite_expires_at: datetime | None
    invite_by: str | None
    invite_used_at: datetime | None
    created_at: datetime
    updated_at: datetime

    def has_open_invite(self, now: datetime) -> bool:
        """Tell whether the invite can still be used."""
        return (
            self.invite_expires_at is not None
            and self.invite_used_at is None
            and now < self.invite_expires_at
        )


def get_credentials(tx: Transaction, name: str) -> Credentials | None:
    """Return the local account of a person, or None if they have none."""
    row = tx.execute(select(local_account).where(_COLUMNS.name == name)).first()
    return None if row is None else _read(row)


def list_credentials(tx: Transaction) -> list[Credentials]:
    """List all local accounts by name."""
    return [_read(row) for row in tx.execute(select(local_account).order_by(_COLUMNS.name))]


def set_invite(
    tx: Transaction, name: str, invite_hash: str, expires_at: datetime, by: str, at: datetime
) -> None:
    """Invite a person; the invite that they had before is void, a password stays good."""
    invite = {
        "invite_hash": invite_hash,
        "invite_expires_at": expires_at,
        "invite_by": by,
        "invite_used_at": None,
    }
    _write(tx, name, invite, at)


def find_by_invite(tx: Transaction, invite_hash: str) -> Credentials | None:
    """Return whom an invite is for, even if it was used or has expired.

    Only :func:`redeem_invite` tells for sure that it is good.
    """
    row = tx.execute(select(local_account).where(_COLUMNS.invite_hash == invite_hash)).first()
    return None if row is None else _read(row)


def redeem_invite(
    tx: Transaction, invite_hash: str, password_hash: str, at: datetime
) -> str | None:
    """Set the password of whom an invite is for and use the invite up, at most once.

    Returns
    -------
    str or None
        The person's name, or None if the invite is unknown, used or expired: nothing changed.
    """
    person = find_by_invite(tx, invite_hash)
    if person is None:
        return None
    query = update(local_account).where(
        _COLUMNS.invite_hash == invite_hash,
        _COLUMNS.invite_used_at.is_(None),
        _COLUMNS.invite_expires_at > at,
    )
    done = tx.execute(query.values(**_password(password_hash, at), invite_used_at=at))
    return person.name if done.rowcount == 1 else None


def set_password(tx: Transaction, name: str, password_hash: str, at: datetime) -> None:
    """Set a person's password; an invite that is still open is void."""
    _write(tx, name, _password(password_hash, at), at)
    tx.execute(
        update(local_account)
        .where(
            _COLUMNS.name == name,
            _COLUMNS.invite_hash.is_not(None),
            _COLUMNS.invite_used_at.is_(None),
        )
        .values(invite_used_at=at)
    )


def replace_hash(tx: Transaction, name: str, before: str, after: str) -> bool:
    """Replace the hash of an unchanged password; False if the password was changed concurrently."""
    query = update(local_account).where(_COLUMNS.name == name, _COLUMNS.password_hash == before)
    return tx.execute(query.values(password_hash=after)).rowcount == 1


def remove_credentials(tx: Transaction, name: str) -> bool:
    """Remove a person's local account; tell whether they had a password."""
    found = get_credentials(tx, name)
    if found is None:
        return False
    tx.execute(delete(local_account).where(_COLUMNS.name == name))
    return found.password_hash is not None


def _password(password_hash: str, at: datetime) -> dict[str, Any]:
    return {"password_hash": password_hash, "password_set_at": at, "updated_at": at}


def _write(tx: Transaction, name: str, values: dict[str, Any], at: datetime) -> None:
    values = {**values, "updated_at": at}
    done = tx.execute(update(local_account).where(_COLUMNS.name == name).values(**values))
    if done.rowcount == 0:
        tx.execute(insert(local_account), {"name": name, "created_at": at, **values})


def _read(row: Row[Any]) -> Credentials:
    return Credentials(*tuple(row))
