"""Each verb of the Hub's Role is needed: without any one of them something fails, or is logged."""

import asyncio
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import AuthorizationV1Api, CoreV1Api, RbacAuthorizationV1Api
from kubernetes_asyncio.client import Configuration
from kubespawner.clients import load_config
from ruamel.yaml import YAML

from jupyterhub_platform.core.pods import Home, Pod
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from tests.cluster.fixtures import Cluster
from tests.cluster.objects import wait_for
from tests.hub.kubernetes.hubs import Hubs, Lines, admit

pytestmark = pytest.mark.cluster

ROLE = YAML(typ="safe").load(Path("helm-values/role.yaml"))
# A Hub that cannot watch ends itself, and would end these tests: `watch` is not taken away here.
RIGHTS = [
    (rule["resources"][0], verb)
    for rule in ROLE["rules"]
    for verb in rule["verbs"]
    if verb != "watch"
]
ACCOUNT = "hub"
# No node has this label: whether the pod runs is said by these tests alone.
NOWHERE = {"jupyterhub-platform.test/nowhere": "true"}
WITH_HOME = Pod(node_selector=NOWHERE, home=Home(2**20, "/home/jovyan"))
RUNNING = {
    "phase": "Running",
    "podIP": "10.0.0.7",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [
        {
            "name": "notebook",
            "image": "",
            "imageID": "",
            "restartCount": 0,
            "ready": True,
            "state": {"running": {}},
        }
    ],
}


@pytest.fixture
async def hub_of(
    api_cluster: Cluster, namespace: str, make_hub: Callable[..., Hubs]
) -> AsyncIterator[Callable[[Any], Hubs]]:
    """Make a Hub whose account has this Role in the namespace, and nothing else."""
    core = CoreV1Api(api_cluster.client)
    known = api_cluster.client.configuration
    allow_one_claim(core, namespace)

    def make(role: Any) -> Hubs:
        give(api_cluster, namespace, role)
        token = core.create_namespaced_service_account_token(ACCOUNT, namespace, {"spec": {}})
        load_config.cache_clear()
        load_config(host=known.host, ssl_ca_cert=known.ssl_ca_cert, verify_ssl=None)
        configuration = Configuration.get_default_copy()
        configuration.api_key = {"BearerToken": f"Bearer {token.status.token}"}
        Configuration.set_default(configuration)
        trust = {"k8s_api_ssl_ca_cert": known.ssl_ca_cert}
        return make_hub(known.host, namespace=namespace, events_enabled=True, **trust)

    yield make
    await KubeTierSpawner._stop_all_reflectors()
    KubeTierSpawner.reflectors.clear()
    load_config.cache_clear()
    Configuration.set_default(None)


def allow_one_claim(core: CoreV1Api, namespace: str) -> None:
    """Set a quota that one home fills: whether it is there is then all that can be asked."""
    quota = {"metadata": {"name": "homes"}, "spec": {"hard": {"persistentvolumeclaims": "1"}}}
    core.create_namespaced_resource_quota(namespace, quota)
    wait_for(
        lambda: core.read_namespaced_resource_quota("homes", namespace).status.hard,
        "the quota to be in force",
    )


def give(cluster: Cluster, namespace: str, role: Any) -> None:
    """Give the Hub's account a Role, and wait until it can do all that the Role says."""
    rbac = RbacAuthorizationV1Api(cluster.client)
    CoreV1Api(cluster.client).create_namespaced_service_account(
        namespace, {"metadata": {"name": ACCOUNT}}
    )
    rbac.create_namespaced_role(namespace, role)
    api, name = "rbac.authorization.k8s.io", role["metadata"]["name"]
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT}],
    }
    rbac.create_namespaced_role_binding(namespace, binding)
    asking = AuthorizationV1Api(cluster.client)

    def can(resource: str, verb: str) -> bool:
        asked = {"namespace": namespace, "resource": resource, "verb": verb}
        user = f"system:serviceaccount:{namespace}:{ACCOUNT}"
        review = {"spec": {"user": user, "resourceAttributes": asked}}
        return bool(asking.create_subject_access_review(review).status.allowed)

    rights = [(rule["resources"][0], verb) for rule in role["rules"] for verb in rule["verbs"]]
    wait_for(lambda: all(can(*right) for right in rights), "the rights of the Hub")


async def say_that_it_runs(core: CoreV1Api, namespace: str) -> None:
    """Do what a kubelet does, for every pod that waits for one."""
    while True:
        for pod in (await asyncio.to_thread(core.list_namespaced_pod, namespace)).items:
            if pod.status.phase == "Pending":
                await asyncio.to_thread(
                    core.patch_namespaced_pod_status,
                    *(pod.metadata.name, namespace, {"status": RUNNING}),
                )
        await asyncio.sleep(0.05)


async def follow(spawner: KubeTierSpawner) -> None:
    """Read the progress of a start, as the Hub does for whoever waits."""
    async for _ in spawner.progress():
        pass


async def live_twice(hub: Hubs) -> None:
    """Start a server, follow its progress, look whether it runs, stop it, and once more."""
    for _ in range(2):
        spawner = hub.spawner(admit(pod=WITH_HOME))
        await asyncio.gather(spawner.start(), follow(spawner))
        assert await spawner.poll() is None
        await spawner.stop()
        assert await spawner.poll() == 1


async def find_failure(cluster: Cluster, namespace: str, hub: Hubs, log: Lines) -> str:
    """Return what fails in the life of a server; empty if nothing does."""
    kubelet = asyncio.create_task(say_that_it_runs(CoreV1Api(cluster.client), namespace))
    try:
        await live_twice(hub)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a Hub that cannot watch ends itself
        return repr(error)
    finally:
        kubelet.cancel()
        await asyncio.gather(kubelet, return_exceptions=True)
    return list_errors(log)


def list_errors(log: Lines) -> str:
    return "\n".join(line for line in log.text.splitlines() if line.startswith("ERROR"))


async def test_the_role_is_enough(
    api_cluster: Cluster, namespace: str, hub_of: Callable[[Any], Hubs], log: Lines
) -> None:
    assert await find_failure(api_cluster, namespace, hub_of(ROLE), log) == ""


@pytest.mark.long  # what a start that fails leaves in its loop can fail the next test
@pytest.mark.parametrize(("resource", "verb"), RIGHTS)
async def test_every_verb_of_the_role_is_needed(
    resource: str,
    verb: str,
    api_cluster: Cluster,
    namespace: str,
    hub_of: Callable[[Any], Hubs],
    log: Lines,
) -> None:
    role = deepcopy(ROLE)
    (rule,) = (each for each in role["rules"] if each["resources"] == [resource])
    rule["verbs"].remove(verb)
    assert await find_failure(api_cluster, namespace, hub_of(role), log) != ""
