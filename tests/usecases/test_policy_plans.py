"""Plans of other files: beside all that is in force, without secrets, and without any change."""

from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.documents import parse_files, parse_revision
from jupyterhub_platform.file_texts import FileText
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.rest.policy_plans import MAX_OBJECTS, render_plan
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.changes import record
from jupyterhub_platform.usecases.managed import PutObject
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.policy_plans import PlannedPolicy, plan_alone, plan_files
from jupyterhub_platform.usecases.snapshot import Snapshot
from jupyterhub_platform.usecases.suspensions import Suspend
from tests.support.policies import NOW

TEXT = """\
version: 1
users: {dev: {level: developer}, root: {level: admin}}
groups: {vision: {members: [dev, root]}}
images: {lab: {reference: "lab:1"}}
tiers:
  small:
    requests: {cpu: 1, memory: 1Gi}
    images: [lab]
    environment: {API_TOKEN: canary-1}
"""
KIM = Key(Kind.USER, "kim")
VIDEO = Key(Kind.GROUP, "video")


@pytest.fixture
def in_force(store: Store, tmp_path: Path, clock: object) -> Snapshot:
    path = tmp_path / "platform.yaml"
    path.write_text(TEXT)
    snapshot = Policies(store, clock=clock).publish(PolicyFiles(path), actor="root")  # type: ignore[arg-type]
    for key, document in ((KIM, {"level": "user"}), (VIDEO, {"members": ["kim", "dev"]})):
        change = PutObject(key, document, "they asked", "root")
        snapshot = record(store, change, snapshot, NOW)
    return snapshot


def plan(store: Store, snapshot: Snapshot, text: str) -> PlannedPolicy:
    return plan_files(store, snapshot, Book(), text, "site/platform.yaml", NOW)


def test_the_same_file_changes_nothing_and_managed_objects_stay(
    store: Store, in_force: Snapshot
) -> None:
    found = plan(store, in_force, TEXT)
    assert (found.revision, found.digest) == (in_force.revision, found.proposed)
    assert (found.objects, found.lines, found.conflicts) == ((), (), ())
    assert (found.effects.risks, found.effects.removed, found.effects.leaves) == ((), (), ())
    assert not render_plan(found).changes


def test_a_plan_says_what_differs_and_changes_nothing(store: Store, in_force: Snapshot) -> None:
    found = plan(store, in_force, TEXT.replace("developer", "user"))
    (changed,) = found.objects
    assert (changed.kind, changed.name, changed.change) == ("user", "dev", "changed")
    assert found.lines is not None
    assert "-users: {dev: {level: developer}, root: {level: admin}}" in found.lines
    assert [(e.user, e.after) for e in found.effects.levels] == [("dev", "user")]
    assert Policies(store).in_force_digest() == found.digest != found.proposed


def test_a_secret_shows_only_that_it_changed(store: Store, in_force: Snapshot) -> None:
    found = plan(store, in_force, TEXT.replace("canary-1", "canary-2"))
    shown = repr(render_plan(found))
    assert "canary" not in shown
    assert [(e.before, e.after) for o in found.objects for e in o.differences] == [
        ("(hidden 1)", "(hidden 2)")
    ]
    assert found.lines is not None
    assert [line for line in found.lines if line[0] in "+-"] == [
        "-    environment: {API_TOKEN: (hidden 1)}",
        "+    environment: {API_TOKEN: (hidden 2)}",
    ]


def test_what_is_managed_and_declared_is_a_conflict_and_the_files_word_is_planned(
    store: Store, in_force: Snapshot
) -> None:
    found = plan(store, in_force, TEXT.replace("dev: {", "Kim: {level: admin}, dev: {", 1))
    assert [(each.key, each.by) for each in found.conflicts] == [(KIM, "root")]
    (shown,) = render_plan(found).conflicts
    assert (shown.kind, shown.name, shown.at) == ("user", "kim", NOW.isoformat())
    assert [(e.user, e.after) for e in found.effects.levels] == [("kim", "admin")]
    assert found.effects.leaves == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (TEXT.replace("1Gi", "banana"), "site/platform.yaml:7: "),
        (
            TEXT.replace("dev: {level: developer}, ", "").replace("dev, ", ""),
            "groups.video.members",
        ),
        ("[]", "site/platform.yaml:1: "),
    ],
)
def test_faults_have_their_lines_and_what_is_managed_must_fit(
    store: Store, in_force: Snapshot, text: str, fault: str
) -> None:
    with pytest.raises(PolicyError) as refused:
        plan(store, in_force, text)
    assert fault in str(refused.value)


def test_a_file_that_leaves_suspended_admins_alone_is_refused(
    store: Store, in_force: Snapshot
) -> None:
    after = record(store, Suspend("dev", "left", None, "root"), in_force, NOW)
    assert plan(store, after, TEXT).effects.suspended == ()
    other = TEXT.replace("level: admin", "level: user").replace("level: developer", "level: admin")
    with pytest.raises(PolicyError, match="every admin that it leaves is suspended"):
        plan(store, after, other)


def test_without_a_hub_files_are_planned_beside_others_or_nothing() -> None:
    files = [FileText("platform.yaml", TEXT.encode())]
    first = plan_alone(None, files, "platform.yaml", NOW)
    assert (first.digest, first.effects.added, first.effects.risks) == (None, ("dev", "root"), ())
    read = parse_revision(TEXT.replace("developer", "user"), "old.yaml")
    later = plan_alone(read, files, "platform.yaml", NOW)
    assert later.digest == read.digest
    assert [each.user for each in later.effects.levels] == ["dev"]
    assert later.lines is not None
    assert len(later.lines) > 2


def test_files_of_several_are_compared_one_by_one() -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith("users")]
    main = "\n".join(["include: [people.yaml]", *lines, ""]).encode()
    before = [
        FileText("platform.yaml", main),
        FileText("people.yaml", b"users: {dev: {level: user}, root: {level: admin}}\n"),
    ]
    after = [before[0], FileText("people.yaml", before[1].text.replace(b"user}", b"viewer}"))]
    found = plan_alone(parse_files(before, "platform.yaml"), after, "platform.yaml", NOW)
    assert found.lines is not None
    assert [line for line in found.lines if line.startswith("diff")] == ["diff people.yaml"]


def test_an_answer_names_some_and_counts_all() -> None:
    people = ", ".join(f"p{number}: {{level: user}}" for number in range(MAX_OBJECTS + 10))
    many = TEXT.replace("users: {", f"users: {{{people}, ")
    files = [FileText("platform.yaml", many.encode())]
    read = parse_revision(TEXT, "platform.yaml")
    answer = render_plan(plan_alone(read, files, "platform.yaml", NOW))
    assert (answer.added.count, len(answer.added.people)) == (MAX_OBJECTS + 10, 50)
    assert (answer.objects_count, len(answer.objects)) == (MAX_OBJECTS + 10, MAX_OBJECTS)
    assert answer.concerned == MAX_OBJECTS + 10
