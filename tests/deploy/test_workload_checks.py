"""A Hub or proxy that does not run is seen, with what keeps it from running and the fix."""

import copy
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.deploy.doctor.facts import Objects
from jupyterhub_platform.deploy.doctor.findings import Finding, Status
from jupyterhub_platform.deploy.doctor.table import examine
from tests.deploy.facts import look, of_cluster, render_deployment

FAILED, WARNING, UNKNOWN = Status.FAILED, Status.WARNING, Status.UNKNOWN
OLD, NEW = "2026-11-27T09:00:00Z", "2026-11-27T09:29:50Z"
PROXY = render_deployment("proxy", ("api", 8001))
README = Path("helm-values/README.md")


def hub(*, available: int = 0, **changes: Any) -> dict[str, Any]:
    deployment = copy.deepcopy(render_deployment("hub", ("http", 8081)))
    deployment["status"]["availableReplicas"] = available
    deployment["spec"].update(changes.pop("spec", {}))
    deployment["status"].update(changes)
    return deployment


def pod(state: dict[str, Any] | None = None, *, made: str = OLD, **more: Any) -> dict[str, Any]:
    """Return a pod of the Hub whose container is in this state."""
    status = {"name": "hub", "image": "example.org/hub:9", "state": state, **more.pop("own", {})}
    return {
        "metadata": {"name": "hub-1", "creationTimestamp": made, "labels": {"component": "hub"}},
        "status": {"containerStatuses": [status] if state is not None else [], **more},
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def event(reason: str, message: str, name: str = "hub-1") -> dict[str, Any]:
    about = {"kind": "Pod", "name": name}
    return {"involvedObject": about, "reason": reason, "message": message, "lastTimestamp": OLD}


def find(deployment: dict[str, Any], *pods: Any, **objects: Any) -> list[Finding]:
    return look(
        "doctor.workloads", of_cluster(deployments=(deployment, PROXY), pods=pods, **objects)
    )


MISSING = "couldn't find key crypt-keys in Secret hub/jupyterhub-platform"
NO_MAP = 'MountVolume.SetUp failed: configmap "jupyterhub-platform" not found'


@pytest.mark.parametrize(
    ("found", "words", "fix"),
    [
        (pod(waiting("CreateContainerConfigError", MISSING)), MISSING, "Secret or ConfigMap"),
        (pod(waiting("ImagePullBackOff", "Back-off pulling")), "Back-off", "Correct the image"),
        (pod(waiting("ErrImageNeverPull")), "example.org/hub:9", "Correct the image"),
        (pod(waiting("InvalidImageName", "bad")), "InvalidImageName", "Correct the image"),
        (pod(waiting("RunContainerError", "no such file")), "no such file", "describe pod hub-1"),
        (
            pod(
                waiting("CrashLoopBackOff", "back-off"),
                own={
                    "restartCount": 7,
                    "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
                },
            ),
            "7 times by now: OOMKilled, exit code 137.",
            "kubectl logs hub-1 --namespace hub --container hub --previous",
        ),
        (pod({"terminated": {"reason": "Error", "exitCode": 1}}), "exit code 1", "logs hub-1"),
        (
            pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]),
            "is given no node: 0/3 nodes",
            "describe pod hub-1",
        ),
        (pod(waiting("ContainerCreating")), "waits for its containers since", "describe pod"),
        (pod({"running": {"startedAt": OLD}}, own={"ready": False}), "is not ready", "logs hub-1"),
    ],
)
def test_a_hub_that_does_not_run_is_seen_with_its_cause(
    found: dict[str, Any], words: str, fix: str
) -> None:
    (finding,) = find(hub(), found)
    assert finding.status is FAILED
    assert words in finding.what
    assert fix in finding.fix
    assert finding.why.startswith("Users cannot log in")


def test_an_init_container_counts_too() -> None:
    found = pod(waiting("PodInitializing"))
    found["status"]["initContainerStatuses"] = [
        {"name": "init", "image": "x", "state": waiting("ErrImagePull", "denied")}
    ]
    (finding,) = find(hub(), found)
    assert "denied" in finding.what


def test_a_volume_that_cannot_be_mounted_is_said_by_its_event() -> None:
    found = pod(waiting("ContainerCreating"))
    events = (event("FailedMount", NO_MAP), event("Failed", "of another", "other"))
    (finding,) = find(hub(), found, events=events)
    assert (finding.status, NO_MAP in finding.what) == (FAILED, True)
    assert "Secret or ConfigMap" in finding.fix
    facts = of_cluster(deployments=(hub(), PROXY), pods=(found,), unread="events")
    (finding,) = look("doctor.workloads", facts)
    assert "events may not be read (403)" in finding.what


@pytest.mark.parametrize(
    ("deployment", "words"),
    [
        (hub(spec={"replicas": 0}), "is scaled to zero"),
        (hub(), "has no pod that is ready"),
        (
            hub(
                conditions=[
                    {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: most"}
                ]
            ),
            "can be made: exceeded quota: most",
        ),
        (
            hub(
                conditions=[
                    {"type": "Progressing", "status": "False", "message": "has timed out"},
                ]
            ),
            "does not end: has timed out",
        ),
    ],
)
def test_a_deployment_without_pods_is_seen(deployment: dict[str, Any], words: str) -> None:
    (finding,) = find(deployment)
    assert (finding.status, words in finding.what) == (FAILED, True)


def test_a_rollout_that_is_stuck_beside_an_old_pod_is_a_warning() -> None:
    old = pod({"running": {"startedAt": OLD}}, own={"ready": True})
    (finding,) = find(hub(available=1), old, pod(waiting("ErrImagePull", "not found")))
    assert (finding.status, "An older pod still runs." in finding.what) == (WARNING, True)


@pytest.mark.parametrize(
    "found",
    [
        pod(waiting("ContainerCreating"), made=NEW),
        pod({"running": {"startedAt": NEW}}, own={"ready": False}),
    ],
)
def test_a_hub_that_only_starts_is_a_warning(found: dict[str, Any]) -> None:
    (finding,) = find(hub(), found)
    assert finding.status is WARNING


def test_a_hub_that_was_restarted_lately_is_a_warning() -> None:
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": NEW}}
    running = {"running": {"startedAt": NEW}}
    (finding,) = find(hub(available=1), pod(running, own={"ready": True, "lastState": ended}))
    assert (finding.status, "OOMKilled" in finding.what) == (WARNING, True)
    # It is this very pod that runs, and users can log in.
    assert finding.what.endswith("It is ready by now.")
    assert "older pod" not in finding.what
    assert finding.why.startswith("It may end again.")


def test_advice_names_the_steps_of_the_readme() -> None:
    (finding,) = find(hub(), pod(waiting("CreateContainerConfigError", "no key")))
    first, second = re.findall(r"\d+", finding.fix.partition("as steps")[2].partition(" of ")[0])
    steps = dict(re.findall(r"^(\d+)\. \*\*(.+?)\*\*", README.read_text(), re.MULTILINE))
    assert (steps[first], steps[second]) == ("The policy", "The secrets")


def test_ended_and_ending_pods_are_ignored() -> None:
    evicted = pod(waiting("ErrImagePull"), phase="Failed")
    leaving = pod(waiting("ErrImagePull"))
    leaving["metadata"]["deletionTimestamp"] = NEW
    well = pod({"running": {"startedAt": OLD}}, own={"ready": True})
    assert find(hub(available=1), evicted, leaving, well) == []


def test_a_change_that_no_controller_has_observed_is_unknown() -> None:
    (finding,) = find(hub(available=1, observedGeneration=0))
    assert finding.status is UNKNOWN


@pytest.mark.parametrize("kind", ["pods", "deployments"])
def test_unreadable_workloads_are_unknown(kind: str) -> None:
    (finding,) = look("doctor.workloads", of_cluster(unread=kind))
    assert finding.status is UNKNOWN


def test_a_namespace_without_a_hub_is_not_said_to_run_one() -> None:
    (finding,) = look("doctor.workloads", of_cluster(deployments=()))
    assert finding.status is UNKNOWN


@pytest.mark.parametrize(
    "kind",
    [
        *("pods", "nodes", "leases", "resourcequotas", "networkpolicies", "namespaces"),
        *("storageclasses", "limitranges", "deployments", "serviceaccounts"),
    ],
)
def test_in_the_pod_of_the_hub_no_fix_widens_its_rights(kind: str) -> None:
    well = of_cluster()
    assert well.cluster is not None
    unread = Objects((), "may not be read (403)", as_hub=True)
    cluster = replace(well.cluster, objects={**well.cluster.objects, kind: unread})
    results = examine(replace(well, cluster=cluster))
    fixes = [each.fix for result in results for each in result.findings]
    assert any("outside of the Hub's pod" in fix for fix in fixes)
    assert not any("clusterrolebinding" in fix for fix in fixes)
