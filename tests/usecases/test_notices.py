"""Notices are entered with what they tell of, once, and leave the outbox one attempt at a time."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.access_requests import RequestState, Wish
from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.notices import MAX_ATTEMPTS, Channel, Event, NoticeState
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.access_requests import AccessRequestError, Approve, Ask, Decline
from jupyterhub_platform.usecases.changes import Changes
from jupyterhub_platform.usecases.grant_end_notices import GrantEndNotices
from jupyterhub_platform.usecases.managed import PutObject, RetireObject
from jupyterhub_platform.usecases.notices import KEPT, LEASE, MAX_AN_HOUR, Notify, Outbox
from jupyterhub_platform.usecases.overdue_requests import EndOverdueRequests
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.snapshot import InForce
from jupyterhub_platform.usecases.suspensions import Suspend
from tests.support.policies import NOW
from tests.usecases.conftest import Clock, Outage
from tests.usecases.test_access_requests import BOSS, DAY, FILE, ask

BY_MAIL = Notify(frozenset({Channel.MAIL}))
HOUR = timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "platform.yaml"
    file.write_text(FILE)
    return file


@pytest.fixture
def in_force(store: Store, clock: Clock, file: Path) -> InForce:
    return InForce(Policies(store, clock=clock).publish(PolicyFiles(file), actor="root"))


@pytest.fixture
def changes(store: Store, in_force: InForce, clock: Clock) -> Changes:
    return Changes(store, in_force, clock=clock)


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store)


def asks(id_: str = "r1", **more: Any) -> Ask:
    return replace(ask(id_=id_, **more), notify=BY_MAIL)


def read(outbox: Outbox) -> list[tuple[str, str]]:
    """Return event and recipient of each notice, the oldest first."""
    found = sorted(outbox.list_newest(None, 100), key=lambda each: each.at)
    return [(str(each.event), " ".join(each.recipients)) for each in found]


async def test_managers_are_told_of_a_request_and_the_user_of_the_answer(changes, outbox, clock):
    asked = asks()
    await changes.apply(asked)
    assert read(outbox) == [("request.made", "boss")]
    clock.advance(minutes=1)
    await changes.apply(Approve(asked.request, "boss", "one day", BOSS, lasts=DAY, notify=BY_MAIL))
    assert read(outbox)[1:] == [("request.approved", "dev")]
    facts = outbox.list_newest(None, 1)[0].facts["request"]
    assert facts["given"] == {"wish": {"tier": "big"}, "seconds": 86400}
    assert (facts["by"], facts["answer"]) == ("boss", "one day")


async def test_admins_are_told_where_no_manager_can_answer(changes, outbox, clock):
    await changes.apply(asks(user="boss", kind=Wish.QUOTA, wish={"add": {"servers": 1}}))
    assert read(outbox) == [("request.made", "root")]
    await changes.apply(Suspend("boss", "away", None, "root"))
    clock.advance(minutes=1)
    await changes.apply(replace(asks("r2"), request=replace(asks("r2").request, at=clock.now)))
    assert read(outbox)[1:] == [("request.made", "root")]


async def test_each_end_of_a_request_is_told(changes, outbox, clock):
    for number, state in enumerate(("withdrawn", "refused")):
        clock.advance(minutes=1)
        asked = asks(f"r{number}")
        await changes.apply(asked)
        by = "dev" if state == "withdrawn" else "boss"
        end = Decline(asked.request, RequestState(state), by, "as said", BY_MAIL)
        await changes.apply(end)
    await changes.apply(asks("r8"))
    await changes.apply(asks("r9", user="eve"))
    await changes.apply(Suspend("eve", "left", None, "root"))
    clock.advance(days=14)
    await changes.apply(EndOverdueRequests(BY_MAIL))
    ends = [each for each in read(outbox) if each[0] != "request.made"]
    assert sorted(ends) == [
        ("request.expired", "dev"),
        ("request.expired", "eve"),
        ("request.refused", "dev"),
        ("request.withdrawn", "boss"),
    ]


async def test_what_is_not_recorded_is_not_told(changes, outbox, outage: Outage):
    asked = asks()
    await changes.apply(asked)
    with pytest.raises(AccessRequestError):
        await changes.apply(asks("r2"))
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        await changes.apply(Approve(asked.request, "boss", "ok", BOSS, notify=BY_MAIL))
    outage.end()
    # A connection from before the outage may fail once.
    with suppress(StoreUnreachableError):
        read(outbox)
    assert read(outbox) == [("request.made", "boss")]


async def test_nothing_is_entered_where_no_channel_is_configured(changes, outbox):
    await changes.apply(ask())
    assert read(outbox) == []


async def test_a_user_who_asks_again_and_again_fills_no_mailbox(changes, outbox, clock):
    for number in range(MAX_AN_HOUR):
        clock.advance(seconds=1)
        asked = asks(f"r{number}")
        request = replace(asked.request, at=clock.now)
        await changes.apply(replace(asked, request=request))
        await changes.apply(Decline(request, RequestState.WITHDRAWN, "dev", "no", BY_MAIL))
    assert len(read(outbox)) == 2 * MAX_AN_HOUR
    other = asks("other", user="eve")
    await changes.apply(replace(other, request=replace(other.request, at=clock.now)))
    clock.advance(seconds=1)
    more = asks("more")
    await changes.apply(replace(more, request=replace(more.request, at=clock.now)))
    assert len(read(outbox)) == 2 * MAX_AN_HOUR + 1
    await changes.apply(Decline(more.request, RequestState.REFUSED, "boss", "no", BY_MAIL))
    assert ("request.refused", "dev") in read(outbox)


async def test_a_notice_is_sent_again_until_it_has_failed(changes, outbox, clock):
    await changes.apply(asks())
    states = []
    while (notice := outbox.take(Channel.MAIL, clock.now)) is not None:
        assert outbox.take(Channel.MAIL, clock.now + LEASE - timedelta(seconds=1)) is None
        states.append(outbox.postpone(notice, clock.now, "The mail server does not answer."))
        clock.advance(hours=1)
    assert states == [NoticeState.WAITING] * (MAX_ATTEMPTS - 1) + [NoticeState.FAILED]
    (failed,) = outbox.list_newest(NoticeState.FAILED, 10)
    assert (failed.attempts, failed.error) == (MAX_ATTEMPTS, "The mail server does not answer.")
    (mail,) = [e for e in outbox.read_states() if e.channel is Channel.MAIL]
    assert (mail.counts[NoticeState.FAILED], mail.error) == (1, failed.error)
    again = outbox.retry(failed.id, "root", clock.now)
    assert again is not None
    assert (again.state, again.attempts) == (NoticeState.WAITING, 0)
    taken = outbox.take(Channel.MAIL, clock.now)
    assert taken is not None
    assert taken.id == failed.id
    outbox.settle(taken, NoticeState.DELIVERED, clock.now)
    assert outbox.retry(failed.id, "root", clock.now) is None
    assert outbox.retry("none\0", "root", clock.now) is None


async def test_a_notice_that_a_killed_hub_took_is_taken_again(changes, outbox, clock, store):
    await changes.apply(asks())
    lost = outbox.take(Channel.MAIL, clock.now)
    after = Outbox(store)
    assert after.take(Channel.MAIL, clock.now) is None
    clock.advance(seconds=LEASE.total_seconds())
    again = after.take(Channel.MAIL, clock.now)
    assert again is not None
    assert (again.id, again.attempts) == (lost.id, 2)
    # What the first attempt says by then is about a notice that is not its own any more.
    outbox.settle(lost, NoticeState.FAILED, clock.now, "late")
    assert outbox.list_newest(None, 1)[0].state is NoticeState.WAITING


async def test_what_is_long_past_is_forgotten_and_what_waits_for_long_has_failed(
    changes, outbox, clock
):
    await changes.apply(asks())
    outbox.tidy(clock.now + timedelta(days=1))
    assert outbox.list_newest(None, 1)[0].state is NoticeState.WAITING
    outbox.tidy(clock.now + timedelta(days=3))
    assert outbox.list_newest(None, 1)[0].error == "It was not sent in time."
    outbox.tidy(clock.now + timedelta(days=4) + KEPT)
    assert outbox.list_newest(None, 1) == []


def test_a_test_goes_to_every_channel(outbox):
    both = Notify(frozenset(Channel))
    sent = outbox.test(both, "t1", "dev", "root", NOW)
    assert {(each.event, each.channel) for each in sent} == {
        (Event.TEST, Channel.MAIL),
        (Event.TEST, Channel.WEBHOOK),
    }
    assert outbox.count_waiting(Channel.MAIL) == 1


# -- grants ----------------------------------------------------------------------------------------


@pytest.fixture
def ends(store: Store) -> GrantEndNotices:
    return GrantEndNotices(store, BY_MAIL, DAY)


def put(until: timedelta, **more: Any) -> PutObject:
    said = {
        "user": "dev",
        "account": "vision",
        "tier": "big",
        "until": (NOW + until).isoformat(),
        "by": "root",
        "reason": "a paper",
    }
    said = {key: value for key, value in (said | more).items() if value}
    return PutObject(Key(Kind.GRANT, "g1"), said, "as said", "root")


async def test_an_end_is_announced_once_and_told_once(
    changes, outbox, clock, in_force, ends, store
):
    await changes.apply(put(3 * DAY))
    ends.announce(in_force.snapshot, clock.now)
    assert read(outbox) == []
    clock.advance(days=2)
    ends.announce(in_force.snapshot, clock.now)
    ends.announce(in_force.snapshot, clock.now)
    GrantEndNotices(store, BY_MAIL, DAY).announce(in_force.snapshot, clock.now)
    assert read(outbox) == [("grant.ends", "dev")]
    clock.advance(days=5)  # the Hub was down meanwhile
    after = GrantEndNotices(store, BY_MAIL, DAY)
    after.announce(in_force.snapshot, clock.now)
    after.announce(in_force.snapshot, clock.now)
    assert read(outbox) == [("grant.ends", "dev"), ("grant.ended", "dev")]
    assert outbox.list_newest(None, 1)[0].facts["grant"]["early"] is False


async def test_a_longer_grant_is_announced_anew(changes, outbox, clock, in_force, ends):
    await changes.apply(put(DAY))
    ends.announce(in_force.snapshot, clock.now)
    clock.advance(hours=12)
    ends.announce(in_force.snapshot, clock.now)
    await changes.apply(put(3 * DAY))
    clock.advance(hours=1)
    ends.announce(in_force.snapshot, clock.now)
    assert read(outbox) == [("grant.ends", "dev")]
    clock.advance(hours=35)
    ends.announce(in_force.snapshot, clock.now)
    assert read(outbox) == [("grant.ends", "dev")] * 2


async def test_a_grant_that_is_ended_early_is_told_as_such(changes, outbox, clock, in_force, ends):
    await changes.apply(put(3 * DAY))
    ends.announce(in_force.snapshot, clock.now)
    clock.advance(hours=1)
    await changes.apply(RetireObject(Key(Kind.GRANT, "g1"), "not needed", "root"))
    ends.announce(in_force.snapshot, clock.now)
    assert read(outbox) == [("grant.ended", "dev")]
    assert outbox.list_newest(None, 1)[0].facts["grant"]["early"] is True


async def test_managers_are_told_of_the_end_of_a_groups_grant(
    changes, outbox, clock, in_force, ends
):
    grant = {"user": "", "account": "", "group": "vision", "tier": "", "add": {"servers": 1}}
    await changes.apply(put(2 * HOUR, **grant))
    ends.announce(in_force.snapshot, clock.now)
    clock.advance(hours=1)
    ends.announce(in_force.snapshot, clock.now)
    assert read(outbox) == [("grant.ends", "boss")]
    assert outbox.list_newest(None, 1)[0].facts["grant"]["add"] == {"servers": 1}


async def test_a_grant_that_moves_into_the_file_has_not_ended(
    store, outbox, clock, in_force, ends, file, changes
):
    await changes.apply(put(3 * DAY))
    ends.announce(in_force.snapshot, clock.now)
    await changes.apply(RetireObject(Key(Kind.GRANT, "g1"), "declared now", "root"))
    until = (NOW + 3 * DAY).isoformat()
    line = f"{{user: dev, account: vision, tier: big, until: '{until}', by: root, reason: b}}"
    other = f"{{user: eve, account: vision, tier: big, until: '{until}', by: root, reason: b}}"
    file.write_text(f"{FILE}grants: [{line}]\n")
    in_force.replace(Policies(store, clock=clock).publish(PolicyFiles(file), actor="root"))
    ends.announce(in_force.snapshot, clock.now)
    file.write_text(f"{FILE}grants: [{other}, {line}]\n")
    in_force.replace(Policies(store, clock=clock).publish(PolicyFiles(file), actor="root"))
    ends.announce(in_force.snapshot, clock.now)
    assert read(outbox) == []
    file.write_text(f"{FILE}grants: [{other}]\n")
    in_force.replace(Policies(store, clock=clock).publish(PolicyFiles(file), actor="root"))
    ends.announce(in_force.snapshot, clock.now)
    assert read(outbox) == [("grant.ended", "dev")]


async def test_a_grant_that_begins_later_is_watched_from_then_on(
    changes, outbox, clock, in_force, ends
):
    await changes.apply(put(3 * HOUR, **{"from": (NOW + HOUR).isoformat()}))
    ends.announce(in_force.snapshot, clock.now)
    clock.advance(hours=1)
    ends.announce(in_force.snapshot, clock.now)
    clock.advance(hours=1)
    ends.announce(in_force.snapshot, clock.now)
    assert read(outbox) == [("grant.ends", "dev")]
