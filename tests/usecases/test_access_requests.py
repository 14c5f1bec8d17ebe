"""People ask, managers and admins answer: each step once, on record, and never too much."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.access_requests import AccessRequest, RequestState, Wish
from jupyterhub_platform.core.errors import PolicyError, StoreUnreachableError
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store import access_requests
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.access_requests import (
    AccessRequestError,
    AccessRequests,
    Approve,
    Ask,
    Decline,
    why_not_decide,
)
from jupyterhub_platform.usecases.changes import Changes
from jupyterhub_platform.usecases.managed import Authority
from jupyterhub_platform.usecases.managed_steps import ManagedError, NotAllowedError
from jupyterhub_platform.usecases.overdue_requests import EndOverdueRequests, is_any_overdue
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.snapshot import InForce
from jupyterhub_platform.usecases.suspensions import Suspend
from tests.support.policies import NOW
from tests.usecases.conftest import Clock, Outage, read_audit

FILE = """\
version: 1
defaults: {member_quota: {servers: 2}}
users:
  root: {level: admin}
  boss: {level: manager}
  dev: {level: developer}
  eve: {level: developer}
groups:
  vision: {members: [dev, eve], managers: [boss], quota: {servers: 4}}
images: {lab: {reference: "lab:1"}}
tiers:
  small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}
  big:
    requests: {cpu: 4, memory: 8Gi}
    images: [lab]
    requestable: true
    access: {levels: [manager]}
  closed: {requests: {cpu: 4, memory: 8Gi}, images: [lab], access: {levels: [admin]}}
"""
DAY = timedelta(days=1)
BOSS = Authority("boss")


@pytest.fixture
def in_force(store: Store, clock: Clock, tmp_path: Path) -> InForce:
    file = tmp_path / "platform.yaml"
    file.write_text(FILE)
    return InForce(Policies(store, clock=clock).publish(PolicyFiles(file), actor="root"))


@pytest.fixture
def changes(store: Store, in_force: InForce, clock: Clock) -> Changes:
    return Changes(store, in_force, clock=clock)


@pytest.fixture
def requests(store: Store) -> AccessRequests:
    return AccessRequests(store)


def ask(
    kind: Wish = Wish.TIER, wish: dict[str, Any] | None = None, id_: str = "r1", **more: Any
) -> Ask:
    said: dict[str, Any] = {"user": "dev", "account": "vision", "lasts": 2 * DAY} | more
    wish = {"tier": "big"} if wish is None else wish
    request = AccessRequest(id=id_, kind=kind, wish=wish, reason="training", at=NOW, **said)
    return Ask(request, frozenset())


async def test_a_manager_approves_and_the_user_may_start_until_it_ends(
    changes, requests, in_force, clock, store
):
    asked = ask()
    await changes.apply(asked)
    after = await changes.apply(Approve(asked.request, "boss", "good luck", BOSS))
    policy, tier = after.policy, after.policy.tiers["big"]
    level = policy.people["dev"].level
    assert policy.may_use(tier, "dev", level, "vision", clock.now)
    assert not policy.may_use(tier, "eve", level, "vision", clock.now)
    assert not policy.may_use(tier, "dev", level, "vision", clock.now + 2 * DAY)
    found = requests.find("r1")
    assert (found.state, found.decided_by, found.answer) == ("approved", "boss", "good luck")
    rows = [(row.actor, row.action, row.subject) for row in read_audit(store)]
    assert rows[:3] == [
        ("boss", "grant.made", "dev"),
        ("boss", "request.approved", "dev"),
        ("dev", "request.made", "dev"),
    ]
    detail = json.loads(read_audit(store)[2].detail_json)
    assert (detail["request"], detail["reason"]) == ("r1", "training")
    with pytest.raises(AccessRequestError, match="approved already by boss"):
        await changes.apply(Approve(asked.request, "root", "again"))
    with pytest.raises(AccessRequestError, match="approved already by boss"):
        await changes.apply(Decline(asked.request, RequestState.REFUSED, "root", "no"))
    assert len(in_force.snapshot.policy.grants) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ask(wish={"tier": "small"}), "cannot be asked for. Those that can are big."),
        (ask(wish={"tier": "closed"}), "cannot be asked for"),
        (ask(wish={"tier": "none"}), "cannot be asked for"),
        (ask(user="boss"), "You may start big in vision already"),
        (ask(account="text"), "You are in no group text. Ask for one of yours: vision."),
        (ask(user="nobody"), "You cannot ask for anything now"),
        (ask(Wish.EXTENSION, {"grant": "none"}), "is gone"),
        (ask(Wish.LEVEL, {"level": "developer"}), "You have the level developer already"),
    ],
)
async def test_what_makes_no_sense_cannot_be_asked_for(changes, requests, asked, said):
    with pytest.raises(AccessRequestError, match=said):
        await changes.apply(asked)
    assert requests.find("r1") is None


async def test_what_no_grant_could_say_is_told_with_its_faults(changes):
    with pytest.raises(PolicyError, match=r"grants\.r1\.add"):
        await changes.apply(ask(Wish.QUOTA, {"add": {"servers": "many"}}))


async def test_the_same_is_asked_for_once_and_no_more_than_ten_things(changes):
    await changes.apply(ask())
    with pytest.raises(AccessRequestError, match="request r1 is open"):
        await changes.apply(ask(id_="r2"))
    for number in range(9):
        await changes.apply(ask(Wish.QUOTA, {"add": {"cpu": number + 1}}, f"q{number}"))
    with pytest.raises(AccessRequestError, match="You have 10 open requests"):
        await changes.apply(ask(Wish.QUOTA, {"add": {"cpu": 99}}, "q10"))


async def test_less_is_approved_and_never_more(changes, in_force):
    asked = ask(Wish.QUOTA, {"add": {"servers": 2, "cpu": 4}})
    await changes.apply(asked)
    for more in ({"lasts": 3 * DAY}, {"add": {"servers": 3}}, {"add": {"memory": "1Gi"}}):
        with pytest.raises(AccessRequestError, match="what was asked for, or less"):
            await changes.apply(Approve(asked.request, "boss", "ok", BOSS, **more))
    less = Approve(asked.request, "boss", "ok", BOSS, DAY, {"servers": 1})
    (grant,) = (await changes.apply(less)).policy.grants
    assert (dict(grant.add.items()), grant.until) == ({"servers": 1}, NOW + DAY)


async def test_a_manager_approves_no_more_than_the_group_holds(changes, requests):
    asked = ask(Wish.QUOTA, {"add": {"servers": 3}})
    await changes.apply(asked)
    with pytest.raises(NotAllowedError, match="vision as a whole may hold 4 servers"):
        await changes.apply(Approve(asked.request, "boss", "ok", BOSS))
    assert requests.find("r1").state == "open"
    after = await changes.apply(Approve(asked.request, "root", "ok"))
    assert len(after.policy.grants) == 1


async def test_nobody_answers_their_own_request(changes, in_force):
    asked = ask(Wish.QUOTA, {"add": {"servers": 1}}, user="boss")
    await changes.apply(asked)
    policy = in_force.snapshot.policy
    assert why_not_decide(policy, "boss", asked.request).startswith("You cannot approve")
    assert why_not_decide(policy, "dev", asked.request).startswith("You are not in charge")
    for change in (
        Approve(asked.request, "boss", "ok", BOSS),
        Approve(asked.request, "boss", "ok"),
        Decline(asked.request, RequestState.REFUSED, "boss", "no"),
    ):
        with pytest.raises(AccessRequestError, match="You cannot approve your own request"):
            await changes.apply(change)
    withdrawn = Decline(asked.request, RequestState.WITHDRAWN, "boss", "not needed")
    await changes.apply(withdrawn)
    with pytest.raises(AccessRequestError, match="withdrawn already"):
        await changes.apply(withdrawn)


async def test_a_grant_is_extended(changes):
    first = ask(Wish.QUOTA, {"add": {"servers": 1}})
    await changes.apply(first)
    await changes.apply(Approve(first.request, "boss", "ok", BOSS))
    longer = ask(Wish.EXTENSION, {"grant": "r1"}, "r2", lasts=5 * DAY)
    await changes.apply(longer)
    (grant,) = (await changes.apply(Approve(longer.request, "boss", "ok", BOSS))).policy.grants
    assert grant.until == NOW + 5 * DAY
    stolen = ask(Wish.EXTENSION, {"grant": "r1"}, "r3", user="eve")
    with pytest.raises(AccessRequestError, match="is gone"):
        await changes.apply(stolen)


async def test_a_declared_level_is_changed_in_the_file(changes):
    asked = ask(Wish.LEVEL, {"level": "manager"}, account="", lasts=None)
    await changes.apply(asked)
    with pytest.raises(ManagedError, match="The user dev is declared at"):
        await changes.apply(Approve(asked.request, "root", "ok"))


@pytest.mark.parametrize(
    ("asked_for", "approved"), [(2 * DAY, None), (None, 2 * DAY), (5 * DAY, 2 * DAY)]
)
async def test_a_level_with_an_end_reverts_by_itself(
    asked_for, approved, changes, in_force, clock, requests
):
    asked = ask(Wish.LEVEL, {"level": "operator"}, account="", lasts=asked_for)
    await changes.apply(asked)
    await changes.apply(Approve(asked.request, "root", "on call", lasts=approved))

    def level() -> str:
        return str(in_force.snapshot.subject("dev", frozenset(), clock.now).level)

    assert (level(), len(in_force.snapshot.policy.grants)) == ("operator", 1)
    clock.advance(days=1)
    longer = ask(Wish.EXTENSION, {"grant": "r1"}, "r2", account="", lasts=2 * DAY)
    await changes.apply(longer)
    with pytest.raises(NotAllowedError, match="within a group that you are in charge of"):
        await changes.apply(Approve(longer.request, "boss", "ok", BOSS))
    await changes.apply(Approve(longer.request, "root", "ok"))
    clock.advance(days=1)
    assert (await changes.follow_clock()).after.policy.people["dev"].level == "operator"
    clock.advance(days=1)
    assert (await changes.follow_clock()).after.policy.people["dev"].level == level() == "developer"
    assert (await changes.follow_clock()).after is in_force.snapshot


async def test_a_level_is_lent_for_no_longer_than_it_was_asked_for(changes):
    asked = ask(Wish.LEVEL, {"level": "operator"}, account="")
    await changes.apply(asked)
    with pytest.raises(AccessRequestError, match="Approve what was asked for, or less"):
        await changes.apply(Approve(asked.request, "root", "ok", lasts=3 * DAY))


async def test_a_level_is_nothing_that_another_grant_is_asked_for_without_a_group(changes):
    await changes.apply(granted := ask())
    await changes.apply(Approve(granted.request, "boss", "ok", BOSS))
    with pytest.raises(AccessRequestError, match="You are in no group"):
        await changes.apply(ask(Wish.EXTENSION, {"grant": "r1"}, "r2", account=""))


async def test_requests_end_by_themselves(store, changes, requests, in_force, clock):
    await changes.apply(ask())
    await changes.apply(ask(id_="r2", user="eve"))
    assert not is_any_overdue(store, in_force.snapshot, clock.now)
    await changes.apply(Suspend("dev", "left", None, "root"))
    assert is_any_overdue(store, in_force.snapshot, clock.now)
    with pytest.raises(AccessRequestError, match="dev is suspended"):
        await changes.apply(Approve(requests.find("r1"), "root", "ok"))
    with pytest.raises(AccessRequestError, match="cannot ask for anything now"):
        await changes.apply(ask(Wish.QUOTA, {"add": {"cpu": 1}}, "r3"))
    await changes.apply(EndOverdueRequests())
    assert [requests.find(each).state for each in ("r1", "r2")] == ["void", "open"]
    clock.advance(days=14)
    with pytest.raises(AccessRequestError, match="expired already"):
        await changes.apply(Approve(requests.find("r2"), "root", "ok"))
    await changes.apply(EndOverdueRequests())
    assert requests.find("r2").state == "expired"
    assert not is_any_overdue(store, in_force.snapshot, clock.now)


async def test_the_oldest_of_very_many_end_too_some_at_a_time(store, changes, requests, in_force):
    old = replace(ask().request, at=NOW - timedelta(days=20))
    with store.begin() as tx:
        for number in range(1300):
            at = old.at if number < 250 else NOW - timedelta(seconds=number)
            access_requests.add_request(tx, replace(old, id=f"n{number}", at=at))
    looks = 0
    while is_any_overdue(store, in_force.snapshot, NOW):
        await changes.apply(EndOverdueRequests())
        looks += 1
    assert looks == 2
    assert len(requests.list_for("root", None, RequestState.EXPIRED, 1000)) == 250


async def test_a_request_of_a_user_who_is_gone_is_void(store, changes, requests, in_force):
    asked = ask()
    await changes.apply(asked)
    policy = in_force.snapshot.policy
    people = {name: each for name, each in policy.people.items() if name != "dev"}
    in_force.replace(replace(in_force.snapshot, policy=replace(policy, people=people)))
    assert is_any_overdue(store, in_force.snapshot, NOW)
    await changes.apply(EndOverdueRequests())
    assert requests.find("r1").state == "void"


async def test_lists_are_of_users_and_of_groups(changes, requests):
    await changes.apply(ask())
    await changes.apply(ask(id_="r2", user="eve"))
    assert {each.id for each in requests.list_for("dev", (), None, 10)} == {"r1"}
    assert {each.id for each in requests.list_for("boss", {"vision"}, None, 10)} == {"r1", "r2"}
    assert {each.id for each in requests.list_for("root", None, None, 10)} == {"r1", "r2"}
    assert requests.list_for("root", None, RequestState.REFUSED, 10) == []
    assert len(requests.list_for("root", None, None, 1)) == 1


async def test_an_approval_is_whole_or_not_at_all(changes, requests, outage: Outage, in_force):
    asked = ask()
    await changes.apply(asked)
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        await changes.apply(Approve(asked.request, "boss", "ok", BOSS))
    with pytest.raises(StoreUnreachableError):
        requests.find("r1")
    outage.end()
    assert requests.find("r1").state == "open"
    assert in_force.snapshot.policy.grants == ()
    assert Key(Kind.GRANT, "r1") not in in_force.snapshot.sources.managed
