"""The sites, one after another, each with one Hub."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub.conftest import make_directory
from tests.sites.folders import SiteFolder
from tests.sites.running import PROVIDERS, RunningSite, run_site

__all__ = ["make_directory"]


@pytest.fixture(scope="module", params=PROVIDERS)
def site(
    request: pytest.FixtureRequest, make_directory: Callable[[], Path]
) -> Iterator[RunningSite]:
    with run_site(SiteFolder(request.param), make_directory()) as running:
        yield running
