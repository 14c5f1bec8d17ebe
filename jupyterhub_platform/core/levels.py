"""Permission levels, and what each is for. The Hub renders them as roles and scopes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from jupyterhub_platform.core.identity import LEVEL_GROUP_PREFIX


class Level(StrEnum):
    """Permission level of a user."""

    VIEWER = "viewer"
    USER = "user"
    DEVELOPER = "developer"
    MANAGER = "manager"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class LevelRule:
    """What a level may do, as far as the platform's rules ask; the rest is in its scopes.

    ``reads_everything`` sees all usage and decisions; ``manages_groups`` may be named as
    the manager of a group.
    """

    summary: str
    may_start: bool
    reads_everything: bool = False
    manages_groups: bool = False


LEVELS: Final[Mapping[Level, LevelRule]] = MappingProxyType(
    {
        Level.VIEWER: LevelRule("opens what is shared with them", may_start=False),
        Level.USER: LevelRule("starts servers", may_start=True),
        Level.DEVELOPER: LevelRule("also launches and shares models", may_start=True),
        Level.MANAGER: LevelRule(
            "also manages people and grants inside their own groups",
            may_start=True,
            manages_groups=True,
        ),
        Level.OPERATOR: LevelRule(
            "sees and stops servers, runs maintenance", may_start=True, reads_everything=True
        ),
        Level.AUDITOR: LevelRule(
            "reads everything, changes nothing", may_start=False, reads_everything=True
        ),
        Level.ADMIN: LevelRule(
            "may do everything", may_start=True, reads_everything=True, manages_groups=True
        ),
    }
)

ELEVATED: Final = frozenset({Level.MANAGER, Level.OPERATOR, Level.AUDITOR, Level.ADMIN})
"""Levels above developer: a rule gives one to users of a provider only where it says so."""


_HEIGHTS: Final[Mapping[Level, int]] = MappingProxyType(
    {
        Level.VIEWER: 1,
        Level.USER: 2,
        Level.DEVELOPER: 3,
        Level.MANAGER: 4,
        Level.OPERATOR: 4,
        Level.AUDITOR: 4,
        Level.ADMIN: 5,
    }
)


def is_above(level: Level | None, other: Level | None) -> bool:
    """Tell whether a user who acts as one of ``level`` could do more than one of ``other`` may.

    Managers, operators and auditors are above each other: each may do what the others may not.
    ``None`` is a user whom the policy does not know: below all.
    """
    if level is None or level is other:
        return False
    return (
        other is None
        or _HEIGHTS[level] >= max(_HEIGHTS[other], _HEIGHTS[Level.MANAGER])
        or (_HEIGHTS[level] > _HEIGHTS[other])
    )


def level_group(level: Level) -> str:
    """Return the name of the Hub group whose members have ``level``."""
    return f"{LEVEL_GROUP_PREFIX}{level}"
