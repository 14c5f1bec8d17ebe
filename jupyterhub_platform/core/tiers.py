"""Tiers, their sizes, and the images that they start."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from jupyterhub_platform.core.access import EVERYBODY, Access
from jupyterhub_platform.core.image_references import ImagePattern
from jupyterhub_platform.core.pods import Pod, count_devices
from jupyterhub_platform.core.resource_names import SERVERS, is_indivisible
from jupyterhub_platform.core.resources import Resources

JUPYTERLAB_CPU_SECONDS: Final = 3
"""What starting JupyterLab takes, measured; the Hub waits 30 seconds for it by default."""


@dataclass(frozen=True, slots=True)
class Image:
    """An approved image: users name it, only policy says what it is.

    With a ``pattern`` it stands for many: users name one by its reference, within that pattern.
    """

    name: str
    title: str
    reference: str
    description: str = ""
    access: Access = EVERYBODY
    pattern: ImagePattern | None = None


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
class Size:
    """One of the sizes of a tier: what it asks for and gives, on which nodes, and who may use it.

    ``requests`` and ``limits`` are whole: what the tier says is in them already.
    """

    name: str
    title: str
    description: str
    requests: Resources
    limits: Resources
    access: Access = EVERYBODY
    node_selector: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tier:
    """What one server of this tier asks for, gives, starts and where.

    ``requests`` is what the scheduler reserves and quotas count; ``limits`` is what the server may
    use at most. What ``pod.devices`` give comes on top of both. ``observe`` records what would be
    denied, and admits. A server is stopped ``max_lifetime`` after its admission, and after
    ``idle_timeout`` without use. With ``sizes``, its own amounts are those of the first one; each
    of ``variants`` is the tier in one size, or the tier itself.
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
    sizes: tuple[Size, ...] = ()
    size: str = ""
    demand: Resources = field(init=False, repr=False, compare=False)
    """What one server of this tier is charged: its requests, its devices, and itself."""
    variants: tuple["Tier", ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Asked at every decision: made once.
        object.__setattr__(self, "demand", self.requests.plus(self.devices).plus({SERVERS: 1}))
        sized = tuple(self._in_size(each) for each in self.sizes)
        object.__setattr__(self, "variants", sized or (self,))

    def _in_size(self, size: Size) -> "Tier":
        selector = {**self.pod.node_selector, **size.node_selector}
        return replace(
            self,
            requests=size.requests,
            limits=size.limits,
            pod=replace(self.pod, node_selector=selector),
            sizes=(),
            size=size.name,
        )

    @property
    def label(self) -> str:
        """The name of the tier, with that of the size if it is one: ``gpu/large``."""
        return label_of(self.name, self.size)

    @property
    def path(self) -> str:
        """The key path at which the tier, or its size, is declared."""
        return f"tiers.{self.name}.sizes.{self.size}" if self.size else f"tiers.{self.name}"

    def find_variant(self, size: str) -> "Tier | None":
        """Return the tier in a size; without sizes, only the empty name is one."""
        return next((each for each in self.variants if each.size == size), None)

    @property
    def devices(self) -> Resources:
        """What the claims of one server give, by resource; its containers ask for none of it."""
        return Resources.of(count_devices(self.pod.devices))

    @property
    def gives(self) -> Asked:
        """What one server gets in all, its devices too: for people to read."""
        return Asked(self.requests.plus(self.devices), self.limits.plus(self.devices))


def label_of(tier: str, size: str) -> str:
    """Return one word for a tier in a size, which options take as the name of a tier, too."""
    return f"{tier}/{size}" if size else tier


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
