"""What a pod's status says, in words: the cause, and who can do something about it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jupyterhub_platform.core.causes import Who
from jupyterhub_platform.hub.kubernetes.causes.events import find_step
from jupyterhub_platform.hub.kubernetes.causes.pod import explain_pod

NOW = datetime(2026, 11, 2, 9, 0, 0, tzinfo=UTC)


def unschedulable(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"status": {"phase": "Pending", "conditions": [{**condition, "message": message}]}}


def container(name: str = "notebook", **states: Any) -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"name": name, **states}]}}


def waiting(reason: str) -> dict[str, Any]:
    return container(state={"waiting": {"reason": reason, "message": "token=secret"}})


def condition(kind: str, status: str, reason: str, **more: Any) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": kind, "status": status, "reason": reason}]}, **more}


def failed(reason: str) -> dict[str, Any]:
    return {"status": {"phase": "Failed", "reason": reason, "message": "token=secret"}}


def disrupted(why: str, *others: dict[str, Any], **status: Any) -> dict[str, Any]:
    conditions = [*others, {"type": "DisruptionTarget", "status": "True", "reason": why}]
    return {"status": {"conditions": conditions, **status}}


def ready(status: str, *, is_running: bool = True, **more: str) -> dict[str, Any]:
    """Return a pod whose notebook its kubelet has called ready when it wrote last."""
    state = {"running": {}} if is_running else {"waiting": {"reason": "ContainerCreating"}}
    own = {"name": "notebook", "ready": is_running, "state": state}
    conditions = [{"type": "Ready", "status": status, **more}]
    return {"status": {"phase": "Running", "conditions": conditions, "containerStatuses": [own]}}


def placed(
    at: str,
    reason: str = "ContainerCreating",
    sandbox: str = "False",
    beside: tuple[dict[str, Any], ...] = (),
) -> dict[str, Any]:
    """Return a pod that was put on a node at ``at``, and whose notebook waits there."""
    own = {"name": "notebook", "state": {"waiting": {"reason": reason}}}
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": at},
        {"type": "PodReadyToStartContainers", "status": sandbox},
    ]
    status = {"phase": "Pending", "conditions": conditions, "containerStatuses": [own, *beside]}
    return {"status": status}


def beside(reason: str, key: str = "containerStatuses") -> dict[str, Any]:
    """Return a pod whose other container waits."""
    own = {"name": "notebook", "state": {"running": {}}}
    other = {"name": "backup", "state": {"waiting": {"reason": reason, "message": "secret"}}}
    status = {"containerStatuses": [own]}
    return {"status": {**status, key: [*status.get(key, []), other]}}


def claiming(*names: str, made: tuple[str, ...] = (), phase: str = "Pending") -> dict[str, Any]:
    claims = [{"name": name, "resourceClaimTemplateName": "secret"} for name in names]
    statuses = [{"name": name, "resourceClaimName": f"pod-{name}"} for name in made]
    return {
        "spec": {"resourceClaims": claims},
        "status": {"phase": phase, "resourceClaimStatuses": statuses},
    }


# A taint that an operator set: this node's kubelet goes on reporting.
ANSWERING = {"type": "Ready", "status": "True"}
NOTEBOOK = {"name": "notebook", "ready": False}
KILLED = {"terminated": {"reason": "Error", "exitCode": 137}}

# Messages are those of kube-scheduler 1.36. Reasons of disruptions are those that its controllers
# write: pkg/controller/tainteviction, pkg/controller/podgc, pkg/registry/core/pod/storage/eviction,
# pkg/kubelet/eviction, preemption and nodeshutdown. Of a node that does not answer,
# MarkPodsNotReady (pkg/controller/util/node) sets the status of Ready and nothing else.
CAUSES: list[tuple[dict[str, Any], str, Who]] = [
    (unschedulable("0/1 nodes are available: 1 Insufficient memory."), "cluster.full", Who.YOU),
    (unschedulable("0/3 nodes are available: 3 Too many pods."), "cluster.full", Who.YOU),
    (
        unschedulable("0/2 nodes are available: 2 node(s) had volume node affinity conflict."),
        "pod.volume_elsewhere",
        Who.OPERATOR,
    ),
    (
        unschedulable(
            "0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity."
        ),
        "pod.volume_elsewhere",
        Who.OPERATOR,
    ),
    (
        unschedulable(
            "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."
        ),
        "pod.volume_unbound",
        Who.OPERATOR,
    ),
    (
        unschedulable("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        "pod.volume_unbound",
        Who.OPERATOR,
    ),
    (
        unschedulable('0/1 nodes are available: persistentvolumeclaim "x" not found.'),
        "pod.volume_missing",
        Who.OPERATOR,
    ),
    (
        unschedulable("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity."),
        "cluster.no_node",
        Who.OPERATOR,
    ),
    (
        unschedulable(
            "0/1 nodes are available: 1 cannot allocate all claims. still not schedulable, "
            "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        ),
        "cluster.full",
        Who.YOU,
    ),
    (
        unschedulable(
            "0/1 nodes are available: request gpu: device class secret does not exist. no new "
            "claims to deallocate, preemption: 0/1 nodes are available."
        ),
        "pod.device_class",
        Who.OPERATOR,
    ),
    (claiming("gpu"), "pod.claim_unmade", Who.OPERATOR),
    (claiming("gpu", "fabric", made=("gpu",)), "pod.claim_unmade", Who.OPERATOR),
    (condition("PodScheduled", "False", "SchedulingGated"), "cluster.gated", Who.OPERATOR),
    (placed("2026-11-02T08:58:59Z"), "pod.setup", Who.OPERATOR),
    (placed("2026-11-02T08:58:59Z", "PodInitializing"), "pod.setup", Who.OPERATOR),
    (failed("OutOfcpu"), "pod.rejected", Who.YOU),
    (failed("OutOfnvidia.com/gpu"), "pod.rejected", Who.YOU),
    (failed("UnexpectedAdmissionError"), "pod.rejected", Who.YOU),
    (failed("not a word: secret"), "pod.rejected", Who.YOU),
    (waiting("ImageInspectError"), "pod.image_unreadable", Who.OPERATOR),
    (waiting("RegistryUnavailable"), "pod.image_pull", Who.OPERATOR),
    (waiting("SignatureValidationFailed"), "pod.image_pull", Who.OPERATOR),
    (waiting("PostStartHookError"), "pod.container", Who.OPERATOR),
    (beside("ImagePullBackOff"), "pod.image_pull", Who.OPERATOR),
    (beside("ImagePullBackOff", "initContainerStatuses"), "pod.image_pull", Who.OPERATOR),
    (waiting("ErrImagePull"), "pod.image_pull", Who.OPERATOR),
    (waiting("ImagePullBackOff"), "pod.image_pull", Who.OPERATOR),
    (waiting("ErrImageNeverPull"), "pod.image_absent", Who.OPERATOR),
    (waiting("InvalidImageName"), "pod.image_name", Who.OPERATOR),
    (waiting("CreateContainerConfigError"), "pod.container", Who.OPERATOR),
    (waiting("CrashLoopBackOff"), "pod.crashes", Who.OPERATOR),
    (
        container(state={"terminated": {"reason": "Completed", "exitCode": 0}}),
        "server.ended",
        Who.YOU,
    ),
    (
        container(state={"terminated": {"reason": "OOMKilled", "exitCode": 137}}),
        "server.out_of_memory",
        Who.YOU,
    ),
    (
        container(state={"running": {}}, lastState={"terminated": {"reason": "OOMKilled"}}),
        "server.out_of_memory",
        Who.YOU,
    ),
    (
        container(state={"terminated": {"reason": "Error", "exitCode": 1}}),
        "server.failed",
        Who.OPERATOR,
    ),
    (failed("Evicted"), "pod.evicted", Who.YOU),
    (disrupted("TerminationByKubelet", **failed("Evicted")["status"]), "pod.evicted", Who.YOU),
    (disrupted("TerminationByKubelet", **failed("Preempting")["status"]), "pod.preempted", Who.YOU),
    (disrupted("PreemptionByScheduler"), "pod.preempted", Who.YOU),
    (disrupted("EvictionByEvictionAPI"), "pod.moved", Who.YOU),
    (disrupted("TerminationByKubelet", **failed("Terminated")["status"]), "pod.moved", Who.YOU),
    (failed("Terminated"), "pod.moved", Who.YOU),
    (disrupted("NewInKubernetes"), "pod.moved", Who.YOU),
    (disrupted("DeletionByTaintManager"), "pod.node_lost", Who.YOU),
    (disrupted("DeletionByTaintManager", ANSWERING), "pod.moved", Who.YOU),
    (
        disrupted("DeletionByTaintManager", containerStatuses=[{**NOTEBOOK, "state": KILLED}]),
        "pod.moved",
        Who.YOU,
    ),
    (disrupted("DeletionByPodGC", ANSWERING, phase="Failed"), "pod.node_lost", Who.YOU),
    (ready("False"), "pod.node_lost", Who.YOU),
    ({"status": {"phase": "Running", "reason": "NodeLost"}}, "pod.node_lost", Who.YOU),
]


@pytest.mark.parametrize(("pod", "code", "who"), CAUSES, ids=[code for _, code, _ in CAUSES])
def test_a_status_has_its_cause(pod: dict[str, Any], code: str, who: Who) -> None:
    cause = explain_pod(pod, NOW)
    assert cause is not None
    assert (cause.code, cause.who) == (code, who)
    assert "secret" not in str(cause)
    assert str(cause).endswith(".")


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"status": None},
        {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}},
        container(state={"running": {}}),
        container("setup", state={"terminated": {"reason": "Completed", "exitCode": 0}}),
        container(state={"waiting": {"reason": "ContainerCreating"}}),
        container("sidecar", state={"terminated": {"reason": "OOMKilled"}}),
        condition("PodScheduled", "True", ""),
        placed("2026-11-02T08:59:01Z"),
        placed("2026-11-02T08:58:59Z", sandbox="True"),  # a large image is being fetched
        placed("no time"),
        placed("2026-11-02T08:58:59"),  # in no zone
        placed("2026-11-02T08:58:59Z", "Other"),
        {"status": {"phase": "Failed"}},
        condition("DisruptionTarget", "False", "EvictionByEvictionAPI"),
        ready("True"),
        ready("False", reason="ContainersNotReady"),
        ready("False", reason="ReadinessGatesNotReady"),
        ready("False", is_running=False),
        claiming("gpu", made=("gpu",)),
        claiming("gpu", phase="Running"),
        {
            "spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "shared"}]},
            "status": {"phase": "Pending"},
        },
    ],
)
def test_nothing_is_made_up_where_nothing_is_wrong(pod: dict[str, Any]) -> None:
    assert explain_pod(pod, NOW) is None


def test_scheduling_failure_is_not_reported_once_the_pod_runs() -> None:
    pod = unschedulable("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity.")
    assert explain_pod(pod, NOW) is not None
    pod["status"]["phase"] = "Running"
    assert explain_pod(pod, NOW) is None


def test_lacking_resources_are_named_once_in_order() -> None:
    message = (
        "0/4 nodes are available: 2 Insufficient nvidia.com/gpu, 3 Insufficient cpu, "
        "1 Insufficient cpu, 1 cannot allocate all claims. preemption: 0/4 nodes are available."
    )
    cause = explain_pod(unschedulable(message), NOW)
    assert cause is not None
    assert cause.sentence == (
        "No node has enough cpu, nvidia.com/gpu and devices left for this server."
    )


@pytest.mark.parametrize(("reason", "word"), [("OutOfcpu", "OutOfcpu"), ("a b", "no reason")])
def test_a_node_that_refuses_a_server_is_quoted_if_it_says_one_word(reason: str, word: str) -> None:
    cause = explain_pod(failed(reason), NOW)
    assert cause is not None
    assert word in cause.sentence
    assert reason == word or reason not in cause.sentence


def test_a_container_beside_the_server_is_named() -> None:
    cause = explain_pod(beside("ImagePullBackOff"), NOW)
    assert cause is not None
    assert cause.sentence == (
        "The image of the container backup beside this server cannot be pulled; the cluster keeps "
        "trying."
    )


def test_waiting_reason_of_the_servers_container_comes_first() -> None:
    image = {"name": "backup", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    cause = explain_pod(placed("no time", "CrashLoopBackOff", beside=(image,)), NOW)
    assert cause is not None
    assert cause.sentence.startswith("The program of this server keeps ending")


def test_an_event_of_a_start_is_a_step_in_words_with_its_time() -> None:
    pulling = {"reason": "Pulling", "message": 'Pulling image "x"', "lastTimestamp": None}
    step = "Its image is being pulled"
    assert find_step({**pulling, "eventTime": "2026-11-02T09:00:00Z"}) == {
        "step": step,
        "at": "2026-11-02T09:00:00+00:00",
    }
    assert find_step(pulling) == {"step": step}
    assert find_step({**pulling, "reason": "FailedScheduling"}) == {}
    assert find_step({}) == {}
