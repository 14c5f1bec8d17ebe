"""People and groups: who is what on the platform, and in which group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.pods import SharedVolume, Variable
from jupyterhub_platform.core.quotas import NO_RULE, Rule
from jupyterhub_platform.core.suspensions import Suspension

NO_CLAIMS: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Person:
    """A declared person. ``within`` holds their own limits inside an account, by its name.

    ``without_grant`` is their own level, while ``level`` is one that a grant gives them. ``claims``
    is what their identity provider said of them; only what policy names is given to servers.
    """

    name: str
    level: Level
    title: str = ""
    quota: Rule = NO_RULE
    within: Mapping[str, Rule] = field(default_factory=dict)
    suspended: Suspension | None = None
    without_grant: Level | None = None
    claims: Mapping[str, Any] = field(default_factory=lambda: NO_CLAIMS)

    @property
    def own_level(self) -> Level:
        """The level that they have without any grant."""
        return self.without_grant or self.level


@dataclass(frozen=True, slots=True)
class Group:
    """A group. ``quota`` is held by all together, ``member_quota`` by each.

    ``joined`` are those of its members who name the group themselves, under ``users``.
    ``volumes`` are what its members' servers have on Kubernetes; ``service_account``,
    ``environment``, ``labels`` and ``annotations`` what servers have that are charged to it.
    """

    name: str
    title: str
    members: frozenset[str]
    managers: frozenset[str]
    quota: Rule
    member_quota: Rule
    service_account: str = ""
    volumes: tuple[SharedVolume, ...] = ()
    joined: frozenset[str] = frozenset()
    environment: Mapping[str, Variable] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def membership_path(self, user: str) -> str:
        """Return the key path that puts a user into the group."""
        if user in self.joined:
            return f"users.{user}.groups"
        return f"groups.{self.name}.{'members' if user in self.members else 'managers'}"
