"""Facts about a cluster, a Hub and a policy file, before any check judges them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jupyterhub_platform.core.errors import Fault
from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.deploy.role import Right


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one kind; ``unread`` says why they are not known.

    ``as_hub`` says that they were asked for with the Hub's own rights, in its pod.
    """

    listed: tuple[Manifest, ...] = ()
    unread: str = ""
    as_hub: bool = False


NOT_ASKED = Objects(unread="was not asked for")


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the API server says.

    Attributes
    ----------
    unreachable
        Why it does not answer; then nothing else is known.
    account
        The name of the service account that the Hub has in ``namespace``.
    rights
        What that account may do; ``None`` where the API server does not tell.
    secrets
        Which of the pull secrets that service accounts name exist; ``None`` as above.
    answered_at, ahead_seconds
        What time it was at the API server, and how far its clock is ahead of the one here.
    """

    address: str
    namespace: str
    unreachable: str = ""
    account: str = "hub"
    rights: Mapping[Right, bool | None] = field(default_factory=dict)
    objects: Mapping[str, Objects] = field(default_factory=dict)
    secrets: Mapping[str, bool | None] = field(default_factory=dict)
    answered_at: datetime | None = None
    ahead_seconds: float = 0

    def of(self, kind: str) -> Objects:
        """Return the objects of a kind."""
        return self.objects.get(kind, NOT_ASKED)


@dataclass(frozen=True, slots=True)
class Hub:
    """What the Hub says of itself; ``unreachable`` says why it does not.

    ``health``, ``settings`` and ``identity`` are the answers of the routes of these names.
    """

    unreachable: str = ""
    health: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    ahead_seconds: float | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """The policy file here; ``policy`` is ``None`` if it has ``faults``."""

    name: str
    policy: Policy | None = None
    digest: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class DoctorFacts:
    """All that the checks look at. What is ``None`` was not named.

    ``record`` is what a look at the store itself found: ``findings``, or why it is ``unread``.
    """

    file: File | None = None
    hub: Hub | None = None
    cluster: Cluster | None = None
    record: Mapping[str, Any] | None = None
    absent_nodes: tuple[Manifest, ...] = ()

    @property
    def policy(self) -> Policy | None:
        """The policy that tiers are taken from."""
        return self.file.policy if self.file else None

    def has(self, need: str) -> bool:
        """Tell whether there is what a check needs."""
        return {
            "file": self.file is not None,
            "policy": self.policy is not None,
            "homes": self.policy is not None
            and any(tier.pod.own_home for tier in self.policy.tiers.values()),
            "hub": self.hub is not None,
            "health": self.hub is not None and bool(self.hub.health),
            "providers": self.hub is not None and bool(self.hub.identity.get("providers")),
            "record": self.record is not None
            or (self.hub is not None and "audit" in self.hub.health),
            "cluster": self.cluster is not None,
            "api": self.cluster is not None and not self.cluster.unreachable,
        }[need]
