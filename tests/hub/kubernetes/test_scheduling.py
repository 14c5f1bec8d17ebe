"""Why a pod has no node, by what schedulers and autoscalers say of it."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from jupyterhub_platform.core.causes import Cause, Who
from jupyterhub_platform.hub.kubernetes.causes.pod import explain_pod
from tests.hub.kubernetes.test_causes import NOW, placed, unschedulable

TAIL: Final = " preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling."
TAINT: Final = "node(s) had untolerated taint {%s}"
OLDER: Final = "node(s) had taint {%s: }, that the pod didn't tolerate"
SELECTOR: Final = "node(s) didn't match Pod's node affinity/selector"


def explain(message: str, *events: dict[str, Any]) -> Cause:
    pod = {"metadata": {"uid": "u1"}, **unschedulable(message)}
    cause = explain_pod(pod, NOW, lambda: events)
    assert cause is not None
    assert str(cause).endswith(".")
    return cause


def of_nodes(*reasons: str) -> str:
    return f"0/5 nodes are available: {', '.join(reasons)}.{TAIL}"


# What kube-scheduler 1.18 to 1.36 say. Each is the only reason, and then beside nodes of a kind
# that the tier does not ask for, which must never be what is accused.
OF_NODES: Final = [
    ("Insufficient memory", "cluster.full", Who.YOU),
    ("Insufficient nvidia.com/gpu", "cluster.full", Who.YOU),
    ("Insufficient ephemeral-storage", "cluster.full", Who.YOU),
    ("Too many pods", "cluster.full", Who.YOU),
    ("cannot allocate all claims", "cluster.full", Who.YOU),
    ("resourceclaim not available on the node", "pod.device_busy", Who.OPERATOR),
    ("node(s) were unschedulable", "cluster.cordoned", Who.OPERATOR),
    (TAINT % "node.kubernetes.io/unschedulable: ", "cluster.cordoned", Who.OPERATOR),
    (TAINT % "node.kubernetes.io/disk-pressure: ", "cluster.node_pressure", Who.OPERATOR),
    (OLDER % "node.kubernetes.io/memory-pressure", "cluster.node_pressure", Who.OPERATOR),
    (TAINT % "node.kubernetes.io/pid-pressure: ", "cluster.node_pressure", Who.OPERATOR),
    ("node(s) had disk pressure", "cluster.node_pressure", Who.OPERATOR),
    (TAINT % "ToBeDeletedByClusterAutoscaler: 1700000000", "cluster.node_leaving", Who.NOBODY),
    (TAINT % "DeletionCandidateOfClusterAutoscaler: 17", "cluster.node_leaving", Who.NOBODY),
    (TAINT % "karpenter.sh/disrupted: ", "cluster.node_leaving", Who.NOBODY),
    (TAINT % "karpenter.sh/disruption: disrupting", "cluster.node_leaving", Who.NOBODY),
    (
        TAINT % "node.cloudprovider.kubernetes.io/uninitialized: true",
        "cluster.node_starting",
        Who.NOBODY,
    ),
    (TAINT % "node.cilium.io/agent-not-ready: ", "cluster.node_starting", Who.NOBODY),
    (TAINT % "ebs.csi.aws.com/agent-not-ready: ", "cluster.node_starting", Who.NOBODY),
    (TAINT % "karpenter.sh/unregistered: ", "cluster.node_starting", Who.NOBODY),
    (TAINT % "node.kubernetes.io/not-ready: ", "cluster.node_not_ready", Who.OPERATOR),
    (OLDER % "node.kubernetes.io/unreachable", "cluster.node_not_ready", Who.OPERATOR),
    ("node(s) were not ready", "cluster.node_not_ready", Who.OPERATOR),
    ("node(s) had untolerated taint(s)", "cluster.tainted", Who.OPERATOR),
    ("node(s) had taints that the pod didn't tolerate", "cluster.tainted", Who.OPERATOR),
    (TAINT % "example.org/team: vision", "cluster.tainted", Who.OPERATOR),
    ("node(s) didn't have free ports for the requested pod ports", "cluster.ports", Who.OPERATOR),
    ("node(s) didn't match pod affinity rules", "cluster.pod_affinity", Who.OPERATOR),
    ("node(s) didn't match pod anti-affinity rules", "cluster.pod_affinity", Who.OPERATOR),
    (
        "node(s) didn't satisfy existing pods anti-affinity rules",
        "cluster.pod_affinity",
        Who.OPERATOR,
    ),
    ("node(s) didn't match pod affinity/anti-affinity rules", "cluster.pod_affinity", Who.OPERATOR),
    ("node(s) didn't match pod topology spread constraints", "cluster.spread", Who.OPERATOR),
    (
        "node(s) didn't match pod topology spread constraints (missing required label)",
        "cluster.spread",
        Who.OPERATOR,
    ),
    ("node(s) exceed max volume count", "pod.volume_count", Who.YOU),
    ("Insufficient attachable-volumes-aws-ebs", "pod.volume_count", Who.YOU),
    ("ebs.csi.aws.com CSI driver is not installed on the node", "pod.volume_driver", Who.OPERATOR),
    ("node(s) had no available disk", "pod.volume_in_use", Who.YOU),
    (
        (
            "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode "
            "already in-use by another pod"
        ),
        "pod.volume_in_use",
        Who.YOU,
    ),
    ("node(s) did not have enough free storage", "pod.volume_space", Who.OPERATOR),
    ("node(s) had no available volume zone", "pod.volume_elsewhere", Who.OPERATOR),
    ("node(s) had volume node affinity conflict", "pod.volume_elsewhere", Who.OPERATOR),
    (
        "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
        "pod.volume_lost",
        Who.OPERATOR,
    ),
    (
        "node(s) didn't find available persistent volumes to bind",
        "pod.volume_unbound",
        Who.OPERATOR,
    ),
    ("node(s) failed a check of another scheduler", "cluster.unplaced", Who.OPERATOR),
]


@pytest.mark.parametrize(("reason", "code", "who"), OF_NODES, ids=[each for each, *_ in OF_NODES])
def test_reason_about_nodes_has_its_cause_and_helper(reason: str, code: str, who: Who) -> None:
    alone = explain(of_nodes(f"5 {reason}"))
    assert (alone.code, alone.who) == (code, who)
    beside = explain(of_nodes(f"1 {reason}", f"4 {SELECTOR}"))
    assert beside.code == code, "nodes of the right kind are there"
    # The scheduler sorts what it says.
    assert explain(of_nodes(*sorted((f"1 {reason}", f"4 {SELECTOR}")))).code == code


# Said of the pod itself, before any node is looked at.
OF_THE_POD: Final = [
    ("pod has unbound immediate PersistentVolumeClaims", "pod.volume_unbound", Who.OPERATOR),
    (
        "pod has unbound immediate PersistentVolumeClaims (repeated 3 times)",
        "pod.volume_unbound",
        Who.OPERATOR,
    ),
    ('persistentvolumeclaim "claim-dan" not found', "pod.volume_missing", Who.OPERATOR),
    ('persistentvolumeclaim "claim-dan" is being deleted', "pod.volume_leaving", Who.OPERATOR),
    (
        'persistentvolumeclaim "claim-dan" bound to non-existent persistentvolume "pv-1"',
        "pod.volume_lost",
        Who.OPERATOR,
    ),
    (
        'waiting for ephemeral volume controller to create the persistentvolumeclaim "x"',
        "pod.volume_unbound",
        Who.OPERATOR,
    ),
    ("request gpu: device class x does not exist", "pod.device_class", Who.OPERATOR),
    ("resourceclaim in use", "pod.device_busy", Who.OPERATOR),
    ("pod affinity terms conflict", "cluster.no_node", Who.OPERATOR),
]


@pytest.mark.parametrize(("words", "code", "who"), OF_THE_POD, ids=[w for w, *_ in OF_THE_POD])
def test_reason_about_the_pod_has_its_cause_and_helper(words: str, code: str, who: Who) -> None:
    cause = explain(f"0/5 nodes are available: {words}.{TAIL}")
    assert (cause.code, cause.who) == (code, who)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('running PreBind plugin "VolumeBinding": binding volumes: context', "pod.volume_unbound"),
        ('failed to find storage class "fast"', "pod.volume_class"),
        ('running "VolumeBinding" filter plugin: could not get volume', "cluster.unplaced"),
    ],
)
def test_an_error_of_the_scheduler_is_a_cause_too(message: str, code: str) -> None:
    pod = unschedulable(message)
    pod["status"]["conditions"][0]["reason"] = "SchedulerError"
    cause = explain_pod(pod, NOW)
    assert cause is not None
    assert cause.code == code


# -- several reasons -----------------------------------------------------------------------------


def test_only_where_all_nodes_are_of_another_kind_the_selectors_are_named() -> None:
    control = TAINT % "node-role.kubernetes.io/control-plane: "
    cause = explain(of_nodes(f"1 {control}", f"4 {SELECTOR}"))
    assert cause.code == "cluster.no_node"
    assert "selectors" in cause.fix


def test_a_full_cluster_says_what_is_the_matter_with_the_other_nodes() -> None:
    cause = explain(
        of_nodes(
            "1 Insufficient cpu",
            "2 Insufficient memory",
            f"1 {TAINT % 'node.kubernetes.io/disk-pressure: '}",
            "1 node(s) were unschedulable",
            f"3 {TAINT % 'nvidia.com/gpu: present'}",
        )
    )
    assert cause.code == "cluster.full"
    assert cause.sentence == (
        "No node has enough cpu and memory left for this server; 1 more is short of memory, disk "
        "or processes; 1 more is cordoned; 3 more are kept from it by "
        "taints (nvidia.com/gpu)."
    )
    assert "one may be on its way" in cause.fix


def test_a_volume_in_a_zone_whose_nodes_are_full_says_both() -> None:
    cause = explain(of_nodes("3 Insufficient cpu", "2 node(s) had volume node affinity conflict"))
    assert cause.code == "pod.volume_elsewhere"
    assert "3 more are full" in cause.sentence


def test_unknown_reasons_are_said_in_the_schedulers_own_words() -> None:
    cause = explain(of_nodes("5 node(s) lack the\nmoon\x1b[31m phase"))
    assert cause.code == "cluster.unplaced"
    assert "“5 node(s) lack the moon [31m phase”" in cause.sentence
    assert "selectors" not in str(cause)
    assert (
        "“1 lack the moon”" in explain(of_nodes("4 Insufficient cpu", "1 lack the moon")).sentence
    )
    assert len(explain(of_nodes("5 " + "x" * 9000)).sentence) < 500
    assert explain("").code == "cluster.unplaced"


def test_a_cluster_without_nodes_blames_no_tier() -> None:
    cause = explain("no nodes available to schedule pods")
    assert (cause.code, cause.sentence) == ("cluster.empty", "The cluster has no node.")


# -- nodes that are added ------------------------------------------------------------------------


def event(reason: str, message: str = "", minutes_ago: float = 1, **more: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes_ago)).isoformat().replace("+00:00", "Z")
    about = {"name": "jupyter-dan", "uid": "u1"}
    told = {"reason": reason, "message": message, "lastTimestamp": at, "involvedObject": about}
    return {**told, "source": {"component": "cluster-autoscaler"}, **more}


NO_SCALE_UP: Final = "pod didn't trigger scale-up: "
KARPENTER: Final = {"source": {"component": "karpenter"}}
SCALING: Final = [
    (
        event("TriggeredScaleUp", "pod triggered scale-up: [{asg 1->2 (max: 5)}]"),
        "cluster.node_coming",
    ),
    (
        event("Nominated", "Pod should schedule on: nodeclaim/default-x", **KARPENTER),
        "cluster.node_coming",
    ),
    (event("TriggeredScaleUp", "", 60), "cluster.full"),
    (
        event("NotTriggerScaleUp", f"{NO_SCALE_UP}1 max node group size reached, 2 {SELECTOR}"),
        "cluster.at_most",
    ),
    (
        event("NotTriggerScaleUp", f"{NO_SCALE_UP}2 max cluster cpu, memory limit reached"),
        "cluster.at_most",
    ),
    (
        event("NotTriggerScaleUp", f"{NO_SCALE_UP}1 in backoff after failed scale-up, 6 x"),
        "cluster.node_failed",
    ),
    (event("FailedScaleUp", "Node scale up failed: GCE out of resources"), "cluster.node_failed"),
    (event("NotTriggerScaleUp", f"{NO_SCALE_UP}3 Insufficient memory"), "cluster.full"),
    (
        event(
            "FailedScheduling",
            'Failed to schedule pod, all available instance types exceed limits for nodepool "a"',
            **KARPENTER,
        ),
        "cluster.at_most",
    ),
    (
        event(
            "FailedScheduling",
            'Failed to schedule pod, incompatible with nodepool "a"',
            **KARPENTER,
        ),
        "cluster.full",
    ),
    (
        event("FailedScheduling", "0/5 nodes", source={"component": "default-scheduler"}),
        "cluster.full",
    ),
]


@pytest.mark.parametrize(
    ("told", "code"), SCALING, ids=[told["message"][:60] for told, _ in SCALING]
)
def test_a_node_that_is_on_its_way_or_is_not_is_said(told: dict[str, Any], code: str) -> None:
    cause = explain(of_nodes("5 Insufficient memory"), told)
    assert cause.code == code
    assert cause.sentence.startswith("No node has enough memory left for this server")
    is_told = told["reason"] != "FailedScheduling" or told["source"] == KARPENTER["source"]
    says_nothing = not is_told or told["message"] == ""
    assert ("may be on its way" in cause.fix) is says_nothing


def test_the_newest_word_of_an_autoscaler_counts_and_that_of_this_pod() -> None:
    message = of_nodes("5 Insufficient memory")
    failed = event("NotTriggerScaleUp", f"{NO_SCALE_UP}1 max node group size reached", 5)
    coming = event("TriggeredScaleUp", "", 1)
    assert explain(message, failed, coming).code == "cluster.node_coming"
    assert explain(message, coming, failed).code == "cluster.node_coming"
    other = {**coming, "involvedObject": {"name": "jupyter-dan", "uid": "u0"}}
    assert explain(message, failed, other).code == "cluster.at_most"
    series = {**failed, "series": {"lastObservedTime": NOW.isoformat()}, "lastTimestamp": None}
    assert explain(message, coming, series).code == "cluster.at_most"


@pytest.mark.parametrize("reason", [SELECTOR, "node(s) were unschedulable", "odd", "Too many pods"])
def test_scale_up_is_the_cause_when_no_current_node_fits(reason: str) -> None:
    assert explain(of_nodes(f"5 {reason}"), event("TriggeredScaleUp")).code == "cluster.node_coming"


def test_no_further_node_helps_a_claim_that_does_not_exist() -> None:
    message = '0/5 nodes are available: persistentvolumeclaim "x" not found.'
    assert explain(message, event("TriggeredScaleUp")).code == "pod.volume_missing"


# -- volumes on the node -------------------------------------------------------------------------

ATTACHED: Final = (
    'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and '
    "can't be attached to another"
)
ON_THE_NODE: Final = [
    (event("FailedAttachVolume", ATTACHED), "pod.volume_attached", Who.YOU),
    (
        event(
            "FailedAttachVolume",
            'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) x',
        ),
        "pod.volume_attached",
        Who.YOU,
    ),
    (
        event("FailedAttachVolume", "AttachVolume.Attach failed: rpc error"),
        "pod.volume_attach",
        Who.OPERATOR,
    ),
    (
        event("FailedMount", 'MountVolume.SetUp failed for volume "home": timed out'),
        "pod.volume_mount",
        Who.OPERATOR,
    ),
    (
        event("FailedMount", 'MountVolume.SetUp failed for volume "s": secret "s" not found'),
        "pod.volume_source",
        Who.OPERATOR,
    ),
    (
        event("FailedMount", 'MountVolume.SetUp failed: configmap "c" not found'),
        "pod.volume_source",
        Who.OPERATOR,
    ),
    (event("FailedMapVolume", "MapVolume failed"), "pod.volume_mount", Who.OPERATOR),
    (
        event("VolumePermissionChangeInProgress", "processed 100000 files"),
        "pod.volume_permissions",
        Who.NOBODY,
    ),
    (
        event("FailedCreatePodSandBox", "failed to assign an IP address"),
        "pod.network",
        Who.OPERATOR,
    ),
    (event("FailedPrepareDynamicResources", "driver"), "pod.device_setup", Who.OPERATOR),
]


@pytest.mark.parametrize(("told", "code", "who"), ON_THE_NODE, ids=[c for _, c, _ in ON_THE_NODE])
def test_wait_of_a_placed_pod_is_explained_by_its_events(
    told: dict[str, Any], code: str, who: Who
) -> None:
    just_placed = {"metadata": {"uid": "u1"}, **placed("2026-11-02T08:59:50Z")}
    cause = explain_pod(just_placed, NOW, lambda: [told])
    assert cause is not None
    assert (cause.code, cause.who) == (code, who)
    assert "pvc-1" not in str(cause)


def test_event_that_is_over_is_not_reported() -> None:
    failed = event("FailedAttachVolume", ATTACHED, 2)
    attached = event("SuccessfulAttachVolume", "", 1)
    assert explain_pod(placed("2026-11-02T08:59:50Z"), NOW, lambda: [failed, attached]) is None
    running = {
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "notebook", "state": {"running": {}}}],
        }
    }
    assert explain_pod(running, NOW, lambda: [failed]) is None


def test_events_are_asked_for_only_where_a_pod_waits() -> None:
    def fail() -> list[dict[str, Any]]:
        raise AssertionError("a namespace has thousands")

    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    assert explain_pod(ready, datetime(2026, 11, 2, tzinfo=UTC), fail) is None
