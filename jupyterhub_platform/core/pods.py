"""Pod settings of a tier beyond amounts: placement, user, service account, volumes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class NodeRule:
    """One condition on the labels of a node, as Kubernetes' node affinity has it.

    ``weight`` (1 to 100) makes it a wish; without one it must hold.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class Home:
    """The volume of a server that outlives it: ``size`` in bytes; no class means the cluster's."""

    size: int
    mount: str
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class SharedVolume:
    """A volume claim that all servers of a group's members have at ``mount``."""

    claim: str
    mount: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class InitContainer:
    """What runs to its end before the server, from an approved image, with the server's volumes."""

    name: str
    image: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """What a claim of a pod's gives its server: ``count`` devices, which quotas know as a resource.

    Kubernetes makes the claim ``name`` from the ResourceClaimTemplate ``template`` of the servers'
    namespace, and removes it with the pod.
    """

    name: str
    template: str
    resource: str
    count: int = 1


def count_devices(devices: Iterable[Device]) -> Mapping[str, int]:
    """Return how many devices these are in all, by what quotas call them."""
    counted: Counter[str] = Counter()
    for device in devices:
        counted[device.resource] += device.count
    return counted


@dataclass(frozen=True, slots=True)
class Pod:
    """How the servers of a tier run on Kubernetes. What is empty, the site's own settings say.

    ``user``, ``group`` and ``volumes_group`` are numeric ids; none of them can be root's.
    """

    node_selector: Mapping[str, str] = field(default_factory=dict)
    node_affinity: tuple[NodeRule, ...] = ()
    tolerations: tuple[Mapping[str, str], ...] = ()
    priority_class: str = ""
    runtime_class: str = ""
    service_account: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    group: int | None = None
    volumes_group: int | None = None
    home: Home | None = None
    init_containers: tuple[InitContainer, ...] = ()
    shared: tuple[SharedVolume, ...] = ()
    devices: tuple[Device, ...] = ()

    def of_groups(self, service_account: str, shared: tuple[SharedVolume, ...]) -> "Pod":
        """Return the pod of one start: with what the groups of its user bring.

        The service account is that of the group that is charged, unless the tier names one.
        """
        account = self.service_account or service_account
        return replace(self, service_account=account, shared=shared)
