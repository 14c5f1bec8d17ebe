from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.document.schema import SECTIONS, render_schema
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.named_by import find_naming
from jupyterhub_platform.core.pods import (
    Device,
    Home,
    InitContainer,
    Nfs,
    NodeRule,
    Pod,
    SecretKey,
    SharedVolume,
)
from jupyterhub_platform.core.policy import Policy


def document(**sections: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "users": {"root": {"level": "admin"}},
        "images": {"lab": {"reference": "example/lab:1"}},
        "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
        **sections,
    }


def with_tier(**keys: Any) -> Policy:
    return compile_policy(document(tiers={"small": {"images": ["lab"], **keys}}))


def test_limits_that_are_left_out_are_the_requests():
    tier = with_tier(requests={"cpu": 1, "memory": "1Gi"}, limits={"cpu": 2}).tiers["small"]
    assert dict(tier.limits) == {"cpu": 2000, "memory": 2**30}


def test_requests_that_are_left_out_are_the_limits():
    tier = with_tier(limits={"cpu": 2, "memory": "1Gi", "nvidia.com/gpu": 1}).tiers["small"]
    assert tier.requests == tier.limits
    assert dict(tier.requests) == {"cpu": 2000, "memory": 2**30, "nvidia.com/gpu": 1}


def test_fractions_are_rounded_up_to_what_kubernetes_keeps():
    tier = with_tier(requests={"cpu": 0.22815625, "memory": "7.222Gi"}).tiers["small"]
    assert dict(tier.requests) == {"cpu": 229, "memory": 7754563453}
    assert tier.requests.describe() == "0.229 CPU, 7.22 GiB"


def test_a_limit_is_none_where_the_operator_says_so():
    limits = {"memory": "unlimited", "cpu": 2}
    tier = with_tier(requests={"memory": "1Gi"}, limits=limits).tiers["small"]
    assert dict(tier.limits) == {"cpu": 2000}
    assert dict(tier.demand) == {"cpu": 2000, "memory": 2**30, "servers": 1}


@pytest.mark.parametrize(
    ("unlimited", "requests", "kept"),
    [
        ({"cpu"}, {"memory": "1Gi"}, {"memory": 2**30}),
        ({"memory"}, {"cpu": 1}, {"cpu": 1000}),
        ({"cpu", "memory"}, {}, {}),
    ],
)
def test_a_tier_with_devices_needs_neither_cpu_nor_memory(
    unlimited: set[str], requests: dict[str, Any], kept: dict[str, int]
):
    limits = {"nvidia.com/gpu": 1, **dict.fromkeys(unlimited, "unlimited")}
    tier = with_tier(requests=requests, limits=limits).tiers["small"]
    held = {"nvidia.com/gpu": 1, **kept}
    assert (dict(tier.requests), dict(tier.limits)) == (held, held)


def test_an_amount_is_a_limit_unlimited_is_none_and_null_says_nothing():
    quota = {"cpu": "1500m", "memory": "unlimited", "servers": None}
    assert compile_policy(document(quota=quota)).quota.quota == {"cpu": 1500, "memory": None}


def test_people_are_known_by_their_normal_names():
    policy = compile_policy(
        document(
            users={"Dev": {"level": "manager"}, "eve": None, "Root": {"level": "admin"}},
            groups={"vision": {"members": ["DEV", "eve"], "managers": ["dev"]}},
            defaults={"level": "viewer"},
        )
    )
    assert {name: person.level for name, person in policy.people.items()} == {
        "dev": Level.MANAGER,
        "eve": Level.VIEWER,
        "root": Level.ADMIN,
    }
    assert policy.groups["vision"].members == {"dev", "eve"}
    assert policy.groups["vision"].managers == {"dev"}


def test_title_is_the_name_when_none_is_given():
    policy = compile_policy(document(groups={"vision": {}}))
    assert policy.groups["vision"].title == "vision"
    assert policy.tiers["small"].title == "small"
    assert policy.images["lab"].title == "lab"


def test_a_tier_says_where_its_servers_run():
    tier = with_tier(
        requests={"cpu": 1, "memory": "1Gi"},
        node_selector={"pool": "gpu"},
        tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    ).tiers["small"]
    assert tier.pod.node_selector == {"pool": "gpu"}
    assert tier.pod.tolerations == ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},)


def test_a_tier_says_how_its_pods_run():
    pod = (
        with_tier(
            requests={"cpu": 1, "memory": "1Gi"},
            node_affinity=[
                {"key": "zone", "values": ["a", "b"]},
                {"key": "new", "operator": "Exists", "weight": 7},
            ],
            priority_class="interactive",
            runtime_class="gvisor",
            service_account="trainer",
            environment={"HF_HOME": "/models", "EMPTY": ""},
            security_context={"run_as_user": 1000, "run_as_group": 100, "fs_group": 200},
            home={"size": "10Gi", "storage_class": "gp3"},
            init_containers=[{"name": "prepare", "image": "lab", "command": ["ls", "-l"]}],
            devices=[{"name": "gpu", "template": "whole-gpu", "resource": "nvidia.com/gpu"}],
        )
        .tiers["small"]
        .pod
    )
    assert pod == Pod(
        node_affinity=(
            NodeRule("zone", "In", ("a", "b")),
            NodeRule("new", "Exists", (), weight=7),
        ),
        priority_class="interactive",
        runtime_class="gvisor",
        service_account="trainer",
        environment={"HF_HOME": "/models", "EMPTY": ""},
        user=1000,
        group=100,
        volumes_group=200,
        home=Home(10 * 2**30, "/home/jovyan", "gp3"),
        init_containers=(InitContainer("prepare", "example/lab:1", ("ls", "-l")),),
        devices=(Device("gpu", "whole-gpu", "nvidia.com/gpu", 1),),
    )


def test_a_start_has_what_the_groups_of_its_user_bring():
    policy = compile_policy(
        document(
            users={"dev": {"level": "admin"}},
            defaults={"home": {"size": "1Gi", "mount": "/work"}},
            groups={
                "vision": {
                    "members": ["dev"],
                    "service_account": "vision",
                    "volumes": [{"claim": "data", "mount": "/vision", "read_only": False}],
                },
                "speech": {"members": ["dev"], "volumes": [{"claim": "words", "mount": "/words"}]},
                "other": {"volumes": [{"claim": "secret", "mount": "/other"}]},
            },
        )
    )
    tier = policy.tiers["small"]
    pod = policy.pod_of(tier, "vision", ("speech", "vision", "only-in-the-hub"))
    assert pod.home == Home(2**30, "/work")
    assert pod.service_account == "vision"
    assert pod.shared == (
        SharedVolume("words", "/words", group="speech"),
        SharedVolume("data", "/vision", read_only=False, group="vision"),
    )
    assert policy.pod_of(tier, "speech", ("speech",)).service_account == ""
    trainer = replace(tier, pod=replace(tier.pod, service_account="trainer"))
    assert policy.pod_of(trainer, "vision", ("vision",)).service_account == "trainer"


def test_volumes_are_of_the_levels_that_have_them_and_of_those_that_write():
    policy = compile_policy(
        document(
            users={"root": {"level": "admin"}, "boss": {"level": "manager"}, "kim": None},
            defaults={
                "volumes": [
                    {"claim": "all", "mount": "/rw", "read_only": False, "levels": ["admin"]},
                    {"claim": "all", "mount": "/all", "writers": ["manager"]},
                ]
            },
            groups={
                "vision": {
                    "members": ["root", "boss", "kim"],
                    "volumes": [
                        {"nfs": {"server": "nfs", "path": "/x"}, "mount": "/v", "sub_path": "a"}
                    ],
                }
            },
        )
    )

    def mounts(user: str) -> list[tuple[str, bool, str]]:
        pod = policy.pod_of(policy.tiers["small"], "vision", ("vision",), user)
        return [(each.mount, each.read_only, each.group) for each in pod.shared]

    group = ("/v", True, "vision")
    assert mounts("root") == [("/rw", False, "vision"), ("/all", True, "vision"), group]
    assert mounts("boss") == [("/all", False, "vision"), group]
    assert mounts("kim") == mounts("nobody") == [("/all", True, "vision"), group]


def test_what_a_group_says_of_pods_is_in_those_charged_to_it_and_gives_way_to_the_tier():
    said = {"environment": {"A": "group", "B": {"secret": "s", "key": "k"}}}
    said |= {"labels": {"example.org/cost": "1"}, "annotations": {"example.org/note": "group"}}
    policy = compile_policy(
        document(
            groups={"vision": {"members": ["root"], **said}, "speech": {"members": ["root"]}},
            tiers={
                "small": {
                    "requests": {"cpu": 1, "memory": "1Gi"},
                    "images": ["lab"],
                    "environment": {"A": "tier"},
                    "annotations": {"example.org/note": "tier"},
                }
            },
        )
    )
    tier, groups = policy.tiers["small"], ("speech", "vision")
    pod = policy.pod_of(tier, "vision", groups, "root")
    assert pod.environment == {"A": "tier", "B": SecretKey("s", "k")}
    assert (pod.labels, pod.annotations) == (
        {"example.org/cost": "1"},
        {"example.org/note": "tier"},
    )
    other = policy.pod_of(tier, "speech", groups, "root")
    assert (other.environment, other.labels) == ({"A": "tier"}, {})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("kim@uni.edu", {"EMAIL": "kim@uni.edu"}),
        (7, {"EMAIL": "7"}),
        (True, {"EMAIL": "true"}),
        ("", {"EMAIL": ""}),
        (None, {}),
        (["a", "b"], {}),
        ({"a": "b"}, {}),
        ("two\nlines", {}),
        ("x" * 4097, {}),
    ],
)
def test_only_claims_that_policy_names_become_variables(value: object, shown: dict[str, str]):
    policy = with_tier(
        requests={"cpu": 1, "memory": "1Gi"}, environment={"EMAIL": {"claim": "email"}}
    )
    claims = {"email": value, "PATH": "/evil", "groups": ["admins"]}
    person = replace(policy.people["root"], claims=claims)
    policy = policy.with_parts(people={"root": person})
    assert policy.pod_of(policy.tiers["small"], "", (), "root").environment == shown


def test_a_grant_that_has_ended_stays_valid():
    grant = {"user": "dev", "tier": "small", "by": "dev", "reason": "why"}
    grant |= {"until": "2001-01-01T00:00:00+02:00"}
    (compiled,) = compile_policy(document(users={"dev": {"level": "admin"}}, grants=[grant])).grants
    assert compiled.until.isoformat() == "2000-12-31T22:00:00+00:00"
    assert compiled.path == "grants.0"


def test_a_quota_of_zero_is_a_refusal_on_purpose():
    policy = compile_policy(
        document(
            users={"dev": {"level": "admin", "quota": {"servers": 0}}}, defaults={"tier": "small"}
        )
    )
    assert policy.people["dev"].quota.quota == {"servers": 0}


@pytest.mark.parametrize("strange", [None, 5, "text", [], {1: 2}, {"version": object()}])
def test_anything_else_is_refused_with_faults(strange: object):
    with pytest.raises(PolicyError) as caught:
        compile_policy(strange)
    assert caught.value.faults


def test_the_schema_of_included_files_has_objects_alone():
    included = render_schema(included=True)
    assert set(included["properties"]) == set(SECTIONS)
    assert "required" not in included
    assert "anyOf" not in included


def test_the_schema_that_editors_complete_from_is_of_the_document():
    schema = render_schema()
    assert schema["$schema"].endswith("2020-12/schema")
    assert {"users", "groups", "tiers", "images", "grants"} <= set(schema["properties"])


def test_people_without_rules_of_their_own_share_what_says_so():
    people = compile_policy(
        document(users={"root": {"level": "admin"}, "ada": {}, "bo": {}})
    ).people
    assert people["ada"].quota is people["bo"].quota
    assert people["ada"].within is people["bo"].within


def test_a_home_can_be_a_directory_of_one_volume_for_all():
    asked = {"requests": {"cpu": 1, "memory": "1Gi"}}
    claim = {"claim": "homes", "sub_path": "home/{username}"}
    home = with_tier(home=claim, **asked).tiers["small"].pod.home
    assert home == Home(0, "/home/jovyan", claim="homes", sub_path="home/{username}")
    nfs = {"nfs": {"server": "nfs", "path": "/"}, "sub_path": "{user_server}", "mount": "/work"}
    pod = with_tier(home=nfs, **asked).tiers["small"].pod
    assert pod.home == Home(0, "/work", nfs=Nfs("nfs", "/"), sub_path="{user_server}")
    assert pod.own_home is None
    named = with_tier(home={**claim, "mount": "/home/{username}"}, **asked).tiers["small"].pod.home
    assert named is not None
    assert named.mount == "/home/{username}"
    own = with_tier(home={"size": "1Gi"}, **asked).tiers["small"].pod
    assert own.own_home == own.home == Home(2**30, "/home/jovyan")


def test_an_empty_directory_is_memory_where_shared_memory_is_or_where_it_says_so():
    dirs = [
        {"mount": "/dev/shm", "size": "1Gi"},
        {"mount": "/fast", "size": "2Gi", "medium": "memory"},
        {"mount": "/scratch", "size": "90Gi"},
    ]
    requests, limits = {"cpu": 1, "memory": "1Gi"}, {"memory": "unlimited"}
    pod = with_tier(requests=requests, limits=limits, empty_dirs=dirs).tiers["small"].pod
    assert [(each.mount, each.size, each.in_memory) for each in pod.empty_dirs] == [
        ("/dev/shm", 2**30, True),
        ("/fast", 2**31, True),
        ("/scratch", 90 * 2**30, False),
    ]


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"environment": {"A": "x" * 4097}}, "environment.A: is too long"),
        ({"environment": {"A": "a\x00b"}}, "environment.A: has characters that cannot be seen"),
        ({"annotations": {"example.org/a": "a\x1b"}}, "has characters that cannot be seen"),
    ],
)
def test_what_no_pod_could_have_is_refused(keys: dict[str, Any], fault: str):
    with pytest.raises(PolicyError, match=fault):
        with_tier(requests={"cpu": 1, "memory": "1Gi"}, **keys)


@pytest.mark.parametrize(
    "annotation", ["plain", "example.org/a", "cluster-autoscaler.kubernetes.io/safe-to-evict"]
)
def test_annotations_of_a_site_are_kept(annotation: str):
    said = {annotation: "false"}
    tier = with_tier(requests={"cpu": 1, "memory": "1Gi"}, annotations=said).tiers["small"]
    assert tier.pod.annotations == said


def observing(**keys: Any) -> Policy:
    return compile_policy(
        document(
            groups={"vision": {}}, observed_pods={"dask": {"selector": {"app": "dask"}, **keys}}
        )
    )


def test_observed_pods_are_named_by_the_label_of_kubespawner_unless_another_is_given():
    source = observing().observed_pods["dask"]
    assert (source.title, source.user_label) == ("dask", "hub.jupyter.org/username")
    assert (dict(source.selector), source.account, source.account_label) == (
        {"app": "dask"},
        "",
        "",
    )
    assert observing(user_label="owner").observed_pods["dask"].user_label == "owner"
    assert observing(account="vision").observed_pods["dask"].account == "vision"


@pytest.mark.parametrize(
    ("name", "keys", "fault"),
    [
        ("dask", {"selector": {}}, "observed_pods.dask.selector"),
        ("dask", {"selector": {"app": "no value"}}, "is not the value of a Kubernetes label"),
        ("dask", {"account": "visoin"}, "did you mean “vision”"),
        ("dask", {"account": "vision", "account_label": "group"}, "means nothing beside account"),
        ("small", {}, "“small” is a tier, too"),
        ("Dask", {}, "cannot be the name of this kind of pods"),
    ],
)
def test_observed_pods_that_cannot_be_meant_are_refused(
    name: str, keys: dict[str, Any], fault: str
):
    declared = {name: {"selector": {"app": "dask"}, **keys}}
    with pytest.raises(PolicyError) as refused:
        compile_policy(document(groups={"vision": {}}, observed_pods=declared))
    (found,) = refused.value.faults
    assert fault in str(found)


def test_the_group_of_observed_pods_is_not_judged_where_groups_cannot_be_read():
    observed = {"dask": {"selector": {"app": "dask"}, "account": "vision"}}
    with pytest.raises(PolicyError) as refused:
        compile_policy(document(groups=5, observed_pods=observed))
    assert [each.path for each in refused.value.faults] == [("groups",)]


def test_a_group_that_observed_pods_are_charged_to_is_named_by_them():
    assert list(find_naming(observing(account="vision"), "groups", "vision")) == [
        "observed_pods.dask"
    ]
