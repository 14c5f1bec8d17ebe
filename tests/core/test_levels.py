import pytest

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import LEVELS, Level, is_above, level_group


def test_every_level_has_a_rule():
    assert set(LEVELS) == set(Level)


@pytest.mark.parametrize(
    ("right", "levels"),
    [
        ("may_start", {"user", "developer", "manager", "operator", "admin"}),
        ("reads_everything", {"operator", "auditor", "admin"}),
        ("manages_groups", {"manager", "admin"}),
    ],
)
def test_only_these_levels_have_the_right(right: str, levels: set[str]):
    assert {str(level) for level, rule in LEVELS.items() if getattr(rule, right)} == levels


def test_level_groups_are_no_accounts():
    assert all(is_level_group(level_group(level)) for level in Level)


@pytest.mark.parametrize("level", Level)
def test_no_level_is_above_itself_or_above_the_admin(level: Level) -> None:
    assert not is_above(level, level)
    assert not is_above(level, Level.ADMIN)
    assert not is_above(None, level)
    assert is_above(level, None)
    assert is_above(Level.ADMIN, level) == (level is not Level.ADMIN)


@pytest.mark.parametrize("level", ["manager", "operator", "auditor"])
def test_those_who_may_what_others_may_not_are_above_each_other(level: str) -> None:
    others = {Level.MANAGER, Level.OPERATOR, Level.AUDITOR} - {Level(level)}
    assert all(is_above(other, Level(level)) for other in others)
    assert not is_above(Level.DEVELOPER, Level(level))
    assert is_above(Level.DEVELOPER, Level.USER)
    assert not is_above(Level.VIEWER, Level.USER)
