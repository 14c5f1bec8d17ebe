"""A running Hub removes old rows of its audit, and goes on to prove the rest."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.factory import Runtime, build_runtime
from jupyterhub_platform.hub.audit.audit_trim import AuditTrim
from jupyterhub_platform.hub.audit.audit_watch import AuditWatch
from jupyterhub_platform.hub.people.password_hashes import Argon2Hasher
from jupyterhub_platform.settings import Settings
from jupyterhub_platform.store import audit
from jupyterhub_platform.usecases.audit_key import SigningKey, find_or_make_key
from tests.usecases.test_policies import GOOD


@pytest.fixture
def runtime(tmp_path: Path, store_url: str) -> Iterator[Runtime]:
    file = tmp_path / "platform.yaml"
    file.write_text(GOOD)
    runtime = build_runtime(Settings(tmp_path, file, store_url), Argon2Hasher())
    yield runtime
    runtime.store.close()


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return find_or_make_key(tmp_path)


def list_numbers(runtime: Runtime) -> list[int]:
    with runtime.store.read() as tx:
        return [row.seq for row in audit.list_audit(tx)]


async def test_rows_that_are_old_enough_go_and_the_rest_is_proven(
    runtime: Runtime, key: SigningKey
) -> None:
    with runtime.store.begin() as tx:
        audit.append(tx, at=datetime.now(UTC), actor="root", action="test", subject="x")
    watch = AuditWatch(SimpleNamespace(log=logging.getLogger("hub")), runtime, key.public)
    await watch.check()
    await AuditTrim(runtime, key, timedelta(days=1)).check()
    assert list_numbers(runtime) == [2, 1]
    await AuditTrim(runtime, key, timedelta(0)).check()
    assert list_numbers(runtime) == [3]
    again = AuditWatch(SimpleNamespace(log=logging.getLogger("hub")), runtime, key.public)
    for each in (watch, again):
        each._verify_again = 0.0
        await each.check()
        assert each.report is not None
        assert each.report.findings == ()


async def test_nothing_is_removed_while_the_store_is_down(
    runtime: Runtime, key: SigningKey
) -> None:
    runtime.health.mark_down(StoreUnreachableError("the disk is full"))
    await AuditTrim(runtime, key, timedelta(0)).check()
    assert list_numbers(runtime) == [1]
