"""Checks that tiers' devices can be claimed, by templates that give as many as quotas count."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.core.pods import Device
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import (
    Finding,
    describe_tiers,
    failed,
    unread,
    warning,
)
from jupyterhub_platform.deploy.doctor.rules.scheduling import name_of

_NEVER: Final = "No server of that tier ever starts: its pod waits for a claim."
_EXACT: Final = "ExactCount"


def check_devices(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which claims of devices cannot be made, or give another number than is counted."""
    cluster, policy = facts.cluster, facts.policy
    if cluster is None or policy is None:
        return
    claimed = list(_list_claimed(policy))
    if not claimed:
        return
    served, templates = cluster.of("deviceapi"), cluster.of("resourceclaimtemplates")
    yield from unread("The versions of resource.k8s.io", served, _NEVER)
    yield from unread("ResourceClaimTemplates", templates, _NEVER)
    if not served.listed and not served.unread:
        yield _find_unserved(sorted({tier for tier, _ in claimed}))
    elif not templates.unread:
        known = {name_of(each): each for each in templates.listed}
        for tier, device in claimed:
            yield from _check_claim(tier, device, known.get(device.template), cluster.namespace)
        for name in sorted({device.template for _, device in claimed} & set(known)):
            yield from _check_template(known[name])
        used = [known[device.template] for _, device in claimed if device.template in known]
        yield from _check_classes(used, cluster)


def _list_claimed(policy: Policy) -> Iterator[tuple[str, Device]]:
    for tier in policy.tiers.values():
        for device in tier.pod.devices:
            yield tier.name, device


def _find_unserved(tiers: list[str]) -> Finding:
    return failed(
        "The API server does not serve resource.k8s.io/v1, and servers of "
        f"{describe_tiers(tiers)} claim devices.",
        "Their pods lose their claims, or wait for ever.",
        "Upgrade the cluster to Kubernetes 1.34 or newer; or ask for devices of a device plugin "
        f"in tiers.{tiers[0]}.requests of the policy, and remove devices there.",
    )


def _check_claim(
    tier: str, device: Device, template: Manifest | None, namespace: str
) -> Iterator[Finding]:
    at = f"devices of tiers.{tier} in the policy"
    if template is None:
        yield failed(
            f"There is no ResourceClaimTemplate {device.template}, which tier {tier} names.",
            _NEVER,
            f"kubectl create --namespace {namespace} -f FILE, with a ResourceClaimTemplate "
            f"{device.template}; or correct the name under {at}.",
        )
        return
    given = _count(template)
    if given is None:
        yield failed(
            f"How many devices the ResourceClaimTemplate {device.template} gives is not fixed, "
            f"and tier {tier} counts {device.count}.",
            "Quotas count another number than servers get.",
            f"kubectl get --namespace {namespace} resourceclaimtemplate {device.template} -o yaml: "
            f"make one with allocationMode {_EXACT} and one count for all alternatives, and name "
            f"it under {at}.",
        )
    elif given != device.count:
        yield failed(
            f"The ResourceClaimTemplate {device.template} gives {given} for each claim, and tier "
            f"{tier} counts {device.count} ({device.resource}).",
            "Quotas count another number than servers get.",
            f"Write count: {given} at {device.name} under {at}, or name another template there.",
        )


def _count(template: Manifest) -> int | None:
    """Return how many devices a claim gives; ``None`` if that depends on the node."""
    total = 0
    for request in _requests(template):
        counts = {_count_request(each) for each in _alternatives(request)}
        if len(counts) != 1 or None in counts:
            return None
        total += counts.pop() or 0
    return total


def _count_request(request: Manifest) -> int | None:
    # The API server fills both in; what is read is trusted to be as it says.
    exact = request.get("allocationMode", _EXACT) == _EXACT
    return int(request.get("count", 1)) if exact else None


def _requests(template: Manifest) -> tuple[Manifest, ...]:
    return items(part(template, "spec", "spec", "devices"), "requests")


def _alternatives(request: Manifest) -> tuple[Manifest, ...]:
    return items(request, "firstAvailable") or (part(request, "exactly"),)


def _check_template(template: Manifest) -> Iterator[Finding]:
    requests = [part(each, "exactly") for each in _requests(template)]
    name = name_of(template)
    if any(each.get("adminAccess") for each in requests):
        yield failed(
            f"The ResourceClaimTemplate {name} asks for adminAccess.",
            "Servers get devices that others use at the same time, and see what these do there.",
            f"Make one without adminAccess, and name it instead of {name} in the policy.",
        )
    classes = sorted({str(each.get("deviceClassName")) for each in requests if each})
    if len(classes) > 1:
        yield warning(
            f"The ResourceClaimTemplate {name} gives devices of {len(classes)} classes: "
            f"{', '.join(classes)}.",
            "Quotas count all of them as the same resource.",
            "Make a template for each class, and an entry under devices for each template.",
        )


def _check_classes(templates: Iterable[Manifest], cluster: Cluster) -> Iterator[Finding]:
    classes = cluster.of("deviceclasses")
    yield from unread("Device classes", classes, _NEVER)
    if classes.unread:
        return
    known = {name_of(each) for each in classes.listed}
    missing: Mapping[str, str] = {
        str(each.get("deviceClassName")): name_of(template)
        for template in templates
        for request in _requests(template)
        for each in _alternatives(request)
        if each.get("deviceClassName") not in known
    }
    for name, template in sorted(missing.items()):
        yield failed(
            f"There is no device class {name}, which the ResourceClaimTemplate {template} names.",
            _NEVER,
            "Install the driver of these devices, which brings it; kubectl get deviceclasses has "
            "those that are there.",
        )
