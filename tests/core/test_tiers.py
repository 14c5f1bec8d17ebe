import pytest

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Access, Tier

GROUP = Access(groups=frozenset({"vision"}))
USER = Access(users=frozenset({"dev"}))
LEVEL = Access(levels=frozenset({Level.ADMIN}))
ANY = Access(GROUP.groups, USER.users, LEVEL.levels)


@pytest.mark.parametrize(
    ("access", "user", "level", "account", "admitted"),
    [
        (Access(), "anybody", Level.VIEWER, "any", True),
        (GROUP, "eve", Level.USER, "vision", True),
        (GROUP, "eve", Level.ADMIN, "language", False),
        (USER, "dev", Level.USER, "language", True),
        (USER, "eve", Level.ADMIN, "vision", False),
        (LEVEL, "eve", Level.ADMIN, "language", True),
        (LEVEL, "eve", Level.OPERATOR, "language", False),
        (ANY, "eve", Level.USER, "vision", True),
        (ANY, "dev", Level.USER, "language", True),
        (ANY, "eve", Level.ADMIN, "language", True),
        (ANY, "eve", Level.USER, "language", False),
    ],
)
def test_being_named_once_is_enough(
    access: Access, user: str, level: Level, account: str, admitted: bool
):
    assert access.admits(user, level, account) is admitted


def test_a_server_is_charged_its_requests_and_itself():
    amounts = Resources.of({"cpu": 500})
    tier = Tier("small", "", "", amounts, Resources.of({"cpu": 1000}), ("lab",))
    assert dict(tier.demand) == {"cpu": 500, "servers": 1}
