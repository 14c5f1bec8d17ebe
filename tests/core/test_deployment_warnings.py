"""What is valid in a deployment, and probably a mistake."""

from typing import Any

import pytest

from jupyterhub_platform.core.deployment_warnings import find_deployment_warnings
from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.document.schema_deployment import read_deployment
from tests.core.document.test_compile import document

CPU_POOL = {"instance": "m6i.4xlarge", "capacity": {"cpu": 16, "memory": "64Gi"}, "nodes": 2}
ONE = {"memory": "1Gi"}
TOLD = {"alerts": ["ops@site.org"]}


def find(deployment: dict[str, Any], **sections: Any) -> list[str]:
    written = document(deployment=deployment, **sections)
    policy = compile_policy(written)
    found = find_deployment_warnings(policy, read_deployment(written))
    return [f"{each.key}: {each.what}" for each in found]


def with_tier(**requests: Any) -> dict[str, Any]:
    return {"tiers": {"big": {"requests": requests, "images": ["lab"]}}}


@pytest.mark.parametrize(
    "deployment",
    [
        {"target": "laptop"},
        {"target": "cluster", **TOLD},
        {"target": "cluster", "pools": {"cpu": CPU_POOL}, **TOLD},
    ],
)
def test_nothing_is_said_where_nothing_is_wrong(deployment: dict[str, Any]) -> None:
    assert find(deployment) == []
    assert list(find_deployment_warnings(compile_policy(document()), None)) == []


def test_a_tier_for_which_no_node_has_room_is_said_with_what_is_left() -> None:
    deployment = {"target": "cluster", "pools": {"cpu": CPU_POOL}, **TOLD}
    (said,) = find(deployment, **with_tier(cpu=16, memory="8Gi"))
    assert said == (
        "tiers.big: no node has room for it: it asks for 16 CPU and 8 GiB, and cpu leaves 15.54 "
        "CPU and 58.4 GiB"
    )
    assert find(deployment, **with_tier(cpu=15, memory="8Gi")) == []
    (gpu,) = find(deployment, **with_tier(**ONE, **{"cpu": 1, "nvidia.com/gpu": 1}))
    assert "cpu leaves 15.54 CPU, 58.4 GiB and 0 GPU" in gpu


def test_each_size_of_a_tier_is_looked_at() -> None:
    sizes = {"one": {"requests": ONE | {"cpu": 1}}, "all": {"requests": ONE | {"cpu": 16}}}
    tiers = {"big": {"sizes": sizes, "images": ["lab"]}}
    deployment = {"target": "cluster", "pools": {"cpu": CPU_POOL}, **TOLD}
    (said,) = find(deployment, tiers=tiers)
    assert said.startswith("tiers.big: no node has room for it in the size all: it asks for 16 CPU")


def test_a_quota_of_more_than_there_is() -> None:
    deployment = {"target": "cluster", "pools": {"cpu": CPU_POOL}, **TOLD}
    (said,) = find(deployment, quota={"cpu": 32, "memory": "100Gi"})
    assert said == "quota.cpu: all users together may hold 32 CPU, and the pools leave 31.08 CPU"
    assert find(deployment, quota={"cpu": "unlimited"}) == []


def test_sqlite_on_aws_and_alerts_to_no_user() -> None:
    deployment = {
        "target": "eks",
        "address": "https://hub.site.org",
        "region": "eu-central-1",
        "account": "123456789012",
        "database": {"kind": "sqlite"},
    }
    assert find(deployment) == [
        "deployment.database: SQLite is on a volume of one zone, and the Hub with it",
        "deployment: no user is told when something is wrong",
    ]
