"""Fixtures that several floors use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from durations import UNNAMED, read_budgets
from hypothesis import Phase, settings

from jupyterhub_platform.store.store import Store
from tests.support.postgres import PostgresServer
from tests.support.seeds import SEED, VARIABLE

# The Kubernetes client reads this when it is imported, whichever test is the first to do so.
os.environ["KUBECONFIG"] = str(Path(__file__).parent / "support" / "kubeconfig.yaml")

pytest_plugins = ("tests.cluster.fixtures",)


# How long something takes is measured in benchmarks/, not in tests: machines are busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# For runs that ask only whether a test fails, and not for the smallest example.
settings.register_profile("no-shrinking", deadline=None, phases=(Phase.explicit, Phase.generate))


def name_module(item: pytest.Item) -> str:
    """Return the dotted name of a test's module, as reports write it."""
    return item.nodeid.partition("::")[0].removesuffix(".py").replace("/", ".")


def pytest_report_header() -> str:
    return f"random tests: {VARIABLE}={SEED} repeats them"


# Seconds until a test counts as hanging. On a new machine the first one on Kubernetes builds it.
_OF_KUBERNETES = 2400


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Workers take whole modules in this order: a long one at the end would leave the others idle.
    budgets = read_budgets()
    items.sort(key=lambda item: -budgets.get(name_module(item), UNNAMED))
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(0))
        elif item.get_closest_marker("cluster") or item.get_closest_marker("node"):
            item.add_marker(pytest.mark.timeout(_OF_KUBERNETES))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer.create()
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/platform.sqlite"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, once of each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = Store.open(store_url)
    yield opened
    opened.close()
