"""Checks that all that the policy names is there: accounts, classes, volumes, and images."""

from collections.abc import Iterator
from typing import Final

from jupyterhub_platform.core.manifests import items, part
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unknown, unread, warning
from jupyterhub_platform.deploy.doctor.rules.scheduling import name_of
from jupyterhub_platform.deploy.doctor.rules.service_accounts import (
    DEFAULT_ACCOUNT,
    list_service_accounts,
)


def check_names(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which objects tiers and groups name that are not there."""
    cluster, policy = facts.cluster, facts.policy
    if cluster is None or policy is None:
        return
    for kind, noun, named, create in _list_named(policy, cluster.namespace):
        if not named:
            continue
        objects = cluster.of(kind)
        yield from unread(f"Objects of the kind {noun}", objects, _WHY_NAMES)
        known = {name_of(each) for each in objects.listed}
        for name in sorted(named - known) if not objects.unread else ():
            yield failed(
                f"There is no {noun} {name}, which the policy names.",
                _WHY_NAMES,
                f"{create.format(name=name)}, or correct the name in the policy.",
            )


_WHY_NAMES: Final = "Servers that name one that is not there are refused, or wait for ever."


def _list_named(policy: Policy, namespace: str) -> Iterator[tuple[str, str, set[str], str]]:
    pods = [tier.pod for tier in policy.tiers.values()]
    shared = [
        *policy.defaults.volumes,
        *(volume for pod in pods for volume in pod.shared),
        *(volume for group in policy.groups.values() for volume in group.volumes),
    ]
    volumes = {volume.claim for volume in shared} | {pod.home.claim for pod in pods if pod.home}
    volumes -= {""}
    create = f"kubectl create --namespace {namespace}"
    accounts = set(list_service_accounts(policy)) - {DEFAULT_ACCOUNT}
    yield "serviceaccounts", "service account", accounts, f"{create} serviceaccount {{name}}"
    yield (
        *("persistentvolumeclaims", "volume claim", volumes),
        f"{create} -f FILE, with a PersistentVolumeClaim {{name}}",
    )
    yield (
        *("priorityclasses", "priority class", {pod.priority_class for pod in pods} - {""}),
        "kubectl create priorityclass {name} --value=NUMBER",
    )
    yield (
        *("runtimeclasses", "runtime class", {pod.runtime_class for pod in pods} - {""}),
        "kubectl create -f FILE, with a RuntimeClass {name}",
    )


def check_images(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out what can be known of images without pulling them."""
    cluster, policy = facts.cluster, facts.policy
    if cluster is None or policy is None:
        return
    yield from _check_secrets(cluster)
    present = {
        str(name)
        for node in cluster.of("nodes").listed
        for image in items(part(node, "status"), "images")
        for name in image.get("names") or ()
    }
    unseen = []
    for image in (each for each in policy.images.values() if each.reference):
        if "@sha256:" not in image.reference:
            yield warning(
                f"The image {image.name} is named by a tag: {image.reference}",
                "A tag can move to another image without a review, and differ from node to node.",
                f"Write images.{image.name}.reference in the policy with its digest: "
                f"{image.reference}@sha256:…; docker buildx imagetools inspect {image.reference} "
                "says it.",
            )
        if not present & _names_of(image.reference):
            unseen.append(image.reference)
    if unseen:
        yield unknown(
            f"On no node that could be read is there: {', '.join(sorted(unseen))}.",
            "Whether the cluster can pull them is known when a node tries; a node also names only "
            "its fifty largest images.",
            "Start a server with each, or add them to prePuller.extraImages of the chart and see "
            "that its pods get ready.",
        )


def _names_of(reference: str) -> frozenset[str]:
    """Return how a node may name an image: with the tag, the digest, or Docker's own registry."""
    bare, at, digest = reference.partition("@")
    registry, slash, path = bare.rpartition(":")
    untagged = registry if slash and "/" not in path else bare
    names = {reference, f"{untagged}@{digest}"} if at else {reference}
    first = bare.partition("/")[0]
    if "." in first or ":" in first or first == "localhost":
        return frozenset(names)
    official = "docker.io/" if "/" in bare else "docker.io/library/"
    return frozenset({*names, *(f"{official}{name}" for name in names)})


def _check_secrets(cluster: Cluster) -> Iterator[Finding]:
    for name, is_there in sorted(cluster.secrets.items()):
        if is_there is False:
            yield failed(
                f"There is no pull secret {name}, which a service account of servers names.",
                "Images of a registry that wants a login cannot be pulled.",
                f"kubectl create secret docker-registry {name} --namespace {cluster.namespace} "
                "--docker-server=REGISTRY --docker-username=NAME --docker-password=…",
            )
        elif is_there is None:
            yield unknown(
                f"Whether there is the pull secret {name} is not known: you may not read it.",
                "Without it, images of a registry that wants a login cannot be pulled.",
                f"kubectl get secret {name} --namespace {cluster.namespace}, as a user who may.",
            )
