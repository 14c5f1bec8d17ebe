"""The counts that are kept equal those of JupyterHub's own walk, whatever changed and how."""

from collections.abc import Iterator
from typing import Any, ClassVar

import jupyterhub.app
import jupyterhub.user
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from jupyterhub import objects, orm
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import Spawner
from jupyterhub.user import User, UserDict
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from sqlalchemy.orm.exc import DetachedInstanceError

from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner
from jupyterhub_platform.hub.upstream.server_counts import (
    DECIDING,
    CountedSpawner,
    CountedUsers,
    _reports_changes,
    correct_counts,
    keep_server_counts,
)
from tests.support.seeds import SEED

FLAGS = sorted(name for name in DECIDING if name.endswith("_pending"))
NAMES = ("", "a", "b")
PEOPLE = ("ada", "bob", "eve")
USER = st.sampled_from(PEOPLE)
NAME = st.sampled_from(NAMES)


class NullSpawner(Spawner):  # type: ignore[misc]
    """Starts nothing."""

    async def start(self) -> str:
        """Start nothing."""
        return "http://127.0.0.1:1"

    async def stop(self, now: bool = False) -> None:
        """Stop nothing."""

    async def poll(self) -> None:
        """Tell that it runs."""


class Counted(CountedSpawner, NullSpawner):
    """One that reports its changes, as ours do."""


class OwnReady(Counted):
    """One of a site that has its own idea of being ready, which reports nothing."""

    is_slow = False

    @property
    def ready(self) -> bool:
        """Whether it is up and quick."""
        return bool(super().ready) and not self.is_slow


KINDS: tuple[type[Spawner], ...] = (Counted, NullSpawner, OwnReady)


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are kept in this test, and afterwards as before."""
    monkeypatch.setattr(jupyterhub.app, "UserDict", jupyterhub.app.UserDict)
    monkeypatch.setattr(jupyterhub.user, "_SpawnerDict", jupyterhub.user._SpawnerDict)
    keep_server_counts()


def make_server(**others: Any) -> orm.Server:
    """Return the row of a server, with the values that the database would give it."""
    return orm.Server(proto="http", ip="127.0.0.1", port=1, base_url="/", cookie_name="x", **others)


class SmallHub:
    """Database and users of a Hub, without its loop."""

    def __init__(self, kind: type[Spawner] = Counted) -> None:
        # Without the record of migrations that the Hub's own way of making one begins with.
        self._engine = create_engine("sqlite:///:memory:")
        orm.Base.metadata.create_all(self._engine)
        self.db = sessionmaker(self._engine, expire_on_commit=False)()
        self.settings: dict[str, Any] = {"spawner_class": kind, "allow_named_servers": True}
        self.users = jupyterhub.app.UserDict(lambda: self.db, self.settings)

    def add(self, name: str) -> User:
        """Return a user, who is made if there is no such user."""
        row = orm.User.find(self.db, name)
        if row is None:
            row = orm.User(name=name)
            self.db.add(row)
            self.db.commit()
        return self.users[row]

    def spawner(self, user: str, name: str = "") -> Any:
        """Return a spawner, which is made if there is none."""
        return self.add(user).get_or_create_spawner(name, name)

    def attach(self, spawner: Any) -> None:
        """Give a spawner its row of a server, as the Hub does at a start."""
        row = make_server()
        self.db.add(row)
        self.db.commit()
        spawner.server = objects.Server(orm_server=row)
        self.db.commit()

    def close(self) -> None:
        """Close the database."""
        self.db.close()
        self._engine.dispose()

    def check(self) -> None:
        """Count twice, the second time when nothing is new, and compare with the walk."""
        for _ in range(2):
            assert self.users.count_active_users() == UserDict.count_active_users(self.users)


class CountingMachine(RuleBasedStateMachine):
    """Everything that the Hub, and a few things that only a site would, do to users and servers."""

    kinds: ClassVar[tuple[type[Spawner], ...]] = KINDS

    def __init__(self) -> None:
        super().__init__()
        self.hub = SmallHub()

    def teardown(self) -> None:
        self.hub.close()

    @rule(kind=st.sampled_from(KINDS))
    def choose_class(self, kind: type[Spawner]) -> None:
        self.hub.settings["spawner_class"] = kind

    @rule(user=USER, name=NAME)
    def make(self, user: str, name: str) -> None:
        self.hub.spawner(user, name)

    @rule(user=USER, name=NAME, flag=st.sampled_from(FLAGS), value=st.booleans())
    def flag(self, user: str, name: str, flag: str, value: bool) -> None:
        setattr(self.hub.spawner(user, name), flag, value)

    @rule(user=USER, name=NAME, flag=st.sampled_from(FLAGS))
    def clear_flag(self, user: str, name: str, flag: str) -> None:
        spawner = self.hub.spawner(user, name)
        if flag in vars(spawner):
            delattr(spawner, flag)

    @rule(user=USER, name=NAME, value=st.booleans())
    def be_slow(self, user: str, name: str, value: bool) -> None:
        self.hub.spawner(user, name).is_slow = value

    @rule(user=USER, name=NAME)
    def attach(self, user: str, name: str) -> None:
        self.hub.attach(self.hub.spawner(user, name))

    @rule(user=USER, name=NAME, committed=st.booleans())
    def detach(self, user: str, name: str, committed: bool) -> None:
        self.hub.spawner(user, name).server = None
        if committed:
            self.hub.db.commit()

    @rule(user=USER, name=NAME, by=st.sampled_from(["row", "server", "removal"]))
    def change_row(self, user: str, name: str, by: str) -> None:
        row = self.hub.spawner(user, name).orm_spawner
        if by == "row":
            row.server = make_server()
        elif by == "server":
            self.hub.db.add(make_server(spawner=row))
        elif row.server is not None:
            del row.server

    @rule(user=USER, name=NAME)
    def delete_server_row(self, user: str, name: str) -> None:
        row = self.hub.spawner(user, name).orm_spawner
        if row.server is not None and row.server in self.hub.db:
            self.hub.db.commit()
            self.hub.db.delete(row.server)
            self.hub.db.commit()

    @rule(user=USER, name=NAME)
    def change_in_the_database(self, user: str, name: str) -> None:
        row = self.hub.spawner(user, name).orm_spawner
        self.hub.db.commit()
        table = orm.Spawner.__table__
        self.hub.db.execute(table.update().where(table.c.id == row.id).values(server_id=None))
        self.hub.db.commit()

    @rule(whole=st.booleans())
    def reread(self, whole: bool) -> None:
        self.hub.db.commit()
        if whole:
            self.hub.db.expire_all()
        else:
            self.hub.db.query(orm.Spawner).populate_existing().all()

    @rule(user=USER, name=NAME)
    def refresh(self, user: str, name: str) -> None:
        self.hub.db.commit()
        self.hub.db.refresh(self.hub.spawner(user, name).orm_spawner)

    @rule()
    def roll_back(self) -> None:
        self.hub.db.rollback()

    @rule(user=USER, name=NAME, way=st.sampled_from(["pop", "del", "delete", "clear", "popitem"]))
    def remove_spawner(self, user: str, name: str, way: str) -> None:
        spawners = self.hub.add(user).spawners
        spawner = self.hub.spawner(user, name)
        if way == "delete" and name:
            self.hub.db.delete(spawner.orm_spawner)
            spawners.pop(name, None)
            self.hub.db.commit()
        elif way == "del":
            _ = spawners[name]
            del spawners[name]
        elif way == "popitem" and spawners:
            spawners.popitem()
        elif way == "clear":
            spawners.clear()
        else:
            spawners.pop(name, None)

    @rule(user=USER, name=NAME, way=st.sampled_from(["set", "update", "or", "default"]))
    def replace_wrapper(self, user: str, name: str, way: str) -> None:
        found = self.hub.add(user)
        self.hub.spawner(user, name)
        new = found._new_spawner(name)
        if way == "set":
            found.spawners[name] = new
        elif way == "update":
            found.spawners.update({name: new})
        elif way == "or":
            found.spawners |= {name: new}
        else:
            found.spawners.setdefault(name, new)

    @rule(user=USER, name=st.sampled_from(NAMES[1:]))
    def rename(self, user: str, name: str) -> None:
        spawner = self.hub.spawner(user, name)
        if spawner.active or name + "2" in spawner.user.orm_spawners:
            return
        spawner._rename_pending = True
        self.hub.check()
        spawner._rename_pending = False
        spawner.orm_spawner.name = name + "2"
        self.hub.db.commit()
        spawner.user.spawners.pop(name, None)

    @rule(user=USER, name=NAME, other=NAME)
    def exchange_row(self, user: str, name: str, other: str) -> None:
        spawner, source = self.hub.spawner(user, name), self.hub.spawner(user, other)
        spawner.orm_spawner = source.orm_spawner

    @rule(user=USER, name=NAME, other=USER)
    def share_spawner(self, user: str, name: str, other: str) -> None:
        spawner = self.hub.spawner(user, name)
        self.hub.add(other).spawners["shared"] = spawner

    @rule(user=USER, way=st.sampled_from(["delete", "del", "pop", "clear", "popitem"]))
    def forget_user(self, user: str, way: str) -> None:
        users, found = self.hub.users, self.hub.add(user)
        self.hub.db.commit()
        if way == "delete":
            users.delete(found)
        elif way == "del":
            del users[found]
        elif way == "pop":
            users.pop(found.id)
        elif way == "popitem":
            users.popitem()
        else:
            users.clear()

    @rule(user=USER, way=st.sampled_from(["set", "update", "or"]))
    def replace_user(self, user: str, way: str) -> None:
        users, found = self.hub.users, self.hub.add(user)
        new = User(found.orm_user, self.hub.settings)
        for row in found.orm_user.orm_spawners:
            _ = new.spawners[row]
        if way == "set":
            users[found.id] = new
        elif way == "update":
            users.update({found.id: new})
        else:
            users |= {found.id: new}

    @precondition(lambda self: self.hub.users)
    @rule(user=USER)
    def rename_user(self, user: str) -> None:
        found = self.hub.add(user)
        if orm.User.find(self.hub.db, "new") is None:
            found.name = "new"
            self.hub.db.commit()

    @invariant()
    def counts_are_those_of_the_walk(self) -> None:
        self.hub.check()


@pytest.fixture
def hub() -> Iterator[SmallHub]:
    """A Hub whose spawners report their changes, with a server that runs and one that does not."""
    hub = SmallHub()
    hub.attach(hub.spawner("ada", "a"))
    hub.spawner("ada", "b")
    hub.check()
    yield hub
    hub.close()


def test_only_users_that_changed_are_visited(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.attach(hub.spawner("bob"))
    hub.check()
    visited: list[str] = []
    pending = Spawner.pending.fget

    def noting(spawner: Any) -> Any:
        visited.append(spawner.user.name)
        return pending(spawner)

    monkeypatch.setattr(Spawner, "pending", property(noting))
    assert hub.users.count_active_users() == {"active": 2, "ready": 2}
    assert visited == []
    hub.spawner("bob")._stop_pending = True
    assert hub.users.count_active_users()["stop_pending"] == 1
    assert set(visited) == {"bob"}


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("flag", FLAGS)
def test_each_pending_state_is_counted(hub: SmallHub, flag: str, name: str) -> None:
    spawner = hub.spawner("ada", name)
    setattr(spawner, flag, True)
    hub.check()
    assert hub.users.count_active_users()["pending"] == 1
    delattr(spawner, flag)
    hub.check()
    assert hub.users.count_active_users()["pending"] == 0


def test_a_server_that_the_database_takes_back_is_not_counted(hub: SmallHub) -> None:
    spawner = hub.spawner("ada", "b")
    spawner.server = objects.Server(orm_server=make_server())
    hub.check()
    hub.db.rollback()
    hub.check()
    assert hub.users.count_active_users()["active"] == 1


@pytest.mark.parametrize("reread", ["expire", "refresh", "populate"])
def test_server_is_counted_again_when_its_row_is_reloaded(hub: SmallHub, reread: str) -> None:
    row = hub.spawner("ada", "a").orm_spawner
    table = orm.Spawner.__table__
    hub.db.execute(table.update().values(server_id=None))
    hub.db.commit()
    if reread == "expire":
        hub.db.expire(row)
    elif reread == "refresh":
        hub.db.refresh(row)
    else:
        hub.db.query(orm.Spawner).populate_existing().all()
    hub.check()
    assert hub.users.count_active_users() == {}


def test_the_servers_of_a_deleted_user_are_not_counted(hub: SmallHub) -> None:
    user = hub.add("ada")
    hub.users.delete(user)
    hub.check()
    hub.spawner("ada")._spawn_pending = True
    user.spawners["a"]._stop_pending = True
    hub.check()
    assert hub.users.count_active_users() == {"pending": 1, "spawn_pending": 1, "active": 1}


def test_servers_are_counted_when_they_are_taken_up_at_the_start_of_a_hub(hub: SmallHub) -> None:
    again = CountedUsers(lambda: hub.db, hub.settings)
    hub.users.clear()
    hub.check()
    for row in hub.db.query(orm.Spawner).filter(orm.Spawner.server != None):  # noqa: E711 - SQL
        again[row.user].spawners[row.name]._check_pending = True
    assert again.count_active_users() == UserDict.count_active_users(again)
    assert again.count_active_users()["check_pending"] == 1


def test_a_failed_start_leaves_its_spawner_for_the_next_one(hub: SmallHub) -> None:
    spawner = hub.spawner("ada", "b")
    spawner._spawn_pending = True
    hub.check()
    user = hub.add("ada")
    user.spawners.pop("b")
    hub.check()
    spawner._spawn_pending = False
    assert user.spawners["b"] is not spawner
    hub.check()


def test_a_walk_that_fails_fails_again_and_loses_nothing(hub: SmallHub) -> None:
    spawner = hub.spawner("ada", "a")
    row = spawner.orm_spawner
    hub.db.expire(row)
    hub.db.expunge(row)
    for _ in range(2):
        with pytest.raises(DetachedInstanceError):
            hub.users.count_active_users()
    hub.db.add(row)
    hub.check()


@pytest.mark.parametrize("kind", [NullSpawner, OwnReady])
def test_a_class_that_does_not_report_is_walked_through(kind: type[Spawner]) -> None:
    hub = SmallHub(kind)
    spawner = hub.spawner("ada")
    hub.attach(spawner)
    hub.check()
    spawner.is_slow = True
    hub.check()
    spawner._stop_pending = True
    hub.check()
    assert hub.users.count_active_users()["stop_pending"] == 1
    hub.close()


@pytest.mark.parametrize("kind", [PlatformLocalSpawner, PlatformKubeSpawner])
def test_our_spawners_report_each_change(kind: Any) -> None:
    """Otherwise every start would walk through everybody, as JupyterHub does."""
    assert _reports_changes(kind)


def test_counted_flags_are_those_that_jupyterhub_reads() -> None:
    """A state that a later JupyterHub adds would be missed: this names it."""
    attributes = {name for name in vars(Spawner) if name.endswith("_pending")}
    assert attributes == {*FLAGS, "_start_pending", "_proxy_pending"}
    read = Spawner.pending.fget.__code__.co_names + Spawner.active.fget.__code__.co_names
    assert set(read) == {*FLAGS, "bool", "pending", "ready"}
    assert set(Spawner.ready.fget.__code__.co_names) == {"pending", "server"}
    assert set(Spawner.server.fget.__code__.co_names) == {
        "orm_spawner",
        "_server",
        "server",
        "orm_server",
        "Server",
    }


async def test_counts_that_are_wrong_all_the_same_are_found_and_corrected(hub: SmallHub) -> None:
    user = hub.add("ada")
    assert await correct_counts(hub.users) == []
    # Behind our back: no attribute is set, and no dict changed.
    vars(user.spawners["b"])["_spawn_pending"] = True
    assert await correct_counts(hub.users) == ["ada"]
    hub.check()
    assert await correct_counts(UserDict(lambda: hub.db, {})) == []


def test_every_hub_of_ours_keeps_its_counts() -> None:
    assert isinstance(JupyterHub(tornado_settings={"log": None}).users, CountedUsers)


@pytest.mark.parametrize(
    "examples",
    [10, pytest.param(1_000, marks=pytest.mark.long)],
)
def test_counts_equal_the_walk_at_every_instant(examples: int) -> None:
    run_state_machine_as_test(
        seed(SEED)(CountingMachine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
