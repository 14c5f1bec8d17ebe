import pytest

from jupyterhub_platform.core.identity import is_level_group
from jupyterhub_platform.core.levels import LEVELS, Level, level_group


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
