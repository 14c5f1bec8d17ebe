"""Many new users at once are in the Hub's database as if each had been settled alone."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm, roles
from sqlalchemy import event

from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people import memberships
from jupyterhub_platform.hub.people.memberships import add_people, apply_memberships, settle_person
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.policies import Policies
from tests.support.policies import make_policy

LEVELS = ("viewer", "user", "developer", "manager", "operator", "auditor", "admin")
CROWD = [f"p{number:03}" for number in range(100)]
Rows = dict[str, tuple[bool, list[str], list[str]]]


def of_crowd(*names: str) -> Policy:
    """Declare users of all levels, every second of them in a group."""
    people = {name: {"level": LEVELS[each % 7]} for each, name in enumerate(names)}
    return make_policy({"users": people, "groups": {"crowd": {"members": list(names[::2])}}})


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """Give the platform's own store, where memberships are remembered."""
    opened = Store.open(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], Any]]:
    """Give databases as a new Hub has them."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres_server")
    made: list[tuple[str, Any]] = []

    def make() -> Any:
        url = "sqlite://" if server is None else server.create_database()
        of_hub = url.replace("postgres://", "postgresql+psycopg://")
        database = orm.new_session_factory(of_hub)()
        made.append((url, database))
        for role in roles.get_default_roles():
            roles.create_role(database, role)
        return database

    yield make
    for url, database in made:
        database.close()
        database.bind.dispose()
        if server is not None:
            server.drop_database(url)


def read(database: Any) -> Rows:
    database.expire_all()
    return {
        user.name: (
            user.admin,
            sorted(group.name for group in user.groups),
            sorted(role.name for role in user.roles),
        )
        for user in database.query(orm.User)
    }


async def settle(store: Store, database: Any, policy: Policy, **options: Any) -> None:
    app = SimpleNamespace(
        db=database,
        authenticator=SimpleNamespace(blocked_users=set()),
        log=logging.getLogger("settle"),
    )
    await apply_memberships(app, policy, Policies(store), lambda: True, **options)


@pytest.mark.parametrize("levels_only", [False, True])
async def test_users_added_together_are_as_those_settled_one_by_one(
    store: Store, new_database: Callable[[], Any], levels_only: bool
) -> None:
    policy = of_crowd(*CROWD)
    together, alone = new_database(), new_database()
    await settle(store, together, policy, levels_only=levels_only)
    for name in policy.people:
        settle_person(alone, policy, name, frozenset(), levels_only=levels_only)
    alone.commit()
    assert read(together) == read(alone)
    assert read(together)["p006"] == (
        True,
        ["level:admin"] if levels_only else ["crowd", "level:admin"],
        ["admin", "user"],
    )


def test_admins_and_those_whom_the_hub_knows_are_left_to_be_settled_alone(
    new_database: Callable[[], Any],
) -> None:
    database, policy = new_database(), of_crowd(*CROWD[:7])
    settle_person(database, policy, "p001", frozenset(), levels_only=True)
    before = read(database)
    assert add_people(database, policy, CROWD[:7]) == set(CROWD[:6]) - {"p001"}
    assert read(database)["p001"] == before["p001"]
    assert add_people(database, policy, CROWD[:7]) == set()


async def test_a_new_user_costs_a_fraction_of_a_query(
    store: Store, new_database: Callable[[], Any]
) -> None:
    database = new_database()
    said: list[str] = []
    event.listen(database.bind, "before_cursor_execute", lambda *args: said.append(args[2]))
    await settle(
        store, database, make_policy({"users": {name: {"level": "user"} for name in CROWD}})
    )
    # And some for each of the few of all levels in the policy of these tests.
    assert len(said) < len(CROWD), len(said)


async def test_memberships_in_memory_follow(store: Store, new_database: Callable[[], Any]) -> None:
    database = new_database()
    database.add(orm.Group(name="crowd"))
    database.commit()
    group = orm.Group.find(database, "crowd")
    assert group.users == []
    await settle(store, database, of_crowd(*CROWD[:4]))
    assert {user.name for user in group.users} == {"p000", "p002"}
    assert [role.name for role in orm.User.find(database, "p000").roles] == ["user"]
    assert {user.name for user in orm.Role.find(database, "user").users} > {"p000", "p003"}


async def test_loop_serves_others_between_batches(
    store: Store, new_database: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memberships, "NEW_USER_BATCH", 5)
    rounds = 0

    async def serve() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1

    serving = asyncio.create_task(serve())
    await settle(store, new_database(), of_crowd(*CROWD))
    serving.cancel()
    assert rounds > 5
