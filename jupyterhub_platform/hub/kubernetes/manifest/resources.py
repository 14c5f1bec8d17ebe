"""From an admitted tier to a pod: what its containers request, and their limits.

A tier is what the whole pod gets. The requests of the operator's own sidecars are subtracted from
it, and an init container, which runs before the others, may use all of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import parse_quantity
from jupyterhub_platform.core.resource_names import CPU, MEMORY, is_indivisible
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Asked, Tier, pod_amounts
from jupyterhub_platform.usecases.admission import Admitted

REPLACED: Final = (
    *("image", "cpu_guarantee", "cpu_limit", "mem_guarantee", "mem_limit"),
    *("extra_resource_guarantees", "extra_resource_limits"),
)
"""KubeSpawner's settings whose values are the tier's."""


def notebook_of(tier: Tier, sidecars: Iterable[Mapping[str, Any]]) -> Asked:
    """Return what is left for the server's own container beside the operator's ``sidecars``.

    Sidecars that request more than the tier leave nothing; the guard then refuses the pod.
    """
    pod = pod_amounts(tier)
    requests, limits = dict(pod.requests), dict(pod.limits)
    for sidecar in sidecars:
        resources = sidecar.get("resources") or {}
        own_limits = resources.get("limits") or {}
        _take(requests, {**own_limits, **(resources.get("requests") or {})})
        # What the tier does not limit, no sidecar uses up.
        _take(limits, {name: own for name, own in own_limits.items() if name in limits})
    return Asked(Resources.of(requests), Resources.of(limits))


def _take(amounts: dict[str, int], taken: Mapping[str, Any]) -> None:
    for name, quantity in taken.items():
        try:
            amounts[name] = max(amounts.get(name, 0) - parse_quantity(quantity, name), 0)
        except QuantityError:
            continue  # the guard says so, with the place
        if amounts[name] == 0 and is_indivisible(name):
            del amounts[name]


def traits_of(admitted: Admitted, sidecars: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return KubeSpawner's own settings for an admitted start; each replaces what was set.

    Its units are cores and bytes, zero for none, and end up in environment variables such as
    ``MEM_LIMIT``. The exact quantities for the pod go into its extra resources, which override
    those.
    """
    asked = notebook_of(admitted.tier, sidecars)
    return {
        "image": admitted.image.reference,
        "cpu_guarantee": asked.requests.amount(CPU) / 1000,
        "cpu_limit": asked.limits.amount(CPU) / 1000,
        "mem_guarantee": asked.requests.amount(MEMORY),
        "mem_limit": asked.limits.amount(MEMORY),
        "extra_resource_guarantees": asked.requests.render(),
        "extra_resource_limits": asked.limits.render(),
    }
