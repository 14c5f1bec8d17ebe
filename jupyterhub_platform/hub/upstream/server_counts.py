"""Keeps counts of pending, active and ready servers, instead of counting at every start.

JupyterHub walks through every user in memory whenever a server starts
(``UserDict.count_active_users``): with 10,000 users and 5,000 servers, half of the cost of a start.
Here each user's part of the sum is kept, and JupyterHub's own walk visits only the users that have
changed since.

A change is noticed where it happens: users and spawners come and go in their dicts, a
:class:`CountedSpawner` reports its ``DECIDING`` attributes, and SQLAlchemy reports
``orm.Spawner.server``. A user with a part that does not report, such as a spawner of another class,
is visited each time.

Upstream: jupyterhub 6.1
Issue: not reported (since jupyterhub/jupyterhub#1301, which found the walk quick enough)
Ends when: JupyterHub counts in less than O(users).
"""

import functools
import inspect
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import jupyterhub.app
import jupyterhub.user
from jupyterhub import orm
from jupyterhub.spawner import Spawner
from jupyterhub.user import UserDict, _SpawnerDict
from sqlalchemy import event

from jupyterhub_platform.hub.upstream.event_loop import Turn

Counts: TypeAlias = tuple[tuple[str, int], ...]

DECIDING: Final = frozenset(
    {
        "_spawn_pending",
        "_stop_pending",
        "_check_pending",
        "_rename_pending",
        "_server",
        "orm_spawner",
    }
)
"""Attributes of a spawner that ``pending``, ``active`` and ``ready`` are computed from."""
_COMPUTED: Final = ("pending", "active", "ready", "server")
_REPORTS_TO: Final = "_reports_to"


def _reporting(method: Any) -> Any:
    """Return a method of a dict that reports a change afterwards, also when it fails."""

    @functools.wraps(method)
    def changing(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments, **named)
        finally:
            self.note_change()

    return changing


class CountedSpawners(_SpawnerDict):  # type: ignore[misc]
    """One user's spawners by name; reports to the dict of users that has the user."""

    users: "CountedUsers | None" = None
    key = 0

    def note_change(self) -> None:
        """Have this user visited at the next count."""
        if self.users is not None:
            self.users.changed.add(self.key)

    @property
    def is_counted(self) -> bool:
        """Whether the dict of users that it reports to counts these spawners."""
        user = None if self.users is None else dict.get(self.users, self.key)
        return user is not None and user.spawners is self

    __setitem__ = _reporting(_SpawnerDict.__setitem__)
    __delitem__ = _reporting(_SpawnerDict.__delitem__)
    __ior__ = _reporting(_SpawnerDict.__ior__)
    pop = _reporting(_SpawnerDict.pop)
    popitem = _reporting(_SpawnerDict.popitem)
    setdefault = _reporting(_SpawnerDict.setdefault)
    update = _reporting(_SpawnerDict.update)
    clear = _reporting(_SpawnerDict.clear)


class CountedSpawner:
    """Goes before ``Spawner``: reports each change of what its state is computed from."""

    _reports_to: CountedSpawners | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        reports_to = self._reports_to if name in DECIDING else None
        # A look at a stopped server sets its ``_server`` again, to the same value.
        changes = reports_to is not None and getattr(self, name) is not value
        super().__setattr__(name, value)
        if reports_to is not None and changes:
            reports_to.note_change()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in DECIDING and self._reports_to is not None:
            self._reports_to.note_change()


class CountedUsers(UserDict):  # type: ignore[misc]
    """The Hub's users by id, and how many servers are in which state."""

    def __init__(self, db_factory: Callable[[], Any], settings: Any) -> None:
        super().__init__(db_factory, settings)
        self.changed: set[int] = set()
        """Users that changed since they were visited."""
        self._unreported: set[int] = set()
        """Users that may change without a report."""
        self._counts: dict[int, Counts] = {}
        self._totals: Counter[str] = Counter()
        # Thousands of users have the same counts: they share one object.
        self._shared: dict[Counts, Counts] = {}

    def count_active_users(self) -> defaultdict[str, int]:
        """Return what JupyterHub's own method would."""
        for key in (*self.changed, *self._unreported):
            self._visit(key)
        return defaultdict(int, {state: count for state, count in self._totals.items() if count})

    def correct(self, key: int) -> bool:
        """Recount one user's servers, and return whether their counts were wrong."""
        if key in self.changed or key in self._unreported:
            return False
        kept = self._counts.get(key, ())
        self._visit(key)
        return kept != self._counts.get(key, ())

    def _visit(self, key: int) -> None:
        # Before the visit: a change during it, such as a loaded row, needs another visit.
        self.changed.discard(key)
        self._unreported.discard(key)
        try:
            user, counts = dict.get(self, key), ()
            if user is not None:
                if not self._have_report(key, user):
                    self._unreported.add(key)
                counts = tuple(sorted(UserDict.count_active_users({key: user}).items()))
        except BaseException:
            self.changed.add(key)
            raise
        self._totals.subtract(dict(self._counts.pop(key, ())))
        if counts:
            self._counts[key] = self._shared.setdefault(counts, counts)
            self._totals.update(dict(counts))

    def _have_report(self, key: int, user: Any) -> bool:
        """Have a user's spawners report here, and return whether no change will be missed."""
        spawners = user.spawners
        if not isinstance(spawners, CountedSpawners):
            return False
        if (spawners.users, spawners.key) != (self, key) and spawners.is_counted:
            return False
        spawners.users, spawners.key = self, key
        # For each of them: from now on, all that can report do.
        have = [_have_report(spawner, spawners) for spawner in spawners.values()]
        return all(have)

    # -- users come and go --------------------------------------------------------------------

    def note_change(self) -> None:
        """Have every user visited at the next count."""
        self.changed.update(self._counts, dict.keys(self))

    def __setitem__(self, key: int, user: Any) -> None:
        super().__setitem__(key, user)
        self.changed.add(key)

    def __delitem__(self, key: Any) -> None:
        number = self[key].id
        try:
            super().__delitem__(number)
        finally:
            self.changed.add(number)

    def pop(self, key: int, *default: Any) -> Any:
        """Remove a user."""
        self.changed.add(key)
        return super().pop(key, *default)

    __ior__ = _reporting(UserDict.__ior__)
    popitem = _reporting(UserDict.popitem)
    setdefault = _reporting(UserDict.setdefault)
    update = _reporting(UserDict.update)
    clear = _reporting(UserDict.clear)


def _have_report(spawner: Any, spawners: CountedSpawners) -> bool:
    """Have a spawner and its row report changes, and return whether none will be missed."""
    row = getattr(spawner, "orm_spawner", None)
    kind: Any = type(spawner)
    if not _reports_changes(kind) or not (row is None or isinstance(row, orm.Spawner)):
        return False
    both = [vars(each) for each in (spawner, row) if each is not None]
    for attributes in both:
        other = attributes.get(_REPORTS_TO)
        if other is not None and other is not spawners and other.is_counted:
            return False
    for attributes in both:
        attributes[_REPORTS_TO] = spawners
    return True


@functools.cache
def _reports_changes(kind: Any) -> bool:
    """Tell whether a class of spawners computes its state as JupyterHub does, and reports it."""
    if not issubclass(kind, CountedSpawner) or not issubclass(kind, Spawner):
        return False

    def is_that_of(other: type, name: str, part: str = "") -> bool:
        own, others = (inspect.getattr_static(each, name) for each in (kind, other))
        return own is others or (
            bool(part) and getattr(own, part, own) is getattr(others, part, None)
        )

    return (
        all(is_that_of(Spawner, name, "fget") for name in _COMPUTED)
        and all(is_that_of(Spawner, name) for name in (*DECIDING, "__getattribute__"))
        and all(is_that_of(CountedSpawner, name) for name in ("__setattr__", "__delattr__"))
    )


def _note_row(row: Any, *_: Any) -> None:
    # A row that is about to expire may be gone; then no spawner has it.
    reports_to = None if row is None else vars(row).get(_REPORTS_TO)
    if reports_to is not None:
        reports_to.note_change()


async def correct_counts(users: Any) -> list[str]:
    """Recount all users' servers, yielding the loop in between, and return whose counts were wrong.

    No way to change a server without a report is known. If there is one, its effect ends here.
    """
    turn, wrong = Turn(), []
    for key, user in tuple(users.items()) if isinstance(users, CountedUsers) else ():
        if users.correct(key):
            wrong.append(str(user.name))
        await turn.yield_if_due()
    return wrong


def keep_server_counts() -> None:
    """Have Hubs of this process keep their counts from now on; calling it again is harmless."""
    jupyterhub.app.UserDict = CountedUsers
    jupyterhub.user._SpawnerDict = CountedSpawners
    for target, change in (
        (orm.Spawner.server, "set"),
        (orm.Spawner.server, "remove"),
        (orm.Spawner, "expire"),
        (orm.Spawner, "refresh"),
    ):
        if not event.contains(target, change, _note_row):
            event.listen(target, change, _note_row)
