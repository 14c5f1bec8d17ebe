"""The pod of every kind of start, in full: a change shows up as a difference in a file."""

import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import jupyterhub
import kubespawner
import pytest
from ruamel.yaml import YAML

from jupyterhub_platform.core.pods import Home, Pod, SharedVolume
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes.manifest.resources import REPLACED, traits_of
from jupyterhub_platform.usecases.admission import Admitted
from tests.hub.kubernetes.spawners import (
    DEVICES_TIER,
    DIRECTORIES,
    EVERYTHING,
    GOLDEN,
    GPU_TIER,
    MEDIUM,
    SIZED_TIER,
    SMALL,
    TOKEN,
    UNLIMITED_TIER,
    Hubs,
    admit,
    amounts,
    make_tier,
)
from tests.support.kubernetes_api import FakeKubernetes

EXTRAS = {
    "extra_labels": {"example.org/team": "{username}"},
    "extra_annotations": {"example.org/cost-centre": "4711"},
    "node_selector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "example.org/users", "operator": "Exists"}],
    "environment": {"NOTEBOOK_DIR": "/home/{username}"},
    "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "home-{username}"}}],
    "volume_mounts": [{"name": "home", "mountPath": "/home/jovyan"}],
    "init_containers": [{"name": "permissions", "image": "busybox:1.37", "command": ["true"]}],
    "extra_containers": [
        {
            "name": "backup",
            "image": "example.org/backup:3",
            "resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                "limits": {"cpu": "200m", "memory": "128Mi", "ephemeral-storage": "1Gi"},
            },
        }
    ],
}

PLACEMENT = {
    "node_affinity_required": [
        {"matchExpressions": [{"key": "example.org/users", "operator": "Exists"}]},
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node7"]}]},
    ],
    "node_affinity_preferred": [
        {"weight": 5, "preference": {"matchExpressions": [{"key": "fast", "operator": "Exists"}]}}
    ],
    "priority_class_name": "sites-own",
    "service_account": "default",
    "uid": 1500,
    "fs_gid": 1500,
    "container_security_context": {"readOnlyRootFilesystem": True},
    "pod_security_context": {"fsGroupChangePolicy": "OnRootMismatch"},
}

UNREAD = {
    "extra_pod_config": {
        "volumes": [
            {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "old-home", "persistentVolumeClaim": {"claimName": "claim-{username}"}},
        ],
        "initContainers": [
            {"name": "permissions", "image": "busybox:1.37", "command": ["true"]},
        ],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "example.org/users", "operator": "Exists"}]}
                    ]
                },
            }
        },
    },
    "extra_container_config": {
        "volumeMounts": [
            {"name": "scratch", "mountPath": "/scratch"},
            {"name": "old-home", "mountPath": "/home/jovyan/"},
        ]
    },
}
"""What KubeSpawner puts into a pod as it stands."""

STARTS: dict[str, tuple[Admitted, dict[str, Any]]] = {
    "small": (admit(SMALL), {}),
    "medium": (admit(MEDIUM), {}),
    "gpu": (admit(GPU_TIER, server="training"), {}),
    "devices": (admit(DEVICES_TIER), {}),
    "devices-beside-extras": (admit(DEVICES_TIER), EXTRAS),
    "odd-names": (
        admit(
            SMALL,
            user="anna.b+c_d-0123456789-0123456789-0123456789-012345@example.org",
            server="a-server-whose-name-is-as-long-as-a-name-can-be",
            account="{account.__class__} of Ünal & Søn/" + "x" * 80,
        ),
        {},
    ),
    "operator-extras": (admit(MEDIUM), EXTRAS),
    "size": (admit(SIZED_TIER), {}),
    "directories": (admit(UNLIMITED_TIER), {}),
    "directories-beside-extras": (admit(MEDIUM, user="o'malley@x.org", pod=DIRECTORIES), EXTRAS),
    "everything": (admit(SMALL, pod=EVERYTHING), {}),
    "everything-beside-extras": (admit(MEDIUM, pod=EVERYTHING), EXTRAS | PLACEMENT),
    "beside-unread": (admit(SMALL), UNREAD),
    "everything-beside-unread": (admit(MEDIUM, pod=EVERYTHING), UNREAD),
}


async def render(hub: Hubs, admitted: Admitted, options: dict[str, Any] | None = None) -> str:
    spawner = hub.spawner(admitted, options)
    await spawner.load_user_options()
    pod = await spawner.get_pod_manifest()
    manifest = spawner.check_manifest(pod)
    text = StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.dump(_without_versions(manifest), text)
    return text.getvalue().replace(TOKEN, "(token)")


def _without_versions(manifest: Any) -> Any:
    annotations = manifest["metadata"]["annotations"]
    assert annotations["hub.jupyter.org/jupyterhub-version"] == jupyterhub.__version__
    assert annotations["hub.jupyter.org/kubespawner-version"] == kubespawner.__version__
    for name in ("jupyterhub", "kubespawner"):
        annotations[f"hub.jupyter.org/{name}-version"] = "(version)"
    return manifest


@pytest.mark.parametrize("name", STARTS)
async def test_an_admitted_tier_becomes_the_golden_pod(
    name: str, make_hub: Callable[..., Hubs], cluster: FakeKubernetes, update_goldens: bool
) -> None:
    admitted, settings = STARTS[name]
    # It is asked whether an earlier home is there, and has none.
    rendered = await render(make_hub(cluster.url, **settings), admitted)
    path = GOLDEN / f"{name}.yaml"
    if update_goldens:
        path.write_text(rendered)
    assert rendered == path.read_text()


OPTION_BODIES: list[dict[str, Any]] = [
    {"image--unlisted-choice": "evil.example/x:9", "image": "lab"},
    {"profile": "gpu"},
    {"profile": {"slug": "gpu"}, "profile-option-gpu--image": "evil.example/x:9"},
    {"mem_limit": "1Ti", "cpu_limit": 64, "extra_resource_limits": {"nvidia.com/gpu": 8}},
    {"kubespawner_override": {"image": "evil.example/x:9", "privileged": True}},
    {"tier": "small", "nested": {"tier": ["gpu", {"cpu": 64}]}},
    {"environment": {"JUPYTERHUB_USER": "admin"}, "volumes": [{"hostPath": {"path": "/"}}]},
    {"{username.__class__}": "{nosuch}", "tіer": "gpu"},  # noqa: RUF001 - a Cyrillic letter
    {"profile": None, "image--unlisted-choice": ["x"], "tier": 7},
]
PROFILES = [
    {
        "display_name": "GPU",
        "slug": "gpu",
        "default": True,
        "kubespawner_override": {
            "mem_limit": "1T",
            "extra_resource_limits": {"nvidia.com/gpu": "8"},
        },
        "profile_options": {
            "image": {
                "display_name": "Image",
                "unlisted_choice": {
                    "enabled": True,
                    "kubespawner_override": {"image": "{value}"},
                },
                "choices": {"lab": {"kubespawner_override": {"image": "evil.example/x:9"}}},
            }
        },
    }
]


@pytest.mark.parametrize("options", OPTION_BODIES)
@pytest.mark.parametrize("profiles", [[], PROFILES], ids=["no-profiles", "profiles"])
async def test_no_user_option_changes_a_byte_of_the_pod(
    options: dict[str, Any], profiles: list[Any], make_hub: Callable[..., Hubs]
) -> None:
    hub = make_hub(profile_list=profiles)
    rendered = await render(hub, admit(SMALL), options)
    assert rendered == (GOLDEN / "small.yaml").read_text()


async def test_a_server_may_be_bounded_by_its_gpu_alone(make_hub: Callable[..., Hubs]) -> None:
    tier = make_tier("bare", amounts(gpu=1), amounts(gpu=1))
    spawner = make_hub().spawner(admit(tier))
    await spawner.load_user_options()
    found = spawner.check_manifest(await spawner.get_pod_manifest())
    asked = found["spec"]["containers"][0]["resources"]
    assert asked == {key: {"nvidia.com/gpu": "1"} for key in ("requests", "limits")}


async def test_a_second_start_keeps_nothing_of_the_first(make_hub: Callable[..., Hubs]) -> None:
    spawner = make_hub().spawner(admit(GPU_TIER))
    await spawner.load_user_options()
    await spawner.get_pod_manifest()
    spawner.admitted = admit(SMALL)
    await spawner.load_user_options()
    manifest = spawner.check_manifest(await spawner.get_pod_manifest())
    assert "nodeSelector" not in manifest["spec"]
    assert "tolerations" not in manifest["spec"]
    assert manifest["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}


async def test_configured_sizes_and_image_give_way_to_the_tier(
    make_hub: Callable[..., Hubs],
) -> None:
    hub = make_hub(
        cpu_limit=64,
        mem_limit="1T",
        mem_guarantee="1T",
        image="example.org/other:1",
        extra_resource_limits={"nvidia.com/gpu": "8"},
    )
    assert await render(hub, admit(SMALL)) == (GOLDEN / "small.yaml").read_text()


async def test_a_tier_that_only_limits_reserves_nothing(make_hub: Callable[..., Hubs]) -> None:
    tier = make_tier("burst", amounts(), amounts(cpu=2, memory="4Gi"))
    spawner = make_hub().spawner(admit(tier))
    await spawner.load_user_options()
    manifest = spawner.check_manifest(await spawner.get_pod_manifest())
    requests = manifest["spec"]["containers"][0]["resources"]["requests"]
    assert requests == {"cpu": "0", "memory": "0"}


SITES_OWN = {
    "extra_pod_config": {
        "resource_claims": [{"name": "probe", "resourceClaimName": "shared-probe"}]
    },
    "extra_container_config": {
        "resources": {
            "limits": {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "20Gi"},
            "requests": {"cpu": "4", "memory": "32Gi", "ephemeral-storage": "20Gi"},
            "claims": [{"name": "probe"}],
        }
    },
    "allowed_pod_fields": [
        "spec.resourceClaims[probe]",
        "spec.containers[notebook].resources.claims[probe]",
    ],
}


async def test_a_claim_that_the_operator_allows_is_beside_those_of_the_tier(
    make_hub: Callable[..., Hubs],
) -> None:
    spawner = make_hub(**SITES_OWN).spawner(admit(DEVICES_TIER))
    await spawner.load_user_options()
    spec = spawner.check_manifest(await spawner.get_pod_manifest())["spec"]
    assert spec["resourceClaims"] == [
        {"name": "probe", "resourceClaimName": "shared-probe"},
        {"name": "gpus", "resourceClaimTemplateName": "two-gpus"},
        {"name": "fabric", "resourceClaimTemplateName": "fabric.example.org"},
    ]
    claims = spec["containers"][0]["resources"]["claims"]
    assert claims == [{"name": "probe"}, {"name": "gpus"}, {"name": "fabric"}]


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("extra_pod_config", {"volumes": [{"name": "x", "flood": {}}]}, "flood"),
        ("extra_pod_config", {"volumes": "home"}, "str"),
        ("extra_pod_config", {"affinity": ["zone"]}, "list"),
        ("extra_pod_config", {"noSuchField": 1}, "noSuchField"),
        ("extra_container_config", {"volumeMounts": 5}, "int"),
    ],
)
async def test_a_setting_that_makes_no_valid_pod_is_explained_to_the_caller(
    make_hub: Callable[..., Hubs], cluster: FakeKubernetes, setting: str, value: Any, word: str
) -> None:
    spawner = make_hub(cluster.url, **{setting: value}).spawner(admit(SMALL, pod=EVERYTHING))
    await spawner.load_user_options()
    with pytest.raises(AdmissionDenied, match=word) as refused:
        await spawner.get_pod_manifest()
    assert refused.value.reason == "pod"


async def test_a_persons_volume_is_kept_unless_the_operator_says_otherwise(
    make_hub: Callable[..., Hubs],
) -> None:
    assert make_hub().spawner(admit()).delete_pvc is False
    assert make_hub(delete_pvc=True).spawner(admit()).delete_pvc is True


@pytest.mark.parametrize("scheme", ["safe", "escape"])
@pytest.mark.parametrize("user", ["../admin", "a/../b", "..", ".", "{username}", "a b/c", "Ü"])
async def test_no_name_leads_out_of_its_directory(
    user: str, scheme: str, make_hub: Callable[..., Hubs]
) -> None:
    pod = Pod(
        home=Home(0, "/home/jovyan", claim="homes", sub_path="h/{username}/x-{escaped_username}"),
        shared=(SharedVolume("all", "/all", sub_path="{user_server}/{group}", group=user),),
    )
    spawner = make_hub(slug_scheme=scheme).spawner(admit(SMALL, user=user, pod=pod))
    await spawner.load_user_options()
    manifest = spawner.check_manifest(await spawner.get_pod_manifest())
    home, shared = (each["subPath"] for each in manifest["spec"]["containers"][0]["volumeMounts"])
    assert re.fullmatch(r"h/[a-z0-9-]+/x-[a-z0-9-]+", home)
    assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", shared)


async def test_a_home_may_be_at_a_place_of_its_users_name(make_hub: Callable[..., Hubs]) -> None:
    pod = Pod(home=Home(0, "/home/{username}", claim="homes", sub_path="{username}"))
    spawner = make_hub().spawner(admit(SMALL, user="o'malley", pod=pod))
    await spawner.load_user_options()
    manifest = spawner.check_manifest(await spawner.get_pod_manifest())
    (home,) = manifest["spec"]["containers"][0]["volumeMounts"]
    assert home["mountPath"] == f"/home/{home['subPath']}"
    assert re.fullmatch(r"[a-z0-9-]+", home["subPath"])


def test_what_a_tier_replaces_is_what_is_said_to_be_replaced() -> None:
    assert traits_of(admit(SMALL), ()).keys() == {*REPLACED}


async def test_a_slug_with_a_way_out_is_refused(make_hub: Callable[..., Hubs]) -> None:
    spawner = make_hub().spawner(admit(SMALL, pod=DIRECTORIES))
    await spawner.load_user_options()
    # A class of the site may make names in its own way.
    spawner._expand_user_properties = lambda template: "../other"
    with pytest.raises(AdmissionDenied, match="is no slug"):
        await spawner.get_pod_manifest()


async def test_no_claim_is_made_for_a_home_in_a_volume_of_all(
    make_hub: Callable[..., Hubs], cluster: FakeKubernetes
) -> None:
    spawner = make_hub(cluster.url, storage_pvc_ensure=True).spawner(admit(SMALL, pod=DIRECTORIES))
    await spawner.load_user_options()
    assert not spawner.storage_pvc_ensure
    spawner.admitted = admit(SMALL)
    await spawner.load_user_options()
    assert spawner.storage_pvc_ensure
