"""Does the book match the servers: rebuilt after a restart, and compared from then on."""

import json
import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resource_names import SERVERS
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.store import decision_log, ledger
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import Admission
from jupyterhub_platform.usecases.book import Book

log = logging.getLogger(__name__)

NOT_RUNNING = "not running after a restart of the Hub"


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A server that the Hub counts as active, or could not stop.

    ``state`` is what stands under ``platform`` in its spawner's state, ``options`` its stored
    ``user_options``: a last resort, since they say what was asked for and not what was given.
    """

    user: str
    server: str
    spawner_id: int
    state: object = None
    options: object = None


@dataclass(frozen=True, slots=True)
class Drift:
    """An unplanned difference. ``kind`` is stable; ``detail`` is for people."""

    kind: str
    detail: str


def list_held(store: Store) -> list[Reservation]:
    """Return what the ledger says is held.

    Raises
    ------
    StoreUnreachableError
        Raised if it cannot be read.
    """
    with store.read() as transaction:
        return ledger.list_open(transaction)


def rebuild(admission: Admission, store: Store, live: Iterable[LiveServer]) -> None:
    """Fill the book from live servers, then their state, then open rows of the ledger.

    Must run before the first admission. A server without a row gets one, so that it is charged; a
    row without a server is closed, since nothing can be running. ``live`` are the servers that the
    Hub counts as active, and those that it could not stop. What an observed pod held is held until
    the first look at the cluster says otherwise.

    Raises
    ------
    StoreUnreachableError
        Raised if the ledger cannot be read; then nothing may be admitted.
    """
    rows = {row.id: row for row in list_held(store)}
    by_server = {(row.user, row.server): row for row in rows.values()}
    kept = [row for row in by_server.values() if row.pod]
    for server in live:
        reservation = _find(store, server, by_server.get((server.user, server.server)), rows)
        if reservation is None:
            reservation = _adopt(admission, server)
            log.warning(
                "%s/%s runs without a reservation: entered as tier %s in %s",
                server.user,
                server.server,
                reservation.tier or "(unknown)",
                reservation.account or "(no account)",
            )
        if reservation.id not in rows:
            reservation = _enter_row(admission, store, reservation)
        kept.append(reservation)
    admission.book.refill(kept)
    for row in rows.values():
        if row.id not in admission.book:
            admission.close_row(row.id, NOT_RUNNING)


def _find(
    store: Store, server: LiveServer, row: Reservation | None, rows: Mapping[str, Reservation]
) -> Reservation | None:
    """Return what a live server holds; ``row`` is the newest open row that names it."""
    stated = _from_state(server)
    if stated is None:
        return row
    committed = rows.get(stated.id)
    if committed is not None:
        # What was committed at admission counts, if it was for this server.
        return committed if _names(committed, server) else row
    if row is not None and _stands_in_ledger(store, stated.id):
        # The state tells of a row that was closed since; this server has got a new one.
        return row
    return stated


def _from_state(server: LiveServer) -> Reservation | None:
    """Read a state that came out of a database: only what admission could have put there."""
    if not isinstance(server.state, Mapping):
        return None
    try:
        reservation = Reservation.from_json({**server.state, "spawner_id": server.spawner_id})
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    demand = reservation.demand
    well_formed = (
        reservation.id != ""
        and reservation.id.isprintable()
        and demand.amount(SERVERS) == 1
        and all(amount >= 0 for amount in demand.values())
    )
    return reservation if well_formed and _names(reservation, server) else None


def _names(reservation: Reservation, server: LiveServer) -> bool:
    return (reservation.user, reservation.server) == (server.user, server.server)


def _stands_in_ledger(store: Store, identifier: str) -> bool:
    with store.read() as transaction:
        return decision_log.get_decision(transaction, identifier) is not None


def _adopt(admission: Admission, server: LiveServer) -> Reservation:
    policy, now = admission.snapshot.policy, admission.now()
    options = read_options(server.options)
    named = policy.tiers.get(options.tier or policy.defaults.tier)
    tier = named and (named.find_variant(options.size) or named.variants[0])
    accounts = sorted(policy.declared_groups(server.user))
    account = options.account if options.account in accounts else next(iter(accounts), "")
    return Reservation(
        id=uuid.uuid4().hex,
        user=server.user,
        server=server.server,
        spawner_id=server.spawner_id,
        account=account,
        tier=tier.name if tier else "",
        size=tier.size if tier else "",
        image=options.image or (tier.images[0] if tier else ""),
        demand=tier.demand if tier else Resources.of({SERVERS: 1}),
        opened_at=now,
        ends_at=now + tier.max_lifetime if tier and tier.max_lifetime else None,
        idle_timeout=tier.idle_timeout if tier else None,
    )


def _enter_row(admission: Admission, store: Store, reservation: Reservation) -> Reservation:
    """Enter a row for a server that has none: adopted, or of a store that was put back."""
    if _stands_in_ledger(store, reservation.id):
        # Its row was closed, and closed rows stay closed: what it held until then is charged there.
        reservation = replace(reservation, id=uuid.uuid4().hex, opened_at=admission.now())
    decision: dict[str, Any] = {"admitted": True, "adopted": True, **reservation.to_json()}
    with store.begin() as transaction:
        ledger.open_reservation(
            transaction,
            reservation,
            decision_json=json.dumps(decision),
            policy_revision=admission.snapshot.revision,
        )
    return reservation


def compare(book: Book, store: Store, live: Iterable[LiveServer]) -> tuple[Drift, ...]:
    """Compare book, live servers and open rows, and return every difference.

    Takes a second with many servers: a Hub runs it in a thread, on a copy of its book.

    Raises
    ------
    StoreUnreachableError
        Raised if the ledger cannot be read.
    """
    with store.read() as transaction:
        rows = ledger.list_open_ids(transaction)
    held = {each.id: each for each in book}
    running = {(server.user, server.server) for server in live}
    booked = {(each.user, each.server) for each in held.values() if not each.pod}
    drifts = [
        Drift("server_without_reservation", f"{user}/{server} runs and holds nothing")
        for user, server in sorted(running - booked)
    ]
    drifts += [
        Drift("reservation_without_server", f"{user}/{server} holds something and does not run")
        for user, server in sorted(booked - running)
    ]
    drifts += [
        Drift("reservation_without_row", f"{held[each].user}/{held[each].server} has no open row")
        for each in sorted(held.keys() - rows)
    ]
    drifts += [
        Drift("row_without_reservation", f"the open row {each} is in no book")
        for each in sorted(rows - held.keys())
    ]
    drifts += [
        Drift("total", f"the total of {name} at {scope.kind} is not the sum of what is held")
        for scope, name in book.drifted()
    ]
    return tuple(drifts)
