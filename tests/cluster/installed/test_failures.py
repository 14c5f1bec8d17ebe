"""What a node does to servers by itself: what a person is told of it, and what is held after."""

import signal
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.cluster.identities import NODE_NAME
from tests.cluster.installed.installation import POLICY, Installation
from tests.cluster.node import Node
from tests.cluster.objects import wait_for
from tests.support.live_hub import Api

pytestmark = [pytest.mark.node, pytest.mark.full]

MORE: Final = """\
  absent: {title: Absent, reference: "localhost/absent:test"}
tiers:
  absent:
    title: Absent
    requests: {cpu: 10m, memory: 32Mi}
    limits: {cpu: 1, memory: 64Mi}
    images: [absent]
  scratch:
    title: Scratch
    requests: {cpu: 10m, memory: 32Mi, ephemeral-storage: 4Mi}
    limits: {cpu: 1, memory: 64Mi, ephemeral-storage: 4Mi}
    images: [tiny]
    environment: {TINY_SERVER_HUB_VERSION: "6"}
"""
FILL: Final = "open('/tmp/big', 'wb').write(bytes(32 << 20))"


@pytest.fixture(scope="module")
def platform(platform_on_node: Installation) -> Iterator[Installation]:
    platform_on_node.write_policy(POLICY.replace("tiers:\n", MORE))
    assert platform_on_node.command.post("platform/reload").status_code == 200
    yield platform_on_node
    platform_on_node.write_policy(POLICY)
    assert platform_on_node.command.post("platform/reload").status_code == 200


@pytest.fixture
def crowd(platform: Installation) -> Api:
    return platform.token("crowd")


def read_code(api: Api) -> str:
    """Return the code of the cause that the Hub gives for the server, or the lack of one."""
    answer = api.get("platform/why", params={"user": "crowd", "server": ""})
    assert answer.status_code == 200, answer.text
    return str((answer.json()["cause"] or {}).get("code", ""))


def run(api: Api, tier: str) -> None:
    assert api.start("crowd", tier=tier).status_code in {201, 202}
    api.wait_until_ready("crowd")


def holds_nothing(api: Api) -> bool:
    return bool(api.get("platform/usage").json()["servers"] == [])


def test_an_image_that_no_registry_has_is_said_to_be_that(
    platform: Installation, crowd: Api
) -> None:
    assert crowd.start("crowd", tier="absent").status_code == 202
    wait_for(lambda: read_code(crowd) == "pod.image_pull", "the pull to fail", 60)
    assert not holds_nothing(crowd)
    crowd.stop("crowd")
    wait_for(lambda: holds_nothing(crowd) and not platform.list_servers(), "the end", 60)


def test_a_server_that_fills_its_disk_is_evicted_and_said_to_be(
    platform: Installation, crowd: Api
) -> None:
    run(crowd, "scratch")
    (pod,) = platform.list_servers()
    platform.run_in(pod, "python3", "-c", FILL)
    wait_for(lambda: not crowd.servers("crowd"), "the kubelet to evict it", 120)
    assert read_code(crowd) == "pod.evicted"
    wait_for(lambda: holds_nothing(crowd) and not platform.list_servers(), "the end", 60)


def test_a_server_on_a_node_that_is_silent_stays_charged_and_goes_on_with_it(
    platform: Installation, node_cluster: Any, crowd: Api
) -> None:
    assert isinstance(node_cluster, Node)
    run(crowd, "tiny")
    (before,) = platform.list_servers().values()
    node_cluster.processes.end("kubelet", signal.SIGKILL)
    try:
        wait_for(lambda: read_code(crowd) == "pod.node_lost", "the node to be missed", 120)
        assert not holds_nothing(crowd)
    finally:
        node_cluster.processes.restart("kubelet")
        wait_for(lambda: is_ready(platform.core.read_node(NODE_NAME)), "the node", 120)
    wait_for(lambda: is_ready(platform.list_servers()[before.metadata.name]), "its pod", 60)
    (after,) = platform.list_servers().values()
    assert after.metadata.uid == before.metadata.uid
    assert read_code(crowd) == "server.running"
    crowd.stop("crowd")
    wait_for(lambda: holds_nothing(crowd) and not platform.list_servers(), "the end", 60)


def is_ready(thing: Any) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in thing.status.conditions)
