"""A lent cluster is used as far as it is lent, and is afterwards as it was before."""

import re
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CoreV1Api, NodeV1Api, SchedulingV1Api
from kubernetes.client.exceptions import ApiException

from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import FOREIGN, Cluster, make_namespace
from tests.cluster.lent_cluster import LentCluster
from tests.cluster.lent_namespace import lending
from tests.cluster.test_kubernetes_choice import run_pytest
from tests.hub.kubernetes.hub_role import ROLE, give
from tests.hub.kubernetes.spawners import EVERYTHING

pytestmark = pytest.mark.cluster

ACCEPTED = "tests/hub/kubernetes/test_accepted.py"
ON_CLUSTER = "tests/hub/kubernetes/test_on_cluster.py"
ROLE_IS_ENOUGH = "tests/hub/kubernetes/test_role.py::test_the_role_is_enough"
DEVICES = "tests/hub/kubernetes/test_devices.py"
IN_A_NAMESPACE = (ACCEPTED, ON_CLUSTER, ROLE_IS_ENOUGH, DEVICES)


@pytest.fixture
def own_cluster(api_cluster: Cluster) -> ControlPlane:
    """Our own cluster, which plays a lent one."""
    if not isinstance(api_cluster, ControlPlane):
        pytest.skip(f"by choice: {FOREIGN} names a cluster whose namespaces are not ours to lend")
    return api_cluster


@pytest.fixture
def lent(own_cluster: ControlPlane, tmp_path: Path) -> Iterator[Path]:
    with lending(own_cluster, tmp_path) as kubeconfig:
        yield kubeconfig


def list_objects(foreign: LentCluster) -> set[tuple[str, str]]:
    """Return kind and name of everything in the namespace that is lent, but for events."""
    return {
        (kind, found.metadata.name)
        for _, kind, found in foreign._list_objects()
        if found.metadata.deletion_timestamp is None
    }


def test_objects_of_a_failed_test_are_deleted(lent: Path) -> None:
    with closing(LentCluster(lent)) as foreign:
        before = list_objects(foreign)
        with pytest.raises(RuntimeError, match="a fixture"):
            fail_in_namespace(foreign)
        assert list_objects(foreign) == before
        with make_namespace(foreign) as namespace:
            give(foreign, namespace, ROLE)


def test_a_namespace_of_a_whole_cluster_is_gone_even_if_the_test_failed(
    own_cluster: ControlPlane,
) -> None:
    with closing(LentCluster(own_cluster.kubeconfig)) as foreign:
        with pytest.raises(RuntimeError, match="a fixture") as failed:
            fail_in_namespace(foreign)
        assert is_going(foreign, failed.value.args[1])


def fail_in_namespace(foreign: LentCluster) -> None:
    """Fail as a fixture may that has given the Hub its rights."""
    with make_namespace(foreign) as namespace:
        give(foreign, namespace, ROLE)
        raise RuntimeError("a fixture", namespace)


def is_going(foreign: LentCluster, namespace: str) -> bool:
    try:
        found: Any = CoreV1Api(foreign.client).read_namespace(namespace)
    except ApiException as error:
        return bool(error.status == 404)
    return found.metadata.deletion_timestamp is not None


def test_tests_in_a_namespace_pass_or_say_what_they_lack(lent: Path) -> None:
    with closing(LentCluster(lent)) as foreign:
        before = list_objects(foreign)
        done = run_pytest(*IN_A_NAMESPACE, TEST_KUBECONFIG=str(lent))
        assert done.returncode == pytest.ExitCode.OK, done.stdout
        assert re.search(r"^4 passed, \d+ skipped in", done.stdout, re.MULTILINE), done.stdout
        assert list_objects(foreign) == before
    skipped = re.search(r"(\d+) skipped", done.stdout)
    *_, last = done.stdout.strip().splitlines()
    assert skipped
    assert last == f"Not tested, by choice (TEST_KUBECONFIG): {skipped[1]} on Kubernetes"


def test_classes_that_are_there_are_used_and_stay(own_cluster: ControlPlane) -> None:
    priorities, runtimes = SchedulingV1Api(own_cluster.client), NodeV1Api(own_cluster.client)
    theirs = EVERYTHING.priority_class
    priorities.create_priority_class({"metadata": {"name": theirs}, "value": 3})
    try:
        done = run_pytest(ACCEPTED, TEST_KUBECONFIG=str(own_cluster.kubeconfig))
        assert done.returncode == pytest.ExitCode.OK, done.stdout
        assert "skipped" not in done.stdout
        classes: Any = priorities.list_priority_class()
        names = {found.metadata.name for found in classes.items}
        assert theirs in names
        assert "sites-own" not in names
        assert not runtimes.list_runtime_class().items
    finally:
        with suppress(ApiException):
            priorities.delete_priority_class(theirs)
