"""The chart with our values on a node: people log in, start servers, and are kept apart."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import AppsV1Api

from tests.cluster.errors import ClusterError
from tests.cluster.fixtures import Cluster
from tests.cluster.installed.images import build_images
from tests.cluster.installed.installation import POLICY, Installation
from tests.cluster.node import Node
from tests.cluster.objects import wait_for
from tests.helm.values import list_files
from tests.helm.with_chart.chart import Chart
from tests.support.live_hub import Api

pytestmark = pytest.mark.node

INSTALLED = Path(__file__).parents[2] / "cluster" / "installed"
VALUES = [*list_files("local"), Path(__file__).with_name("node.yaml")]
SECONDS = 30
POD = "jupyter-dev1"
CONNECT = """
import json, socket, sys
reached = {}
for name, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((name, port), timeout=3).close()
        reached[f"{name}:{port}"] = True
    except OSError:
        reached[f"{name}:{port}"] = False
print(json.dumps(reached))
"""


class ChartInstallation(Installation):
    """The platform as ``helm-values/README.md`` installs it."""

    def __init__(self, node: Node, chart: Chart) -> None:
        super().__init__(node.client)
        self._kubeconfig = node.kubeconfig
        self._chart = chart
        self.manifest = ""

    def make_objects(self) -> None:
        """Make what the chart expects, and install it."""
        self.make_secret("jupyterhub-platform")
        self.make_config_map("jupyterhub-platform", "platform.yaml", INSTALLED)
        self.make_role()
        self.manifest = self.upgrade()

    def upgrade(self) -> str:
        """Install the chart, or say again what is installed."""
        return self._chart.upgrade(self._kubeconfig, self.namespace, VALUES)

    def read_generations(self) -> dict[str | None, Any]:
        """Return what changes when a Deployment or one of the pods does."""
        deployed = AppsV1Api(self.client).list_namespaced_deployment(self.namespace).items
        pods = self.core.list_namespaced_pod(self.namespace).items
        return {
            **{each.metadata.name: each.metadata.generation for each in deployed},
            **{each.metadata.name: each.metadata.uid for each in pods},
        }

    def find_reached(self, pod: str, *places: tuple[str, int]) -> dict[str, bool]:
        """Tell which of these places a pod can connect to."""
        answer = self.run_in(pod, "python3", "-c", CONNECT, json.dumps(places))
        reached: dict[str, bool] = json.loads(answer)
        return reached


@pytest.fixture(scope="module")
def installed(node_cluster: Cluster, chart: Chart) -> Iterator[ChartInstallation]:
    if not isinstance(node_cluster, Node):
        pytest.skip("by choice: services in the cluster of TEST_KUBECONFIG do not answer from here")
    platform = ChartInstallation(node_cluster, chart)
    try:
        for archive in build_images():
            node_cluster.load(archive)
        platform.install()
    except ClusterError as error:
        pytest.fail(str(error), pytrace=False)
    yield platform
    platform.check_secrets()
    platform.remove()


@pytest.fixture
def dev1(installed: ChartInstallation) -> Iterator[Api]:
    """A user whose server runs."""
    api = installed.token("dev1")
    assert api.start("dev1", tier="small").status_code in {201, 202}
    api.wait_until_ready("dev1")
    yield api
    api.stop("dev1")
    wait_for(lambda: not installed.list_servers(), "the pod to be gone")


def test_server_has_what_its_tier_says(installed: ChartInstallation, dev1: Api) -> None:
    pod = installed.list_servers()[POD]
    (container,) = pod.spec.containers
    assert container.resources.requests == {"cpu": "100m", "memory": "256Mi"}
    assert container.resources.limits == {"cpu": "500m", "memory": "512Mi"}
    assert container.image == "localhost/jupyterhub-platform-singleuser:test"
    assert pod.spec.init_containers is None
    assert dev1.get("platform/usage").json()["servers"][0]["tier"] == "small"


def test_service_answers_through_the_proxy_of_the_chart(installed: ChartInstallation) -> None:
    session = installed.log_in("dev1")
    page = session.get("/services/platform/", follow_redirects=True)
    assert page.status_code == 200
    assert "My resources" in page.text


def test_server_reaches_the_hub_and_nothing_else_of_the_platform(
    installed: ChartInstallation, dev1: Api
) -> None:
    closed = (("hub", 8181), ("proxy-api", 8001), ("kubernetes.default", 443))
    assert installed.find_reached(POD, ("hub", 8081), *closed) == {
        "hub:8081": True,
        "hub:8181": False,
        "proxy-api:8001": False,
        "kubernetes.default:443": False,
    }
    # What is closed to a server is there, and open to the Hub, its own service included.
    hub = installed.find_hub().metadata.name
    assert set(installed.find_reached(hub, *closed).values()) == {True}


def test_proxy_reaches_what_it_forwards_to_and_nothing_else(installed: ChartInstallation) -> None:
    pods = installed.core.list_namespaced_pod(
        installed.namespace, label_selector="component=proxy"
    ).items
    places = (("hub", 8081), ("hub", 8181), ("kubernetes.default", 443))
    assert installed.find_reached(pods[0].metadata.name, *places) == {
        "hub:8081": True,
        "hub:8181": True,
        "kubernetes.default:443": False,
    }


def test_upgrade_with_the_same_values_changes_nothing(
    installed: ChartInstallation, dev1: Api
) -> None:
    before = installed.read_generations()
    assert POD in before

    assert installed.upgrade() == installed.manifest
    assert installed.read_generations() == before


def test_policy_is_taken_up_without_a_restart(installed: ChartInstallation) -> None:
    admin = installed.token("admin")
    before, first = installed.read_generations(), admin.get("platform/usage").json()["revision"]

    installed.write_policy(POLICY.replace("title: Small", "title: Smaller"))
    wait_for(
        lambda: admin.get("platform/usage").json()["revision"] > first, "the Hub to follow", SECONDS
    )
    assert installed.read_generations() == before
