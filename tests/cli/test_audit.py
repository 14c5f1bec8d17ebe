"""``jhp audit verify``: what it prints and its exit code, on whole stores and on others."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from jupyterhub_platform.cli.audit import record
from jupyterhub_platform.cli.main import main
from jupyterhub_platform.factory import STORE_ID_FILE
from jupyterhub_platform.store import audit
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.store.trigger_checks import list_triggers
from jupyterhub_platform.usecases.audit_key import find_or_make_key
from jupyterhub_platform.usecases.audit_retention import AuditRetention
from jupyterhub_platform.usecases.audit_verification import find_head, render_head, say_head
from tests.support.policies import NOW

HASH = "ab" * 32


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PLATFORM_DB_URL", "PLATFORM_STATE_DIR", "PLATFORM_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def own(store: Store, store_url: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with four rows, as the environment names it."""
    monkeypatch.setenv("PLATFORM_DB_URL", store_url)
    add(store, 4)
    return store


def add(store: Store, rows: int) -> str:
    with store.begin() as tx:
        for number in range(rows):
            audit.append(tx, at=NOW, actor=f"a{number}", action="b", subject="c")
    head = find_head(store)
    assert head is not None
    return render_head(head)


def tamper(store: Store, statement: str) -> None:
    with store.begin() as tx:
        on = "" if tx.dialect.name == "sqlite" else " ON audit"
        for name in ("audit_no_update", "audit_no_delete"):
            tx.execute(text(f"DROP TRIGGER {name}{on}"))
        tx.execute(text(statement))


def jhp(state: Path, *words: str) -> Result:
    command = ["audit", "verify", "--state", str(state), *words]
    return CliRunner(catch_exceptions=False).invoke(main, command)


def test_a_whole_store_is_said_to_be_with_its_head(own: Store, state: Path) -> None:
    head = add(own, 1)
    done = jhp(state)
    assert (done.exit_code, done.stderr) == (0, "")
    sentence, last = done.stdout.splitlines()
    assert sentence.startswith("Whole: 5 rows of the audit, but no head was noted elsewhere: ")
    assert last == f"Head: {head}"
    assert "and the head that was noted." in jhp(state, "--head", head).stdout
    said = json.loads(jhp(state, "--json", "--head", head).stdout)
    assert said == {"whole": True, "rows": 5, "head": head, "compared": 1, "findings": []}


def test_a_record_whose_old_rows_went_is_proven_with_the_key_of_the_hub(
    own: Store, state: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    signing = find_or_make_key(state)
    for _ in AuditRetention(own, signing, timedelta(days=1)).trim(NOW + timedelta(days=9)):
        pass
    done = jhp(state)
    assert (done.exit_code, done.stdout.split(",")[0]) == (0, "Whole: 1 row of the audit")
    away = tmp_path_factory.mktemp("away")
    unknown = jhp(away)
    assert unknown.exit_code == 1
    assert "cannot be verified without the Hub's key" in unknown.stdout
    assert jhp(away, "--key", signing.public.render()).exit_code == 0
    other = find_or_make_key(tmp_path_factory.mktemp("other")).public.render()
    assert "is not signed with the Hub's key" in jhp(state, "--key", other).stdout
    wrong = jhp(state, "--key", "banana")
    assert (wrong.exit_code, "is no key of an audit" in wrong.stderr) == (2, True)
    (state / "audit-key.pub").write_text("banana")
    broken = jhp(state)
    assert (broken.exit_code, "Nothing was verified: 'banana'" in broken.stderr) == (2, True)


def test_a_changed_row_is_named_with_what_to_do(own: Store, state: Path) -> None:
    tamper(own, "UPDATE audit SET actor = 'eve' WHERE seq = 2")
    done = jhp(state)
    assert done.exit_code == 1
    assert done.stdout.startswith("Not what was written, at 3 places:")
    assert "audit 2: row 2 is not what was written: its hash is " in done.stdout
    assert "guards audit_no_update: is gone" in done.stdout
    assert done.stdout.count("  fix  ") == 3
    said = json.loads(jhp(state, "--json").stdout)
    assert (said["whole"], said["head"].split(":")[0]) == (False, "1")
    assert {each["part"] for each in said["findings"]} == {"audit", "guards"}


def test_a_noted_head_finds_what_was_removed_from_the_end(own: Store, state: Path) -> None:
    head = add(own, 2)
    tamper(own, "DELETE FROM audit WHERE seq > 4")
    with own.begin() as tx:
        for name in ("audit_no_update", "audit_no_delete"):
            tx.exec_driver_sql(list_triggers(tx.dialect.name)[name])
    assert jhp(state).exit_code == 0
    done = jhp(state, "--head", head)
    assert done.exit_code == 1
    assert "rows from 5 to 6 are missing at the end: row 6 was noted before" in done.stdout


def test_the_log_of_the_hub_is_read_by_itself(own: Store, state: Path) -> None:
    first = find_head(own)
    assert first is not None
    log = state / "logs" / "hub.log"
    log.parent.mkdir()
    line = f"[I 2026-11-28 17:49:35.123 JupyterHub audit_watch:40] {say_head(first)}"
    log.write_bytes(b"\xff other lines\n" + line.encode() + b"\n")
    assert "and the head that was noted" in jhp(state).stdout
    log.write_text(line.replace(f"{first.seq}:", "9:") + "\n")
    assert jhp(state).exit_code == 1
    # A head that is noted in an older file counts as much.
    log.rename(log.with_name("hub.log.3"))
    log.write_text(line + "\n")
    assert jhp(state).exit_code == 1
    log.with_name("hub.log.3").rename(log)
    assert "rows from 5 to 9 are missing" in jhp(state).stdout
    assert jhp(state, "--no-log").exit_code == 0
    other = state / "other.log"
    other.write_text(line + "\n")
    assert jhp(state, "--log", str(other)).exit_code == 0
    assert jhp(state, "--log", str(other), "--log", str(log)).exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--head", "3"],
        ["--head", f"3:{HASH[1:]}"],
        ["--log", "/nowhere"],
        ["--what"],
        ["--no-log", "--log", __file__],
    ],
)
def test_a_misuse_is_exit_2(own: Store, state: Path, words: list[str]) -> None:
    done = jhp(state, *words)
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_store_that_is_not_there_is_not_made_and_not_whole(state: Path) -> None:
    done = jhp(state)
    assert done.exit_code == 2
    assert "Nothing was verified: the store sqlite:///" in done.stderr
    assert list(state.iterdir()) == []


def test_a_store_that_is_another_one_is_exit_1(own: Store, state: Path) -> None:
    (state / STORE_ID_FILE).write_text("the-one-of-before\n")
    done = jhp(state)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "is another one" in done.stderr


def test_long_verification_reports_its_progress(
    own: Store, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "_TELL_SECONDS", 0.0)
    assert jhp(state).stderr == "audit: 4 rows so far\n"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[..., Any]:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PLATFORM_")}
        return subprocess.run(
            [sys.executable, "-m", "jupyterhub_platform", *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env=clean,
        )

    return run


def test_doctor_says_what_it_found_in_a_store_beside_it(
    tmp_path: Path, elsewhere: Callable[..., Any]
) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/platform.sqlite")
    add(store, 3)
    words = ("doctor", "--state", str(tmp_path), "--json")
    done = elsewhere(*words)
    (check,) = json.loads(done.stdout)["checks"]
    assert (done.returncode, check["code"], check["status"]) == (0, "doctor.audit", "ok")
    tamper(store, "UPDATE audit SET actor = 'eve' WHERE seq = 2")
    store.close()
    done = elsewhere(*words)
    (check,) = json.loads(done.stdout)["checks"]
    assert (done.returncode, check["status"]) == (1, "failed")
    assert any("row 2 is not what was written" in each["what"] for each in check["findings"])
