"""A policy in a ConfigMap: what changes there holds for new starts, and no Hub starts again."""

from collections.abc import Iterator

import pytest

from tests.cluster.installed.installation import POLICY, Installation
from tests.cluster.objects import wait_for
from tests.support.live_hub import Api

pytestmark = [pytest.mark.node, pytest.mark.full]

SECONDS = 30
LIMIT = "memory: 64Mi"


@pytest.fixture
def crowd(platform_on_node: Installation) -> Iterator[Api]:
    yield platform_on_node.token("crowd")
    platform_on_node.write_policy(POLICY)
    reloaded = platform_on_node.command.post("platform/reload")
    assert reloaded.status_code == 200, reloaded.text


def read_revision(api: Api) -> int:
    revision: int = api.get("platform/usage").json()["revision"]
    return revision


def read_limit_of_new_start(platform: Installation, api: Api) -> str:
    """Return the memory that the pod of a new start may use."""
    answer = api.start("crowd", tier="tiny")
    assert answer.status_code in {201, 202}, answer.text
    api.wait_until_ready("crowd")
    (pod,) = platform.list_servers().values()
    limit: str = pod.spec.containers[0].resources.limits["memory"]
    api.stop("crowd")
    return limit


def test_new_starts_follow_the_config_map_and_a_broken_one_changes_nothing(
    platform_on_node: Installation, crowd: Api
) -> None:
    platform = platform_on_node
    hub = platform.find_hub()
    first = read_revision(crowd)

    platform.write_policy(POLICY.replace(LIMIT, "memory: 96Mi"))
    wait_for(lambda: read_revision(crowd) > first, "the Hub to follow", SECONDS)
    assert read_limit_of_new_start(platform, crowd) == "96Mi"

    second = read_revision(crowd)
    platform.write_policy(POLICY.replace(LIMIT, "memory: 128Mi"))
    answer = platform.command.post("platform/reload")
    assert (answer.status_code, answer.json()["revision"]) == (200, second + 1)
    assert read_limit_of_new_start(platform, crowd) == "128Mi"

    platform.write_policy(POLICY.replace(LIMIT, "memory: plenty"))
    answer = platform.command.post("platform/reload")
    assert answer.status_code == 422
    assert answer.json()["message"] == "The last good policy stays in force."
    (fault,) = answer.json()["faults"]
    assert "plenty" in fault
    assert read_revision(crowd) == second + 1
    assert read_limit_of_new_start(platform, crowd) == "128Mi"

    now = platform.find_hub()
    assert now.metadata.uid == hub.metadata.uid
    assert [each.restart_count for each in now.status.container_statuses] == [0]
