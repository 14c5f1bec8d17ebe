"""What goes wrong between a live Hub and its cluster: what a person reads, and what is held after.

A failure of the cluster is none of the Hub's: at some count of its own a Hub ends itself.
"""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import Cluster, make_namespace
from tests.cluster.objects import render_pod
from tests.hub.kubernetes.live_pods import ClusterHub, cluster_hub
from tests.support.api_faults import Fault, How, Rule, Verb, answered
from tests.support.live_hub import Api, wait_for
from tests.support.store_readers import read_open, read_releases

pytestmark = [pytest.mark.cluster, pytest.mark.hub]

START_SECONDS = 8
FOR_EVER = 10**6
CUT, CUT_AFTER = Fault(How.CUT), Fault(How.CUT, after=True)
SILENT, SILENT_AFTER = Fault(How.SILENT), Fault(How.SILENT, after=True)
SITE = """
c.KubeSpawner.volumes = [{"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}]

def make_root(spawner, pod):
    if spawner.name == "root":
        pod.spec.security_context = {"runAsNonRoot": False}
    return pod

c.KubeSpawner.modify_pod_hook = make_root
"""


@pytest.fixture(scope="module")
def running_hub(
    make_directory: Callable[[], Path], api_cluster: Cluster
) -> Iterator[tuple[ClusterHub, Api]]:
    with (
        make_namespace(api_cluster) as namespace,
        cluster_hub(
            make_directory(),
            api_cluster,
            namespace,
            start_timeout=START_SECONDS,
            site=SITE,
        ) as live,
    ):
        yield live, live.hub.token("dev1")


@pytest.fixture
def live(running_hub: tuple[ClusterHub, Api]) -> Iterator[ClusterHub]:
    live, api = running_hub
    yield live
    live.proxy.plan()
    live.pods.waiting.clear()
    for server in api.servers("dev1"):
        api.delete(f"users/dev1/servers/{server}")
    wait_for(lambda: not live.list_held(), "everything to be released", 60)
    assert live.list_own_pods() == {}
    assert live.failures == 0


@pytest.fixture
def api(running_hub: tuple[ClusterHub, Api]) -> Api:
    return running_hub[1]


def start(api: Api, server: str) -> httpx.Response:
    return api.start("dev1", server, tier="small")


def why(api: Api, server: str) -> Any:
    answer = api.get("platform/why", params={"server": server})
    assert answer.status_code == 200, answer.text
    return answer.json()


def cause_of(api: Api, server: str) -> str:
    return str(why(api, server)["cause"]["code"])


def assert_refused(live: ClusterHub, api: Api, server: str, status: int, code: str) -> str:
    """Start a server that cannot start: it says why, holds nothing and is no failure."""
    answer = start(api, server)
    assert live.failures == 0
    message = str(answer.json()["message"])
    assert (answer.status_code, cause_of(api, server)) == (status, code), message
    assert why(api, server)["cause"]["sentence"] in message
    wait_for(lambda: server not in {each.server for each in read_open(live.hub)}, "the release")
    assert not any(name.endswith(f"--{server}") for name in live.list_own_pods())
    return message


def assert_runs(live: ClusterHub, api: Api, server: str) -> None:
    """See that a server is there once, and held once."""
    api.wait_until_ready("dev1", server)
    (held,) = (each.id for each in read_open(live.hub) if each.server == server)
    marks = live.list_own_pods()
    assert [mark for name, mark in marks.items() if name.endswith(f"--{server}")] == [held]
    assert live.failures == 0


def run(live: ClusterHub, api: Api, server: str) -> str:
    """Have a server run, and return the name of its pod."""
    answer = start(api, server)
    assert answer.status_code in {201, 202}, answer.text
    assert_runs(live, api, server)
    return f"jupyter-dev1--{server}"


# -- what the cluster refuses --------------------------------------------------------------------


@contextmanager
def limited(live: ClusterHub, kind: str, body: Any) -> Iterator[None]:
    """Set a rule of the namespace for as long as a test needs it."""
    if not live.cluster.has_made(live.namespace):
        pytest.skip("by choice: the rules of this namespace are its owner's")
    getattr(live.core, f"create_namespaced_{kind}")(live.namespace, body)
    read = getattr(live.core, f"read_namespaced_{kind}")
    name = body["metadata"]["name"]
    if kind == "resource_quota":
        wait_for(lambda: read(name, live.namespace).status.hard, "the quota to be in force")
    try:
        yield
    finally:
        getattr(live.core, f"delete_namespaced_{kind}")(name, live.namespace)


def test_a_full_resource_quota_says_what_is_allowed(live: ClusterHub, api: Api) -> None:
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}}
    with limited(live, "resource_quota", quota):
        message = assert_refused(live, api, "quota", 409, "cluster.quota")
    assert "of pods 0 are allowed, 0 used and 1 asked for" in message


def test_a_limit_range_says_which_limit(live: ClusterHub, api: Api) -> None:
    most = {"type": "Container", "max": {"memory": "512Mi"}}
    ranges = {"metadata": {"name": "small"}, "spec": {"limits": [most]}}
    with limited(live, "limit_range", ranges):
        message = assert_refused(live, api, "range", 409, "cluster.limit_range")
    assert "allows 512 MiB of memory at most" in message
    assert "1 GiB" in message


def test_pod_security_says_that_an_operator_can_help(live: ClusterHub, api: Api) -> None:
    label = "pod-security.kubernetes.io/enforce"
    if not live.cluster.has_made(live.namespace):
        pytest.skip("by choice: the rules of this namespace are its owner's")
    live.core.patch_namespace(live.namespace, {"metadata": {"labels": {label: "restricted"}}})
    try:
        message = assert_refused(live, api, "root", 500, "cluster.pod_security")
    finally:
        live.core.patch_namespace(live.namespace, {"metadata": {"labels": {label: None}}})
    assert "restricted" in message
    assert "runAsNonRoot" not in message


def test_a_pod_of_another_owner_is_left_alone(live: ClusterHub, api: Api) -> None:
    name = "jupyter-dev1--taken"
    pod = {
        "metadata": {"name": name, "labels": {"component": "singleuser-server"}},
        "spec": {"containers": [{"name": "notebook", "image": "example.org/other:1"}]},
    }
    uid = live.core.create_namespaced_pod(live.namespace, pod).metadata.uid
    answer = start(api, "taken")
    assert (answer.status_code, cause_of(api, "taken")) == (409, "cluster.name_taken")
    assert name in answer.json()["message"]
    assert (live.list_held(), live.failures) == ([], 0)
    assert live.core.read_namespaced_pod(name, live.namespace).metadata.uid == uid
    live.core.delete_namespaced_pod(name, live.namespace, grace_period_seconds=0)


# -- answers that are none -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [CUT, CUT_AFTER, SILENT_AFTER, *(answered(each, after=True) for each in (429, 500, 503, 504))],
    ids=str,
)
def test_a_pod_whose_answer_was_lost_is_found_again(
    fault: Fault, live: ClusterHub, api: Api
) -> None:
    live.proxy.plan(Rule(Verb.CREATE, fault))
    run(live, api, "lost")


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_a_cluster_that_stays_busy_says_so(status: int, live: ClusterHub, api: Api) -> None:
    live.proxy.plan(Rule(Verb.CREATE, answered(status), times=FOR_EVER))
    assert "too busy" in assert_refused(live, api, f"busy{status}", 503, "cluster.busy")


@pytest.mark.parametrize("resource", ["pods", "persistentvolumeclaims"])
def test_a_cluster_that_does_not_answer_is_no_failure_of_the_hub(
    resource: str, live: ClusterHub, api: Api
) -> None:
    live.proxy.plan(Rule(Verb.CREATE, CUT, times=FOR_EVER, resource=resource))
    message = assert_refused(live, api, f"mute-{resource}", 503, "cluster.no_answer")
    assert "does not answer" in message


def test_a_busy_cluster_is_given_the_time_that_it_wants(live: ClusterHub, api: Api) -> None:
    live.proxy.plan(Rule(Verb.CREATE, answered(429, retry_after="3")))
    began = monotonic()
    run(live, api, "patient")
    assert monotonic() - began > 3
    assert live.proxy.injected["create pods answered 429 before"] > 0


def test_a_cluster_that_wants_more_time_than_a_user_waits_is_not_asked_again(
    live: ClusterHub, api: Api
) -> None:
    live.proxy.plan(Rule(Verb.CREATE, answered(429, retry_after="120")))
    before = live.proxy.called[Verb.CREATE, "pods"]
    answer = start(api, "impatient")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "120")
    assert live.proxy.called[Verb.CREATE, "pods"] == before + 1


# -- a watch that fails --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [CUT, CUT_AFTER, answered(410), answered(410, after=True), answered(500, after=True)],
    ids=str,
)
def test_a_watch_that_ends_is_begun_anew(fault: Fault, live: ClusterHub, api: Api) -> None:
    run(live, api, "watched")
    live.proxy.plan(Rule(Verb.WATCH, fault, times=2))
    wait_for(lambda: live.proxy.injected[f"watch pods {fault}"] > 0, "a watch to begin", 30)
    run(live, api, "later")


@pytest.mark.parametrize("verb", [Verb.LIST, Verb.WATCH])
def test_a_watch_that_hears_nothing_does_not_keep_a_server_from_starting(
    verb: Verb, live: ClusterHub, api: Api
) -> None:
    live.proxy.plan(Rule(verb, SILENT))
    silence = f"{verb} pods {SILENT}"
    before = live.proxy.injected[silence]
    wait_for(lambda: live.proxy.injected[silence] > before, "the silence", 30)
    server = f"unseen-{verb}"
    # The watch gives up after some seconds: on a busy machine that is beyond one start's time.
    wait_for(lambda: start(api, server).status_code in {201, 202}, "a start", 90)
    assert_runs(live, api, server)


def test_servers_outlive_a_restart_of_the_api_server(live: ClusterHub, api: Api) -> None:
    cluster = live.cluster
    if not isinstance(cluster, ControlPlane):
        pytest.skip("by choice: this API server is lent")
    run(live, api, "outliving")
    cluster.processes.end("kube-apiserver", signal.SIGKILL)
    try:
        answer = start(api, "meanwhile")
    finally:
        cluster.processes.restart("kube-apiserver")
        cluster.wait_for_api_server()
        wait_for_scheduler(live)
    assert answer.status_code == 503
    assert "does not answer" in answer.json()["message"]
    # Whether there is a pod was unknown, so it was held until the cluster could say that.
    wait_for(lambda: len(live.list_held()) == 1, "the release", 60)
    assert cause_of(api, "meanwhile") == "cluster.no_answer"
    assert_runs(live, api, "outliving")
    run(live, api, "after")


def wait_for_scheduler(live: ClusterHub) -> None:
    """Wait until the scheduler has found the API server again."""
    live.pods.waiting.add("another-user")
    live.core.create_namespaced_pod(live.namespace, render_pod("another-user"))

    def is_judged() -> bool:
        pod: Any = live.core.read_namespaced_pod("another-user", live.namespace)
        return any(each.type == "PodScheduled" for each in pod.status.conditions or ())

    wait_for(is_judged, "the scheduler", 60)
    live.core.delete_namespaced_pod("another-user", live.namespace)


# -- pods that do not get ready ------------------------------------------------------------------


def test_a_pod_without_a_node_says_so(live: ClusterHub, api: Api) -> None:
    live.pods.waiting.add("unplaced")
    message = assert_refused(live, api, "unplaced", 503, "cluster.empty")
    assert message.startswith("The cluster has no node.")


def test_an_image_that_cannot_be_fetched_says_so(live: ClusterHub, api: Api) -> None:
    live.pods.waiting.add("imageless")
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "canary of the registry"}}
    status = {
        "name": "notebook",
        "image": "",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": waiting,
    }
    live.pods.reports["imageless"] = {"containerStatuses": [status]}
    message = assert_refused(live, api, "imageless", 500, "pod.image_pull")
    assert "cannot be pulled" in message
    assert "canary" not in message


def test_a_volume_in_another_zone_says_so(live: ClusterHub, api: Api) -> None:
    live.pods.waiting.add("elsewhere")
    with claim_in_zone(live, "claim-dev1--elsewhere", "b"), node_in_zone(live, "a"):
        message = assert_refused(live, api, "elsewhere", 500, "pod.volume_elsewhere")
    assert "in a zone where no node has room" in message


@contextmanager
def node_in_zone(live: ClusterHub, zone: str) -> Iterator[str]:
    """Have the only node of the kind that servers ask for, in a zone."""
    if not isinstance(live.cluster, ControlPlane):
        pytest.skip("by choice: nodes of this cluster are its owner's")
    amounts = {"cpu": "8", "memory": "64Gi", "pods": "100"}
    labels = {"topology.kubernetes.io/zone": zone, "jupyterhub-platform.test/nowhere": "true"}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    node = {
        "metadata": {"name": "zoned", "labels": labels},
        "status": {"allocatable": amounts, "capacity": amounts, "conditions": [ready]},
    }
    live.core.create_node(node)
    wait_for(lambda: not live.core.read_node("zoned").spec.taints, "the node to be free")
    try:
        yield "zoned"
    finally:
        live.core.delete_node("zoned")


@contextmanager
def claim_in_zone(live: ClusterHub, claim: str, zone: str) -> Iterator[None]:
    """Have the files of a server on a volume that only the nodes of a zone reach."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "resources": {"requests": {"storage": "1Mi"}},
        "volumeName": claim,
    }
    term = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}
    volume = {
        "metadata": {"name": claim},
        "spec": {
            "capacity": {"storage": "1Mi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "csi": {"driver": "example.org", "volumeHandle": claim},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}},
        },
    }
    live.core.create_persistent_volume(volume)
    live.core.create_namespaced_persistent_volume_claim(
        live.namespace, {"metadata": {"name": claim}, "spec": spec}
    )
    try:
        yield
    finally:
        live.core.delete_namespaced_persistent_volume_claim(claim, live.namespace)
        live.core.delete_persistent_volume(claim)


# -- servers that end from outside ---------------------------------------------------------------


def assert_ended(live: ClusterHub, api: Api, server: str, code: str) -> None:
    """See that the Hub notices the end of a server, says why, and holds nothing for it."""
    wait_for(lambda: server not in api.servers("dev1"), f"{server} to be seen ended", 30)
    assert cause_of(api, server) == code
    assert why(api, server)["state"] == "ended"
    assert server not in {each.server for each in read_open(live.hub)}
    assert code in read_releases(live.hub).values()
    assert not any(name.endswith(f"--{server}") for name in live.list_own_pods())
    assert live.failures == 0


@pytest.mark.parametrize("containers", [None, []])
def test_an_evicted_server_has_ended(containers: Any, live: ClusterHub, api: Api) -> None:
    pod = run(live, api, "evicted")
    ended = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource"}
    live.pods.report(pod, ended if containers is None else {**ended, "containerStatuses": None})
    assert_ended(live, api, "evicted", "pod.evicted")


def test_a_server_whose_node_is_gone_holds_until_its_pod_is_gone_too(
    live: ClusterHub, api: Api
) -> None:
    # What Kubernetes writes of the pods of a node that has been silent for 50 s: MarkPodsNotReady
    # (pkg/controller/util/node/controller_utils.go), and five minutes later the taint manager
    # (pkg/controller/tainteviction/taint_eviction.go).
    unready = {"type": "Ready", "status": "False"}
    reason = "DeletionByTaintManager"
    tainted = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    pod = run(live, api, "stranded")
    for conditions in ([unready], [unready, tainted]):
        live.pods.report(pod, {"conditions": conditions})
        wait_for(lambda: cause_of(api, "stranded") == "pod.node_lost", "the loss to be told", 30)
        assert_runs(live, api, "stranded")
    # The node may come back with the server on it: only without its pod it holds nothing.
    live.core.delete_namespaced_pod(pod, live.namespace, grace_period_seconds=0)
    assert_ended(live, api, "stranded", "pod.node_lost")


def test_a_server_whose_node_is_drained_was_moved(live: ClusterHub, api: Api) -> None:
    with node_in_zone(live, "a") as node:
        pod = run_on(live, api, "drained", node)
        eviction = {"metadata": {"name": pod, "namespace": live.namespace}}
        live.core.create_namespaced_pod_eviction(pod, live.namespace, eviction)
        assert is_disrupted(live, pod, "EvictionByEvictionAPI")
        wait_for(lambda: cause_of(api, "drained") == "pod.moved", "the move to be told", 30)
        live.core.delete_namespaced_pod(pod, live.namespace, grace_period_seconds=0)
        assert_ended(live, api, "drained", "pod.moved")


def run_on(live: ClusterHub, api: Api, server: str, node: str) -> str:
    """Have a server run on a node, and return the name of its pod."""
    pod = run(live, api, server)
    binding = {"metadata": {"name": pod}, "target": {"kind": "Node", "name": node}}
    # Its answer is none that the client can read.
    live.core.create_namespaced_pod_binding(pod, live.namespace, binding, _preload_content=False)
    return pod


def is_disrupted(live: ClusterHub, pod: str, reason: str) -> bool:
    """Tell whether a controller takes a pod from its node for this reason."""
    status: Any = live.core.read_namespaced_pod(pod, live.namespace).status
    return ("DisruptionTarget", reason) in {(each.type, each.reason) for each in status.conditions}


def test_a_pod_deleted_by_another_client_has_ended(live: ClusterHub, api: Api) -> None:
    pod = run(live, api, "deleted")
    live.core.delete_namespaced_pod(pod, live.namespace)
    assert_ended(live, api, "deleted", "pod.deleted")


def test_a_pod_deleted_while_it_starts_is_no_failure_of_the_hub(live: ClusterHub, api: Api) -> None:
    live.pods.waiting.add("early")
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(start, api, "early")
        pod = "jupyter-dev1--early"
        wait_for(lambda: pod in live.list_own_pods(), "the pod", 30)
        live.core.delete_namespaced_pod(pod, live.namespace, grace_period_seconds=0)
        answer = started.result()
    assert (answer.status_code, cause_of(api, "early")) == (500, "pod.deleted")
    assert "was deleted, and not by the Hub" in answer.json()["message"]
    wait_for(lambda: not live.list_held(), "the release", 30)
    assert live.failures == 0


def test_a_pod_that_does_not_go_holds_until_it_does(live: ClusterHub, api: Api) -> None:
    pod = run(live, api, "stuck")
    keep = {"metadata": {"finalizers": ["jupyterhub-platform.test/keep"]}}
    live.core.patch_namespaced_pod(pod, live.namespace, keep)
    assert api.delete("users/dev1/servers/stuck").status_code in {202, 204}
    wait_for(lambda: "stuck" not in api.servers("dev1"), "the Hub to give up", 60)
    assert [each.server for each in read_open(live.hub)] == ["stuck"]
    assert cause_of(api, "stuck") == "server.stopping"
    again = start(api, "stuck")
    assert again.status_code == 409
    assert "has not ended yet" in again.json()["message"]
    assert live.failures == 0
    live.core.patch_namespaced_pod(pod, live.namespace, {"metadata": {"finalizers": None}})
    wait_for(lambda: not live.list_held(), "the release", 60)
    assert cause_of(api, "stuck") == "server.stopped"
