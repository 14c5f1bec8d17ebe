"""What a node leaves for servers."""

import pytest

from jupyterhub_platform.core.node_capacity import GPU, find_instance, parse_capacity, usable
from jupyterhub_platform.core.resource_names import CPU, MEMORY
from jupyterhub_platform.core.resources import Resources

GIB = 2**30


@pytest.mark.parametrize(
    ("instance", "cores", "gib", "gpus"),
    [
        ("m6i.4xlarge", 16, 64, 0),
        ("r7i.xlarge", 4, 32, 0),
        ("c6a.2xlarge", 8, 16, 0),
        ("g4dn.2xlarge", 8, 32, 1),
        ("g5.12xlarge", 48, 192, 4),
    ],
)
def test_sizes_of_instances_are_as_they_are_sold(
    instance: str, cores: int, gib: int, gpus: int
) -> None:
    found = find_instance(instance)
    assert found is not None
    assert (found.amount(CPU), found.amount(MEMORY)) == (cores * 1000, gib * GIB)
    assert found.amount(GPU) == gpus


@pytest.mark.parametrize("instance", ["p5.48xlarge", "m6i.metal", "n2-standard-4", ""])
def test_others_are_not_guessed(instance: str) -> None:
    assert find_instance(instance) is None


def test_kubelet_of_eks_reserves_by_the_number_of_pods() -> None:
    capacity = parse_capacity({"cpu": 16, "memory": "64Gi"})
    left = usable(capacity, "m6i.4xlarge")
    # 60 + 10 + 5 + 5 + 12 x 2.5 for the kubelet, 350 for daemons.
    assert left.amount(CPU) == 16_000 - 110 - 350
    mebibytes = 64 * 1024 * 965 // 1000 - 255 - 100 - 11 * 234 - 512
    assert left.amount(MEMORY) // 2**20 == mebibytes


def test_a_size_that_is_not_known_counts_as_a_large_one() -> None:
    capacity = parse_capacity({"cpu": 16, "memory": "64Gi"})
    assert usable(capacity, "m6i.metal") == usable(capacity, "m6i.4xlarge")


def test_elsewhere_a_share_is_left_to_the_system_and_devices_stay() -> None:
    left = usable(parse_capacity({"cpu": 8, "memory": "32Gi", GPU: 2}))
    assert left.amount(CPU) == 8_000 - 100 - 350
    assert left.amount(GPU) == 2
    assert left.amount(MEMORY) < 31 * GIB


def test_a_node_smaller_than_its_daemons_leaves_nothing() -> None:
    left = usable(Resources.of({CPU: 100, MEMORY: 2**20}))
    assert (left.amount(CPU), left.amount(MEMORY)) == (0, 0)
