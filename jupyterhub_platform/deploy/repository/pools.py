"""Node pools as they are answered: ``m6i.4xlarge x 10, 8 CPU 32Gi 1 GPU x 2``."""

import re
from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.errors import PlatformError, QuantityError
from jupyterhub_platform.core.node_capacity import GPU, find_instance
from jupyterhub_platform.core.quantities import parse_quantity
from jupyterhub_platform.core.resource_names import CPU, MEMORY
from jupyterhub_platform.core.resources import Resources

_POOL: Final = re.compile(
    r"(?:(?P<instance>[a-z0-9-]+\.[a-z0-9]+)|(?P<cpu>[\d.]+m?)\s*cpu\s+(?P<memory>[\d.]+[KMGT]i?)"
    r"(?:\s+(?P<gpus>\d+)\s*gpu)?)\s*x\s*(?P<nodes>\d{1,5})",
    re.IGNORECASE,
)


class AnswerError(PlatformError):
    """Raised if an answer cannot be taken; says what is wrong, and what could be answered."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes of one size: what each is sold as, and how many there may be."""

    name: str
    capacity: Resources
    nodes: int
    instance: str = ""


def read_pools(text: str) -> tuple[Pool, ...]:
    """Read node pools: ``m6i.4xlarge x 10, 16 CPU 64Gi 1 GPU x 4``.

    Raises
    ------
    AnswerError
        Raised if one is no pool, or of an instance whose size is not known here.
    """
    pools: list[Pool] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        found = _POOL.fullmatch(part)
        if not found:
            raise AnswerError(
                f"“{part}” is not a pool. Answer m6i.4xlarge x 10, or 16 CPU 64Gi x 10, or "
                "8 CPU 32Gi 1 GPU x 2; several with commas."
            )
        instance = (found["instance"] or "").lower()
        capacity = find_instance(instance) if instance else _read_capacity(found)
        if capacity is None:
            raise AnswerError(
                f"The size of {instance} is not known here. Answer it as CPU CPU MEMORY x NODES, "
                "such as 16 CPU 64Gi x 10."
            )
        has_gpu = bool(capacity.amount(GPU))
        kind = "gpu" if has_gpu else "cpu"
        number = sum(each.name.startswith(kind) for each in pools)
        name = kind if not number else f"{kind}{number + 1}"
        pools.append(Pool(name, capacity, max(1, int(found["nodes"])), instance))
    if not pools:
        raise AnswerError("Name at least one pool, such as 16 CPU 64Gi x 10.")
    return tuple(pools)


def _read_capacity(found: re.Match[str]) -> Resources:
    try:
        amounts = {
            CPU: parse_quantity(found["cpu"], CPU),
            MEMORY: parse_quantity(found["memory"], MEMORY),
        }
    except QuantityError as error:
        raise AnswerError(f"{error}.") from None
    if found["gpus"]:
        amounts[GPU] = int(found["gpus"])
    return Resources.of(amounts)
