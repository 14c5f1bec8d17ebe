"""Claims of devices: a pod has the admitted ones, for the server's own container alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kubernetes_asyncio.client import V1PodResourceClaim

from jupyterhub_platform.core.manifests import Manifest, containers, part
from jupyterhub_platform.core.pods import Device
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK

_OWN: Final = f"spec.containers[{NOTEBOOK}]"
_UNRESERVED: Final = "claims devices that nothing reserved"


def add_claims(spec: Any, container: Any, devices: Sequence[Device]) -> None:
    """Let a pod claim its ``devices``, and the server's ``container`` use them."""
    if not devices:
        return
    spec.resource_claims = [
        *(spec.resource_claims or ()),
        *(
            V1PodResourceClaim(name=each.name, resource_claim_template_name=each.template)
            for each in devices
        ),
    ]
    # A plain mapping: each of the client's releases has renamed the class for it.
    used = [{"name": each.name} for each in devices]
    resources = container.resources
    if isinstance(resources, Mapping):
        container.resources = {**resources, "claims": [*(resources.get("claims") or ()), *used]}
    else:
        resources.claims = [*(resources.claims or ()), *used]


def find_changed(spec: Manifest, devices: Sequence[Device]) -> Iterator[tuple[str, str]]:
    """Yield where claims of ``devices`` are missing, or differ from the admitted ones."""
    own = [one for path, one in containers(spec) if path == _OWN]
    for device in devices:
        admitted = {"name": device.name, "resourceClaimTemplateName": device.template}
        if _named(spec, "resourceClaims", device.name) != [admitted]:
            what = f"is not one claim from the admitted template {device.template!a}"
            yield f"spec.resourceClaims[{device.name}]", what
        # If a request is named beside it, a container gets only a part of the claim.
        whole = [{"name": device.name}]
        if any(_named(part(one, "resources"), "claims", device.name) != whole for one in own):
            yield f"{_OWN}.resources.claims[{device.name}]", "is not the admitted claim, once"


def find_foreign(spec: Manifest, devices: Sequence[Device]) -> Iterator[tuple[str, str]]:
    """Yield the path of every claim that is not one of ``devices``, and of every other use of one.

    A tier gives a device to one user. A second container could use its memory unseen, and see what
    the user has there.
    """
    admitted = {device.name for device in devices}
    for name in _names(spec, "resourceClaims"):
        if name not in admitted:
            yield f"spec.resourceClaims[{name}]", _UNRESERVED
    places = [(path, part(one, "resources")) for path, one in containers(spec)]
    for path, resources in (*places, ("spec", part(spec, "resources"))):
        for name in _names(resources, "claims"):
            if name not in admitted:
                yield f"{path}.resources.claims[{name}]", _UNRESERVED
            elif path != _OWN:
                yield f"{path}.resources.claims[{name}]", "uses what is the server's own"


def _named(holder: Manifest, key: str, name: str) -> list[Any]:
    return [each for each in _list(holder, key) if _name(each) == name]


def _names(holder: Manifest, key: str) -> list[str]:
    return [_name(each) for each in _list(holder, key)]


def _list(holder: Manifest, key: str) -> list[Any]:
    """Return a list as it is; a value in place of a list counts as its only entry."""
    found = holder.get(key)
    if isinstance(found, list | tuple):
        return list(found)
    return [found] if found else []


def _name(claim: Any) -> str:
    return str(claim.get("name", "")) if isinstance(claim, Mapping) else ""
