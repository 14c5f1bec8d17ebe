"""Memberships that people added in the Hub: pairs of user and group."""

from collections.abc import Iterable
from typing import TypeAlias

from sqlalchemy import and_, bindparam, delete, insert, select

from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import added_membership

Pairs: TypeAlias = Iterable[tuple[str, str]]

_COLUMNS = added_membership.c


def list_added(tx: Transaction) -> set[tuple[str, str]]:
    """Return all pairs."""
    rows = tx.execute(select(_COLUMNS.user_name, _COLUMNS.group_name))
    return {(row.user_name, row.group_name) for row in rows}


def change_added(tx: Transaction, *, add: Pairs = (), drop: Pairs = ()) -> None:
    """Remember pairs and forget others; again does no harm."""
    added, dropped = list(add), list(drop)
    rows = [{"user": user, "of": group} for user, group in (*dropped, *added)]
    if rows:
        both = and_(_COLUMNS.user_name == bindparam("user"), _COLUMNS.group_name == bindparam("of"))
        tx.execute(delete(added_membership).where(both), rows)
    if added:
        new = [{"user_name": user, "group_name": group} for user, group in sorted(set(added))]
        tx.execute(insert(added_membership), new)
