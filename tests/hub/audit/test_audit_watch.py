"""What a Hub that runs remembers of its record: a chain that was written anew stays found."""

import atexit
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyterhub_platform.factory import Runtime, build_runtime
from jupyterhub_platform.hub.audit import audit_heads, audit_watch
from jupyterhub_platform.hub.audit.audit_watch import AuditWatch
from jupyterhub_platform.hub.people.password_hashes import Argon2Hasher
from jupyterhub_platform.settings import Settings
from jupyterhub_platform.store import audit
from tests.usecases.test_audit_verification import make_tamper, write_anew
from tests.usecases.test_policies import GOOD


@pytest.fixture
def runtime(tmp_path: Path, store_url: str) -> Iterator[Runtime]:
    file = tmp_path / "platform.yaml"
    file.write_text(GOOD)
    runtime = build_runtime(Settings(tmp_path, file, store_url), Argon2Hasher())
    yield runtime
    runtime.store.close()


@pytest.fixture
def watch(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuditWatch]:
    # A chain this short is looked at each time, and the head noted each time.
    monkeypatch.setattr(audit_heads, "LOG_SECONDS", 0.0)
    monkeypatch.setattr(audit_watch, "REST_FACTOR", 0)
    watch = AuditWatch.begin(SimpleNamespace(log=logging.getLogger("hub")), runtime)
    yield watch
    atexit.unregister(watch.end)


def add_row(runtime: Runtime) -> None:
    with runtime.store.begin() as tx:
        audit.append(tx, at=datetime.now(UTC), actor="root", action="test", subject="x")


def is_whole(watch: AuditWatch) -> bool:
    assert watch.report is not None
    return watch.report.is_whole


async def test_a_chain_that_was_written_anew_is_found_as_long_as_the_hub_runs(
    runtime: Runtime, watch: AuditWatch
) -> None:
    for _ in range(3):
        add_row(runtime)
        await watch.check()
        assert is_whole(watch)
    write_anew(runtime.store, make_tamper(runtime.store), "eve")
    for _ in range(5):
        await watch.check()
        assert not is_whole(watch)
        add_row(runtime)  # and the new head is noted


async def test_rows_that_came_since_the_head_was_noted_are_remembered_too(
    runtime: Runtime, watch: AuditWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watch.check()
    monkeypatch.setattr(audit_heads, "LOG_SECONDS", 3600.0)
    add_row(runtime)
    await watch.check()
    monkeypatch.setattr(watch, "_verify_again", float("inf"))  # as after a long chain
    add_row(runtime)
    await watch.check()
    write_anew(runtime.store, make_tamper(runtime.store), "eve", first=3)
    await watch.check()
    assert is_whole(watch)  # not looked at since
    monkeypatch.setattr(watch, "_verify_again", 0.0)
    for _ in range(3):
        await watch.check()
        assert not is_whole(watch)


async def test_only_the_last_head_of_an_intact_audit_is_remembered(
    runtime: Runtime, watch: AuditWatch
) -> None:
    for _ in range(20):
        add_row(runtime)
        await watch.check()
    assert len(watch.heads.seen) <= 2
