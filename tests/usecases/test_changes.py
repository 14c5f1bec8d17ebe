"""What is in force changes in one way: checked, recorded, then replaced, and one at a time."""

import asyncio
from dataclasses import replace

import pytest

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.usecases.changes import Changes
from jupyterhub_platform.usecases.snapshot import InForce, Snapshot
from jupyterhub_platform.usecases.suspensions import (
    Resume,
    Suspend,
    SuspensionError,
    Suspensions,
)
from tests.support.policies import NOW, make_policy
from tests.usecases.conftest import Clock, Outage, read_audit

THREE_ADMINS = make_policy({"users": {"two": {"level": "admin"}, "three": {"level": "admin"}}})


@pytest.fixture
def in_force() -> InForce:
    return InForce(Snapshot(THREE_ADMINS, 1))


@pytest.fixture
def changes(store, in_force: InForce, clock: Clock) -> Changes:
    return Changes(store, in_force, clock=clock)


def suspend(name: str, by: str = "jhp") -> Suspend:
    return Suspend(name, "a reason", None, by)


async def test_a_change_is_on_record_and_in_force(changes, in_force, store):
    after = await changes.apply(suspend("dev"))
    assert in_force.snapshot is after
    assert after.suspension_of("dev", NOW)
    assert (after.policy, after.revision) == (THREE_ADMINS, 1)
    assert set(Suspensions(store).list_all()) == {"dev"}
    assert [row.action for row in read_audit(store)] == ["person.suspended"]


async def test_each_change_is_checked_against_what_the_last_one_left(changes, in_force):
    asked = [changes.apply(suspend(name)) for name in ("root", "two", "three")]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, SuspensionError)]
    assert [answer.code for answer in refused] == ["suspension.last_admin"]
    assert len(in_force.snapshot.suspensions) == 2


async def test_a_change_that_waited_for_others_replaces_what_they_left(changes, in_force):
    asked = [changes.replace_by(suspend(name)) for name in ("root", "two")]
    first, second = await asyncio.gather(*asked)
    clock = await changes.follow_clock()
    assert first.after is second.before
    assert second.after is clock.before is clock.after is in_force.snapshot


async def test_many_changes_at_once_lose_none(changes, in_force, store):
    names = [f"user{number}" for number in range(8)]
    await asyncio.gather(*(changes.apply(suspend(name)) for name in names))
    assert set(in_force.snapshot.suspensions) == set(names) == set(Suspensions(store).list_all())
    await asyncio.gather(*(changes.apply(Resume(name, "back", "jhp")) for name in names))
    assert in_force.snapshot.suspensions == {}


async def test_a_change_that_is_refused_leaves_everything(changes, in_force, store):
    before = in_force.snapshot
    with pytest.raises(SuspensionError):
        await changes.apply(suspend("dev", by="dev"))
    assert in_force.snapshot is before
    assert read_audit(store) == []


async def test_a_change_that_cannot_be_recorded_leaves_everything(
    changes, in_force, store, outage: Outage
):
    before = in_force.snapshot
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        await changes.apply(suspend("dev"))
    assert in_force.snapshot is before
    outage.end()
    assert Suspensions(store).list_all() == {}
    await changes.apply(suspend("dev"))
    assert in_force.snapshot == replace(before, suspensions=Suspensions(store).list_all())
    assert before.suspensions == {}, "a snapshot is never written to"
