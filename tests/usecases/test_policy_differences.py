"""Any two revisions are compared object by object, in either direction."""

from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import Changes
from jupyterhub_platform.usecases.managed import PutObject, RetireObject
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.reports import policy_differences as module
from jupyterhub_platform.usecases.reports.policy_differences import (
    PolicyDifference,
    report_difference,
)
from jupyterhub_platform.usecases.snapshot import InForce
from tests.usecases.conftest import Clock
from tests.usecases.test_policies import CHANGED, GOOD, split

VIDEO = Key(Kind.GROUP, "video")
NEW = Key(Kind.USER, "new")


@pytest.fixture
async def store_of_five(store: Store, clock: Clock, tmp_path: Path) -> Store:
    """Return a store whose revisions are a file, three changes in the Hub, and the file again."""
    file, policies = tmp_path / "platform.yaml", Policies(store, clock=clock)
    file.write_text(GOOD)
    changes = Changes(
        store, InForce(policies.publish(PolicyFiles(file), actor="root")), clock=clock
    )
    await changes.apply(PutObject(VIDEO, {"members": ["dev"]}, "a group", "root"))
    await changes.apply(PutObject(NEW, {"level": "user"}, "a user", "root"))
    await changes.apply(PutObject(NEW, {"level": "developer"}, "trained", "root"))
    file.write_text(CHANGED)
    policies.publish(PolicyFiles(file), actor="root")
    return store


def compare(store: Store, first: int, last: int) -> PolicyDifference:
    return report_difference(store, 5, first, last)


def shown(found: PolicyDifference) -> list[tuple[str, str, str]]:
    return [(each.change, each.kind, each.name) for each in found.objects]


def test_objects_of_file_and_hub_are_compared_alike(store_of_five: Store) -> None:
    found = compare(store_of_five, 1, 5)
    assert shown(found) == [
        ("added", "group", "video"),
        ("changed", "group", "vision"),
        ("added", "user", "new"),
    ]
    group, vision, user = found.objects
    assert [(d.path, d.before, d.after) for d in vision.differences] == [
        ("member_quota.servers", "1", "2")
    ]
    assert [(d.path, d.after) for d in user.differences] == [("level", "developer")]
    assert (group.revision, vision.revision, user.revision) == (2, None, 4)
    assert found.sentence == "3 objects differ: 2 added, 1 changed."
    assert (found.later, found.in_force) == (3, 5)


def test_the_other_way_round_is_the_way_back(store_of_five: Store) -> None:
    found = compare(store_of_five, 4, 3)
    ((change, kind, name),) = shown(found)
    assert (change, kind, name) == ("changed", "user", "new")
    (difference,) = found.objects[0].differences
    assert (difference.before, difference.after) == ("developer", "user")
    assert ("removed", "group", "video") in shown(compare(store_of_five, 5, 1))


def test_before_the_first_one_there_was_nothing(store_of_five: Store) -> None:
    found = compare(store_of_five, 0, 1)
    assert ("added", "settings", "") in shown(found)
    assert {each.change for each in found.objects} == {"added"}
    same = compare(store_of_five, 4, 4)
    assert (same.sentence, same.objects, same.lines) == ("Nothing differs.", (), ())


def test_a_file_that_is_too_large_for_that_is_compared_by_lines(
    store_of_five: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILE", 10)
    found = compare(store_of_five, 4, 5)
    assert found.objects == ()
    assert found.sentence == "No object differs. The file differs, and is compared by lines."
    assert any(line.startswith("+") and "servers: 2" in line for line in found.lines or ())
    back = compare(store_of_five, 5, 4)
    assert any(line.startswith("+") and "servers: 1" in line for line in back.lines or ())


def test_a_revision_that_is_not_there_is_none(store_of_five: Store) -> None:
    with pytest.raises(NotFoundError, match="There is no policy revision 9"):
        compare(store_of_five, 1, 9)


async def test_an_object_that_came_and_went_in_between_does_not_differ(
    store_of_five: Store, tmp_path: Path, clock: Clock
) -> None:
    policies = Policies(store_of_five, clock=clock)
    in_force = InForce(
        policies.publish_or_last_good(PolicyFiles(tmp_path / "platform.yaml"), actor="r")[0]
    )
    changes = Changes(store_of_five, in_force, clock=clock)
    await changes.apply(PutObject(Key(Kind.USER, "brief"), {"level": "user"}, "x", "root"))
    await changes.apply(RetireObject(Key(Kind.USER, "brief"), "x", "root"))
    assert compare(store_of_five, 5, 7).sentence == "Nothing differs."


def test_files_that_are_included_are_compared_with_what_was_in_one(
    store: Store, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, policies = tmp_path / "platform.yaml", Policies(store, clock=clock)
    file.write_text(GOOD)
    policies.publish(PolicyFiles(file), actor="root")
    group = split(file)
    policies.publish(PolicyFiles(file), actor="root")
    group.write_text(group.read_text().replace("servers: 1", "servers: 3"))
    policies.publish(PolicyFiles(file), actor="root")
    assert shown(report_difference(store, 3, 1, 2)) == [("changed", "settings", "")]
    assert shown(report_difference(store, 3, 2, 3)) == [("changed", "group", "vision")]
    monkeypatch.setattr(module, "MAX_FILE", 10)
    by_line = report_difference(store, 3, 2, 3).lines
    assert by_line is not None
    assert by_line[0] == "diff groups/vision.yaml"
    assert [line[0] for line in by_line[1:]] == ["@", "-", "+"]
    moved = report_difference(store, 3, 2, 1).lines
    assert moved is not None
    assert [line for line in moved if line.startswith("diff")] == [
        "diff platform.yaml",
        "diff groups/vision.yaml",
    ]
