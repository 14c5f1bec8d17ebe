from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.access import Access
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.pods import Device, Pod
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Tier, pod_amounts

GROUP = Access(groups=frozenset({"vision"}))
USER = Access(users=frozenset({"dev"}))
LEVEL = Access(levels=frozenset({Level.ADMIN}))
ANY = Access(GROUP.groups, USER.users, LEVEL.levels)


@pytest.mark.parametrize(
    ("access", "user", "level", "account", "admitted"),
    [
        (Access(), "any-user", Level.VIEWER, "any", True),
        (GROUP, "eve", Level.USER, "vision", True),
        (GROUP, "eve", Level.ADMIN, "language", False),
        (USER, "dev", Level.USER, "language", True),
        (USER, "eve", Level.ADMIN, "vision", False),
        (LEVEL, "eve", Level.ADMIN, "language", True),
        (LEVEL, "eve", Level.OPERATOR, "language", False),
        (ANY, "eve", Level.USER, "vision", True),
        (ANY, "dev", Level.USER, "language", True),
        (ANY, "eve", Level.ADMIN, "language", True),
        (ANY, "eve", Level.USER, "language", False),
    ],
)
def test_access_admits_a_user_named_by_any_of_its_lists(
    access: Access, user: str, level: Level, account: str, admitted: bool
):
    assert access.admits(user, level, account) is admitted


def test_a_server_is_charged_its_requests_and_itself():
    amounts = Resources.of({"cpu": 500})
    tier = Tier("small", "", "", amounts, Resources.of({"cpu": 1000}), ("lab",))
    assert dict(tier.demand) == {"cpu": 500, "servers": 1}


AMOUNTS = st.dictionaries(
    st.sampled_from(["cpu", "memory", "ephemeral-storage", "amd.com/gpu"]), st.integers(0, 9)
)
DEVICES = st.lists(
    st.builds(
        Device,
        st.text("ab", min_size=1, max_size=3),
        st.just("template"),
        st.sampled_from(["nvidia.com/gpu", "example.org/nic"]),
        st.integers(1, 32),
    ),
    max_size=4,
)


@given(AMOUNTS, AMOUNTS, DEVICES)
def test_devices_are_charged_and_never_asked_for_by_a_container(
    requests: dict[str, int], limits: dict[str, int], devices: list[Device]
):
    bare = Tier("small", "", "", Resources.of(requests), Resources.of(limits), ("lab",))
    tier = replace(bare, pod=Pod(devices=tuple(devices)))
    charged = Counter(requests) + Counter(servers=1)
    for device in devices:
        charged[device.resource] += device.count
    assert Counter(tier.demand) + Counter() == charged
    assert pod_amounts(tier) == pod_amounts(bare)
    claimed = {device.resource for device in devices}
    assert claimed.isdisjoint({*pod_amounts(tier).requests, *pod_amounts(tier).limits})
    for gives in (tier.gives.requests, tier.gives.limits):
        assert all(gives[name] == tier.demand[name] for name in claimed)
