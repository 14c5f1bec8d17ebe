"""Pod settings of a tier beyond amounts: placement, user, service account, volumes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from jupyterhub_platform.core.levels import Level

PERSONAL_NAMES: Final = ("username", "escaped_username", "user_server")
SUB_PATH_NAMES: Final = (*PERSONAL_NAMES, "group")
"""Names in a sub path: KubeSpawner's own slugs of user and server, and that of a group."""
_MAX_VALUE: Final = 4096


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
class Nfs:
    """A directory that an NFS server exports, mounted without a claim."""

    server: str
    path: str


@dataclass(frozen=True, slots=True)
class Home:
    """The volume of a server that outlives it.

    It is one of its own, of ``size`` bytes; no class means the cluster's. Or it is the directory
    ``sub_path`` of one ``claim``, or NFS volume, that holds the homes of all.
    """

    size: int
    mount: str
    storage_class: str = ""
    claim: str = ""
    nfs: Nfs | None = None
    sub_path: str = ""

    @property
    def is_own(self) -> bool:
        """Whether the server has a claim of its own for it."""
        return not (self.claim or self.nfs)


@dataclass(frozen=True, slots=True)
class SharedVolume:
    """A claim or NFS volume, or a directory of one, that servers have at ``mount``.

    ``group`` is the group that shares it, or that is charged. Only servers of people with one of
    ``levels`` have it, if any are named; those with one of ``writers`` may write.
    """

    claim: str
    mount: str
    read_only: bool = True
    nfs: Nfs | None = None
    sub_path: str = ""
    levels: frozenset[Level] = frozenset()
    writers: frozenset[Level] = frozenset()
    group: str = ""

    def of(self, level: Level | None, group: str) -> "SharedVolume | None":
        """Return it as people of a ``level`` have it in servers of a ``group``, if they do."""
        if self.levels and level not in self.levels:
            return None
        return replace(
            self,
            read_only=self.read_only and level not in self.writers,
            levels=frozenset(),
            writers=frozenset(),
            group=group,
        )


@dataclass(frozen=True, slots=True)
class EmptyDir:
    """An empty directory that ends with the server: ``size`` bytes of disk, or of its memory."""

    mount: str
    size: int
    in_memory: bool = False


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key of a Secret in the namespace of servers, whose value only the cluster knows."""

    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class PersonClaim:
    """A claim of the person, as their identity provider gave it."""

    name: str


Variable: TypeAlias = str | SecretKey | PersonClaim
"""Where the value of an environment variable comes from."""


def resolve_claims(
    environment: Mapping[str, Variable], claims: Mapping[str, Any]
) -> Mapping[str, Variable]:
    """Return the variables with values in place of claims; without one, there is no variable.

    Only a text, a number or a truth value is one: of a list, no variable could be made that every
    program reads in the same way.
    """
    values = {
        name: _read_claim(claims.get(source.name)) if isinstance(source, PersonClaim) else source
        for name, source in environment.items()
    }
    return {name: value for name, value in values.items() if value is not None}


def _read_claim(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        return None
    text = str(value)
    return text if text.isprintable() and len(text) <= _MAX_VALUE else None


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
    ``shared`` are the volumes of the tier, until a start adds those of the platform and of groups.
    """

    node_selector: Mapping[str, str] = field(default_factory=dict)
    node_affinity: tuple[NodeRule, ...] = ()
    tolerations: tuple[Mapping[str, str], ...] = ()
    priority_class: str = ""
    runtime_class: str = ""
    service_account: str = ""
    environment: Mapping[str, Variable] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    user: int | None = None
    group: int | None = None
    volumes_group: int | None = None
    home: Home | None = None
    init_containers: tuple[InitContainer, ...] = ()
    shared: tuple[SharedVolume, ...] = ()
    devices: tuple[Device, ...] = ()
    empty_dirs: tuple[EmptyDir, ...] = ()

    @property
    def own_home(self) -> Home | None:
        """The home, if a volume is made for it."""
        return self.home if self.home is not None and self.home.is_own else None

    def charged_to(
        self,
        service_account: str,
        environment: Mapping[str, Variable],
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
    ) -> "Pod":
        """Return the pod with what the charged group says of it; what the tier says comes first."""
        return replace(
            self,
            service_account=self.service_account or service_account,
            environment={**environment, **self.environment},
            labels={**labels, **self.labels},
            annotations={**annotations, **self.annotations},
        )
