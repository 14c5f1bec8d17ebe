"""Who may use a tier, a size of one, or an image."""

from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.levels import Level


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Names groups, users, levels; a user who is meant fulfils each kind that is not empty."""

    groups: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    levels: frozenset[Level] = frozenset()

    def admits(self, user: str, level: Level, account: str) -> bool:
        """Tell whether ``user`` is meant when ``account`` is charged."""
        return (
            (not self.groups or account in self.groups)
            and (not self.users or user in self.users)
            and (not self.levels or level in self.levels)
        )


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use something: all who may start servers, unless users are named.

    Being named once is enough, by a group, a user, a level, or a rule that combines them.
    """

    groups: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    levels: frozenset[Level] = frozenset()
    rules: tuple[AccessRule, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether everybody has it."""
        return not (self.groups or self.users or self.levels or self.rules)

    def admits(self, user: str, level: Level, account: str) -> bool:
        """Tell whether ``user`` has it when ``account`` is charged."""
        if self.is_open:
            return True
        named = account in self.groups or user in self.users or level in self.levels
        return named or any(rule.admits(user, level, account) for rule in self.rules)

    def names_user(self, user: str) -> bool:
        """Tell whether ``user`` is named anywhere in it."""
        return user in self.users or any(user in rule.users for rule in self.rules)

    def names_group(self, group: str) -> bool:
        """Tell whether ``group`` is named anywhere in it."""
        return group in self.groups or any(group in rule.groups for rule in self.rules)


EVERYBODY: Final = Access()
"""Open to all who may start servers."""
