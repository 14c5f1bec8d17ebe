"""Names of resources are checked, and lists of them are zero where they say nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.resource_names import is_accelerator
from jupyterhub_platform.core.resources import Resources, check_resource_name

NAMES = ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "nvidia.com/gpu", "servers"]
AMOUNTS = st.integers(min_value=0, max_value=2**63 - 1)


@pytest.mark.parametrize("name", [*NAMES, "amd.com/gpu", "nvidia.com/mig-1g.10gb", "a.b/C_d"])
def test_resource_name_is_accepted(name: str):
    assert check_resource_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "memroy",
        "gpu",
        "CPU",
        "/gpu",
        "nvidia.com/",
        "a/b/c",
        "-a.com/x",
        "a..b/x",
        "hugepages-x",
        "a" * 254 + "/x",
        "a.com/" + "x" * 64,
        "a.com/x\n",
    ],
)
def test_invalid_resource_name_is_refused(name: str):
    with pytest.raises(QuantityError):
        check_resource_name(name)


def test_only_extended_resources_are_scarce():
    assert [name for name in NAMES if is_accelerator(name)] == ["nvidia.com/gpu"]


@given(
    st.dictionaries(st.sampled_from(NAMES), AMOUNTS),
    st.dictionaries(st.sampled_from(NAMES), AMOUNTS),
)
def test_a_sum_covers_both_of_its_parts(first: dict[str, int], second: dict[str, int]):
    both = Resources.of(first).plus(second)
    assert both.covers(first)
    assert both.covers(second)
    assert both == Resources.of(second).plus(first)


def test_amount_of_a_resource_that_is_not_named_is_zero():
    held = Resources.of({"cpu": 500})
    assert held.amount("memory") == 0
    assert not held.covers({"memory": 1})
    assert held.covers({"memory": 0})


def test_a_list_of_amounts_is_a_mapping_that_is_zero_where_nothing_is_said() -> None:
    held = Resources.of({"memory": 2**30, "cpu": 1_500})
    assert (list(held), len(held), held["cpu"], held.amount("servers")) == (
        *(["cpu", "memory"], 2, 1_500),
        0,
    )
    with pytest.raises(KeyError):
        held["servers"]
    assert held.plus({"cpu": 500, "servers": 1}) == Resources.of(
        {"cpu": 2_000, "memory": 2**30, "servers": 1}
    )
    assert held.covers({"cpu": 1_500})
    assert not held.covers({"servers": 1})
    assert held.render() == {"cpu": "1500m", "memory": "1Gi"}
    assert held.describe() == "1.5 CPU, 1 GiB"
