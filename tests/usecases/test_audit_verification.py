"""The whole record, and every way to change it past the database's own guards."""

import json
import tracemalloc
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store import audit, trigger_checks
from jupyterhub_platform.store.audit_chain import GENESIS, ROW_BATCH, hash_row
from jupyterhub_platform.store.column_types import render_time
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases import audit_verification
from jupyterhub_platform.usecases.admission import DeniedError
from jupyterhub_platform.usecases.audit_verification import Head, VerificationReport
from jupyterhub_platform.usecases.policies import Policies
from tests.support.policies import NOW, make_policy
from tests.usecases.conftest import Gate
from tests.usecases.test_policies import CHANGED, GOOD

Tamper = Callable[..., None]


@pytest.fixture
def tamper(store: Store) -> Tamper:
    return make_tamper(store)


def make_tamper(store: Store) -> Tamper:
    """Do what the owner of the database can do: lift the guards, change the past, put them back."""

    def change(*statements: str, put_back: bool = True) -> None:
        with store.begin() as tx:
            for name, made in trigger_checks.list_triggers(tx.dialect.name).items():
                table = made.split(" ON ")[1].split()[0]
                on = f" ON {table}" if tx.dialect.name == "postgresql" else ""
                tx.execute(text(f"DROP TRIGGER {name}{on}"))
            for statement in statements:
                tx.execute(text(statement))
            if put_back:
                for made in trigger_checks.list_triggers(tx.dialect.name).values():
                    tx.exec_driver_sql(made.replace("%", "%%"))

    return change


@pytest.fixture
def gate(store: Store, gate_of, clock, tmp_path: Path) -> Gate:
    """A store with a bit of everything on record."""
    file = tmp_path / "platform.yaml"
    for document in (GOOD, CHANGED, "\ufeff" + GOOD):
        file.write_text(document)
        Policies(store, clock=clock).publish(PolicyFiles(file), actor="rööt")
    gate: Gate = gate_of(
        make_policy({"groups": {"vision": {"member_quota": {"servers": 2}}}}),
    )
    first = gate.admit("dev", "a")
    gate.admit("dev", "b", by="root")
    gate.admission.release(first.reservation.id, "stopped")
    clock.advance(seconds=5)
    gate.admit("dev", "c")
    for name in ("x", "y", "x", "x", "\0\ud800"):
        with pytest.raises(DeniedError):
            gate.admit("dev", name)
    for part in gate.admission.take_repeats():
        part()
    return gate


def look(store: Store, *noted: Head) -> VerificationReport:
    return audit_verification.verify(store, noted)


def only(found: VerificationReport) -> str:
    (finding,) = found.findings
    assert finding.fix
    return str(finding)


def test_untouched_audit_is_intact(gate, store):
    found = look(store)
    assert found.findings == ()
    assert found.is_whole
    assert found.head == audit_verification.find_head(store)
    assert found.head is not None
    assert found.rows == found.head.seq == 7


def test_an_empty_store_is_whole(store):
    assert look(store) == VerificationReport(0, None, ())


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE seq = 3", "audit 3: row 3 is not what was written"),
        ("DELETE FROM audit WHERE seq = 4", "audit 4: row 4 is missing; the next one is 5"),
        ("DELETE FROM audit WHERE seq IN (4, 5)", "audit 4: rows from 4 to 5 are missing"),
        ("UPDATE audit SET seq = 0 WHERE seq = 7", "audit 0: row 0 stands before row 1"),
        (
            "UPDATE audit SET previous_hash = 'x' WHERE seq = 5",
            "audit 5: row 5 does not follow from row 4",
        ),
        (
            "UPDATE decision SET sentence = 'fine' WHERE server = 'y'",
            "sentence is 'fine', and row 5 of the audit says 'dev holds",
        ),
        ("UPDATE decision SET \"user\" = 'eve' WHERE server = 'y'", "server is 'eve/y'"),
        ("UPDATE decision SET codes = 'tier.closed' WHERE server = 'y'", "codes is 'tier.closed'"),
        ("UPDATE decision SET requested_by = 'eve' WHERE server = 'y'", "asked by is 'eve'"),
        ("UPDATE decision SET tier = 'large' WHERE server = 'y'", "tier is 'large'"),
        (
            "UPDATE decision SET decision = replace(decision, 'vision', 'text') WHERE server = 'y'",
            "whole is",
        ),
        ("UPDATE decision SET admitted = NOT admitted WHERE server = 'y'", "admitted is"),
        ("DELETE FROM decision WHERE server = 'y'", "is gone; row 5 of the audit tells of it"),
        (
            (
                "INSERT INTO decision SELECT 'f', at, \"user\", server, account, tier, admitted, "
                "observed, codes, sentence, decision, requested_by FROM decision WHERE server = 'y'"
            ),
            "decision: has 1 more than the audit tells of (4, and not 3)",
        ),
        ("UPDATE denial_repeat SET times = 9", "times is '9', and row 7 of the audit says '2'"),
        ("UPDATE denial_repeat SET decision = 'd'", "decision is 'd', and row 7"),
        ("DELETE FROM denial_repeat", "is gone; row 7 of the audit tells of it"),
        (
            "INSERT INTO denial_repeat SELECT 'f', 'd', 1, first_at, last_at FROM denial_repeat",
            "denial_repeat: has 1 more than the audit tells of (2, and not 1)",
        ),
        ("UPDATE policy_revision SET actor = 'eve' WHERE number = 2", "actor is 'eve'"),
        ("UPDATE policy_revision SET source = '/etc' WHERE number = 2", "source is '/etc'"),
        (
            (
                "UPDATE policy_revision SET document = replace(document, 'dev', 'eve') "
                "WHERE number = 2"
            ),
            "policy_revision 2: is not the text that was put into force",
        ),
        ("UPDATE policy_revision SET digest = 'x' WHERE number = 3", "policy_revision 3: is not"),
        ("DELETE FROM policy_revision WHERE number = 1", "policy_revision 1: is gone"),
        (
            (
                "INSERT INTO policy_revision SELECT 9, document, digest, source, actor, at "
                "FROM policy_revision WHERE number = 1"
            ),
            "policy_revision: has 1 more than the audit tells of",
        ),
        ("UPDATE reservation SET tier = 'large' WHERE server = 'b'", "tier is 'large'"),
        ("UPDATE reservation SET account = 'text' WHERE server = 'b'", "account is 'text'"),
        ("UPDATE reservation SET \"user\" = 'eve' WHERE server = 'b'", "user is 'eve'"),
        ("UPDATE reservation SET demand = '{}' WHERE server = 'b'", "demand is"),
        ("UPDATE reservation SET policy_revision = 1 WHERE server = 'b'", "policy revision is"),
        (
            (
                "UPDATE reservation SET opened_at = (SELECT r.opened_at FROM reservation r "
                "WHERE r.server = 'c') WHERE server = 'b'"
            ),
            "time is",
        ),
        ("UPDATE reservation SET decision = '{}' WHERE server = 'b'", "says 'None'"),
    ],
)
def test_a_row_that_was_changed_is_named_and_what_it_should_be(
    gate, store, tamper, statement, words
):
    tamper(statement)
    assert words in only(look(store))


def test_a_letter_in_another_form_is_another_text(gate, store, tamper):
    other = unicodedata.normalize("NFD", "rööt")
    assert unicodedata.normalize("NFC", other) == "rööt"
    tamper(f"UPDATE audit SET actor = '{other}' WHERE seq = 1")
    assert "audit 1: row 1 is not what was written" in only(look(store))


def test_bytes_that_are_no_text_are_a_changed_row(sqlite_url):
    store = Store.open(sqlite_url)
    with store.begin() as tx:
        for _ in range(3):
            audit.append(tx, at=NOW, actor="a", action="b", subject="c")
        tx.execute(text("DROP TRIGGER audit_no_update"))
        tx.execute(text("UPDATE audit SET actor = CAST(x'ff61' AS TEXT) WHERE seq = 2"))
    found = audit_verification.verify(store)
    assert any("row 2 is not what was written" in str(finding) for finding in found.findings)
    store.close()


@pytest.mark.postgres
@pytest.mark.parametrize("odd", ["infinity", "-infinity", "0050-01-01 BC", "19999-01-01"])
def test_a_time_that_is_none_is_a_changed_row(postgres_url, odd):
    store = Store.open(postgres_url)
    with store.begin() as tx:
        for _ in range(3):
            audit.append(tx, at=NOW, actor="a", action="b", subject="c")
        tx.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        tx.execute(text(f"UPDATE audit SET at = '{odd}' WHERE seq = 2"))
        tx.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
    assert "row 2 is not what was written" in only(audit_verification.verify(store))
    store.close()


def write_anew(store: Store, tamper: Tamper, actor: str, *, first: int = 1) -> None:
    """Write the chain anew from a row on, with another actor there and in what that tells of."""
    with store.read() as tx:
        rows = audit.list_audit(tx, limit=100)[::-1]
    previous = GENESIS
    revision = f"UPDATE policy_revision SET actor = '{actor}' WHERE number = 1"
    statements = [revision] if first == 1 else []
    for row in rows:
        if row.seq < first:
            previous = row.hash
            continue
        who = actor if row.seq == first else row.actor
        fields = [row.seq, render_time(row.at), who, row.action, row.subject, row.detail_json]
        digest = hash_row([*fields, row.result, row.via, row.address, previous])
        statements.append(
            f"UPDATE audit SET actor = '{who}', previous_hash = '{previous}', hash = '{digest}' "
            f"WHERE seq = {row.seq}"
        )
        previous = digest
    tamper(*statements)


def test_a_chain_that_was_written_anew_is_found_by_any_head_that_was_noted(gate, store, tamper):
    last = look(store).head
    assert last is not None
    with store.read() as tx:
        third = next(Head(row.seq, row.hash) for row in audit.list_audit(tx) if row.seq == 3)
    write_anew(store, tamper, "eve")
    assert look(store).is_whole
    for noted in (last, third):
        assert f"audit {noted.seq}: row {noted.seq} is not the one that was noted before" in only(
            look(store, noted)
        )
    (finding,) = look(store, last, third).findings
    assert (finding.row, "backup" in finding.fix) == ("3", True)


def test_rows_removed_from_the_end_are_found_by_a_head_that_was_noted(gate, store, tamper):
    noted = look(store).head
    assert noted is not None
    tamper(f"DELETE FROM audit WHERE seq >= {noted.seq - 1}")
    assert not look(store).is_whole  # a denial and its repeats are told of no more
    said = [str(finding) for finding in look(store, noted).findings]
    assert any("rows from 6 to 7 are missing at the end: row 7 was noted before" in s for s in said)


def test_a_store_that_goes_on_after_an_old_backup_is_found(store):
    def add(*actors: str) -> Head:
        with store.begin() as tx:
            for actor in actors:
                audit.append(tx, at=NOW, actor=actor, action="a", subject="s")
        head = audit_verification.find_head(store)
        assert head is not None
        return head

    before = add("a", "b")
    noted = add("c")
    with store.begin() as tx:
        names = [n for n in trigger_checks.list_triggers(tx.dialect.name) if n == "audit_no_delete"]
        on = " ON audit" if tx.dialect.name == "postgresql" else ""
        tx.execute(text(f"DROP TRIGGER {names[0]}{on}"))
        tx.execute(text("DELETE FROM audit WHERE seq = 3"))
        tx.exec_driver_sql(trigger_checks.list_triggers(tx.dialect.name)["audit_no_delete"])
    assert "row 3 is missing at the end" in only(look(store, before, noted))
    later = add("x", "y")
    assert look(store, before, later).is_whole
    assert "row 3 is not the one that was noted before" in only(look(store, noted, later))


def test_a_fork_is_found_where_the_keys_are_gone(sqlite_url):
    store = Store.open(sqlite_url)
    with store.begin() as tx:
        for number in range(4):
            audit.append(tx, at=NOW, actor=f"a{number}", action="b", subject="c")
        tx.execute(text("CREATE TABLE other AS SELECT * FROM audit"))
        tx.execute(text("INSERT INTO other SELECT * FROM audit WHERE seq = 3"))
        tx.execute(text("UPDATE other SET actor = 'eve' WHERE rowid = 5"))
        tx.execute(text("DROP TABLE audit"))
        tx.execute(text("ALTER TABLE other RENAME TO audit"))
    said = [str(finding) for finding in audit_verification.verify(store).findings]
    assert any("row 3 stands before row 4" in each for each in said)
    assert sum(each.startswith("guards audit_no_") for each in said) == 3
    store.close()


@pytest.mark.parametrize("name", sorted(trigger_checks.list_triggers("sqlite")))
def test_a_trigger_that_was_dropped_or_replaced_is_found_on_sqlite(sqlite_url, name):
    store = Store.open(sqlite_url)
    made = trigger_checks.list_triggers("sqlite")[name]
    _check_guard(store, name, f"DROP TRIGGER {name}", made)
    with store.begin() as tx:
        tx.execute(text(f"DROP TRIGGER {name}"))
        tx.execute(text(made.replace("RAISE(ABORT", "coalesce('ABORT'")))
    assert f"guards {name}: is gone" in only(audit_verification.verify(store))
    store.close()


@pytest.mark.postgres
def test_a_trigger_that_was_dropped_off_or_replaced_is_found_on_postgresql(postgres_url):
    store = Store.open(postgres_url)
    for name, made in trigger_checks.list_triggers("postgresql").items():
        table = made.split(" ON ")[1].split()[0]
        _check_guard(store, name, f"DROP TRIGGER {name} ON {table}", made)
        on = f"ALTER TABLE {table} ENABLE TRIGGER {name}"
        _check_guard(store, name, f"ALTER TABLE {table} DISABLE TRIGGER {name}", on)
    never = trigger_checks.list_triggers("postgresql")["reservation_no_rewrite"].replace(
        "WHEN (", "WHEN (false AND "
    )
    with store.begin() as tx:
        tx.execute(text("DROP TRIGGER reservation_no_rewrite ON reservation"))
        tx.execute(text(never))
        body = "$$ BEGIN RETURN NEW; END $$"
        tx.execute(
            text(
                "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
                + body
            )
        )
    said = [finding.row for finding in audit_verification.verify(store).findings]
    assert said == ["refuse_change", "reservation_no_rewrite"]
    store.close()


DROPPING = "CREATE TRIGGER quiet BEFORE INSERT ON {} WHEN NEW.{} BEGIN SELECT RAISE(IGNORE); END"
QUIET = (
    "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "CREATE TRIGGER quiet BEFORE INSERT ON {} FOR EACH ROW WHEN (NEW.{}) EXECUTE FUNCTION quiet()",
)
RULE = "CREATE RULE quiet AS ON INSERT TO {} WHERE NEW.{} DO INSTEAD NOTHING"
HIDING = "ALTER TABLE {} ENABLE ROW LEVEL SECURITY"


def _add(store: Store, *statements: str) -> None:
    with store.begin() as tx:
        for statement in statements:
            tx.exec_driver_sql(statement)


def _append(store: Store, actor: str) -> None:
    with store.begin() as tx:
        audit.append(tx, at=NOW, actor=actor, action="person.suspended", subject="dev")


@pytest.mark.parametrize("table", sorted(trigger_checks.GUARDED))
@pytest.mark.parametrize("name", ["quiet", "AUDIT_NO_DELETE_2"])
def test_an_added_trigger_is_found_on_sqlite(sqlite_url, table, name):
    store = Store.open(sqlite_url)
    _add(store, DROPPING.format(table.upper(), "rowid > 1").replace("quiet", name))
    assert f"guards {table.upper()}: trigger {name}: is not one that" in only(look(store))
    _add(store, look(store).findings[0].fix.rpartition("remove it: ")[2])
    assert look(store).is_whole
    store.close()


@pytest.mark.postgres
def test_an_added_trigger_rule_or_row_security_is_found_on_postgresql(postgres_url):
    store = Store.open(postgres_url)
    _add(store, QUIET[0])
    for table, (key, _) in trigger_checks.GUARDED.items():
        for statement, name in (
            (QUIET[1], "trigger quiet"),
            (RULE, "rule quiet"),
            (HIDING, "row security"),
        ):
            _add(store, statement.format(table, f"{key} IS NULL"))
            assert f"guards {table}: {name}: is not one that" in only(look(store))
            _add(store, look(store).findings[0].fix.rpartition("remove it: ")[2])
            assert look(store).is_whole
    copying = QUIET[1].replace("BEFORE", "AFTER")
    _add(store, copying.format("audit", "seq > 0"))
    assert look(store).is_whole, "one that copies rows keeps none from being written"
    store.close()


def test_a_change_whose_row_the_database_drops_is_not_made(store):
    _append(store, "mallory")
    with store.read() as tx:
        added = DROPPING if tx.dialect.name == "sqlite" else RULE
    _add(store, added.format("audit", "actor = 'mallory'"))
    _append(store, "root")
    with pytest.raises(StoreError, match="jhp audit verify"):
        _append(store, "mallory")
    _append(store, "root")
    assert look(store).rows == 3


def _check_guard(store: Store, name: str, lifted: str, put_back: str) -> None:
    with store.begin() as tx:
        tx.execute(text(lifted))
    (finding,) = audit_verification.verify(store).findings
    assert (finding.part, finding.row) == ("guards", name)
    with store.begin() as tx:
        tx.exec_driver_sql(put_back)
    assert audit_verification.verify(store).is_whole


def test_every_change_of_a_kind_is_named_up_to_a_bound(gate, store, tamper):
    tamper("UPDATE reservation SET tier = 'large'")
    assert len(look(store).findings) == 3
    assert {finding.part for finding in look(store).findings} == {"reservation"}


def test_a_long_chain_is_walked_in_bounded_memory(store):
    def add(first: int, rows: int) -> None:
        with store.begin() as tx:
            for number in range(first, first + rows):
                audit.append(
                    tx,
                    at=NOW,
                    actor="a",
                    action="b",
                    subject="c",
                    detail={"n": number, "x": "y" * 900},
                )

    add(0, ROW_BATCH * 2 + 1)

    def measure() -> int:
        tracemalloc.start()
        try:
            assert look(store).is_whole
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    said: list[tuple[str, int]] = []
    audit_verification.verify(store, say=lambda part, rows: said.append((part, rows)))
    assert said == [
        ("audit", ROW_BATCH),
        ("audit", 2 * ROW_BATCH),
        ("audit", 2 * ROW_BATCH + 1),
    ]
    small = measure()
    add(5000, ROW_BATCH * 2)
    assert measure() < small * 1.3


def test_a_hub_that_goes_on_writing_does_not_break_the_proof(gate, store, clock):
    def write(part: str, rows: int) -> None:
        with pytest.raises(DeniedError):
            gate.admit("vic", f"{part}{rows}")

    assert audit_verification.verify(store, say=write).is_whole
    clock.now += timedelta(minutes=1)
    assert look(store).is_whole


HASH = "ab" * 32


@pytest.mark.parametrize(
    ("line", "head"),
    [
        (
            f"[I 2026-11-28 17:49:35.123 JupyterHub audit_watch:40] The audit's head is 7:{HASH}\n",
            7,
        ),
        (f"The audit's head is 12:{HASH}", 12),
        (f"[I 2026-11-28 x:1] 404 GET /hub/[x] The audit's head is 7:{HASH}", None),
        (f"[I 2026-11-28 x:1] Failed: The audit's head is 7:{HASH}", None),
        (f"[I 2026-11-28 x:1] The audit's head is 7:{HASH} or so", None),
        (f"[I 2026-11-28 x:1] The audit's head is 0:{HASH}", None),
        (f"[I 2026-11-28 x:1] The audit's head is 7:{HASH[1:]}", None),
    ],
)
def test_a_head_is_read_from_a_line_of_the_log_and_from_nothing_like_one(line, head):
    assert [each.seq for each in audit_verification.read_noted([line])] == (
        [] if head is None else [head]
    )


@pytest.mark.parametrize(
    "odd", ["", "7", f"7:{HASH[1:]}", f"-7:{HASH}", f"7:{HASH.upper()}", "x:y"]
)
def test_malformed_head_is_none(odd):
    assert audit_verification.read_head(odd) is None
    assert audit_verification.read_head(f" 7:{HASH}\n") == Head(7, HASH)
    assert audit_verification.render_head(Head(7, HASH)) == f"7:{HASH}"


def test_rows_that_say_nothing_of_their_decision_are_not_looked_for(store):
    """A detail that was too long is kept in part: it names nothing."""
    with store.begin() as tx:
        audit.append(
            tx, at=NOW, actor="a", action="server.denied", subject="s", detail={"x": "y" * 20_000}
        )
        assert "decision" not in json.loads(audit.list_audit(tx)[0].detail_json)
    assert look(store).is_whole
