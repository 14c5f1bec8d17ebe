"""Names of resources: which are the platform's and Kubernetes' own, and how each is counted."""

from typing import Final

SERVERS: Final = "servers"
CPU: Final = "cpu"
MEMORY: Final = "memory"
HUGEPAGES: Final = "hugepages-"

_STORAGE_NAMES: Final = frozenset({MEMORY, "ephemeral-storage"})


def is_accelerator(name: str) -> bool:
    """Tell whether ``name`` is an extended resource: scarce, and denied unless a rule grants it."""
    return "/" in name


def is_indivisible(name: str) -> bool:
    """Tell whether Kubernetes wants the request for ``name`` to be equal to its limit."""
    return is_accelerator(name) or name.startswith(HUGEPAGES)


def is_whole(name: str) -> bool:
    """Tell whether ``name`` only has whole amounts, such as servers and devices."""
    return name == SERVERS or is_accelerator(name)


def is_storage(name: str) -> bool:
    """Tell whether an amount of ``name`` is counted in bytes."""
    return name in _STORAGE_NAMES or name.startswith(HUGEPAGES)


def resource_order(name: str) -> tuple[int, str]:
    """Sort key that puts servers, CPU and memory first, as people read them."""
    first = (SERVERS, "cpu", "memory")
    return (first.index(name) if name in first else len(first), name)
