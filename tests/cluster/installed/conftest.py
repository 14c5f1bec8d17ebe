"""The platform on a node, one for all tests of this folder, and a browser in front of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.cluster.errors import ClusterError
from tests.cluster.fixtures import Cluster
from tests.cluster.installed.images import build_images
from tests.cluster.installed.installation import Installation
from tests.cluster.node import Node
from tests.support.chromium import launch_chromium


@pytest.fixture(scope="session")
def platform_on_node(node_cluster: Cluster) -> Iterator[Installation]:
    """The platform from the checkout's own images; people have set their passwords."""
    if not isinstance(node_cluster, Node):
        pytest.skip("by choice: services in the cluster of TEST_KUBECONFIG do not answer from here")
    platform = Installation(node_cluster.client)
    try:
        for archive in build_images():
            node_cluster.load(archive)
        platform.install()
    except ClusterError as error:
        pytest.fail(str(error), pytrace=False)
    yield platform
    platform.check_secrets()
    platform.remove()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, no longer than it is needed: while it runs, no test with a loop of its own can."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()
