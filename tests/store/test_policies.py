"""Revisions of the policy, and the memberships that it put into the Hub."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.store import policies
from jupyterhub_platform.store.policies import Revision
from jupyterhub_platform.store.schema import policy_revision
from jupyterhub_platform.store.store import Store

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def record(store: Store, digest: str) -> int:
    with store.begin() as tx:
        return policies.record_revision(
            tx,
            document_json=f'{{"of": "{digest}"}}',
            digest=digest,
            source="platform.yaml",
            actor="ada",
            at=NOW,
        )


def test_revisions_are_numbered_and_read_back(store):
    assert [record(store, digest) for digest in "abc"] == [1, 2, 3]
    expected = Revision(2, '{"of": "b"}', "b", "platform.yaml", "ada", NOW)
    with store.read() as tx:
        assert policies.get_revision(tx, 2) == expected
        latest = policies.latest_revision(tx)
    assert latest is not None
    assert latest.number == 3


def test_same_policy_again_is_no_new_revision(store):
    assert [record(store, digest) for digest in "aabbba"] == [1, 1, 2, 2, 2, 3]


def test_a_large_document_is_kept_small_and_read_back_as_it_was(store):
    document = "".join(f"  student.{number}@example.edu: {{}}\n" for number in range(20_000)) + "é"
    with store.begin() as tx:
        number = policies.record_revision(
            tx, document_json=document, digest="a", source="p.yaml", actor="ada", at=NOW
        )
    with store.read() as tx:
        assert policies.get_revision(tx, number).document_json == document
        kept = tx.execute(select(policy_revision.c.document)).scalar()
    assert len(kept) < len(document) / 4


def test_the_newest_is_known_without_its_document(store):
    with store.read() as tx:
        assert policies.latest_key(tx) is None
    for digest in "aba":
        record(store, digest)
    with store.read() as tx:
        assert policies.latest_key(tx) == (3, "a")


def test_first_policy_has_none_before_it(store):
    with store.read() as tx:
        assert policies.latest_revision(tx) is None
        assert policies.list_revisions(tx) == []


def test_revisions_are_paged_newest_first(store):
    for digest in "abcde":
        record(store, digest)
    with store.read() as tx:
        pages = [
            [each.number for each in policies.list_revisions(tx, limit=2, before=before)]
            for before in (None, 4, 2, 1)
        ]
    assert pages == [[5, 4], [3, 2], [1], []]


def test_unknown_revision_is_said(store):
    with pytest.raises(NotFoundError, match="no policy revision 7"), store.read() as tx:
        policies.get_revision(tx, 7)


def test_applied_memberships_are_remembered_and_forgotten(store):
    pairs = {("ada", "vision"), ("ada", "language"), ("eve", "x\0y")}
    with store.begin() as tx:
        policies.add_applied_memberships(tx, pairs)
        found = policies.list_applied_memberships(tx)
        assert found == {(user, group.replace("\0", "\ufffd")) for user, group in pairs}
        policies.drop_applied_memberships(tx, [("ada", "vision"), ("eve", "x\0y"), ("no", "body")])
        assert policies.list_applied_memberships(tx) == {("ada", "language")}
        policies.add_applied_memberships(tx, [])
        policies.drop_applied_memberships(tx, [])
