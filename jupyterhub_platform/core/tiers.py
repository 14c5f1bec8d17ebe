"""Tiers, and the images that they start."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from jupyterhub_platform.core.access import EVERYBODY, Access
from jupyterhub_platform.core.pods import Pod, count_devices
from jupyterhub_platform.core.resource_names import SERVERS, is_indivisible
from jupyterhub_platform.core.resources import Resources

JUPYTERLAB_CPU_SECONDS: Final = 3
"""What starting JupyterLab takes, measured; the Hub waits 30 seconds for it by default."""


@dataclass(frozen=True, slots=True)
class Image:
    """An approved image: users name it, only policy says what it is."""

    name: str
    title: str
    reference: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class AtOnce:
    """How many servers of one tier may run at once; ``None`` leaves it to the quotas."""

    platform: int | None = None
    account: int | None = None
    user: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a container or a pod asks for, as Kubernetes says it."""

    requests: Resources
    limits: Resources


@dataclass(frozen=True, slots=True)
class Tier:
    """What one server of this tier asks for, gives, starts and where.

    ``requests`` is what the scheduler reserves and quotas count; ``limits`` is what the server may
    use at most. What ``pod.devices`` give comes on top of both. ``observe`` records what would be
    denied, and admits. A server is stopped ``max_lifetime`` after its admission, and after
    ``idle_timeout`` without use.
    """

    name: str
    title: str
    description: str
    requests: Resources
    limits: Resources
    images: tuple[str, ...]
    access: Access = EVERYBODY
    at_once: AtOnce = AtOnce()
    requestable: bool = False
    observe: bool = False
    pod: Pod = field(default_factory=Pod)
    max_lifetime: timedelta | None = None
    idle_timeout: timedelta | None = None
    demand: Resources = field(init=False, repr=False, compare=False)
    """What one server of this tier is charged: its requests, its devices, and itself."""

    def __post_init__(self) -> None:
        # Asked at every decision: added up once.
        object.__setattr__(self, "demand", self.requests.plus(self.devices).plus({SERVERS: 1}))

    @property
    def devices(self) -> Resources:
        """What the claims of one server give, by resource; its containers ask for none of it."""
        return Resources.of(count_devices(self.pod.devices))

    @property
    def gives(self) -> Asked:
        """What one server gets in all, its devices too: for people to read."""
        return Asked(self.requests.plus(self.devices), self.limits.plus(self.devices))


def pod_amounts(tier: Tier) -> Asked:
    """Return what the containers of a whole pod of ``tier`` ask for; devices are claimed beside it.

    Every limit comes with a request, if need be of zero: Kubernetes reads a limit alone as a
    request of the same size, which was not reserved.
    """
    requests = {name: amount for name, amount in tier.requests.items() if name != SERVERS}
    limits = {name: amount for name, amount in tier.limits.items() if name != SERVERS}
    for name in limits:
        requests.setdefault(name, 0)
    limits |= {name: amount for name, amount in requests.items() if is_indivisible(name)}
    return Asked(Resources.of(requests), Resources.of(limits))
