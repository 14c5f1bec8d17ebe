"""People and groups: who is what on the platform, and in which group."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.pods import SharedVolume
from jupyterhub_platform.core.quotas import NO_RULE, Rule
from jupyterhub_platform.core.suspensions import Suspension


@dataclass(frozen=True, slots=True)
class Person:
    """A declared person. ``within`` holds their own limits inside an account, by its name.

    ``account`` is charged for a start of theirs that names none, while they are in that group.
    ``without_grant`` is their own level, while ``level`` is one that a grant gives them.
    """

    name: str
    level: Level
    title: str = ""
    account: str = ""
    quota: Rule = NO_RULE
    within: Mapping[str, Rule] = field(default_factory=dict)
    suspended: Suspension | None = None
    without_grant: Level | None = None

    @property
    def own_level(self) -> Level:
        """The level that they have without any grant."""
        return self.without_grant or self.level


@dataclass(frozen=True, slots=True)
class Group:
    """A group. ``quota`` is held by all together, ``member_quota`` by each.

    ``joined`` are those of its members who name the group themselves, under ``users``.
    ``service_account`` and ``volumes`` are what its members' servers have on Kubernetes.
    ``provided_by`` are the names of the identity provider's groups whose people are members, too.
    ``is_default`` says that it is charged for members whom nothing else gives an account.
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

    def membership_path(self, user: str) -> str:
        """Return the key path that puts a user into the group."""
        if user in self.joined:
            return f"users.{user}.groups"
        return f"groups.{self.name}.{'members' if user in self.members else 'managers'}"
