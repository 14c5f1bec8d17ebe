"""The audit's chain, and every way to tamper with it."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import jupyterhub_platform.store as package
from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.origin import RequestOrigin
from jupyterhub_platform.store import audit
from jupyterhub_platform.store.audit import GENESIS, MAX_DETAIL_LENGTH, MAX_NAME_LENGTH, AuditHead
from jupyterhub_platform.store.engine import create_sqlite_file, open_engine, parse_url
from jupyterhub_platform.store.store import Store

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def fill(store: Store, rows: int = 6) -> list[audit.AuditRow]:
    with store.begin() as tx:
        return [
            audit.append(
                tx,
                at=NOW + timedelta(seconds=number),
                actor=f"actor{number}",
                action="user.invite",
                subject=f"subject{number}",
                detail={"number": number, "text": "a\nb"},
            )
            for number in range(1, rows + 1)
        ]


def tamper(store: Store, *statements: str) -> None:
    """Do what a person with the database's own password could do."""
    with store.begin() as tx:
        if tx.dialect.name == "sqlite":
            tx.execute(text("DROP TRIGGER IF EXISTS audit_no_update"))
            tx.execute(text("DROP TRIGGER IF EXISTS audit_no_delete"))
            tx.execute(text("DROP TRIGGER IF EXISTS audit_no_replace"))
        else:
            tx.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        for statement in statements:
            tx.execute(text(statement))


def verify(store: Store, expected: AuditHead | None = None) -> audit.Verification:
    with store.read() as tx:
        return audit.verify(tx, expected=expected)


def test_empty_audit_is_sound(store):
    found = verify(store)
    assert (found.ok, found.rows, found.head) == (True, 0, None)


def test_rows_follow_from_each_other(store):
    rows = fill(store)
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0].previous_hash == GENESIS
    assert [row.previous_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]
    found = verify(store)
    assert (found.ok, found.rows, found.head) == (True, 6, AuditHead(6, rows[-1].hash))


def test_hash_is_the_documented_one(store):
    with store.begin() as tx:
        row = audit.append(
            tx,
            at=datetime(2026, 1, 31, 10, 30, tzinfo=timezone(timedelta(hours=1))),
            actor="ada",
            action="user.invite",
            subject="ü",
            detail={"b": 1, "a": "x"},
            origin=RequestOrigin("page", "10.1.2.3"),
        )
    # sha256sum of the two lines that the module's documentation describes.
    assert row.hash == "4ec805fcfb8d24fc120caa603a2edd6500cd7fcfbfcbd1da10a834a588e223d2"


OLD_HASH = "0def138ef8db586fa90b7400d9eefbd5d6530084ee2eec13c2bc3f7d75893fb5"
"""That of the same row before schema 0006, by the documentation of that time."""


@pytest.fixture
def upgraded(store_url: str) -> Iterator[Store]:
    """A store with a row from before schema 0006 and one from after it."""
    url = parse_url(store_url)
    create_sqlite_file(url)
    engine = open_engine(url, read_only=False, for_upgrade=True)
    with engine.connect() as connection, connection.begin():
        config = Config()
        config.set_main_option("script_location", str(Path(package.__path__[0]) / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        values = {"at": "2026-01-31T09:30:00.000000+00:00", "genesis": GENESIS, "hash": OLD_HASH}
        connection.execute(
            text(
                "INSERT INTO audit VALUES (1, :at, 'ada', 'user.invite', 'ü', "
                """'{"a":"x","b"\\:1}', :genesis, :hash)"""
            ),
            values,
        )
    engine.dispose()
    store = Store.open(store_url)
    with store.begin() as tx:
        audit.append(tx, at=NOW, actor="ada", action="user.invite", subject="x", result="refused")
    yield store
    store.close()


def test_rows_from_before_an_upgrade_stay_as_they_are_and_sound(upgraded):
    found = verify(upgraded)
    assert (found.ok, found.rows) == (True, 2)
    with upgraded.read() as tx:
        new, old = audit.list_audit(tx)
    assert (old.hash, old.result, old.via, old.address) == (OLD_HASH, None, None, None)
    assert (new.previous_hash, new.result, new.via) == (OLD_HASH, "refused", "platform")


@pytest.mark.parametrize("column", ["result", "via", "address"])
@pytest.mark.parametrize(("number", "value"), [(1, "'done'"), (2, "NULL"), (2, "'done!'")])
def test_changed_outcome_or_origin_is_found(upgraded, column, number, value):
    tamper(upgraded, f"UPDATE audit SET {column} = {value} WHERE seq = {number}")
    assert verify(upgraded).first_bad_seq == number


def test_row_made_to_look_like_one_of_before_is_found(upgraded):
    tamper(upgraded, "UPDATE audit SET result = NULL, via = NULL, address = NULL WHERE seq = 2")
    assert verify(upgraded).first_bad_seq == 2


def test_rows_are_read_back_as_they_were_written(store):
    rows = fill(store)
    with store.read() as tx:
        assert audit.list_audit(tx) == rows[::-1]
        assert audit.list_audit(tx, limit=2) == [rows[5], rows[4]]
        assert audit.list_audit(tx, limit=2, before=3) == [rows[1], rows[0]]


def test_row_is_gone_with_the_change_that_failed(store):
    def change_and_fail() -> None:
        with store.begin() as tx:
            audit.append(tx, at=NOW, actor="ada", action="a", subject="s")
            raise ZeroDivisionError

    fill(store, 2)
    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    fill(store, 2)
    found = verify(store)
    assert (found.ok, found.rows) == (True, 4)


SWAP = [
    "UPDATE audit SET seq = -3 WHERE seq = 3",
    "UPDATE audit SET seq = 3 WHERE seq = 4",
    "UPDATE audit SET seq = 4 WHERE seq = -3",
]


@pytest.mark.parametrize(
    ("statements", "first_bad"),
    [
        (["UPDATE audit SET actor = 'eve' WHERE seq = 3"], 3),
        (["UPDATE audit SET action = 'user.none' WHERE seq = 1"], 1),
        (["UPDATE audit SET subject = '' WHERE seq = 6"], 6),
        (["UPDATE audit SET detail = '{}' WHERE seq = 2"], 2),
        (["UPDATE audit SET actor = subject, subject = actor WHERE seq = 4"], 4),
        (["UPDATE audit SET at = (SELECT a.at FROM audit a WHERE a.seq = 1) WHERE seq = 5"], 5),
        (["UPDATE audit SET hash = previous_hash WHERE seq = 3"], 3),
        (["UPDATE audit SET previous_hash = 'x' WHERE seq = 3"], 3),
        (["UPDATE audit SET previous_hash = 'x' WHERE seq = 1"], 1),
        (["DELETE FROM audit WHERE seq = 3"], 3),
        (["DELETE FROM audit WHERE seq = 1"], 1),
        (["DELETE FROM audit WHERE seq IN (2, 3, 4)"], 2),
        (["DELETE FROM audit WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = 6"], 3),
        (SWAP, 3),
        (["UPDATE audit SET seq = 0 WHERE seq = 6"], 0),
        (["UPDATE audit SET seq = 9 WHERE seq = 6"], 6),
    ],
)
def test_tampering_is_found_at_its_first_row(store, statements, first_bad):
    fill(store)
    tamper(store, *statements)
    found = verify(store)
    assert not found.ok
    assert found.first_bad_seq == first_bad
    assert found.reason


def test_inserted_row_is_found(store):
    fill(store)
    tamper(
        store,
        "UPDATE audit SET seq = 7 WHERE seq = 6",
        "INSERT INTO audit SELECT 6, at, actor, action, subject, detail, 'x', hash, result, via, "
        "address FROM audit WHERE seq = 2",
    )
    assert verify(store).first_bad_seq == 6


def test_row_written_anew_with_a_good_hash_is_found_at_the_next(store):
    rows = fill(store)
    fields = [3, "2026-01-31T09:30:03.000000+00:00", "eve", rows[2].action, rows[2].subject]
    fields += [rows[2].detail_json, "done", "platform", "", rows[2].previous_hash]
    encoded = f"jupyterhub-platform audit 2\n{json.dumps(fields, separators=(',', ':'))}"
    forged = hashlib.sha256(encoded.encode()).hexdigest()
    tamper(store, f"UPDATE audit SET actor = 'eve', hash = '{forged}' WHERE seq = 3")
    assert verify(store).first_bad_seq == 4


def test_rows_cut_off_at_the_end_are_found_by_a_noted_head(store):
    rows = fill(store)
    noted = AuditHead(6, rows[-1].hash)
    assert verify(store, noted).ok
    tamper(store, "DELETE FROM audit WHERE seq > 4")
    assert verify(store).ok
    found = verify(store, noted)
    assert (found.ok, found.first_bad_seq) == (False, 5)
    fill(store)
    found = verify(store, noted)
    assert (found.ok, found.first_bad_seq) == (False, 6)


def test_time_that_means_the_same_but_reads_otherwise_is_found(sqlite_url):
    store = Store.open(sqlite_url)
    fill(store)
    tamper(store, "UPDATE audit SET at = replace(at, '.000000', '') WHERE seq = 2")
    assert verify(store).first_bad_seq == 2
    tamper(store, "UPDATE audit SET at = 'never' WHERE seq = 1")
    assert verify(store).first_bad_seq == 1
    store.close()


def test_values_of_another_type_are_found(sqlite_url):
    store = Store.open(sqlite_url)
    fill(store)
    tamper(store, "UPDATE audit SET actor = CAST(actor AS BLOB) WHERE seq = 4")
    assert verify(store).first_bad_seq == 4
    tamper(store, "UPDATE audit SET previous_hash = x'00' WHERE seq = 2")
    assert verify(store).first_bad_seq == 2
    store.close()


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM audit", "UPDATE audit SET actor = 'eve'", "UPDATE audit SET hash = hash"],
)
def test_database_refuses_to_rewrite_the_audit(store, statement):
    fill(store)
    with pytest.raises(StoreError, match="the audit is append-only"), store.begin() as tx:
        tx.execute(text(statement))
    assert verify(store).rows == 6


def test_database_refuses_to_replace_or_empty_the_audit(store, store_url):
    fill(store)
    statement = (
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 3"
        if store_url.startswith("sqlite")
        else "TRUNCATE audit"
    )
    with pytest.raises(StoreError, match="the audit is append-only"), store.begin() as tx:
        tx.execute(text(statement))


def test_long_values_are_cut_and_stay_sound(store):
    with store.begin() as tx:
        row = audit.append(
            tx,
            at=NOW,
            actor="a" * 5000,
            action="b",
            subject="ü" * 5000,
            detail={"x": "\n\"\\'" * 50_000},
        )
    assert len(row.actor) == len(row.subject) == MAX_NAME_LENGTH
    assert len(row.detail_json) <= MAX_DETAIL_LENGTH
    assert json.loads(row.detail_json)["characters"] > 50_000
    assert verify(store).ok


def test_every_row_is_one_line(store):
    with store.begin() as tx:
        row = audit.append(
            tx, at=NOW, actor="a", action="b", subject="s", detail={"x": "1\r\n2\u2028\x85"}
        )
    assert row.detail_json.splitlines() == [row.detail_json]


def test_time_without_zone_is_refused(store):
    with pytest.raises(ValueError, match="no time zone"), store.begin() as tx:
        audit.append(tx, at=datetime(2026, 1, 1), actor="a", action="b", subject="s")  # noqa: DTZ001
    assert verify(store).rows == 0


ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=300)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)
ANY_TIME = st.datetimes(
    min_value=datetime(1900, 1, 2),  # noqa: DTZ001
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.timezones() | st.just(UTC),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    at=ANY_TIME,
    names=st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT),
    detail=st.dictionaries(ANY_TEXT, ANY_JSON, max_size=4),
)
def test_any_row_is_read_back_and_sound(store, at, names, detail):
    actor, action, subject = names
    with store.begin() as tx:
        row = audit.append(tx, at=at, actor=actor, action=action, subject=subject, detail=detail)
    with store.read() as tx:
        assert audit.list_audit(tx, limit=1) == [row]
        assert row.at == at.astimezone(UTC)
        assert audit.verify(tx).ok
