"""Policies come into force as revisions, and a faulty file leaves the last good one there."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import PolicyError, StoreUnreachableError
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store import policies as revisions
from jupyterhub_platform.store.policies import Revision
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.changes import record
from jupyterhub_platform.usecases.policies import Policies, say_locked_out
from jupyterhub_platform.usecases.suspensions import Suspend
from tests.support.policies import NOW
from tests.usecases.conftest import read_audit

GOOD = """\
version: 1
users: {dev: {level: developer}, root: {level: admin}}
groups: {vision: {members: [dev], member_quota: {servers: 1}}}
images: {lab: {reference: "lab:1"}}
tiers: {small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}}
"""
WITHOUT_ADMIN = GOOD.replace("level: admin", "level: manager")
TWO_ADMINS = GOOD.replace("root: {", "ann: {level: admin}, root: {")
CHANGED = GOOD.replace("servers: 1", "servers: 2")
FAULTY = GOOD.replace("1Gi", "banana")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy" / "platform.yaml"
    path.parent.mkdir()
    path.write_text(GOOD)
    return path


@pytest.fixture
def policies(store, clock) -> Policies:
    return Policies(store, clock=clock)


def list_all(store: Store) -> list[Revision]:
    with store.read() as transaction:
        return revisions.list_revisions(transaction)


def test_a_file_is_put_into_force_as_the_first_revision(policies, store, file):
    snapshot = policies.publish(PolicyFiles(file), actor="root")
    assert snapshot.revision == 1
    assert snapshot.policy.groups["vision"].member_quota.quota == {"servers": 1}
    (revision,) = list_all(store)
    assert (revision.number, revision.document_json) == (1, GOOD)
    assert (revision.actor, revision.source, revision.at) == ("root", str(file), NOW)
    (row,) = read_audit(store)
    assert (row.actor, row.action, row.subject) == ("root", "policy.published", "revision 1")
    assert json.loads(row.detail_json) == {
        "file": str(file),
        "digest": revision.digest,
        "before": {"revision": 0},
        "after": {"revision": 1},
    }


def test_the_same_content_keeps_its_number_and_is_not_audited_again(policies, store, file):
    policies.publish(PolicyFiles(file), actor="root")
    again = policies.publish(PolicyFiles(file), actor="platform")
    assert again.revision == 1
    assert len(list_all(store)) == len(read_audit(store)) == 1


def test_each_change_is_a_revision_also_one_back(policies, store, file):
    for text, number in ((GOOD, 1), (CHANGED, 2), (GOOD, 3)):
        file.write_text(text)
        assert policies.publish(PolicyFiles(file), actor="root").revision == number
    assert [row.subject for row in read_audit(store)] == ["revision 3", "revision 2", "revision 1"]


def test_a_faulty_file_is_refused_and_nothing_is_recorded(policies, store, file):
    policies.publish(PolicyFiles(file), actor="root")
    file.write_text(FAULTY)
    with pytest.raises(PolicyError, match=r"platform\.yaml:5: .*banana"):
        policies.publish(PolicyFiles(file), actor="root")
    assert len(list_all(store)) == len(read_audit(store)) == 1


def test_the_last_good_policy_stays_in_force_beside_what_is_wrong(policies, file):
    file.write_text(CHANGED)
    before, fault = policies.publish_or_last_good(PolicyFiles(file), actor="platform")
    assert fault is None
    file.write_text(FAULTY)
    snapshot, fault = policies.publish_or_last_good(PolicyFiles(file), actor="platform")
    assert snapshot.revision == before.revision == 1
    assert snapshot.policy.groups == before.policy.groups
    assert snapshot.policy.tiers == before.policy.tiers
    assert fault is not None
    assert "banana" in str(fault)


@pytest.mark.parametrize("how", ["missing", "directory", "unreadable"])
def test_a_file_that_cannot_be_read_is_a_fault_too(policies, file, how):
    policies.publish(PolicyFiles(file), actor="root")
    file.unlink()
    if how == "directory":
        file.mkdir()
    elif how == "unreadable":
        file.symlink_to(file)
    with pytest.raises(PolicyError, match="cannot be read"):
        policies.publish(PolicyFiles(file), actor="root")
    snapshot, fault = policies.publish_or_last_good(PolicyFiles(file), actor="root")
    assert snapshot.revision == 1
    assert fault is not None


def test_a_faulty_file_without_a_good_one_before_is_an_error(policies, store, file):
    file.write_text(FAULTY)
    with pytest.raises(PolicyError, match="banana"):
        policies.publish_or_last_good(PolicyFiles(file), actor="platform")
    assert policies.last_good() is None
    assert read_audit(store) == []


def test_the_file_is_what_is_wrong_also_where_the_last_good_policy_is_no_longer_one(
    policies, store, file
):
    with store.begin() as transaction:
        revisions.record_revision(
            transaction,
            document_json="version: 0\n",
            digest="old",
            source=str(file),
            actor="root",
            at=NOW,
        )
    file.write_text(FAULTY)
    with pytest.raises(PolicyError, match="banana"):
        policies.publish_or_last_good(PolicyFiles(file), actor="platform")


def test_the_last_good_policy_is_compiled_from_what_was_kept(policies, file):
    published = policies.publish(PolicyFiles(file), actor="root")
    file.unlink()
    last = policies.last_good()
    assert last is not None
    assert last.revision == published.revision
    assert last.policy.people == published.policy.people
    assert str(last.policy.lines["groups.vision"]) == "platform.yaml:3"


def test_a_policy_that_cannot_be_recorded_is_not_in_force(policies, store, file, outage):
    outage.begin()
    with pytest.raises(StoreUnreachableError):
        policies.publish(PolicyFiles(file), actor="root")
    with pytest.raises(StoreUnreachableError):
        policies.publish_or_last_good(PolicyFiles(file), actor="root")
    outage.end()
    assert list_all(store) == []


def test_memberships_that_were_put_into_the_hub_are_remembered(policies):
    assert policies.list_applied() == {}
    first = {"dev": frozenset({"vision", "level:developer"}), "eve": frozenset({"vision"})}
    policies.change_applied({}, first)
    policies.change_applied({}, first)
    assert policies.list_applied() == first
    policies.change_applied(first, {"dev": frozenset({"text"}), "gone": frozenset()})
    assert policies.list_applied() == {"dev": frozenset({"text"})}


def test_two_threads_that_remember_the_same_memberships_do_no_harm(store):
    pairs = [("dev", "vision"), ("eve", "vision")]
    for _ in range(2):
        # What was there before may have been read before the other thread wrote.
        with store.begin() as transaction:
            revisions.add_applied_memberships(transaction, pairs)
    assert Policies(store).list_applied() == {name: frozenset({"vision"}) for name, _ in pairs}


def suspend(store, clock, policies, file, name, **until):
    """Suspend a user as the API does."""
    snapshot = policies.publish(PolicyFiles(file), actor="root")
    record(store, Suspend(name, "away", until.get("until"), "jhp"), snapshot, clock())


@pytest.mark.parametrize(
    "text",
    [
        WITHOUT_ADMIN,
        GOOD.replace("root: {level: admin}", "root: {level: admin, suspended: {reason: left}}"),
        GOOD.replace(", root: {level: admin}", ""),
    ],
    ids=["demoted", "suspended", "removed"],
)
def test_a_policy_that_leaves_no_admin_is_refused(policies, store, file, text):
    policies.publish(PolicyFiles(file), actor="root")
    file.write_text(text)
    with pytest.raises(PolicyError, match=r"platform\.yaml:2: users.*no user could govern"):
        policies.publish(PolicyFiles(file), actor="root")
    snapshot, fault = policies.publish_or_last_good(PolicyFiles(file), actor="root")
    assert snapshot.policy.admins() == ("root",)
    assert "level: admin" in str(fault)
    assert len(list_all(store)) == 1


def test_a_first_start_with_a_policy_without_an_admin_fails(policies, file):
    file.write_text(WITHOUT_ADMIN)
    with pytest.raises(PolicyError, match="no user has the level admin"):
        policies.publish_or_last_good(PolicyFiles(file), actor="root")


def test_a_suspension_of_the_last_admin_counts_only_until_it_ends(policies, file):
    ended, comes = "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
    text = GOOD.replace("level: admin", 'level: admin, suspended: {reason: away, until: "END"}')
    file.write_text(text.replace("END", ended))
    assert policies.publish(PolicyFiles(file), actor="root").policy.admins() == ("root",)
    file.write_text(text.replace("END", comes))
    with pytest.raises(PolicyError, match="suspends “root”, the last admin"):
        policies.publish(PolicyFiles(file), actor="root")


def test_a_policy_that_leaves_only_admins_whom_the_store_suspends_is_refused(
    policies, store, file, clock
):
    file.write_text(TWO_ADMINS)
    suspend(store, clock, policies, file, "root")
    for left in (GOOD, TWO_ADMINS.replace("ann: {level: admin}", "ann: {level: user}")):
        file.write_text(left)
        with pytest.raises(PolicyError, match=r"yaml:2: users\.root: every admin .*resume root"):
            policies.publish(PolicyFiles(file), actor="platform.yaml")
    renamed = TWO_ADMINS.replace("ann:", "anna:")
    file.write_text(renamed)
    assert policies.publish(PolicyFiles(file), actor="root").policy.admins() == ("anna", "root")


def test_a_suspension_in_the_store_counts_only_until_it_ends(policies, store, file, clock):
    file.write_text(TWO_ADMINS)
    suspend(store, clock, policies, file, "root", until=NOW + timedelta(hours=1))
    file.write_text(GOOD)
    with pytest.raises(PolicyError, match="every admin"):
        policies.publish(PolicyFiles(file), actor="root")
    clock.advance(hours=2)
    assert policies.publish(PolicyFiles(file), actor="root").revision == 2


def test_a_hub_starts_though_the_store_suspends_every_admin(policies, store, file, clock):
    file.write_text(TWO_ADMINS)
    suspend(store, clock, policies, file, "root")
    file.write_text(GOOD)
    snapshot, fault = policies.publish_or_last_good(PolicyFiles(file), actor="platform")
    assert fault is None
    assert "jhp resume root" in say_locked_out(snapshot, NOW, file)
    assert say_locked_out(replace(snapshot, suspensions={}), NOW, file) == ""


def split(file: Path) -> Path:
    """Put the groups of a policy into a file of their own, in a folder that it includes."""
    (file.parent / "groups").mkdir()
    head, groups, rest = GOOD.partition(
        "groups: {vision: {members: [dev], member_quota: {servers: 1}}}\n"
    )
    (file.parent / "groups" / "vision.yaml").write_text(groups)
    file.write_text(f"{head}include: [groups]\n{rest}")
    return file.parent / "groups" / "vision.yaml"


def test_a_revision_keeps_all_files_and_is_read_from_them(policies, store, file):
    group = split(file)
    published = policies.publish(PolicyFiles(file), actor="root")
    assert policies.publish(PolicyFiles(file), actor="root").revision == 1
    group.write_text(group.read_text().replace("servers: 1", "servers: 2"))
    assert policies.publish(PolicyFiles(file), actor="root").revision == 2
    group.write_text("groups: {vision: {member_quota: {servers: banana}}}\n")
    last, fault = policies.publish_or_last_good(PolicyFiles(file), actor="root")
    assert fault is not None
    assert str(fault).startswith(f"{group}:1: groups.vision.member_quota.servers: ")
    assert last.policy.groups["vision"].member_quota.quota == {"servers": 2}
    assert str(last.policy.lines["groups.vision"]) == "groups/vision.yaml:1"
    newest, first = list_all(store)
    assert newest.digest != first.digest
    with store.read() as transaction:
        kept = [[each.name for each in revisions.get_files(transaction, n)] for n in (None, 1)]
    assert kept == [[], ["platform.yaml", "groups/vision.yaml"]]
    assert str(published.policy.lines["users.dev"]) == f"{file}:2"


def test_an_included_file_that_goes_is_a_fault(policies, file):
    group = split(file)
    policies.publish(PolicyFiles(file), actor="root")
    group.unlink()
    with pytest.raises(
        PolicyError, match=r"platform\.yaml:3: include\.0: the folder .*groups has no"
    ):
        policies.publish(PolicyFiles(file), actor="root")
