"""What follows a change in the Hub's own database is repeated until it has succeeded."""

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm, roles
from sqlalchemy import event, text

from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.factory import Runtime, build_runtime
from jupyterhub_platform.hub.people.membership_sync import MAX_WAIT_SECONDS, MembershipSync
from jupyterhub_platform.hub.people.password_hashes import Argon2Hasher
from jupyterhub_platform.hub.people.suspension import SuspensionEnforcer
from jupyterhub_platform.hub.policy.managed_objects import ManagedObjects
from jupyterhub_platform.hub.policy.policy_watch import PolicyWatch
from jupyterhub_platform.settings import Settings
from jupyterhub_platform.usecases.managed import PutObject
from tests.usecases.test_policies import GOOD


@dataclass
class HubDatabase:
    """A real database of a Hub in memory, that can be made to refuse writes."""

    db: Any = field(default_factory=lambda: orm.new_session_factory("sqlite://")())
    refuses: bool = False

    def __post_init__(self) -> None:
        for role in roles.get_default_roles():
            roles.create_role(self.db, role)
        self.db.add(orm.OAuthClient(identifier="jupyterhub"))
        self.db.commit()
        event.listen(self.db.get_bind(), "before_cursor_execute", self._refuse)

    def _refuse(self, _c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if self.refuses and not statement.startswith("SELECT"):
            raise OSError("the Hub's database does not answer")

    def join(self, name: str, *groups: str) -> None:
        """Put a user into groups, as a provider's answer or a caller does."""
        user = orm.User.find(self.db, name)
        for group in groups:
            found = orm.Group.find(self.db, group) or orm.Group(name=group)
            user.groups.append(found)
        self.db.commit()

    def groups_of(self, name: str) -> set[str]:
        user = orm.User.find(self.db, name)
        return {group.name for group in user.groups} if user else set()


@dataclass
class Settled:
    """A settler with what belongs to it, and the time that it goes by."""

    runtime: Runtime
    hub: HubDatabase
    path: Path
    now: float = 0.0

    def __post_init__(self) -> None:
        self.app = SimpleNamespace(
            db=self.hub.db,
            authenticator=SimpleNamespace(blocked_users=set()),
            log=logging.getLogger("hub"),
            users={},
        )
        self.memberships = MembershipSync(
            self.app, self.runtime, levels_only=False, clock=lambda: self.now
        )
        self.suspensions = SuspensionEnforcer(self.app, self.runtime)
        self.managed = ManagedObjects(self.runtime, self.memberships, self.suspensions.settle)

    async def put(self, name: str, kind: Kind = Kind.GROUP, **says: Any) -> None:
        await self.managed.apply(PutObject(Key(kind, name), says, "because", "root"))

    async def feed(self, name: str, *provided: str, **says: Any) -> None:
        document = {**says, "from": list(provided)}
        await self.managed.apply(PutObject(Key(Kind.GROUP, name), document, "because", "root"))

    async def look(self, seconds: float = MAX_WAIT_SECONDS) -> None:
        """Let some time pass, and the store be tried, as a Hub does that runs."""
        self.now += seconds
        self.runtime.health.retry()
        await self.memberships.sync_if_due()

    def rename_table(self, name: str, other: str) -> None:
        """Rename a table: what reads it under its name finds a store that fails."""
        with self.runtime.store.begin() as transaction:
            transaction.execute(text(f"ALTER TABLE {name} RENAME TO {other}"))


@pytest.fixture
async def settled(tmp_path: Path, store_url: str) -> Any:
    file = tmp_path / "platform.yaml"
    file.write_text(GOOD)
    runtime = build_runtime(Settings(tmp_path, file, store_url), Argon2Hasher())
    made = Settled(runtime, HubDatabase(), file)
    await made.memberships.settle()
    assert made.memberships.is_settled
    yield made
    runtime.store.close()


def lose_store(settled: Settled) -> Callable[[], None]:
    settled.rename_table("applied_membership", "away")
    return lambda: settled.rename_table("away", "applied_membership")


def lose_database(settled: Settled) -> Callable[[], None]:
    settled.hub.refuses = True

    def mend() -> None:
        settled.hub.refuses = False

    return mend


@pytest.fixture(params=[lose_store, lose_database])
def lose(request: pytest.FixtureRequest) -> Callable[[Settled], Callable[[], None]]:
    return request.param  # type: ignore[no-any-return]


async def test_a_change_whose_memberships_could_not_be_settled_is_settled_by_itself(
    settled: Settled, lose: Callable[[Settled], Callable[[], None]]
) -> None:
    mend = lose(settled)
    await settled.put("crew", members=["dev"])
    assert "crew" in settled.runtime.in_force.snapshot.policy.groups
    assert "crew" not in settled.hub.groups_of("dev")
    told = settled.memberships.to_json()
    assert not told["settled"]
    assert told["fault"]
    for _ in range(3):
        await settled.look()
    assert settled.memberships.to_json()["since"] == told["since"]
    mend()
    await settled.look()
    assert "crew" in settled.hub.groups_of("dev")
    assert settled.memberships.to_json() == {"settled": True, "fault": "", "since": None}


async def test_a_reload_that_could_not_be_settled_is_settled_by_itself(
    settled: Settled, lose: Callable[[Settled], Callable[[], None]]
) -> None:
    watch = PolicyWatch(settled.runtime, settled.memberships.settle, settled.suspensions.settle)
    mend = lose(settled)
    settled.path.write_text(GOOD.replace("members: [dev]", "members: []"))
    assert settled.path.read_text() != GOOD
    await watch.reload("root")
    assert "vision" in settled.hub.groups_of("dev")
    mend()
    await settled.look()
    assert "vision" not in settled.hub.groups_of("dev")


async def test_a_file_that_changed_while_the_hub_started_is_put_into_force(
    settled: Settled,
) -> None:
    settled.path.write_text(GOOD.replace("members: [dev]", "members: []"))
    watch = PolicyWatch(settled.runtime, settled.memberships.settle, settled.suspensions.settle)
    before = settled.runtime.in_force.snapshot.revision
    await watch.check()
    assert settled.runtime.in_force.snapshot.revision == before + 1
    await watch.check()
    assert settled.runtime.in_force.snapshot.revision == before + 1


async def test_a_membership_that_the_store_refuses_keeps_no_start_from_being_admitted(
    settled: Settled,
) -> None:
    with settled.runtime.store.begin() as transaction:
        refusing = (
            "CREATE TRIGGER no BEFORE INSERT ON applied_membership "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
            if transaction.dialect.name == "sqlite"
            else "ALTER TABLE applied_membership ADD CHECK (group_name <> 'crew')"
        )
        transaction.execute(text(refusing))
    await settled.put("crew", members=["dev"])
    assert "refused a change" in settled.memberships.fault
    assert not settled.memberships.is_settled
    settled.runtime.health.check()


@pytest.mark.parametrize("first", ["file", "object"])
async def test_a_membership_that_is_managed_while_all_are_settled_is_not_forgotten(
    settled: Settled, first: str
) -> None:
    settled.path.write_text(GOOD.replace("members: [dev]", "members: []"))
    watch = PolicyWatch(settled.runtime, settled.memberships.settle, settled.suspensions.settle)
    reload, put = watch.reload("root"), settled.put("crew", members=["dev"])
    await asyncio.gather(*((reload, put) if first == "file" else (put, reload)))
    await settled.look()
    applied = settled.runtime.policies.list_applied()["dev"]
    assert "crew" in applied & settled.hub.groups_of("dev")
    assert "vision" not in applied | settled.hub.groups_of("dev")


async def test_a_first_settling_that_failed_is_repeated_and_a_later_change_does_not_hide_it(
    settled: Settled, lose: Callable[[Settled], Callable[[], None]]
) -> None:
    mend = lose(settled)
    await settled.put("crew", members=["dev"])
    mend()
    settled.runtime.health.retry()
    await settled.put("other", members=["dev"])
    assert not settled.memberships.is_settled
    await settled.look()
    assert settled.hub.groups_of("dev") >= {"crew", "other"}


async def test_who_left_a_group_meanwhile_is_out_of_it(
    settled: Settled, lose: Callable[[Settled], Callable[[], None]]
) -> None:
    await settled.put("crew", members=["dev"])
    assert "crew" in settled.hub.groups_of("dev")
    mend = lose(settled)
    change = PutObject(Key(Kind.GROUP, "crew"), {"members": []}, "left", "root")
    await settled.managed.apply(change)
    mend()
    await settled.look()
    assert "crew" not in settled.hub.groups_of("dev")


async def test_failures_are_tried_more_and_more_rarely(settled: Settled) -> None:
    lose_database(settled)
    await settled.put("crew", members=["dev"])
    tries = []
    settle = settled.memberships.settle

    async def count() -> None:
        tries.append(settled.now)
        await settle()

    settled.memberships.settle = count  # type: ignore[method-assign]
    for _ in range(300):
        await settled.look(1.0)
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps[:4] == [2.0, 4.0, 8.0, 16.0]
    assert max(gaps) == MAX_WAIT_SECONDS


async def test_nothing_is_done_while_a_change_is_being_settled_or_nothing_is_due(
    settled: Settled, caplog: pytest.LogCaptureFixture
) -> None:
    change = asyncio.ensure_future(settled.put("crew", members=["dev"]))
    looks = 0
    while not change.done():
        await settled.memberships.sync_if_due()
        looks += 1
        await asyncio.sleep(0)
    assert looks > 1
    assert settled.memberships.is_settled
    assert not caplog.records


async def test_a_store_that_fails_at_one_suspension_delays_no_other(settled: Settled) -> None:
    db = settled.hub.db
    for name in ("dev", "root"):
        user = orm.User.find(db, name)
        user.new_api_token(note="theirs")
    dev = orm.User.find(db, "dev")
    spawner = orm.Spawner(name="", user=dev)
    db.add(spawner)
    db.commit()
    orm.Share.grant(db, spawner, orm.User.find(db, "root"))
    settled.rename_table("revoked_share", "away")
    snapshot = settled.runtime.in_force.snapshot
    held = {name: Suspension("left") for name in ("dev", "root")}
    settled.runtime.in_force.replace(replace(snapshot, suspensions=held))
    await settled.suspensions.settle()
    assert db.query(orm.APIToken).count() == 0
    settled.rename_table("away", "revoked_share")
    settled.runtime.health.retry()
    await settled.suspensions.settle()
    assert db.query(orm.Share).count() == 0


async def test_providers_groups_feed_others_from_one_policy_to_the_next(settled: Settled) -> None:
    before = settled.hub.groups_of("dev")
    settled.hub.join("dev", "org:team", "org:all")
    await settled.feed("crew", "org:team")
    await settled.feed("all", "org:all", "org:team")
    await settled.feed("none", "org:none")
    theirs = before | {"org:team", "org:all"}
    assert settled.hub.groups_of("dev") == theirs | {"crew", "all"}
    await settled.feed("all", "org:team")
    assert settled.hub.groups_of("dev") == theirs | {"crew", "all"}
    await settled.feed("crew", "ORG:team")
    assert settled.hub.groups_of("dev") == theirs | {"all"}
    await settled.put("all")
    assert settled.hub.groups_of("dev") == theirs


async def test_what_else_gives_a_membership_stays_when_a_provider_does_not(
    settled: Settled,
) -> None:
    before = settled.hub.groups_of("dev")
    settled.hub.join("dev", "org:team", "added")
    settled.runtime.added_memberships.add(["dev"], ["added"])
    declared: dict[str, Any] = {"members": ["dev"]}
    for name, says in (("added", {}), ("declared", declared)):
        await settled.feed(name, "org:team", **says)
        await settled.put(name, **says)
    assert settled.hub.groups_of("dev") == before | {"org:team", "added", "declared"}


async def test_a_file_that_feeds_no_more_is_followed(settled: Settled) -> None:
    watch = PolicyWatch(settled.runtime, settled.memberships.settle, settled.suspensions.settle)
    before = settled.hub.groups_of("dev")
    settled.hub.join("dev", "org:team")
    settled.path.write_text(GOOD.replace("groups: {", 'groups: {fed: {from: ["org:team"]}, ', 1))
    await watch.reload("root")
    assert settled.hub.groups_of("dev") == before | {"org:team", "fed"}
    settled.path.write_text(GOOD)
    await watch.reload("root")
    assert settled.hub.groups_of("dev") == before | {"org:team"}
