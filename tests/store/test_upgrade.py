"""The schema's versions: created, upgraded, interrupted, newer, unknown."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, text

import jupyterhub_platform.store as package
from jupyterhub_platform.core.errors import StoreSchemaError
from jupyterhub_platform.store import upgrade as upgrade_module
from jupyterhub_platform.store.engine import create_sqlite_file, open_engine, parse_url
from jupyterhub_platform.store.schema import SCHEMA_VERSION, VERSION_TABLE, metadata
from jupyterhub_platform.store.store import Store

ROOT = Path(__file__).parents[2]


def set_version(store: Store, *versions: str) -> None:
    with store.begin() as tx:
        tx.execute(text(f"DELETE FROM {VERSION_TABLE}"))
        for version in versions:
            tx.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES ('{version}')"))


def test_newest_version_is_the_one_that_the_code_names():
    config = Config()
    config.set_main_option("script_location", str(Path(package.__path__[0]) / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_versions_make_the_tables_that_the_code_knows(store):
    with store.begin() as tx:
        options = {"version_table": VERSION_TABLE, "compare_type": False}
        context = MigrationContext.configure(tx, opts=options)
        assert compare_metadata(context, metadata) == []


def test_opening_again_changes_nothing(store, store_url):
    again = Store.open(store_url)
    with again.read() as tx:
        rows = tx.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()
    assert rows == [SCHEMA_VERSION]
    again.close()


def test_interrupted_upgrade_leaves_nothing_half_done_and_resumes(store_url):
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.interrupted_upgrade", store_url],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = json.loads(done.stdout)
    assert len(found["left"]) > 15
    # Nothing, or the whole of a version before; of the first there are ten tables.
    whole = {
        (None, 0),
        ("0001", 10),
        ("0002", 11),
        ("0003", 12),
        ("0004", 14),
        ("0005", 15),
        ("0006", 15),
        ("0007", 18),
        ("0008", 20),
        ("0009", 20),
        ("0010", 21),
        ("0011", 22),
        ("0012", 25),
        ("0013", 25),
        ("0014", 25),
    }
    assert {tuple(each) for each in found["left"]} == whole
    assert found["at_last"] == [SCHEMA_VERSION, len(metadata.tables) + 1]
    store = Store.open(store_url)
    store.probe()
    store.close()


def test_several_upgrades_at_the_same_time_agree(store_url):
    ids: list[str] = []
    gate = threading.Barrier(4)

    def open_store() -> None:
        gate.wait()
        store = Store.open(store_url)
        ids.append(store.id)
        store.close()

    threads = [threading.Thread(target=open_store) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_several_threads_can_open_a_new_file_at_once(tmp_path):
    for attempt in range(20):
        url = parse_url(f"sqlite:///{tmp_path}/{attempt}.sqlite")
        create_sqlite_file(url)
        gate = threading.Barrier(8)
        with ThreadPoolExecutor(8) as pool:
            modes = [pool.submit(_read_journal_mode, url, gate) for _ in range(8)]
        assert [mode.result() for mode in modes] == ["wal"] * 8


def _read_journal_mode(url: URL, gate: threading.Barrier) -> str:
    engine = open_engine(url, read_only=False, for_upgrade=True)
    gate.wait()
    with engine.connect() as connection:
        mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
    engine.dispose()
    return str(mode)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["0999"], rf"has schema version 0999, newer than {SCHEMA_VERSION}, .* run the newer"),
        (["abcd"], rf"schema version abcd, which this platform .* knows {SCHEMA_VERSION}; restore"),
        (["0000"], "this platform does not know"),
        (["0001", "0002"], "schema version 0001, 0002, which this platform"),
        ([], "tables named .*audit.* but no schema version"),
    ],
)
def test_schema_that_the_code_does_not_know_is_refused(
    store, store_url, versions, expected, read_only
):
    set_version(store, *versions)
    with pytest.raises(StoreSchemaError, match=expected) as error:
        Store.open(store_url, read_only=read_only)
    assert "\n" not in str(error.value)
    assert f"the store {store.display_url} has" in str(error.value)
    with pytest.raises(StoreSchemaError, match=expected):
        Store.open(store_url, migrate=False)


def test_tables_of_another_program_are_left_alone(store_url):
    store = Store.open(store_url)
    with store.begin() as tx:
        tx.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        tx.execute(text("INSERT INTO alembic_version VALUES ('of the Hub')"))
    store.close()
    again = Store.open(store_url)
    with again.read() as tx:
        assert tx.execute(text("SELECT * FROM alembic_version")).scalar() == "of the Hub"
    again.close()


@pytest.mark.postgres
def test_store_without_schema_is_refused_when_it_may_not_be_upgraded(postgres_url):
    for migrate, read_only in ((False, False), (True, True)):
        with pytest.raises(StoreSchemaError, match=f"no schema, and not {SCHEMA_VERSION}"):
            Store.open(postgres_url, migrate=migrate, read_only=read_only)


def test_up_to_date_store_opens_without_alembic(sqlite_url):
    Store.open(sqlite_url).close()
    program = (
        "import sys; from jupyterhub_platform.store.store import Store; "
        f"Store.open({sqlite_url!r}).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False"
    assert Path(upgrade_module.__file__).exists()
