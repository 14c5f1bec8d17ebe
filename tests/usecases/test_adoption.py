"""From managed to declared and back: whatever is interrupted, an object is one of them."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.errors import PolicyError, StoreUnreachableError
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.document_writer import add_object
from jupyterhub_platform.policy_files import PolicyFiles, read_policy
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.adoption import AdoptObject, ReleaseObject, remove_declared
from jupyterhub_platform.usecases.changes import Changes
from jupyterhub_platform.usecases.managed_steps import ManagedError
from jupyterhub_platform.usecases.policies import Policies, PublishPolicy
from jupyterhub_platform.usecases.snapshot import InForce, Snapshot
from tests.usecases.conftest import Outage, read_audit
from tests.usecases.test_managed import (
    VIDEO,
    changes,
    file,
    in_force,
    list_revisions,
    policies,
    put,
    roll_back,
)

__all__ = ["changes", "file", "in_force", "policies"]

GROUP: dict[str, Any] = {"title": "Video", "quota": {"servers": 2}}


def adopt(store: Store, path: Path, *, take_file: bool = False) -> AdoptObject:
    return AdoptObject(VIDEO, PolicyFiles(path), store, "into git", "root", take_file)


def release(store: Store, path: Path, key: Key = VIDEO) -> ReleaseObject:
    return ReleaseObject(key, PolicyFiles(path), store, "changes daily", "root")


def write_in(path: Path, document: dict[str, Any] = GROUP) -> None:
    path.write_text(add_object(path.read_text(), "groups", "video", document))


def take_out(path: Path) -> None:
    path.write_text(remove_declared(read_policy(path), VIDEO).text)


def read_main(path: Path) -> str:
    return path.read_text()


def write_main(path: Path, text: str) -> None:
    path.write_text(text)


def restart(policies: Policies, path: Path) -> tuple[Snapshot, PolicyError | None]:
    return policies.publish_or_last_good(PolicyFiles(path), actor="platform.yaml")


def titles(snapshot: Snapshot) -> tuple[str, bool]:
    group = snapshot.policy.groups["video"]
    return group.title, VIDEO in snapshot.sources.managed


async def test_an_adopted_object_is_the_files_and_was_a_revision(
    changes: Changes, in_force: InForce, policies: Policies, file: Path, store: Store
) -> None:
    await changes.apply(put(VIDEO, GROUP))
    write_in(file)
    after = await changes.apply(adopt(store, file))
    assert titles(after) == ("Video", False)
    assert restart(policies, file) == (in_force.snapshot, None)
    assert list_revisions(store)[0][1:] == (VIDEO, True, False)
    assert [row.action for row in read_audit(store)][:2] == ["policy.published", "group.retired"]


async def test_what_is_interrupted_after_the_file_was_written_stays_managed(
    changes: Changes, policies: Policies, file: Path, store: Store
) -> None:
    await changes.apply(put(VIDEO, GROUP))
    write_in(file, {**GROUP, "title": "Film"})
    with pytest.raises(PolicyError, match="jhp adopt group video"):
        await changes.apply(PublishPolicy(PolicyFiles(file), "platform.yaml", store))
    snapshot, fault = restart(policies, file)
    assert (titles(snapshot), fault is not None) == (("Video", True), True)
    with pytest.raises(ManagedError, match="says something else") as refused:
        await changes.apply(adopt(store, file))
    assert refused.value.code == "managed.differs"
    after = await changes.apply(adopt(store, file, take_file=True))
    assert titles(after) == ("Film", False)
    assert restart(policies, file)[1] is None


async def test_what_the_file_does_not_declare_is_not_adopted(
    changes: Changes, file: Path, store: Store
) -> None:
    with pytest.raises(ManagedError, match="no managed group video"):
        await changes.apply(adopt(store, file))
    await changes.apply(put(VIDEO, GROUP))
    with pytest.raises(ManagedError, match="does not declare") as refused:
        await changes.apply(adopt(store, file, take_file=True))
    assert refused.value.code == "managed.undeclared"


async def test_a_released_object_is_managed_before_and_after_the_file_is_written(
    changes: Changes, policies: Policies, file: Path, store: Store
) -> None:
    write_in(file)
    await changes.apply(PublishPolicy(PolicyFiles(file), "platform.yaml", store))
    after = await changes.apply(release(store, file))
    assert titles(after) == ("Video", True)
    # Interrupted here: the file still declares it.
    snapshot, fault = restart(policies, file)
    assert (titles(snapshot), fault is not None) == (("Video", True), True)
    take_out(file)
    snapshot, fault = restart(policies, file)
    assert (titles(snapshot), snapshot.revision, fault) == (("Video", True), after.revision, None)


async def test_what_the_file_still_names_is_not_released(
    changes: Changes, file: Path, store: Store
) -> None:
    with pytest.raises(PolicyError):
        await changes.apply(release(store, file, Key(Kind.IMAGE, "lab")))
    with pytest.raises(ManagedError, match="declares no group video"):
        await changes.apply(release(store, file))


async def test_neither_is_half_done_while_the_store_is_down(
    changes: Changes, in_force: InForce, file: Path, store: Store, outage: Outage
) -> None:
    await changes.apply(put(VIDEO, GROUP))
    write_in(file)
    before = in_force.snapshot
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        await changes.apply(adopt(store, file))
    outage.end()
    with suppress(StoreUnreachableError):
        # A connection of before the outage is found out by its first use.
        store.probe()
    assert in_force.snapshot is before
    assert titles(await changes.apply(adopt(store, file))) == ("Video", False)


async def test_a_change_before_an_adoption_is_not_undone_beside_the_file(
    changes: Changes, in_force: InForce, file: Path, store: Store
) -> None:
    good = in_force.snapshot.revision
    await changes.apply(put(VIDEO, GROUP))
    write_in(file)
    await changes.apply(adopt(store, file))
    with pytest.raises(ManagedError, match="is declared at"):
        await changes.apply(roll_back(store, in_force, good, "back"))
    assert titles(in_force.snapshot) == ("Video", False)


async def test_an_object_of_an_included_file_is_released_from_there(
    changes: Changes, policies: Policies, file: Path, store: Store
) -> None:
    video = file.parent / "video.yaml"
    write_main(file, f"include: [video.yaml]\n{read_main(file)}")
    before = read_main(file)
    video.write_text("# kept\ngroups:\n  video: {title: Video, quota: {servers: 2}}\n  dance: {}\n")
    await changes.apply(PublishPolicy(PolicyFiles(file), "platform.yaml", store))
    after = await changes.apply(release(store, file))
    assert titles(after) == ("Video", True)
    left = remove_declared(read_policy(file), VIDEO)
    assert (left.path, left.text) == (video, "# kept\ngroups:\n  dance: {}\n")
    assert read_main(file) == before
    video.write_text(left.text)
    snapshot, fault = restart(policies, file)
    assert (titles(snapshot), snapshot.revision, fault) == (("Video", True), after.revision, None)
    video.write_text(f"{left.text}  video: {{title: Film}}\n")
    with pytest.raises(ManagedError, match=r"video\.yaml:4 says something else of the group video"):
        await changes.apply(adopt(store, file))
    assert titles(await changes.apply(adopt(store, file, take_file=True))) == ("Film", False)
