"""Old rows of the audit go, and the rest is proven from a signed checkpoint on."""

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import text

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.store import audit, audit_search
from jupyterhub_platform.store.audit_chain import ROW_BATCH
from jupyterhub_platform.store.audit_checkpoint import read_checkpoint
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases import audit_retention, audit_verification
from jupyterhub_platform.usecases.audit_key import (
    AuditKeyError,
    PublicKey,
    SigningKey,
    find_or_make_key,
    read_public,
)
from jupyterhub_platform.usecases.audit_retention import AuditRetention
from jupyterhub_platform.usecases.audit_verification import Head, VerificationReport
from tests.support.policies import NOW
from tests.usecases.conftest import Gate
from tests.usecases.test_audit_verification import gate as gate
from tests.usecases.test_audit_verification import only, write_anew
from tests.usecases.test_audit_verification import tamper as tamper

DAY = timedelta(days=1)
LATER = NOW + 30 * DAY


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return find_or_make_key(tmp_path)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_retention, "ROW_BATCH", 2)


@pytest.fixture
def kept(gate: Gate, store: Store) -> Store:
    """A store with seven rows of everything, and three that are younger."""
    for number in range(3):
        add(store, f"young{number}")
    return store


def add(store: Store, subject: str) -> None:
    with store.begin() as tx:
        audit.append(tx, at=LATER, actor="root", action="test", subject=subject)


def trim(store: Store, key: SigningKey, keep: timedelta = DAY) -> Iterator[None]:
    return AuditRetention(store, key, keep).trim(LATER)


def look(store: Store, key: SigningKey | PublicKey | None, *noted: Head) -> VerificationReport:
    public = key.public if isinstance(key, SigningKey) else key
    return audit_verification.verify(store, noted, key=public)


def numbers(store: Store) -> list[int]:
    with store.read() as tx:
        return [row.seq for row in reversed(audit.list_audit(tx, limit=10_000))]


def test_old_rows_go_and_the_rest_is_proven(kept: Store, key: SigningKey) -> None:
    before = audit_verification.find_head(kept)
    assert before is not None
    assert sum(1 for _ in trim(kept, key)) > 4
    assert numbers(kept) == [8, 9, 10, 11]
    found = look(kept, key, before)
    assert found.findings == ()
    assert found.rows == 4
    with kept.read() as tx:
        (told,) = audit.list_audit(tx, limit=1)
        checkpoint = read_checkpoint(tx)
    assert checkpoint is not None
    assert (checkpoint.seq, checkpoint.rows) == (7, 7)
    assert (told.actor, told.action, told.subject) == ("platform", "audit.trimmed", "rows up to 7")
    assert json.loads(told.detail_json)["checkpoint"] == f"7:{checkpoint.hash}"
    # Nothing more is old enough, and nothing is written for that.
    for _ in trim(kept, key):
        pass
    assert numbers(kept) == [8, 9, 10, 11]


def test_again_and_again_leaves_one_chain(kept: Store, key: SigningKey) -> None:
    for _ in trim(kept, key):
        pass
    add(kept, "more")
    for _ in trim(kept, key, -DAY):
        pass
    assert numbers(kept) == [13]
    assert look(kept, key).is_whole
    with kept.read() as tx:
        wanted = audit_search.AuditFilter(since=NOW)
        found = audit_search.find_rows(tx, wanted, limit=9)
        assert [row.seq for row in found.rows] == [13]


def test_whatever_interrupts_it_leaves_a_chain_that_is_proven(kept: Store, key: SigningKey) -> None:
    steps = 0
    while numbers(kept)[0] != 8:
        steps += 1
        for _ in islice(trim(kept, key), steps):
            assert look(kept, key).is_whole
    assert look(kept, key).is_whole
    assert steps > 1


def test_rows_may_go_while_they_are_followed(
    kept: Store, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyterhub_platform.store.audit_chain.ROW_BATCH", 3)
    steps = trim(kept, key)
    found = audit_verification.verify(
        kept, (), key=key.public, say=lambda _part, _rows: next(steps, None)
    )
    assert found.findings == ()
    assert ROW_BATCH == 500


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM audit_checkpoint", "audit 1: rows from 1 to 7 are missing"),
        ("DELETE FROM audit WHERE seq = 8", "audit 8: row 8 is missing; the next one is 9"),
        ("DELETE FROM audit WHERE seq > 7", "missing at the end: row 8 was noted before"),
        ("UPDATE audit_checkpoint SET rows = 6", "is not signed with the Hub's key"),
        ("UPDATE audit_checkpoint SET seq = 8", "is not signed with the Hub's key"),
        ("UPDATE audit_checkpoint SET signature = 'x'", "is not signed with the Hub's key"),
        ("UPDATE audit_checkpoint SET told = '[]'", "is not signed with the Hub's key"),
        ("UPDATE audit_checkpoint SET told = '{}'", "is not signed with the Hub's key"),
        (
            (
                "INSERT INTO audit_checkpoint SELECT 9, hash, rows, at, told, signature "
                "FROM audit_checkpoint"
            ),
            "the checkpoint at row 9, up to which rows were removed, is not signed",
        ),
        ("UPDATE audit SET actor = 'eve' WHERE seq = 8", "audit 8: row 8 is not what was written"),
        ("DELETE FROM decision", "is gone"),
    ],
)
def test_a_removed_or_forged_checkpoint_is_found(
    kept: Store, key: SigningKey, tamper, statement: str, words: str
) -> None:
    for _ in trim(kept, key):
        pass
    tamper(statement)
    if "decision" in statement:
        # What the rows that are gone told of cannot be proven any more; only counted.
        assert look(kept, key).is_whole
        return
    assert words in only(look(kept, key))


def test_a_decision_that_was_added_is_found_behind_a_checkpoint(
    kept: Store, key: SigningKey, tamper
) -> None:
    for _ in trim(kept, key):
        pass
    tamper(
        "INSERT INTO policy_revision (number, at, actor, source, digest, document) "
        "SELECT number + 90, at, actor, source, digest, document FROM policy_revision "
        "WHERE number = 1"
    )
    assert "has 1 more than the audit tells of (4, and not 3)" in only(look(kept, key))


def test_a_chain_written_anew_behind_a_checkpoint_needs_a_noted_head(
    kept: Store, key: SigningKey, tamper
) -> None:
    for _ in trim(kept, key):
        pass
    head = audit_verification.find_head(kept)
    assert head is not None
    write_anew(kept, tamper, "eve", first=9)
    assert not look(kept, key, head).is_whole
    other = look(kept, key, Head(7, "0" * 64))
    assert "is not the one that was noted before" in only(other)


def test_rows_that_are_left_before_a_checkpoint_have_to_lead_to_it(
    kept: Store, key: SigningKey, tamper
) -> None:
    steps = trim(kept, key)
    while numbers(kept)[0] == 1:
        next(steps)
    assert numbers(kept)[0] == 3
    assert look(kept, key).is_whole
    write_anew(kept, tamper, "eve", first=5)
    said = [str(each) for each in look(kept, key).findings]
    assert any("row 7 is not the one that was noted before" in each for each in said), said


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'eve' WHERE seq = 2",
        "UPDATE policy_revision SET actor = 'eve' WHERE number = 2",
    ],
)
def test_what_is_not_as_it_was_written_is_never_removed(
    kept: Store, key: SigningKey, tamper, caplog: pytest.LogCaptureFixture, statement: str
) -> None:
    tamper(statement)
    for _ in trim(kept, key):
        pass
    assert numbers(kept) == list(range(1, 11))
    assert "No row of the audit is removed" in caplog.text


def test_nobody_removes_rows_without_a_checkpoint_and_another_key_proves_nothing(
    kept: Store, key: SigningKey, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="append-only"), kept.begin() as tx:
        tx.execute(text("DELETE FROM audit WHERE seq = 1"))
    for _ in trim(kept, key):
        pass
    with pytest.raises(StoreError, match="append-only"), kept.begin() as tx:
        tx.execute(text("DELETE FROM audit WHERE seq = 8"))
    for statement in ("DELETE FROM audit_checkpoint", "UPDATE audit_checkpoint SET seq = 9"):
        with pytest.raises(StoreError, match="append-only"), kept.begin() as tx:
            tx.execute(text(statement))
    (tmp_path / "other").mkdir()
    other = find_or_make_key(tmp_path / "other")
    assert "is not signed with the Hub's key" in only(look(kept, other))
    assert "cannot be verified without the Hub's key" in only(look(kept, None))
    assert "cannot be verified" in audit_checkpoint_reason(kept)
    # A Hub with another key removes nothing further.
    for _ in trim(kept, other, -DAY):
        pass
    assert numbers(kept) == [8, 9, 10, 11]


def audit_checkpoint_reason(store: Store) -> str:
    with store.read() as tx:
        return audit.verify(tx).reason


def test_a_key_is_made_once_and_read_again(tmp_path: Path) -> None:
    assert read_public(tmp_path) is None
    made = find_or_make_key(tmp_path)
    assert (tmp_path / "audit-key").stat().st_mode & 0o777 == 0o600
    again, public = find_or_make_key(tmp_path), read_public(tmp_path)
    assert public is not None
    assert again.public.render() == made.public.render() == public.render()
    (tmp_path / "audit-key.pub").unlink()
    find_or_make_key(tmp_path)
    assert (tmp_path / "audit-key.pub").exists()
    (tmp_path / "audit-key").write_text("banana")
    with pytest.raises(AuditKeyError, match="cannot be used"):
        find_or_make_key(tmp_path)
    (tmp_path / "audit-key.pub").write_text("banana")
    with pytest.raises(AuditKeyError, match="is no key of an audit"):
        read_public(tmp_path)
