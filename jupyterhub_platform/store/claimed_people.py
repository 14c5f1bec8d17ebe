"""Who has logged in by an identity provider, under which name, and what it said of them last.

Issuer and subject are who a user is; the name is theirs for good. What rules make of the claims is
not kept: it follows from them and from the policy.
"""

import json
from typing import Any, Final

from sqlalchemy import Row, func, insert, select, update

from jupyterhub_platform.core.claimed_people import ClaimedLogin
from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import claimed_person

_COLUMNS = claimed_person.c
_BATCH: Final = 500


def find_login(tx: Transaction, issuer: str, subject: str) -> ClaimedLogin | None:
    """Return who an identity is here; ``None`` if they never logged in, or were forgotten."""
    query = select(claimed_person).where(_COLUMNS.issuer == issuer, _COLUMNS.subject == subject)
    row = tx.execute(query).first()
    return _read(row) if row is not None and row.name is not None else None


def find_by_name(tx: Transaction, name: str) -> ClaimedLogin | None:
    """Return who has a user name by a provider."""
    row = tx.execute(select(claimed_person).where(_COLUMNS.name == name)).first()
    return _read(row) if row is not None else None


def list_logins(tx: Transaction) -> list[ClaimedLogin]:
    """Return all who have logged in, by name."""
    found: list[ClaimedLogin] = []
    while True:
        last = found[-1].name if found else ""
        query = select(claimed_person).where(_COLUMNS.name > last).order_by(_COLUMNS.name)
        # Some at a time: the driver lets no other thread run while it makes a list of rows.
        rows = tx.execute(query.limit(_BATCH)).all()
        found += map(_read, rows)
        if len(rows) < _BATCH:
            return found


def list_latest(tx: Transaction, issuer: str, limit: int) -> list[ClaimedLogin]:
    """Return those of one issuer who logged in last, or of whom it said something new last."""
    query = select(claimed_person).where(_COLUMNS.issuer == issuer, _COLUMNS.name.is_not(None))
    rows = tx.execute(query.order_by(_COLUMNS.change.desc()).limit(limit)).all()
    return [_read(row) for row in rows]


def put_login(tx: Transaction, login: ClaimedLogin) -> None:
    """Remember a login. Changes are counted, so that readers find those that are new to them."""
    identity = login.identity
    key = {"issuer": identity.issuer, "subject": identity.subject}
    values = {
        "name": login.name,
        "provider": identity.provider,
        "claims": render_claims(identity.claims),
        "first_at": login.first_at,
        "grouped_at": login.grouped_at,
        "change": latest_change(tx) + 1,
    }
    same = (_COLUMNS.issuer == identity.issuer, _COLUMNS.subject == identity.subject)
    if tx.execute(update(claimed_person).where(*same).values(values)).rowcount == 0:
        tx.execute(insert(claimed_person).values(key | values))


def forget_login(tx: Transaction, name: str) -> None:
    """Give a name free; a new login begins anew."""
    gone = {"name": None, "was": name, "claims": "{}", "change": latest_change(tx) + 1}
    tx.execute(update(claimed_person).where(_COLUMNS.name == name).values(gone))


def latest_change(tx: Transaction) -> int:
    """Return the number of the last change; 0 if there is none."""
    return int(tx.execute(select(func.max(_COLUMNS.change))).scalar() or 0)


def list_changes(tx: Transaction, since: int) -> tuple[list[ClaimedLogin], list[str]]:
    """Return who logged in after a change, and the names that were given free."""
    query = select(claimed_person).where(_COLUMNS.change > since).order_by(_COLUMNS.change)
    rows = tx.execute(query).all()
    return [_read(r) for r in rows if r.name is not None], [r.was for r in rows if r.name is None]


def render_claims(claims: Any) -> str:
    """Render claims as they are kept: the same for the same claims, in whatever order."""
    return json.dumps(claims, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _read(row: Row[Any]) -> ClaimedLogin:
    identity = ProviderIdentity(row.provider, row.issuer, row.subject, json.loads(row.claims))
    return ClaimedLogin(row.name, identity, row.first_at, row.grouped_at)
