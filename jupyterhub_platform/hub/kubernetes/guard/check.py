"""The last check of a pod, after every hook: it asks for no more than was reserved.

Hooks, overrides and extra containers belong to the operator, not to users. They are still checked:
their additions would be used without being counted, or would give a server its node.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from jupyterhub_platform.core import manifests
from jupyterhub_platform.core.manifests import Manifest, containers, items, part
from jupyterhub_platform.core.pods import Device, count_devices
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.resource_names import SERVERS, is_indivisible
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.kubernetes.guard.forbidden_fields import find_forbidden
from jupyterhub_platform.hub.kubernetes.guard.own_volumes import find_changed_volumes
from jupyterhub_platform.hub.kubernetes.guard.security_context import find_annotated
from jupyterhub_platform.hub.kubernetes.manifest.device_claims import find_changed, find_foreign
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK

EXCEEDS: Final = "pod.exceeds_reservation"
FORBIDDEN: Final = "pod.forbidden_field"
CHANGED: Final = "pod.changed"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a pod may be.

    Attributes
    ----------
    reserved, limits
        What its requests and its limits may add up to.
    image
        The reference that the server's own container starts.
    name, labels, annotations
        The name and labels that the Hub finds its pod by, and Services and network policies select.
    service_account
        The service account that it may act as; empty for none of its own.
    hub_account
        The one that it may never act as, whatever else is allowed; empty if unknown.
    volumes, mounts
        The platform's own volumes, and their mounts in the server.
    devices
        What it must claim. Their resources are in ``reserved``, and no container requests them.
    fields
        Paths of forbidden fields that the operator allows.
    """

    reserved: Resources
    limits: Resources
    image: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    service_account: str = ""
    hub_account: str = ""
    volumes: tuple[Manifest, ...] = ()
    mounts: tuple[Manifest, ...] = ()
    devices: tuple[Device, ...] = ()
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation of a pod's allowance: a stable code, the place, and the text."""

    code: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def check_pod(manifest: Manifest, allowance: Allowance) -> tuple[Violation, ...]:
    """Return every way in which a pod exceeds its allowance; empty if it may be created."""
    spec = part(manifest, "spec")
    resources = [Violation(EXCEEDS, path, what) for path, what in manifests.unreadable(spec)] or [
        *_find_exceeding(spec, allowance),
        *_unlimited(spec, allowance),
    ]
    forbidden = [
        Violation(FORBIDDEN, path, what)
        for path, what in (
            *find_annotated(part(manifest, "metadata")),
            *find_forbidden(spec, allowance.service_account, allowance.volumes),
            *find_foreign(spec, allowance.devices),
        )
        if path not in allowance.fields
    ]
    own = _acts_as_hub(spec, allowance.hub_account)
    return (*resources, *own, *forbidden, *_changed(manifest, allowance))


def _acts_as_hub(spec: Manifest, account: str) -> Iterator[Violation]:
    """Yield that a pod would run as the Hub, which may create and delete every user's pods.

    No field that the operator allows changes that: a token, or a cloud role that is bound to the
    account, would give the server's owner the Hub's power.
    """
    named = [spec[key] for key in ("serviceAccountName", "serviceAccount") if spec.get(key)]
    if account and account in (named or ["default"]):
        what = f"is the service account of the Hub itself, {account!a}; servers need another"
        yield Violation(FORBIDDEN, "spec.serviceAccountName", what)


def _find_exceeding(spec: Manifest, allowance: Allowance) -> Iterator[Violation]:
    """Yield every resource that the pod requests too much of."""
    pod = part(spec, "resources")
    claimed = count_devices(allowance.devices)
    for name in sorted(manifests.names_in(spec)):
        wanted = manifests.total(spec, name, manifests.request_of)
        wanted = max(wanted, manifests.request_of(pod, name))
        # The claims use up what was reserved for them.
        reserved = allowance.reserved.amount(name) - claimed.get(name, 0)
        if wanted > reserved:
            yield _make_violation(name, "requests", wanted, reserved, "reserved")
        if name not in allowance.limits:
            continue  # without a limit of the tier, only the requests are bounded
        used = manifests.total(spec, name, manifests.limit_of)
        used = max(used, manifests.limit_of(pod, name) or 0)
        if used > allowance.limits[name]:
            maximum = allowance.limits[name]
            yield _make_violation(name, "limits", used, maximum, "the limit of the tier")


def _make_violation(name: str, kind: str, asked: int, maximum: int, means: str) -> Violation:
    what = f"{describe_amount(name, asked)} asked for, {describe_amount(name, maximum)} {means}"
    return Violation(EXCEEDS, f"spec.{kind}.{name}", what)


def _unlimited(spec: Manifest, allowance: Allowance) -> Iterator[Violation]:
    """Yield every container that may use more of a resource than the tier gives the whole pod."""
    for path, container in containers(spec):
        for name, maximum in allowance.limits.items():
            if name == SERVERS or is_indivisible(name):
                continue  # a container gets none of these unless it asks
            if manifests.limit_of(part(container, "resources"), name) is None:
                what = f"no limit, and {describe_amount(name, maximum)} is the limit of the tier"
                yield Violation(EXCEEDS, f"{path}.resources.limits.{name}", what)


def _changed(manifest: Manifest, allowance: Allowance) -> Iterator[Violation]:
    """Yield what makes this another pod than the one that was admitted."""
    own = [
        one for one in items(part(manifest, "spec"), "containers") if one.get("name") == NOTEBOOK
    ]
    if len(own) != 1:
        yield Violation(CHANGED, "spec.containers", f"{len(own)} are named {NOTEBOOK}, not one")
    spec = part(manifest, "spec")
    for path, what in (
        *find_changed(spec, allowance.devices),
        *find_changed_volumes(spec, allowance.volumes, allowance.mounts),
    ):
        yield Violation(CHANGED, path, what)
    for one in own:
        if one.get("image") != allowance.image:
            what = f"{one.get('image')!a} is not the admitted {allowance.image!a}"
            yield Violation(CHANGED, f"spec.containers[{NOTEBOOK}].image", what)
    metadata = part(manifest, "metadata")
    if metadata.get("name") != allowance.name:
        what = f"{metadata.get('name')!a} is not {allowance.name!a}, by which the Hub finds it"
        yield Violation(CHANGED, "metadata.name", what)
    for key, marks in (("labels", allowance.labels), ("annotations", allowance.annotations)):
        found = part(metadata, key)
        for name, value in marks.items():
            if found.get(name) != value:
                what = "is not what the Hub wrote"
                yield Violation(CHANGED, f"metadata.{key}[{name}]", what)
