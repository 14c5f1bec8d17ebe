"""What a node leaves for servers, also of a pool that has none at the moment.

For Amazon EKS it is the formula of its images: the kubelet reserves by the number of pods that a
node may run, which follows from its network interfaces (AL2023's nodeadm; "Reserve compute
resources" in the EKS best practices). Elsewhere a share of the node is left to the system.
"""

import re
from collections.abc import Mapping
from typing import Final

from jupyterhub_platform.core.quantities import parse_quantity
from jupyterhub_platform.core.resource_names import CPU, MEMORY
from jupyterhub_platform.core.resources import Resources

GPU: Final = "nvidia.com/gpu"
_MI: Final = 2**20
_EVICTION: Final = 100 * _MI
_PER_NODE: Final = 255 * _MI
_PER_POD: Final = 11 * _MI
DAEMONS: Final = Resources.of({CPU: 350, MEMORY: 512 * _MI})
"""What agents of the site take on each node: networking, storage, logs, metrics."""
_ELSEWHERE: Final = Resources.of({CPU: 100, MEMORY: 512 * _MI})
# A machine's memory is less than what it is sold as: 3.5 % on the smallest that were measured.
_SEEN_PER_MILLE: Final = 965
_SHARES_OF_CORES: Final = (60, 10, 5, 5)

_PODS_BY_SIZE: Final[Mapping[str, int]] = {
    "large": 29,
    "xlarge": 58,
    "2xlarge": 58,
    "4xlarge": 234,
    "8xlarge": 234,
    "12xlarge": 234,
    "16xlarge": 737,
    "24xlarge": 737,
    "32xlarge": 737,
    "48xlarge": 737,
}
_INSTANCE: Final = re.compile(r"[a-z]+\d+[a-z-]*\.(\d*x?large|metal)")
_SIZES: Final[Mapping[str, int]] = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "12xlarge": 48,
    "16xlarge": 64,
    "24xlarge": 96,
    "48xlarge": 192,
}
_GIB_PER_CORE: Final[Mapping[str, int]] = {"c": 2, "m": 4, "r": 8, "g4dn": 4, "g5": 4, "g6": 4}
_GPUS: Final[Mapping[str, int]] = {
    "xlarge": 1,
    "2xlarge": 1,
    "4xlarge": 1,
    "8xlarge": 1,
    "12xlarge": 4,
    "16xlarge": 1,
    "24xlarge": 4,
    "48xlarge": 8,
}
_FAMILY: Final = re.compile(r"(g4dn|g5|g6|[cmr])(?:\d[a-z]*)?\.")


def find_instance(instance: str) -> Resources | None:
    """Return what an instance of AWS is sold as, for the families that platforms mostly use.

    ``None`` if it is another one: then its capacity has to be said.
    """
    family, size = _FAMILY.match(instance), instance.partition(".")[2]
    if family is None or size not in _SIZES:
        return None
    cores = _SIZES[size]
    amounts = {CPU: cores * 1000, MEMORY: cores * _GIB_PER_CORE[family[1]] * 2**30}
    if family[1].startswith("g"):
        amounts[GPU] = _GPUS.get(size, 0)
    return Resources.of(amounts)


def usable(capacity: Resources, instance: str = "") -> Resources:
    """Return what one node leaves for servers, after the kubelet, the system and daemons.

    Parameters
    ----------
    capacity
        What it is sold as: cores in thousandths, memory in bytes, devices.
    instance
        What Amazon calls it; empty elsewhere.
    """
    cores, memory = capacity.amount(CPU), capacity.amount(MEMORY)
    known = _INSTANCE.fullmatch(instance)
    if known:
        pods = _PODS_BY_SIZE.get(known[1], 234)
        memory = memory * _SEEN_PER_MILLE // 1000 - _PER_NODE - _EVICTION - _PER_POD * pods
        cores -= _reserved_cores(cores // 1000)
    else:
        memory = memory * _SEEN_PER_MILLE // 1000 - _EVICTION - _ELSEWHERE.amount(MEMORY)
        cores -= _ELSEWHERE.amount(CPU)
    left = dict(capacity)
    left[CPU] = max(0, cores - DAEMONS.amount(CPU))
    left[MEMORY] = max(0, memory - DAEMONS.amount(MEMORY))
    return Resources.of(left)


def _reserved_cores(number: int) -> int:
    rest = max(0, number - len(_SHARES_OF_CORES))
    # 2.5 thousandths of each further one, rounded up.
    return sum(_SHARES_OF_CORES[:number]) + (5 * rest + 1) // 2


def parse_capacity(amounts: Mapping[str, object]) -> Resources:
    """Return the capacity that a pool of the policy file names; it has been checked."""
    return Resources.of({name: parse_quantity(str(text), name) for name, text in amounts.items()})
