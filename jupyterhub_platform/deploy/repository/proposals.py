"""The tiers that are proposed for node pools: shares of a node, after what its daemons take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.node_capacity import GPU, usable
from jupyterhub_platform.core.quantities import render_quantity
from jupyterhub_platform.core.resource_names import CPU, MEMORY
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.deploy.repository.pools import Pool

_SHARES: Final = (("small", 8, "2h"), ("medium", 4, "4h"), ("large", 2, "8h"))
_GIB: Final = 2**30
_SMALLEST: Final = Resources.of({CPU: 250, MEMORY: 512 * 2**20})


@dataclass(frozen=True, slots=True)
class ProposedTier:
    """A tier: amounts as they are written in the policy file, and what it is good for."""

    name: str
    title: str
    description: str
    requests: str
    limits: str
    idle_timeout: str
    is_gpu: bool = False


def propose_tiers(pools: Sequence[Pool]) -> tuple[ProposedTier, ...]:
    """Return tiers that fit the pools: the small ones first, one for each kind of GPU node."""
    tiers: list[ProposedTier] = []
    plain = [pool for pool in pools if not pool.capacity.amount(GPU)]
    for pool in plain[:1]:
        node = usable(pool.capacity, pool.instance)
        for name, share, idle in _SHARES:
            tiers.append(_propose(name, share, idle, node, pool))
    for pool in pools:
        gpus = pool.capacity.amount(GPU)
        if gpus:
            node = usable(pool.capacity, pool.instance)
            tiers.append(_propose_gpu(pool.name, node, gpus, pool))
    return tuple(tiers)


def total(pools: Sequence[Pool]) -> str:
    """Return what all pools leave for servers together, as it is written in the policy file."""
    sums: dict[str, int] = {}
    for pool in pools:
        for name, amount in usable(pool.capacity, pool.instance).items():
            sums[name] = sums.get(name, 0) + amount * pool.nodes
    for name, step in ((CPU, 500), (MEMORY, _GIB // 2)):
        sums[name] -= sums[name] % step
    return _write(Resources.of({name: amount for name, amount in sums.items() if amount}))


def _propose(name: str, share: int, idle: str, node: Resources, pool: Pool) -> ProposedTier:
    requests = _divide(node, share)
    # Processors can be shared for a while; memory cannot.
    limits = Resources.of({**requests, CPU: min(2 * requests.amount(CPU), node.amount(CPU))})
    what = {
        "small": "For notebooks, text and small tables.",
        "medium": "For data that fits into memory.",
        "large": "For training on processors.",
    }[name]
    where = pool.instance or "a node"
    return ProposedTier(
        name,
        name.capitalize(),
        f"{what} {share} of them fit {where}.",
        _write(requests),
        _write(limits),
        idle,
    )


def _propose_gpu(name: str, node: Resources, gpus: int, pool: Pool) -> ProposedTier:
    share = {GPU: 1, **_divide(node, gpus)}
    requests = Resources.of(share)
    where = pool.instance or "a node"
    fits = "1 fits" if gpus == 1 else f"{gpus} fit"
    return ProposedTier(
        name,
        "GPU" if name == "gpu" else name.upper(),
        f"For training and for models. {fits} {where}.",
        _write(requests),
        _write(requests),
        "60m",
        is_gpu=True,
    )


def _divide(node: Resources, share: int) -> Resources:
    cpu, memory = node.amount(CPU) // share, node.amount(MEMORY) // share
    # Down to a number that people would have written.
    cpu -= cpu % (500 if cpu >= 2_000 else 100)
    memory -= memory % (_GIB if memory >= 8 * _GIB else _GIB // 4)
    smallest = {name: min(amount, node.amount(name)) for name, amount in _SMALLEST.items()}
    return Resources.of({CPU: max(cpu, smallest[CPU]), MEMORY: max(memory, smallest[MEMORY])})


def _write(amounts: Resources) -> str:
    order = sorted(amounts.items(), key=lambda each: (each[0] not in {CPU, MEMORY}, each[0]))
    return ", ".join(f"{name}: {render_quantity(name, amount)}" for name, amount in order)
