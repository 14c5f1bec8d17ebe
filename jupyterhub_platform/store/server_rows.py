"""Which rows of the ledger are of servers, and not of observed pods."""

from sqlalchemy import ColumnElement

from jupyterhub_platform.core.reservations import POD
from jupyterhub_platform.store.schema import reservation


def is_of_server() -> ColumnElement[bool]:
    """Tell rows of servers from those of observed pods."""
    return reservation.c.server.not_like(f"{POD}%")
