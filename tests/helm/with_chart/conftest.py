"""Tests with Zero to JupyterHub's own chart, which is no part of this project: ``Z2JH_CHART``.

Without it they are not there at all. ``make helm-test`` asks for it.
"""

import os
from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError
from tests.helm.with_chart.chart import Chart

VARIABLE = "Z2JH_CHART"
collect_ignore_glob = [] if os.environ.get(VARIABLE) else ["test_*.py"]


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    try:
        return Chart.take(Path(os.environ[VARIABLE]), tmp_path_factory.mktemp("chart"))
    except ClusterError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
