"""Objects are made, changed, retired and put back in the Hub; each change is on record."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.errors import PolicyError, StoreUnreachableError
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store import managed as managed_store
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Changes
from jupyterhub_platform.usecases.managed import PutObject, RetireObject
from jupyterhub_platform.usecases.managed_steps import LostUpdateError, ManagedError
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.policy_rollback import RollBack, list_changes_since
from jupyterhub_platform.usecases.reports.reader import StoreReader
from jupyterhub_platform.usecases.snapshot import InForce, Snapshot
from jupyterhub_platform.usecases.suspensions import Suspend
from tests.support.policies import NOW
from tests.usecases.conftest import Clock, Outage, read_audit
from tests.usecases.test_policies import CHANGED, GOOD

VIDEO = Key(Kind.GROUP, "video")
TIER = Key(Kind.TIER, "big")
NEW = Key(Kind.USER, "new")
GRANT = Key(Kind.GRANT, "g1")
BIG: Mapping[str, Any] = {
    "requests": {"cpu": 2, "memory": "4Gi"},
    "images": ["lab"],
    "access": {"groups": ["video"]},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "platform.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def policies(store: Store, clock: Clock) -> Policies:
    return Policies(store, clock=clock)


@pytest.fixture
def in_force(policies: Policies, file: Path) -> InForce:
    return InForce(policies.publish(PolicyFiles(file), actor="root"))


@pytest.fixture
def changes(store: Store, in_force: InForce, clock: Clock) -> Changes:
    return Changes(store, in_force, clock=clock)


def put(
    key: Key, document: Mapping[str, Any], *, seen: int | None = None, by: str = "root"
) -> PutObject:
    return PutObject(key, document, "a reason", by, seen)


def grant(**said: str) -> dict[str, Any]:
    return {"add": {"servers": 1}, "until": "2030-01-01T00:00:00Z", "reason": "a paper", **said}


def roll_back(store: Store, in_force: InForce, number: int, reason: str) -> RollBack:
    undone = list_changes_since(store, number)
    return RollBack(undone, in_force.snapshot.revision, reason, "ann")


def list_revisions(store: Store) -> list[tuple[int, Key, bool, bool]]:
    with store.read() as transaction:
        found = managed_store.list_revisions(transaction)
    return [(r.number, r.key, r.before is not None, r.after is not None) for r in found]


def assert_same(one: Snapshot, other: Snapshot) -> None:
    """A file is called by its name alone where only the store has it."""
    assert one.revision == other.revision
    assert replace(one.policy, lines={}) == replace(other.policy, lines={})
    assert set(one.sources.managed) == set(other.sources.managed)


async def test_a_change_is_in_force_and_on_record(changes, in_force, store, policies, file):
    after = await changes.apply(put(VIDEO, {"members": ["dev"]}))
    assert after.policy.declared_groups("dev") == {"vision", "video"}
    assert after.revision == 2
    assert list_revisions(store) == [(2, VIDEO, False, True)]
    row = read_audit(store)[0]
    assert (row.actor, row.action, row.subject) == ("root", "group.made", "video")
    assert '"reason":"a reason"' in row.detail_json
    # A Hub that starts again has it, too.
    assert_same(policies.publish(PolicyFiles(file), actor="root"), after)
    assert_same(policies.last_good(), after)


async def test_managed_object_that_the_file_could_not_declare_is_refused(changes, in_force, store):
    before = in_force.snapshot
    with pytest.raises(PolicyError, match="“stranger” is not declared under users"):
        await changes.apply(put(VIDEO, {"members": ["stranger"]}))
    assert in_force.snapshot is before
    assert list_revisions(store) == []


async def test_declared_object_is_changed_only_in_the_file(changes, file):
    with pytest.raises(ManagedError) as refused:
        await changes.apply(put(Key(Kind.TIER, "small"), BIG))
    assert refused.value.code == "managed.declared"
    assert str(refused.value) == (
        f"The tier small is declared at {file}:5. Change it there, or move it into the Hub with "
        "jhp release tier small."
    )


async def test_a_lost_update_is_refused_with_what_is_there_now(changes):
    await changes.apply(put(VIDEO, {"title": "Film"}, seen=0))
    await changes.apply(put(VIDEO, {"title": "Video"}, seen=1, by="ann"))
    for seen in (0, 1, 7):
        with pytest.raises(LostUpdateError) as refused:
            await changes.apply(put(VIDEO, {"title": "Mine"}, seen=seen))
        assert refused.value.current is not None
        assert refused.value.current.document == {"title": "Video"}
        assert str(refused.value).startswith("ann changed the group video since you saw it")
    with pytest.raises(LostUpdateError):
        await changes.apply(RetireObject(VIDEO, "old", "root", seen=1))


async def test_object_that_is_named_by_another_is_retired_last(changes, in_force):
    before = in_force.snapshot
    await changes.apply(put(VIDEO, {"members": ["dev"]}))
    await changes.apply(put(TIER, BIG))
    with pytest.raises(PolicyError, match=r"still named by tiers\.big"):
        await changes.apply(RetireObject(VIDEO, "old", "root"))
    await changes.apply(RetireObject(TIER, "old", "root"))
    after = await changes.apply(RetireObject(VIDEO, "old", "root"))
    assert after.policy == before.policy
    with pytest.raises(ManagedError, match="There is no managed group video"):
        await changes.apply(RetireObject(VIDEO, "again", "root"))


async def test_a_user_is_retired_from_their_groups_and_grants(changes, in_force, store):
    before = in_force.snapshot
    await changes.apply(put(NEW, {"level": "developer"}))
    group = {"members": ["new", "dev"], "users": {"new": {"servers": 1}}}
    made = await changes.apply(put(VIDEO, group))
    await changes.apply(put(GRANT, grant(user="new", by="root")))
    after = await changes.apply(RetireObject(NEW, "left", "root"))
    assert set(after.sources.managed) == {VIDEO}
    assert after.sources.managed[VIDEO].document == {"members": ["dev"], "users": {}}
    assert "new" not in after.policy.people
    assert after.policy.grants == before.policy.grants
    assert after.revision == made.revision + 4
    again = await changes.apply(roll_back(store, in_force, made.revision, "not yet"))
    assert again.policy == made.policy


async def test_a_new_user_joins_groups_in_the_same_change(changes, in_force):
    await changes.apply(put(VIDEO, {"members": ["dev"]}))
    joined = PutObject(NEW, {"level": "user"}, "a reason", "root", 0, groups=("video",))
    after = await changes.apply(joined)
    assert after.policy.groups["video"].members == {"dev", "new"}
    missing = PutObject(Key(Kind.USER, "other"), {}, "a reason", "root", 0, groups=("nowhere",))
    with pytest.raises(ManagedError, match="There is no managed group nowhere"):
        await changes.apply(missing)
    assert in_force.snapshot is after


async def test_a_new_user_names_the_declared_groups_that_they_join(changes, in_force):
    await changes.apply(put(VIDEO, {"members": ["dev"]}))
    document = {"level": "user", "groups": ["vision"]}
    joined = PutObject(NEW, document, "a reason", "root", 0, groups=("video", "vision"))
    after = await changes.apply(joined)
    assert after.sources.managed[NEW].document["groups"] == ["vision"]
    assert after.policy.declared_groups("new") == {"vision", "video"}
    await changes.apply(RetireObject(NEW, "gone", "root"))
    assert in_force.snapshot.policy.groups["vision"].joined == frozenset()


async def test_a_preview_changes_nothing(changes, in_force, store):
    before = in_force.snapshot
    after = await changes.preview(put(VIDEO, {"members": ["dev"]}))
    assert "video" in after.policy.groups
    assert in_force.snapshot is before
    assert list_revisions(store) == []
    assert [row.action for row in read_audit(store)] == ["policy.published"]
    with pytest.raises(PolicyError):
        await changes.preview(put(VIDEO, {"members": ["nobody"]}))
    assert (await changes.apply(put(VIDEO, {"members": ["dev"]}))).revision == after.revision


async def test_a_roll_back_of_what_was_not_seen_is_refused(changes, in_force, store):
    await changes.apply(put(VIDEO, {"members": ["dev"]}))
    stale = roll_back(store, in_force, 1, "a mistake")
    await changes.apply(put(TIER, BIG))
    with pytest.raises(ManagedError, match="Revision 3 is in force, and you saw 2"):
        await changes.apply(stale)


async def test_a_roll_back_puts_back_what_was_there(changes, store, policies, file, in_force):
    good = await changes.apply(put(VIDEO, {"members": ["dev"]}))
    await changes.apply(put(VIDEO, {"title": "Oops"}))
    await changes.apply(put(TIER, BIG))
    after = await changes.apply(roll_back(store, in_force, good.revision, "a mistake"))
    assert after.policy == good.policy
    assert after.revision == 6
    assert [each[0] for each in list_revisions(store)] == [6, 5, 4, 3, 2]
    assert [row.action for row in read_audit(store)][:2] == ["group.changed", "tier.retired"]
    assert_same(policies.publish(PolicyFiles(file), actor="root"), after)
    nothing = await changes.apply(roll_back(store, in_force, 1, "all of it"))
    assert nothing.sources.managed == {}
    with pytest.raises(ManagedError, match="Nothing that is managed changed since then"):
        await changes.apply(roll_back(store, in_force, nothing.revision, "again"))


async def test_a_file_that_declares_a_managed_name_is_refused_at_its_line(
    changes, policies, file, in_force
):
    await changes.apply(put(VIDEO, {"members": ["dev"]}))
    file.write_text(GOOD.replace("groups: {", "groups: {video: {}, "))
    with pytest.raises(PolicyError) as refused:
        policies.publish(PolicyFiles(file), actor="root")
    (fault,) = refused.value.faults
    assert (fault.file, fault.line) == (str(file), 3)
    assert "“video” is managed in the Hub, where root changed it" in fault.what
    assert fault.fix.endswith("jhp adopt group video")


async def test_a_file_that_takes_away_what_is_named_is_refused(changes, policies, file):
    await changes.apply(put(VIDEO, {"members": ["dev"]}))
    file.write_text(GOOD.replace("dev: {level: developer}, ", "").replace("[dev]", "[root]"))
    with pytest.raises(PolicyError) as refused:
        policies.publish(PolicyFiles(file), actor="root")
    (fault,) = refused.value.faults
    assert str(fault) == (
        "groups.video.members.0: “dev” is not declared under users (it is managed in the Hub); add "
        "it under users, or remove it here"
    )


async def test_another_file_keeps_what_is_managed(changes, policies, file):
    await changes.apply(put(VIDEO, {"members": ["dev"]}))
    file.write_text(CHANGED)
    snapshot = policies.publish(PolicyFiles(file), actor="root")
    assert snapshot.revision == 3
    assert set(snapshot.policy.groups) == {"vision", "video"}
    assert snapshot.policy.groups["vision"].member_quota.quota == {"servers": 2}


async def test_a_reader_follows_each_change(changes, in_force, store, store_url, policies, file):
    reader = StoreReader(store_url)
    try:
        for change in (
            lambda: put(VIDEO, {"members": ["dev"]}),
            lambda: put(TIER, BIG),
            lambda: put(VIDEO, {"title": "Video"}),
            lambda: roll_back(store, in_force, 1, "all of it"),
        ):
            await changes.apply(change())
            assert_same(reader.read().snapshot, in_force.snapshot)
        await changes.apply(put(VIDEO, {}))
        file.write_text(CHANGED)
        in_force.replace(policies.publish(PolicyFiles(file), actor="root"))
        assert_same(reader.read().snapshot, in_force.snapshot)
    finally:
        reader.close()


async def test_nothing_is_half_done_while_the_store_is_down(changes, in_force, outage: Outage):
    before = in_force.snapshot
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        await changes.apply(put(VIDEO, {}))
    outage.end()
    assert in_force.snapshot is before
    assert (await changes.apply(put(VIDEO, {}))).sources.managed[VIDEO].at == NOW


SECOND = Key(Kind.USER, "second")
ADMIN: Mapping[str, Any] = {"level": "admin"}
GONE: Mapping[str, Any] = {
    **ADMIN,
    "suspended": {"reason": "left", "until": "2030-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("until", [None, NOW + timedelta(hours=1)], ids=["for ever", "an hour"])
async def test_no_change_leaves_only_admins_whom_the_store_suspends(
    changes: Changes, in_force: InForce, store: Store, clock: Clock, until: datetime | None
) -> None:
    await changes.apply(put(SECOND, {"level": "user"}))
    (before,) = (row.number for row in store_revisions(store))
    await changes.apply(put(SECOND, ADMIN))
    await changes.apply(Suspend("root", "away", until, "second"))
    for change in (
        put(SECOND, {"level": "user"}, by="second"),
        put(SECOND, GONE, by="second"),
        RetireObject(SECOND, "left", "second"),
        roll_back(store, in_force, before, "as it was"),
    ):
        with pytest.raises(PolicyError, match=r"users\.root: every admin .*jhp resume root"):
            await changes.apply(change)
    assert in_force.snapshot.policy.people["second"].level == "admin"
    await changes.apply(put(Key(Kind.USER, "third"), ADMIN, by="second"))
    await changes.apply(put(SECOND, {"level": "user"}, by="second"))
    if until is not None:
        clock.advance(hours=2)
        await changes.apply(RetireObject(Key(Kind.USER, "third"), "left", "third"))


async def test_where_every_admin_is_suspended_already_changes_go_on(
    changes: Changes, in_force: InForce
) -> None:
    admins = {"root": Suspension("away", by="jhp", since=NOW)}
    in_force.replace(replace(in_force.snapshot, suspensions=admins))
    await changes.apply(put(SECOND, {"level": "user"}))


def store_revisions(store: Store) -> list[managed_store.ManagedRevision]:
    with store.read() as transaction:
        return managed_store.list_revisions(transaction)
