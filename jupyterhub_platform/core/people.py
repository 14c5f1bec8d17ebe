"""People and groups: who is what on the platform, and in which group."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from jupyterhub_platform.core.claimed_people import ClaimedPerson
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.pods import SharedVolume, Variable
from jupyterhub_platform.core.quotas import NO_RULE, Rule
from jupyterhub_platform.core.suspensions import Suspension

NO_CLAIMS: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the policy. ``within`` holds their own limits inside an account, by its name.

    ``account`` is charged for a start of theirs that names none, while they are in that group.
    ``without_grant`` is their own level, while ``level`` is one that a grant gives them.
    ``claimed`` is what a rule gives them by their provider's claims; ``is_own`` tells whether the
    file or the Hub knows them without it, and ``level_rule`` which rule gives their own level.
    ``claims`` is what their identity provider said of them; only what policy names is given to
    servers.
    """

    name: str
    level: Level
    title: str = ""
    account: str = ""
    quota: Rule = NO_RULE
    within: Mapping[str, Rule] = field(default_factory=dict)
    suspended: Suspension | None = None
    without_grant: Level | None = None
    claimed: ClaimedPerson | None = None
    is_own: bool = True
    level_rule: str = ""
    claims: Mapping[str, Any] = field(default_factory=lambda: NO_CLAIMS)

    def is_let_in(self, now: datetime) -> bool:
        """Tell whether the file, the Hub or a rule lets them in at ``now``."""
        return self.is_own or (self.claimed is not None and self.claimed.holds(now))

    @property
    def claimed_by_rule(self) -> bool:
        """Whether a rule lets them in, for as long as it may."""
        return self.claimed is not None and bool(self.claimed.rule) and not self.claimed.refusal

    @property
    def own_level(self) -> Level:
        """The level that they have without any grant."""
        return self.without_grant or self.level

    @property
    def level_path(self) -> str:
        """The key path that gives their own level: what is said of them, or a rule."""
        return self.level_rule or f"users.{self.name}"


@dataclass(frozen=True, slots=True)
class Group:
    """A group. ``quota`` is held by all together, ``member_quota`` by each.

    ``joined`` are those of its members who name the group themselves, under ``users``.
    ``provided_by`` are the names of the identity provider's groups whose people are members, too.
    ``is_default`` says that it is charged for members whom nothing else gives an account.
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
    provided_by: tuple[str, ...] = ()
    is_default: bool = False
    environment: Mapping[str, Variable] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def membership_path(self, user: str) -> str:
        """Return the key path that puts a user into the group."""
        if user in self.joined:
            return f"users.{user}.groups"
        return f"groups.{self.name}.{'members' if user in self.members else 'managers'}"
