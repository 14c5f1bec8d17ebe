"""From settings to use cases: the store of before, or none."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import (
    PolicyError,
    StoreInUseError,
    StoreMismatchError,
    StoreUnreachableError,
)
from jupyterhub_platform.factory import (
    STORE_ID_FILE,
    Runtime,
    build_runtime,
    open_store,
    read_credentials,
)
from jupyterhub_platform.settings import STATE_DIRECTORY, Settings
from jupyterhub_platform.store import writer_lock
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.admission import DeniedError, Start
from tests.support.cheap_hasher import CountingHasher

POLICY = """\
version: 1
users: {dev: {level: developer}, root: {level: admin}}
groups: {vision: {members: [dev], member_quota: {servers: 1}}}
images: {lab: {reference: "lab:1"}}
tiers: {small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}}
"""


@pytest.fixture
def settings(tmp_path: Path, store_url: str) -> Settings:
    file = tmp_path / "platform.yaml"
    file.write_text(POLICY)
    return Settings(tmp_path / "deep" / "state", file, store_url)


@pytest.fixture
def build(settings: Settings) -> Iterator[Callable[[], Runtime]]:
    """Build runtimes, one after another as a Hub that is restarted does."""
    built: list[Runtime] = []

    def build_one() -> Runtime:
        for runtime in built:
            runtime.store.close()
        built.append(build_runtime(settings, CountingHasher()))
        return built[-1]

    yield build_one
    for runtime in built:
        runtime.store.close()


def id_file(settings: Settings) -> Path:
    return settings.state_dir / STORE_ID_FILE


def test_runtime_admits_and_finds_on_one_store(build):
    runtime = build()
    assert runtime.fault is None
    assert runtime.admission.snapshot.revision == 1
    start = Start("dev", frozenset(), "a", {"tier": "small"})
    admitted = runtime.admission.admit(start)
    found = runtime.decisions.find(admitted.reservation.id)
    assert found is not None
    assert found.decision["admitted"] is True
    with pytest.raises(DeniedError):
        runtime.admission.admit(Start("dev", frozenset(), "b", {"tier": "small"}))
    runtime.credentials.change("dev", "correct horse battery")
    assert runtime.credentials.verify("dev", "correct horse battery")
    assert runtime.policies.last_good() is not None
    assert runtime.health.retry()


def test_the_state_directory_is_for_its_owner_alone(build, settings):
    build()
    assert stat.S_IMODE(settings.state_dir.stat().st_mode) == 0o700


def test_a_state_directory_that_is_there_is_used(build, settings):
    settings.state_dir.mkdir(parents=True)
    build()
    assert sorted(each.name for each in settings.state_dir.iterdir()) == [STORE_ID_FILE]


def test_the_same_store_is_opened_again(build, settings):
    first = build().store.id
    assert id_file(settings).read_text() == f"{first}\n"
    assert build().store.id == first
    assert id_file(settings).read_text() == f"{first}\n"


def test_a_second_platform_on_the_same_store_is_refused(build, settings, monkeypatch):
    monkeypatch.setattr(writer_lock, "PATIENCE", 0.0)
    build()
    with pytest.raises(StoreInUseError):
        build_runtime(settings, CountingHasher())


def test_a_store_that_was_replaced_is_refused(build, settings):
    first = build().store
    first.close()
    id_file(settings).write_text("the-store-of-before\n")
    with pytest.raises(StoreMismatchError, match="the-store-of-before"):
        build()
    assert id_file(settings).read_text() == "the-store-of-before\n"


def test_a_database_file_that_was_deleted_is_no_empty_platform(tmp_path, settings):
    path = tmp_path / "own.sqlite"
    own = Settings(settings.state_dir, settings.policy_file, f"sqlite:///{path}")
    open_store(own).close()
    for file in tmp_path.glob("own.sqlite*"):
        file.unlink()
    for _ in range(2):
        with pytest.raises(StoreMismatchError, match="was emptied"):
            open_store(own)
    assert not path.exists()


def test_a_store_that_does_not_answer_is_not_started_on(settings, outage_of_server):
    with pytest.raises(StoreUnreachableError):
        build_runtime(outage_of_server(settings), CountingHasher())
    assert not id_file(settings).exists()


@pytest.fixture
def outage_of_server() -> Callable[[Settings], Settings]:
    """Point settings at a place where no database is."""

    def elsewhere(settings: Settings) -> Settings:
        url = "sqlite:////nowhere/at/all.sqlite"
        if not settings.database_url.startswith("sqlite"):
            url = "postgresql://nobody:secret@127.0.0.1:1/none"
        return Settings(settings.state_dir, settings.policy_file, url)

    return elsewhere


def test_a_faulty_file_leaves_the_last_good_policy_in_force(build, settings):
    build()
    settings.policy_file.write_text("version: 1\n")
    runtime = build()
    assert runtime.fault is not None
    assert runtime.admission.snapshot.policy.groups.keys() == {"vision"}


def test_a_faulty_file_at_the_first_start_closes_the_store(settings):
    settings.policy_file.write_text("version: 1\n")
    with pytest.raises(PolicyError):
        build_runtime(settings, CountingHasher())
    # Nothing is left open: PostgreSQL would refuse to drop the database, SQLite keep its log.
    if settings.database_url.startswith("sqlite"):
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        assert not path.with_name(f"{path.name}-wal").exists()


def test_accounts_can_be_looked_at_from_outside(build, settings):
    build().credentials.change("dev", "correct horse battery")
    accounts = read_credentials(settings, CountingHasher())
    assert accounts.has_password("dev")
    assert not accounts.has_password("eve")
    with pytest.raises(StoreUnreachableError, match="read-only"):
        accounts.change("dev", "staple the battery")
    accounts._store.close()


def test_accounts_of_a_store_that_is_not_there_make_none(tmp_path, settings):
    missing = Settings(settings.state_dir, settings.policy_file, f"sqlite:///{tmp_path}/no.sqlite")
    with pytest.raises(StoreUnreachableError):
        read_credentials(missing, CountingHasher())
    assert not (tmp_path / "no.sqlite").exists()


# -- settings --------------------------------------------------------------------------------------


def test_places_are_below_the_working_directory_by_default():
    settings = Settings.from_environment({})
    state = Path.cwd() / STATE_DIRECTORY
    assert settings == Settings(
        state, state / "platform.yaml", f"sqlite:///{state / 'platform.sqlite'}"
    )


def test_places_are_read_from_the_environment_and_passed_on():
    environ = {
        "PLATFORM_STATE_DIR": "/srv/state",
        "PLATFORM_FILE": "/etc/platform.yaml",
        "PLATFORM_DB_URL": "postgresql://db/platform",
    }
    settings = Settings.from_environment(environ)
    assert settings == Settings(
        Path("/srv/state"), Path("/etc/platform.yaml"), "postgresql://db/platform"
    )
    assert settings.render_environment() == environ


def test_empty_settings_are_no_settings():
    empty = dict.fromkeys(("PLATFORM_STATE_DIR", "PLATFORM_FILE", "PLATFORM_DB_URL"), "")
    assert Settings.from_environment(empty) == Settings.from_environment({})


def test_the_file_and_the_store_follow_the_state_directory():
    settings = Settings.from_environment({"PLATFORM_STATE_DIR": "/srv/state"})
    assert settings.policy_file == Path("/srv/state/platform.yaml")
    assert settings.database_url == "sqlite:////srv/state/platform.sqlite"


def test_a_store_of_before_is_known_by_its_id_alone(settings):
    store = open_store(settings)
    with pytest.raises(StoreMismatchError):
        Store.open(settings.database_url, expected_id="another")
    store.close()
