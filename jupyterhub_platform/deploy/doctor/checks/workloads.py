"""Checks that Hub and proxy run at all, and finds what keeps their pods from it."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.core.times import describe_second, read_stored
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unknown, unread, warning
from jupyterhub_platform.deploy.doctor.rules.hub_pod import find_hub, labels_of
from jupyterhub_platform.deploy.doctor.rules.network_rules import selects
from jupyterhub_platform.deploy.doctor.rules.scheduling import name_of

COMPONENTS: Final[Mapping[str, str]] = {
    "hub": "Users cannot log in or start servers. Running servers are not affected.",
    "proxy": "Users cannot reach the Hub or a server.",
    "autohttps": "Users cannot reach the Hub or a server by HTTPS.",
    "user-scheduler": "No server is given a node: all of them wait.",
}
"""The Deployments of Zero to JupyterHub, and what it means that one does not run."""

_GRACE: Final = timedelta(seconds=90)
_RESTARTED_LATELY: Final = timedelta(minutes=10)
_MAX_MESSAGE_LENGTH: Final = 300
_WAITS_WELL: Final = frozenset({"ContainerCreating", "PodInitializing", ""})
_IMAGE: Final = frozenset(
    {
        *("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"),
        *("ImageInspectError", "RegistryUnavailable"),
    }
)
_CONFIG: Final = frozenset({"CreateContainerConfigError", "FailedMount"})
_ENDED: Final = frozenset({"Succeeded", "Failed"})


class PodTrouble(NamedTuple):
    """What keeps a pod from running, and what to do.

    It ``passes`` if it may be over by itself, and ``is_over`` if the pod is ready by now.
    """

    what: str
    fix: str
    passes: bool = False
    is_over: bool = False


def check_workloads(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which Deployments of the platform have no pod that runs, and why."""
    cluster = facts.cluster
    if cluster is None:
        return
    deployments, pods = cluster.of("deployments"), cluster.of("pods")
    why = "Whether Hub and proxy run cannot be told."
    yield from unread("Deployments", deployments, why)
    yield from unread("Pods", pods, why)
    if find_hub(deployments.listed) is None and not deployments.unread:
        yield unknown(
            f"There is no Deployment with the label component=hub in {cluster.namespace}.",
            why,
            "Name the namespace that the Hub is in: --namespace NAME",
        )
    own = [each for each in deployments.listed if _component(each) in COMPONENTS]
    for deployment in sorted(own, key=lambda each: list(COMPONENTS).index(_component(each))):
        yield from _check_deployment(deployment, cluster)


def _component(deployment: Manifest) -> str:
    return str(labels_of(deployment).get("component", ""))


def _check_deployment(deployment: Manifest, cluster: Cluster) -> Iterator[Finding]:
    name, namespace = name_of(deployment), cluster.namespace
    why = COMPONENTS[_component(deployment)]
    spec, status = part(deployment, "spec"), part(deployment, "status")
    wanted, runs = spec.get("replicas", 1), status.get("availableReplicas", 0)
    if wanted == 0:
        fix = f"kubectl scale deployment {name} --namespace {namespace} --replicas=1"
        yield failed(f"The Deployment {name} is scaled to zero.", why, fix)
        return
    make = failed if runs < 1 else warning
    beside = "" if runs < 1 else " An older pod still runs."
    troubles = list(_find_troubles(deployment, cluster))
    for trouble in troubles:
        if trouble.is_over:
            yield warning(
                trouble.what, f"It may end again. While it does not run: {why}", trouble.fix
            )
            continue
        what = f"{trouble.what}{beside}"
        yield (warning if trouble.passes else make)(what, why, trouble.fix)
    if troubles:
        return
    conditions = {str(each.get("type")): each for each in items(status, "conditions")}
    look = f"kubectl describe deployment {name} --namespace {namespace}"
    progressing = conditions.get("Progressing", {})
    if conditions.get("ReplicaFailure", {}).get("status") == "True":
        message = _shorten(conditions["ReplicaFailure"].get("message"))
        yield make(f"No pod of the Deployment {name} can be made: {message}.{beside}", why, look)
    elif progressing.get("status") == "False":
        message = _shorten(progressing.get("message"))
        end = f"does not end: {message}.{beside}"
        yield make(f"The rollout of the Deployment {name} {end}", why, look)
    elif status.get("observedGeneration", 0) < part(deployment, "metadata").get("generation", 0):
        what = f"The cluster has not processed the latest change of the Deployment {name}."
        yield unknown(what, why, f"{look}; the controller manager of the cluster may not run.")
    elif runs < 1 and not cluster.of("pods").unread:
        yield failed(f"The Deployment {name} has no pod that is ready.", why, look)
    elif runs < 1:
        yield unknown(
            f"Why the Deployment {name} has no pod that is ready is not known.", why, look
        )


def _find_troubles(deployment: Manifest, cluster: Cluster) -> Iterator[PodTrouble]:
    selector = part(deployment, "spec", "selector") or {"matchLabels": labels_of(deployment)}
    for pod in cluster.of("pods").listed:
        metadata = part(pod, "metadata")
        if (
            selects(selector, part(metadata, "labels"))
            and not metadata.get("deletionTimestamp")
            and part(pod, "status").get("phase") not in _ENDED
        ):
            trouble = _find_trouble(pod, cluster)
            if trouble is not None:
                yield trouble


def _find_trouble(pod: Manifest, cluster: Cluster) -> PodTrouble | None:
    status = part(pod, "status")
    containers = (*items(status, "initContainerStatuses"), *items(status, "containerStatuses"))
    for container in containers:
        trouble = _find_in_container(pod, container, cluster)
        if trouble is not None:
            return trouble
    conditions = {str(each.get("type")): each for each in items(status, "conditions")}
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        what = f"Pod {name_of(pod)} is given no node: {_shorten(scheduled.get('message'))}."
        fix = f"kubectl describe pod {_name_in_namespace(pod, cluster)}, and the nodes."
        since = _read_time(scheduled.get("lastTransitionTime"))
        return PodTrouble(what, fix, passes=_is_young(since, cluster))
    if any("waiting" in part(each, "state") for each in containers) or not containers:
        return _find_hold_up(pod, cluster)
    return _find_unready(pod, containers, cluster)


def _find_in_container(pod: Manifest, container: Manifest, cluster: Cluster) -> PodTrouble | None:
    name, at = container.get("name"), _name_in_namespace(pod, cluster)
    waiting = part(container, "state", "waiting")
    reason = str(waiting.get("reason", ""))
    ended = part(container, "state", "terminated") or part(container, "lastState", "terminated")
    what = f"Pod {name_of(pod)} does not run ({reason})"
    message = _shorten(waiting.get("message"))
    if reason == "CrashLoopBackOff":
        return PodTrouble(
            f"Container {name} of pod {name_of(pod)} ends as soon as it starts, "
            f"{container.get('restartCount', 0)} times by now: {_describe_end(ended)}.",
            f"kubectl logs {at} --container {name} --previous",
        )
    if reason in _CONFIG:
        return PodTrouble(f"{what}: {message}.", _fix_of_config(at))
    if reason in _IMAGE:
        return PodTrouble(
            f"{what}: {message or container.get('image')}.",
            f"Correct the image of {name} in your values, or put it where the node finds it, with "
            f"a pull secret if it takes one. kubectl describe pod {at}",
        )
    if reason not in _WAITS_WELL:
        return PodTrouble(f"{what}: {message}.", f"kubectl describe pod {at}")
    failed_now = part(container, "state", "terminated")
    if failed_now and failed_now.get("exitCode") != 0:
        return PodTrouble(
            f"Container {name} of pod {name_of(pod)} has ended: {_describe_end(failed_now)}.",
            f"kubectl logs {at} --container {name}",
        )
    return None


def _fix_of_config(at: str) -> str:
    return (
        "Add what is missing to the Secret or ConfigMap that is named, as steps 4 and 5 of "
        f"helm-values/README.md say; the pod then starts by itself. kubectl describe pod {at}"
    )


def _find_hold_up(pod: Manifest, cluster: Cluster) -> PodTrouble | None:
    """Say why a container is not made, which only events tell: a volume, the network."""
    events = cluster.of("events")
    about = [
        each
        for each in events.listed
        if part(each, "involvedObject").get("name") == name_of(pod)
        and part(each, "involvedObject").get("uid") in {None, part(pod, "metadata").get("uid")}
    ]
    if about:
        last = max(about, key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime")))
        what = f"Pod {name_of(pod)} does not run ({last.get('reason')}): "
        at = _name_in_namespace(pod, cluster)
        is_config = last.get("reason") in _CONFIG
        fix = _fix_of_config(at) if is_config else f"kubectl describe pod {at}"
        return PodTrouble(f"{what}{_shorten(last.get('message'))}.", fix)
    since = _read_time(part(pod, "metadata").get("creationTimestamp"))
    what = f"Pod {name_of(pod)} waits for its containers since {_describe_time(since)}"
    what += f", and why is not known: events {events.unread}" if events.unread else ""
    fix = f"kubectl describe pod {_name_in_namespace(pod, cluster)}"
    return PodTrouble(f"{what}.", fix, passes=_is_young(since, cluster))


def _find_unready(
    pod: Manifest, containers: tuple[Manifest, ...], cluster: Cluster
) -> PodTrouble | None:
    for container in containers:
        name, at = container.get("name"), _name_in_namespace(pod, cluster)
        running = part(container, "state", "running")
        if running and not container.get("ready", True):
            since = _read_time(running.get("startedAt"))
            return PodTrouble(
                f"Container {name} of pod {name_of(pod)} runs since {_describe_time(since)} and "
                "is not "
                "ready.",
                f"kubectl logs {at} --container {name}",
                passes=_is_young(since, cluster),
            )
        ended = part(container, "lastState", "terminated")
        at_end = _read_time(ended.get("finishedAt"))
        now = cluster.answered_at
        if running and at_end and now and now - at_end < _RESTARTED_LATELY:
            return PodTrouble(
                f"Container {name} of pod {name_of(pod)} was restarted at "
                f"{_describe_time(at_end)}: "
                f"{_describe_end(ended)}. It is ready by now.",
                f"kubectl logs {at} --container {name} --previous",
                is_over=True,
            )
    return None


def _is_young(since: datetime | None, cluster: Cluster) -> bool:
    now = cluster.answered_at
    return since is not None and now is not None and now - since < _GRACE


def _read_time(text: object) -> datetime | None:
    try:
        return read_stored(str(text))
    except (ValueError, OverflowError):
        return None


def _describe_time(at: datetime | None) -> str:
    return describe_second(at) if at else "an unknown time"


def _describe_end(ended: Manifest) -> str:
    reason, code = ended.get("reason", "Error"), ended.get("exitCode", "unknown")
    message = _shorten(ended.get("message"))
    return f"{reason}, exit code {code}" + (f": {message}" if message else "")


def _name_in_namespace(pod: Manifest, cluster: Cluster) -> str:
    return f"{name_of(pod)} --namespace {cluster.namespace}"


def _shorten(text: object) -> str:
    return " ".join(str(text or "").split())[:_MAX_MESSAGE_LENGTH].rstrip(".")
