"""The book of what is held now, in memory: every reservation, with totals at every scope."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from jupyterhub_platform.core.reservations import Reservation, Scope

_Totals: TypeAlias = defaultdict[str, dict[Scope, int]]
"""By resource, then scope: a handful of large tables, which are quickly copied."""


class Book:
    """The reservations of all live servers, with totals that cost nothing to look up.

    Belongs to one thread, the Hub's. Totals change together with the reservations they add up, in
    one synchronous step; :meth:`drifted` recomputes them to prove it.
    """

    def __init__(self) -> None:
        self._by_id: dict[str, Reservation] = {}
        self._by_server: dict[tuple[str, str], str] = {}
        # Mostly one: a tuple takes a quarter of a set.
        self._by_user: dict[str, tuple[str, ...]] = {}
        self._totals: _Totals = defaultdict(dict)
        self._pods: dict[str, Reservation] = {}
        self._totals_of_pods: _Totals = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Reservation]:
        return iter(tuple(self._by_id.values()))

    def __contains__(self, reservation_id: str) -> bool:
        return reservation_id in self._by_id

    def held(self, scope: Scope, name: str) -> int:
        """Return the amount of ``name`` held at ``scope``, in base units."""
        totals = self._totals.get(name)
        return totals.get(scope, 0) if totals else 0

    def held_by_pods(self, scope: Scope, name: str) -> int:
        """Return the part of it that observed pods hold, which are not servers."""
        if not self._pods:
            return 0
        totals = self._totals_of_pods.get(name)
        return totals.get(scope, 0) if totals else 0

    @property
    def pods(self) -> tuple[Reservation, ...]:
        """What observed pods hold."""
        return tuple(self._pods.values())

    @property
    def ids(self) -> AbstractSet[str]:
        """The ids of all reservations."""
        return self._by_id.keys()

    @property
    def resources(self) -> tuple[str, ...]:
        """The names of the resources of which something is held."""
        return tuple(sorted(name for name, totals in self._totals.items() if totals))

    def get(self, reservation_id: str) -> Reservation | None:
        """Return a reservation by its id."""
        return self._by_id.get(reservation_id)

    def of_server(self, user: str, server: str) -> Reservation | None:
        """Return what one server holds."""
        return self._by_id.get(self._by_server.get((user, server), ""))

    def of_user(self, user: str) -> tuple[Reservation, ...]:
        """Return what servers and observed pods of one user hold, by the name of the server."""
        held = (self._by_id[each] for each in self._by_user.get(user, ()))
        return tuple(sorted(held, key=lambda reservation: reservation.server))

    def servers_of(self, user: str) -> tuple[Reservation, ...]:
        """Return what the servers of one user hold, by the name of the server."""
        return tuple(held for held in self.of_user(user) if not held.pod)

    def of_account(self, account: str) -> tuple[Reservation, ...]:
        """Return what is charged to one account, oldest first."""
        held = (each for each in self._by_id.values() if each.account == account)
        return tuple(sorted(held, key=lambda reservation: reservation.opened_at))

    def enter(self, reservation: Reservation) -> None:
        """Enter a reservation.

        Raises
        ------
        ValueError
            Raised if it stands here already, or if its server holds another: that one would never
            be released.
        """
        server = (reservation.user, reservation.server)
        if reservation.id in self._by_id or server in self._by_server:
            raise ValueError(f"{reservation.user}/{reservation.server} holds a reservation already")
        self._by_id[reservation.id] = reservation
        self._by_server[server] = reservation.id
        self._by_user[reservation.user] = (*self._by_user.get(reservation.user, ()), reservation.id)
        _change(self._totals, reservation, +1)
        if reservation.pod:
            self._pods[reservation.id] = reservation
            _change(self._totals_of_pods, reservation, +1)

    def strike(self, reservation_id: str) -> Reservation | None:
        """Take a reservation out; ``None`` if it does not stand here, so that it is done once."""
        reservation = self._by_id.pop(reservation_id, None)
        if reservation is None:
            return None
        del self._by_server[reservation.user, reservation.server]
        of_user = self._by_user.pop(reservation.user)
        others = tuple(held for held in of_user if held != reservation_id)
        if others:
            self._by_user[reservation.user] = others
        _change(self._totals, reservation, -1)
        if self._pods.pop(reservation_id, None):
            _change(self._totals_of_pods, reservation, -1)
        return reservation

    def refill(self, reservations: Iterable[Reservation]) -> None:
        """Forget everything, and enter these."""
        self._by_id.clear()
        self._by_server.clear()
        self._by_user.clear()
        self._totals.clear()
        self._pods.clear()
        self._totals_of_pods.clear()
        for reservation in reservations:
            self.enter(reservation)

    def copy(self) -> "Book":
        """Return a book of what is held now, for another thread to look at."""
        copy = Book()
        copy._by_id.update(self._by_id)
        copy._by_server.update(self._by_server)
        copy._by_user.update(self._by_user)
        copy._totals.update((name, dict(totals)) for name, totals in self._totals.items())
        copy._pods.update(self._pods)
        of_pods = self._totals_of_pods.items()
        copy._totals_of_pods.update((name, dict(totals)) for name, totals in of_pods)
        return copy

    def list_differing(self, other: "Book") -> list[Reservation]:
        """List what stands only in one of the two books."""
        if other is self:
            return []
        ids = self._by_id.keys() ^ other._by_id.keys()
        return [self._by_id.get(each) or other._by_id[each] for each in ids]

    def drifted(self) -> tuple[tuple[Scope, str], ...]:
        """Return the totals that are not the sum of the reservations; empty when all is well."""
        pods = (each for each in self._by_id.values() if each.pod)
        found = _compare(self._totals, self._by_id.values())
        return tuple(sorted(found | _compare(self._totals_of_pods, pods)))


def _compare(totals: _Totals, held: Iterable[Reservation]) -> set[tuple[Scope, str]]:
    sums: _Totals = defaultdict(dict)
    for reservation in held:
        _change(sums, reservation, +1)
    found = set[tuple[Scope, str]]()
    for name in sums.keys() | totals.keys():
        due, booked = sums.get(name, {}), totals.get(name, {})
        scopes = due.keys() | booked.keys()
        found.update((each, name) for each in scopes if due.get(each, 0) != booked.get(each, 0))
    return found


def _change(totals: _Totals, reservation: Reservation, sign: int) -> None:
    scopes = tuple(reservation.scopes())
    for name, amount in reservation.demand.items_:
        if not amount:
            continue
        of_name = totals[name]
        for scope in scopes:
            left = of_name.get(scope, 0) + sign * amount
            if left:
                of_name[scope] = left
            else:
                of_name.pop(scope, None)
