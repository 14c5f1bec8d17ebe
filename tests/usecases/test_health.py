"""How store and policy file are, also where they are not well: an answer, and never an error."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jupyterhub_platform.file_texts import FileText, digest_of
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.store.policies import record_revision
from jupyterhub_platform.store.schema import SCHEMA_VERSION
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.health import PolicyFileReader, read_store_state
from jupyterhub_platform.usecases.policies import Policies
from jupyterhub_platform.usecases.store_health import StoreHealth

EXAMPLE = Path("examples/local/platform.yaml")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(EXAMPLE.read_text())
    return path


def test_a_store_that_answers_says_its_schema(store: Store) -> None:
    state = read_store_state(store, StoreHealth(store))
    assert (state.fault, state.waiting) == ("", 0)
    assert (state.schema, state.newest_schema) == (SCHEMA_VERSION, SCHEMA_VERSION)


def test_a_store_that_is_gone_is_an_answer_and_what_waits_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = Store.open(f"sqlite:///{path}")
    health = StoreHealth(store)
    path.unlink()
    state = read_store_state(store, health)
    assert str(path) in state.fault
    assert state.schema is None
    health.enter(store.probe)
    assert read_store_state(store, health).waiting == 1
    store.close()


def test_a_file_in_force_has_the_digest_of_the_revision(store: Store, file: Path) -> None:
    policies = Policies(store)
    assert PolicyFileReader(policies, PolicyFiles(file)).read().digest is None, (
        "nothing was in force yet"
    )
    policies.publish(PolicyFiles(file), actor="test")
    state = PolicyFileReader(policies, PolicyFiles(file)).read()
    assert state.digest == state.file_digest
    assert state.digest is not None
    assert state.faults == ()
    file.write_text(file.read_text() + "# a comment\n")
    changed = PolicyFileReader(policies, PolicyFiles(file)).read()
    assert changed.digest == state.digest
    assert changed.file_digest not in {None, state.digest}


@pytest.mark.parametrize("text", [None, "version: banana\n"])
def test_a_file_with_faults_leaves_the_digest_of_the_revision(
    store: Store, file: Path, text: str | None
) -> None:
    policies = Policies(store)
    policies.publish(PolicyFiles(file), actor="test")
    digest = PolicyFileReader(policies, PolicyFiles(file)).read().digest
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    state = PolicyFileReader(policies, PolicyFiles(file)).read()
    assert (state.digest, state.file_digest) == (digest, None)
    assert str(file) in state.faults[0]


def test_a_file_is_looked_at_while_the_store_is_gone(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = Store.open(f"sqlite:///{path}")
    path.unlink()
    state = PolicyFileReader(Policies(store), PolicyFiles(file)).read()
    assert state.digest is None
    assert state.file_digest is not None
    store.close()


def test_a_file_that_did_not_change_is_not_read_again(store: Store, file: Path) -> None:
    policies = Policies(store)
    policies.publish(PolicyFiles(file), actor="test")
    reader = PolicyFileReader(policies, PolicyFiles(file))
    good = reader.read()
    text, before = file.read_text(), file.stat()
    file.write_text("version: banana\n")
    broken = reader.read()
    assert (broken.digest, broken.file_digest) == (good.digest, None)
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reader.read() == good, "what a file was before says nothing of what it is"
    with opens_of(file) as opened:
        assert reader.read() == good
        assert opened == []
        file.write_text(text + "# more\n")
        opened.clear()
        assert reader.read() != good
        assert set(opened) == {str(file)}


def test_what_is_in_force_is_not_parsed_again_unless_this_version_refused_it(
    store: Store, file: Path
) -> None:
    policies = Policies(store)
    policies.publish(PolicyFiles(file), actor="test")
    file.write_text("version: banana\n")
    digest, now = digest_of([FileText("platform.yaml", file.read_bytes())]), datetime.now(UTC)
    with store.begin() as transaction:
        # As an older version would have left it.
        record_revision(
            transaction, document_json="{}", digest=digest, source="", actor="test", at=now
        )
    assert PolicyFileReader(policies, PolicyFiles(file), lambda: False).read().faults == ()
    assert PolicyFileReader(policies, PolicyFiles(file), lambda: True).read().faults


@contextmanager
def opens_of(file: Path) -> Iterator[list[str]]:
    """Note each time that the interpreter opens a file."""
    opened: list[str] = []
    listening = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event == "open" and str(arguments[0]) == str(file):
            opened.append(str(arguments[0]))

    sys.addaudithook(note)
    yield opened
    listening = False
