"""What sites and other packages build on KubeSpawner holds with ours: seen on a live Hub."""

import json
import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from kubernetes.client.exceptions import ApiException
from traitlets.config import Config

from jupyterhub_platform.hub.configure import configure
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from tests.cluster.fixtures import Cluster, make_namespace
from tests.hub.kubernetes.hub_role import ROLE
from tests.hub.kubernetes.live_pods import ClusterHub, cluster_hub
from tests.support.live_hub import Api, wait_for
from tests.support.store_readers import read_open

POLICY: Final = """\
version: 1
defaults: {tier: small}
users: {admin: {level: admin}}
groups: {vision: {members: [admin]}}
images: {lab: {title: JupyterLab, reference: example.org/lab:1}}
tiers:
  small: {title: Small, description: To look around, requests: {cpu: 1, memory: 1Gi}, images: [lab]}
  large: {title: Large, requests: {cpu: 8, memory: 8Gi}, images: [lab]}
"""
APP: Final = {
    "name": "board",
    "display_name": "Board",
    "jhub_app": True,
    "env": {"BOARD": "1"},
    "framework": "panel",
    "profile_image": "",
    "share_with": None,
}
"""What jhub-apps sends beside the profile: everything at the top of the body."""
IMAGE: Final = "quay.io/jupyter/base-notebook:2026-11-02"
SITE: Final = """
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner

# Overrides what jhub-apps overrides in the class that it makes of the one it is given.
class AppSpawner(PlatformKubeSpawner):
    def get_args(self):
        return [*super().get_args(), *self.user_options.get("argv", ())]

    def get_env(self):
        return {**super().get_env(), **(self.user_options.get("env") or {})}

    async def load_user_options(self):
        await super().load_user_options()
        self.image = self.user_options.get("profile_image") or self.image

    async def start(self):
        if self.user_options.get("jhub_app"):
            self.cmd = ["/bin/sh", "-c", "exec board"]
        return await super().start()

def label(spawner, pod):
    pod.metadata.labels["example.org/hooked"] = spawner.name or "default"
    return pod

c.JupyterHub.spawner_class = AppSpawner
c.Platform.other_options = [
    "argv", "display_name", "env", "framework", "jhub_app", "name", "profile_image", "share_with",
]
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 3}
c.KubeSpawner.modify_pod_hook = label
c.KubeSpawner.pre_spawn_hook = lambda spawner: spawner.environment.update(FROM_HOOK="1")
c.KubeSpawner.environment = {"OF_THE_SITE": "1"}
c.KubeSpawner.extra_labels = {"example.org/site": "{username}"}
c.KubeSpawner.extra_annotations = {"example.org/note": "kept"}
c.KubeSpawner.tolerations = [{"key": "hub", "operator": "Exists"}]
c.KubeSpawner.pod_name_template = "site-{user_server}"
c.KubeSpawner.pvc_name_template = "volume-{user_server}"
c.KubeSpawner.delete_pvc = True
c.KubeSpawner.profile_list = [
    {"display_name": "All of it", "kubespawner_override": {"cpu_guarantee": 64}, "default": True}
]
"""


def with_deleted_volumes() -> Any:
    """Return the Role with the one verb that its text names for Hubs that delete homes."""
    role = deepcopy(ROLE)
    next(r for r in role["rules"] if r["resources"] == ["persistentvolumeclaims"])["verbs"].append(
        "delete"
    )
    return role


@pytest.fixture(scope="module")
def live(make_directory: Callable[[], Path], api_cluster: Cluster) -> Iterator[ClusterHub]:
    with (
        make_namespace(api_cluster) as namespace,
        cluster_hub(
            make_directory(), api_cluster, namespace, site=SITE, role=with_deleted_volumes()
        ) as hub,
    ):
        yield hub


@pytest.fixture(scope="module")
def dev(live: ClusterHub) -> Api:
    return live.hub.token("dev1")


def read_pod(live: ClusterHub, name: str) -> Any:
    return live.core.read_namespaced_pod(name, live.namespace)


def find_notebook(pod: Any) -> tuple[Any, dict[str, str]]:
    (notebook,) = (one for one in pod.spec.containers if one.name == "notebook")
    return notebook, {each.name: each.value for each in notebook.env}


# -- profiles, as other packages read them -------------------------------------------------------


def of_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **site: Any) -> Config:
    """Return the configuration as a service beside the Hub reads it."""
    file = tmp_path / "platform.yaml"
    file.write_text(POLICY)
    for name in ("PLATFORM_STATE_DIR", "PLATFORM_FILE", "PLATFORM_DB_URL"):
        monkeypatch.delenv(name, raising=False)
    c = Config()
    c.Platform.state_dir = str(tmp_path)
    c.JupyterHub.spawner_class = PlatformKubeSpawner
    c.KubeSpawner.update(site)
    configure(c)
    return c


async def test_tiers_are_profiles_for_callers_with_a_stub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = of_a_service(tmp_path, monkeypatch)
    stub = SimpleNamespace(user=SimpleNamespace(get_auth_state=None), log=None)
    profiles = await c.KubeSpawner.profile_list(stub)
    assert profiles == [
        {
            "slug": "small",
            "display_name": "Small",
            "description": "To look around",
            "default": True,
            "kubespawner_override": {},
        },
        {
            "slug": "large",
            "display_name": "Large",
            "description": "",
            "default": False,
            "kubespawner_override": {},
        },
    ]
    json.dumps(profiles)
    assert PlatformKubeSpawner(_mock=True, config=c).profile_list == []


async def test_profiles_of_the_site_stay_in_the_configuration_and_no_spawner_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [{"display_name": "Huge", "kubespawner_override": {"cpu_guarantee": 64}}]
    c = of_a_service(tmp_path, monkeypatch, profile_list=own)
    assert c.KubeSpawner.profile_list == own
    assert PlatformKubeSpawner(_mock=True, config=c).profile_list == []


# -- a spawner class made of ours ----------------------------------------------------------------


@pytest.mark.cluster
@pytest.mark.hub
def test_an_app_of_another_package_is_charged_like_any_server(live: ClusterHub, dev: Api) -> None:
    answer = dev.post("users/dev1/servers/board", json={**APP, "profile": "small"})
    assert answer.status_code in {201, 202}, answer.text
    dev.wait_until_ready("dev1", "board")
    notebook, environment = find_notebook(read_pod(live, "site-dev1--board"))
    assert notebook.args[:1] != ["jupyterhub-singleuser"]
    assert [*(notebook.command or ()), *notebook.args][:3] == ["/bin/sh", "-c", "exec board"]
    assert (notebook.image, environment["BOARD"]) == (IMAGE, "1")
    assert notebook.resources.requests == {"cpu": "100m", "memory": "128Mi"}
    (held,) = (each for each in read_open(live.hub) if each.server == "board")
    assert (held.user, held.tier, held.account) == ("dev1", "small", "vision")
    dev.stop("dev1", "board")
    assert not [each for each in read_open(live.hub) if each.server == "board"]


@pytest.mark.cluster
@pytest.mark.hub
@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"profile": "huge"}, "huge"),
        ({"profile": "small", "tier": "large"}, "different tiers"),
        ({"profile": "small", "cpu_guarantee": 64}, "cpu_guarantee"),
        ({"profile": "small", "profile_image": "example.org/own:1"}, "image"),
    ],
)
def test_options_of_an_app_beyond_its_tier_are_refused(
    live: ClusterHub, dev: Api, options: dict[str, str], word: str
) -> None:
    answer = dev.post("users/dev1/servers/beyond", json={**APP, **options})
    assert 400 <= answer.status_code < 500, answer.text
    assert word in answer.text
    wait_for(
        lambda: not [each for each in read_open(live.hub) if each.server == "beyond"],
        "nothing to be held",
    )
    with pytest.raises(ApiException, match="404"):
        read_pod(live, "site-dev1--beyond")


# -- settings and hooks of the site --------------------------------------------------------------


@pytest.mark.cluster
@pytest.mark.hub
def test_settings_and_hooks_of_the_site_reach_named_servers(live: ClusterHub, dev: Api) -> None:
    live.pods.waiting.add("--notes")
    assert dev.start("dev1", "notes").status_code == 202
    threading.Timer(1, live.pods.waiting.discard, ("--notes",)).start()
    steps = dev.get("users/dev1/servers/notes/progress", timeout=60).text
    told = [json.loads(line[5:]) for line in steps.splitlines() if line.startswith("data:")]
    assert told[-1]["ready"] is True
    assert any("no nodes available" in each["message"] for each in told), "the cluster's own words"
    progress = [each["progress"] for each in told if "progress" in each]
    assert progress == sorted(progress)
    pod = read_pod(live, "site-dev1--notes")
    notebook, environment = find_notebook(pod)
    labels, annotations = pod.metadata.labels, pod.metadata.annotations
    assert labels["example.org/hooked"] == "notes"
    assert labels["example.org/site"] == "dev1"
    assert annotations["example.org/note"] == "kept"
    assert (environment["OF_THE_SITE"], environment["FROM_HOOK"]) == ("1", "1")
    assert any(each.key == "hub" for each in pod.spec.tolerations)
    assert notebook.resources.requests == {"cpu": "100m", "memory": "128Mi"}, "no profile's"
    assert live.core.read_namespaced_persistent_volume_claim("volume-dev1--notes", live.namespace)
    dev.stop("dev1", "notes")


@pytest.mark.cluster
@pytest.mark.hub
def test_a_site_that_deletes_homes_has_them_deleted(live: ClusterHub, dev: Api) -> None:
    assert dev.start("dev1", "gone").status_code in {201, 202}
    dev.wait_until_ready("dev1", "gone")
    dev.stop("dev1", "gone")
    claims = live.core.list_namespaced_persistent_volume_claim
    names = [claim.metadata.name for claim in claims(live.namespace).items]
    assert "volume-dev1--gone" in names, "a server that is stopped keeps its home"
    removed = dev.request("DELETE", "users/dev1/servers/gone", json={"remove": True})
    assert removed.status_code == 204, removed.text

    def is_going() -> bool:
        found = [c for c in claims(live.namespace).items if c.metadata.name == "volume-dev1--gone"]
        return all(claim.metadata.deletion_timestamp for claim in found)

    wait_for(is_going, "the home of a removed server to go")
