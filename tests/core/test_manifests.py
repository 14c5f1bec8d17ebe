"""A pod's manifest is added up as the scheduler does, whatever stands in it."""

from typing import Any

import pytest

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.manifests import (
    is_sidecar,
    limit_of,
    names_in,
    part,
    read_demand,
    request_of,
    total,
    unreadable,
)

MIB = 2**20


def container(requests: Any = None, limits: Any = None, **more: Any) -> dict[str, Any]:
    resources = {"requests": requests or {}, "limits": limits or {}}
    return {"name": "c", "resources": resources, **more}


def test_containers_and_overhead_add_up() -> None:
    spec = {
        "containers": [container({"memory": "1Mi"}), container({"memory": "2Mi"})],
        "overhead": {"memory": "4Mi"},
    }
    assert total(spec, "memory", request_of) == 7 * MIB


def test_the_largest_init_container_counts_with_the_sidecars_before_it() -> None:
    sidecar = container({"memory": "1Mi"}, restartPolicy="Always")
    spec = {
        "containers": [container({"memory": "2Mi"})],
        "initContainers": [container({"memory": "3Mi"}), sidecar, container({"memory": "8Mi"})],
    }
    assert is_sidecar(sidecar)
    assert total(spec, "memory", request_of) == 9 * MIB
    spec["initContainers"] = [sidecar]
    assert total(spec, "memory", request_of) == 3 * MIB


def test_a_missing_request_is_the_limit_and_a_limit_of_zero_limits_nothing() -> None:
    resources = {"limits": {"cpu": "2", "memory": "0"}}
    assert request_of(resources, "cpu") == 2_000
    assert limit_of(resources, "memory") is None
    assert limit_of(resources, "ephemeral-storage") is None
    assert limit_of({"requests": {"nvidia.com/gpu": 1}}, "nvidia.com/gpu") == 1


def test_part_of_a_malformed_manifest_is_empty() -> None:
    assert part({"a": 5}, "a", "b") == {}
    assert total({"containers": "many", "initContainers": [5]}, "cpu", request_of) == 0


def test_a_demand_is_what_the_scheduler_sets_aside() -> None:
    spec = {
        "containers": [container({"cpu": "500m"}, {"memory": "1Mi", "nvidia.com/gpu": 1})],
        "initContainers": [container({"cpu": "2"})],
        "overhead": {"cpu": "250m"},
    }
    assert dict(read_demand(spec)) == {"cpu": 2250, "memory": MIB, "nvidia.com/gpu": 1}
    spec["resources"] = {"limits": {"cpu": "1"}}
    assert dict(read_demand(spec)) == {"cpu": 1250, "memory": MIB, "nvidia.com/gpu": 1}
    assert dict(read_demand({"containers": [{"name": "c"}]})) == {}
    assert dict(read_demand({"containers": [container({"nvidia.com/gpu": 0})]})) == {}
    with pytest.raises(QuantityError):
        read_demand({"containers": [container({"cpu": "much"})]})


def test_every_name_that_any_part_asks_for_is_seen() -> None:
    spec = {
        "containers": [container({"cpu": 1}, {"memory": 1})],
        "initContainers": [container({"example.com/a": 1})],
        "resources": {"limits": {"hugepages-2Mi": "2Mi"}},
        "overhead": {"ephemeral-storage": 1},
    }
    assert names_in(spec) == {
        *("cpu", "memory", "example.com/a", "hugepages-2Mi", "ephemeral-storage")
    }


def test_an_amount_that_is_none_is_found_by_its_path_and_never_read_as_nothing() -> None:
    spec = {"containers": [container({"cpu": "much"})], "overhead": {"memory": "1Q"}}
    assert [path for path, _ in unreadable(spec)] == [
        "spec.containers[c].resources.requests.cpu",
        "spec.overhead.memory",
    ]
    with pytest.raises(QuantityError):
        total(spec, "cpu", request_of)
