"""A bulk change is each single change in turn; what is interrupted goes on where it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.bulk_changes import (
    Act,
    BulkJob,
    BulkState,
    Outcome,
    Progress,
    Result,
)
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases import bulk_chunk
from jupyterhub_platform.usecases.bulk_changes import BulkChanges, preview
from jupyterhub_platform.usecases.bulk_chunk import BulkError, BulkStoppedError, list_items
from jupyterhub_platform.usecases.changes import Changes
from jupyterhub_platform.usecases.managed import PutObject
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.snapshot import InForce
from tests.support.policies import NOW
from tests.usecases.conftest import Clock, read_audit

POLICY = """\
version: 1
name: Bulk
defaults: {tier: small}
users:
  root: {level: admin}
  boss: {level: manager}
  dec: {level: user}
groups:
  vision: {members: [dec], managers: [boss]}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
"""
PEOPLE = [f"p{number}" for number in range(6)]
COURSE = Key(Kind.GROUP, "course")


@pytest.fixture
def in_force(store: Store, clock: Clock, tmp_path: Path) -> InForce:
    path = tmp_path / "platform.yaml"
    path.write_text(POLICY)
    return InForce(Policies(store, clock=clock).publish(PolicyFiles(path), actor="root"))


@pytest.fixture
async def changes(store: Store, in_force: InForce, clock: Clock) -> Changes:
    changes = Changes(store, in_force, clock=clock)
    for name in PEOPLE:
        await changes.apply(PutObject(Key(Kind.USER, name), {"level": "user"}, "new", "root"))
    await changes.apply(PutObject(COURSE, {"managers": ["boss"]}, "new", "root"))
    return changes


@pytest.fixture
def record(store: Store) -> BulkChanges:
    return BulkChanges(store)


def job(act: Act, *, manager: str = "", id_: str = "j", **said: Any) -> BulkJob:
    return BulkJob(id_, act, said, "a reason", manager or "root", manager, NOW, 0)


async def run(record: BulkChanges, changes: Changes, wanted: BulkJob, names: list[str]) -> Progress:
    return await run_items(record, changes, wanted, list_items(names))


async def run_items(
    record: BulkChanges, changes: Changes, wanted: BulkJob, items: list[Outcome]
) -> Progress:
    record.start(wanted, items)
    while (found := record.find_next()) is not None:
        chunk = record.read_chunk(found)
        theirs = {each.name: frozenset({"course"}) for each in chunk.items}
        await changes.apply(replace(chunk, memberships=theirs))
    done = record.find(wanted.id)
    assert done is not None
    return done


async def test_a_level_is_set_for_each_and_the_rest_is_refused_with_its_reason(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    wanted = job(Act.LEVEL, level="developer")
    done = await run(record, changes, wanted, [*PEOPLE, "dec", "nobody"])
    assert (done.done, done.same, done.refused, done.left) == (6, 0, 2, 0)
    assert {in_force.snapshot.policy.people[name].level for name in PEOPLE} == {"developer"}
    refused = record.list_outcomes("j", result=Result.REFUSED)
    assert [(each.name, each.code) for each in refused] == [
        ("dec", "managed.declared"),
        ("nobody", "managed.none"),
    ]


async def test_members_come_and_go_in_one_revision_which_a_fault_of_one_does_not_stop(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    await run(record, changes, job(Act.LEVEL, id_="l", level="developer"), PEOPLE[:1])
    before = in_force.snapshot.revision
    added = await run(
        record, changes, job(Act.ADD, group="course"), [*PEOPLE[:3], "nobody", *PEOPLE[3:]]
    )
    assert (added.done, added.refused) == (6, 1)
    assert in_force.snapshot.policy.groups["course"].members == frozenset(PEOPLE)
    assert in_force.snapshot.revision - before == added.revisions < 6
    again = await run(record, changes, job(Act.ADD, id_="k", group="course"), PEOPLE)
    assert (again.done, again.same, again.revisions) == (0, 6, 0)
    gone = await run(record, changes, job(Act.REMOVE, id_="r", group="course"), PEOPLE[:2])
    assert (gone.done, gone.revisions) == (2, 1)
    assert in_force.snapshot.policy.groups["course"].members == frozenset(PEOPLE[2:])


async def test_a_group_that_is_not_there_is_a_reason_for_each(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    done = await run(record, changes, job(Act.ADD, group="none"), PEOPLE)
    assert (done.refused, done.revisions) == (6, 0)
    assert {each.code for each in record.list_outcomes("j")} == {"managed.none"}
    assert "none" not in in_force.snapshot.policy.groups


async def test_people_name_a_declared_group_themselves_and_others_are_refused(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    vision = job(Act.ADD, group="vision")
    done = await run(record, changes, vision, [*PEOPLE[:3], "dec"])
    assert (done.done, done.refused, done.revisions) == (3, 1, 3)
    assert in_force.snapshot.policy.groups["vision"].joined == frozenset(PEOPLE[:3])
    assert [each.code for each in record.list_outcomes("j", result=Result.REFUSED)] == [
        "managed.declared"
    ]
    again = await run(record, changes, replace(vision, id="k"), PEOPLE[:4])
    assert (again.same, again.done) == (3, 1)
    gone = await run(record, changes, job(Act.REMOVE, id_="r", group="vision"), PEOPLE)
    assert (gone.done, gone.same) == (4, 2)
    assert in_force.snapshot.policy.groups["vision"].members == {"dec"}
    assert "groups" not in in_force.snapshot.sources.managed[Key(Kind.USER, "p0")].document


async def test_a_manager_does_in_bulk_what_they_may_do_one_by_one(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    await run(record, changes, job(Act.ADD, id_="a", group="course"), PEOPLE[:3])
    level = await run(
        record, changes, job(Act.LEVEL, manager="boss", level="developer"), [*PEOPLE[:4], "root"]
    )
    # p3 is in no group of theirs by the policy, but the Hub says so.
    assert (level.done, level.refused) == (4, 1)
    admin = await run(
        record, changes, job(Act.LEVEL, id_="x", manager="boss", level="admin"), PEOPLE[:3]
    )
    assert (admin.done, admin.refused) == (0, 3)
    vision = await run(
        record, changes, job(Act.REMOVE, id_="y", manager="peer", group="course"), PEOPLE
    )
    assert vision.done == 0
    assert {each.code for each in record.list_outcomes("y", result=Result.REFUSED)} == {
        "managed.not_allowed"
    }


@pytest.mark.parametrize(
    ("act", "said", "name"),
    [
        (Act.ADD, {"group": "course"}, "p0"),
        (Act.REMOVE, {"group": "course"}, "p5"),
        (Act.ADD, {"group": "none"}, "p0"),
        (Act.LEVEL, {"level": "user"}, "p0"),
    ],
)
async def test_a_manager_does_not_learn_what_is_so_already_elsewhere(
    record: BulkChanges,
    changes: Changes,
    in_force: InForce,
    act: Act,
    said: dict[str, Any],
    name: str,
) -> None:
    await run(record, changes, job(Act.ADD, id_="a", group="course"), PEOPLE[:1])
    wanted = job(act, id_="x", manager="peer", **said)
    (outcome,) = preview(wanted, list_items([name]), in_force.snapshot, {}, NOW).outcomes
    assert (outcome.result, outcome.code) == (Result.REFUSED, "managed.not_allowed")


async def test_grants_are_made_once_and_end(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    await run(record, changes, job(Act.ADD, id_="a", group="course"), PEOPLE)
    document = {
        "account": "course",
        "add": {"servers": 1},
        "until": "2030-01-01T00:00:00Z",
        "reason": "a course",
    }
    made = await run(record, changes, job(Act.GRANT, document=document), [*PEOPLE, "nobody"])
    assert (made.done, made.refused) == (6, 1)
    grants = in_force.snapshot.policy.grants
    assert {(each.user, each.by) for each in grants} == {(name, "root") for name in PEOPLE}
    names = [each.path.partition(".")[2] for each in grants]
    ended = await run(record, changes, job(Act.END_GRANT, id_="e"), names)
    assert (ended.done, in_force.snapshot.policy.grants) == (6, ())


async def test_people_are_retired_and_all_of_it_is_undone(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    await run(record, changes, job(Act.ADD, id_="a", group="course"), PEOPLE)
    before = in_force.snapshot
    gone = await run(record, changes, job(Act.RETIRE), [*PEOPLE, "dec"])
    assert (gone.done, gone.refused) == (6, 1)
    assert not set(PEOPLE) & in_force.snapshot.policy.people.keys()
    numbers = list(map(str, record.list_revisions("j")))
    undone = await run(record, changes, job(Act.UNDO, id_="u"), numbers)
    assert (undone.done, undone.refused) == (len(numbers), 0)
    after = in_force.snapshot.policy
    assert after.people == before.policy.people
    assert after.groups["course"].members == before.policy.groups["course"].members


async def test_undo_leaves_alone_what_others_changed_since(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    await run(record, changes, job(Act.LEVEL, level="developer"), PEOPLE)
    changed = {"level": "viewer", "title": "Guest"}
    await changes.apply(PutObject(Key(Kind.USER, "p2"), changed, "other", "root"))
    numbers = list(map(str, record.list_revisions("j")))
    undone = await run(record, changes, job(Act.UNDO, id_="u"), numbers)
    assert (undone.done, undone.refused) == (5, 1)
    (kept,) = record.list_outcomes("u", result=Result.REFUSED)
    assert kept.code == "managed.changed"
    levels = {name: in_force.snapshot.policy.people[name].level for name in PEOPLE}
    assert levels == {name: "viewer" if name == "p2" else "user" for name in PEOPLE}


async def test_suspensions_are_made_and_lifted_and_no_one_suspends_themselves(
    record: BulkChanges, changes: Changes, in_force: InForce, store: Store
) -> None:
    until = "2035-01-01T00:00:00+00:00"
    done = await run(record, changes, job(Act.SUSPEND, until=until), [*PEOPLE, "root", "nobody"])
    assert (done.done, done.refused, done.revisions) == (6, 2, 0)
    assert in_force.snapshot.suspensions.keys() == set(PEOPLE)
    assert in_force.snapshot.suspensions["p1"].until is not None
    again = await run(record, changes, job(Act.RESUME, id_="r"), [*PEOPLE, "root"])
    assert (again.done, again.refused) == (6, 1)
    assert not in_force.snapshot.suspensions
    actions = [row.action for row in read_audit(store)]
    assert actions.count("person.suspended") == actions.count("person.resumed") == 6


async def test_it_is_done_chunk_by_chunk_and_stops_between(
    record: BulkChanges, changes: Changes, in_force: InForce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_chunk, "CHUNK_SECONDS", 0.0)
    wanted = job(Act.LEVEL, level="developer")
    record.start(wanted, list_items(PEOPLE))
    record.start(wanted, list_items(PEOPLE))
    chunk = record.read_chunk(wanted)
    await changes.apply(chunk)
    halfway = record.stop("j", "root", "enough", NOW)
    assert (halfway.done, halfway.left, halfway.job.state) == (1, 5, BulkState.STOPPED)
    left = record.read_chunk(wanted)
    with pytest.raises(BulkStoppedError):
        await changes.apply(left)
    assert in_force.snapshot.policy.people["p1"].level == "user"
    assert record.find_next() is None
    with pytest.raises(BulkError, match="is stopped, and not running"):
        record.stop("j", "root", "twice", NOW)
    assert record.resume("j", "root", NOW).job.state is BulkState.RUNNING
    with pytest.raises(BulkError, match="is running, and not stopped"):
        record.resume("j", "root", NOW)
    done = await run(record, changes, wanted, PEOPLE)
    assert (done.done, done.revisions, done.job.state) == (6, 6, BulkState.DONE)


async def test_what_happens_is_in_the_audit(
    record: BulkChanges, changes: Changes, store: Store
) -> None:
    await run(record, changes, job(Act.LEVEL, level="developer"), [*PEOPLE, "nobody"])
    of_job = [row for row in read_audit(store) if row.subject == "j"]
    assert {(row.action, row.result) for row in of_job} == {
        ("bulk.started", "done"),
        ("bulk.refused", "refused"),
        ("bulk.done", "done"),
    }
    assert "There is no managed user nobody" in of_job[1].detail_json
    changed = [row for row in read_audit(store) if row.action == "user.changed"]
    assert sorted(row.subject for row in changed) == PEOPLE


async def test_a_preview_changes_nothing_and_says_what_would_happen(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    before = in_force.snapshot
    steps = preview(job(Act.RETIRE), list_items([*PEOPLE, "dec"]), before, {}, NOW)
    assert [each.result for each in steps.outcomes] == [*[Result.DONE] * 6, Result.REFUSED]
    assert not set(PEOPLE) & steps.after.policy.people.keys()
    assert in_force.snapshot is before
    assert record.list_jobs(by=None) == []


def list_new(*rows: tuple[str, dict[str, Any], list[str]]) -> list[Outcome]:
    return [
        Outcome(position, name, None, arguments={"document": document, "groups": groups})
        for position, (name, document, groups) in enumerate(rows)
    ]


async def test_people_of_a_table_are_added_with_one_revision_of_each_group(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    rows = [(f"n{number}", {"level": "user"}, ["course"]) for number in range(20)]
    same: tuple[str, dict[str, Any], list[str]] = ("p1", {"level": "user"}, [])
    done = await run_items(record, changes, job(Act.ADD_PEOPLE), list_new(*rows, same))
    assert (done.done, done.same, done.refused, done.revisions) == (20, 1, 0, 21)
    assert in_force.snapshot.policy.groups["course"].members == {name for name, *_ in rows}
    numbers = list(map(str, record.list_revisions("j")))
    undone = await run(record, changes, job(Act.UNDO, id_="u"), numbers)
    assert (undone.done, undone.refused) == (21, 0)
    assert not {name for name, *_ in rows} & in_force.snapshot.policy.people.keys()


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (("p0", {"level": "admin"}, []), "managed.changed"),
        (("dec", {"level": "user"}, []), "managed.declared"),
        (("new", {"level": "boss"}, []), "policy.invalid"),
        (("new", {}, ["none"]), "managed.none"),
    ],
)
async def test_what_is_made_whole_or_not_at_all_is_undone_by_one_refusal(
    record: BulkChanges,
    changes: Changes,
    in_force: InForce,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    row: tuple[str, dict[str, Any], list[str]],
    code: str,
) -> None:
    monkeypatch.setattr(bulk_chunk, "CHUNK_SECONDS", 0.0)
    before = in_force.snapshot.policy
    rows = [(f"n{number:03}", {"level": "user"}, ["course"]) for number in range(60)]
    failed = await run_items(record, changes, job(Act.ADD_PEOPLE), list_new(*rows, row))
    assert (failed.job.state, failed.done, failed.refused) == (BulkState.FAILED, 50, 1)
    assert f"{row[0]} was refused, so nothing stays: " in failed.job.why
    (refused,) = record.list_outcomes("j", result=Result.REFUSED)
    assert refused.code == code
    after = in_force.snapshot.policy
    assert after.people == before.people
    assert after.groups["course"].members == before.groups["course"].members
    (undo,) = (each for each in record.list_jobs(by="root") if each.job.act is Act.UNDO)
    assert (undo.job.act, undo.done, undo.left, undo.job.state) == (Act.UNDO, 51, 0, BulkState.DONE)
    with pytest.raises(BulkError, match="is failed, and not stopped"):
        record.resume("j", "root", NOW)
    actions = [row.action for row in read_audit(store) if row.subject == "j"]
    assert {"bulk.started", "bulk.refused", "bulk.failed"} == set(actions)


async def test_a_manager_adds_people_to_their_own_groups_alone(
    record: BulkChanges, changes: Changes, in_force: InForce
) -> None:
    rows = list_new(
        ("mine", {"level": "user"}, ["course"]), ("too", {"level": "admin"}, ["course"])
    )
    wanted = job(Act.ADD_PEOPLE, manager="boss")
    steps = preview(wanted, rows, in_force.snapshot, {}, NOW)
    assert [each.result for each in steps.outcomes] == [Result.DONE, Result.REFUSED]
    for group in ([], ["vision"]):
        other = replace(wanted, manager="peer")
        (alone,) = preview(other, list_new(("x", {}, group)), in_force.snapshot, {}, NOW).outcomes
        assert (alone.result, alone.code) == (Result.REFUSED, "managed.not_allowed")
    done = await run_items(record, changes, wanted, rows[:1])
    assert done.done == 1
    assert "mine" in in_force.snapshot.policy.groups["course"].members
