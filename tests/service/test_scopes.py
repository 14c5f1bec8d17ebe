"""What scopes say about who may see and stop what."""

from collections.abc import Set as AbstractSet

import pytest

from jupyterhub_platform.service.scopes import read_scopes, view_of

NO_GROUPS: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("scopes", "all_", "groups"),
    [
        (["custom:platform:self"], False, set()),
        (["custom:platform:read"], True, set()),
        (["custom:platform:manage"], False, set()),
        (["custom:platform:admin"], True, set()),
        (["custom:platform:read!group=a"], False, {"a"}),
        (["custom:platform:manage!group=a", "custom:platform:manage!group=b"], False, {"a", "b"}),
        (["custom:platform:read!user=dev1"], False, set()),
        (["custom:platform:reader", "custom:platform:rea"], False, set()),
        (["admin:users", "admin-ui", "read:users"], False, set()),
    ],
)
def test_only_our_own_scopes_show_other_people(
    scopes: list[str], all_: bool, groups: AbstractSet[str]
) -> None:
    viewer = view_of({"name": "x", "groups": ["level:admin"]}, read_scopes(scopes))
    assert (viewer.reads_all, viewer.reads_groups) == (all_, groups)


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("delete:servers", True),
        ("servers", True),
        ("admin:servers", True),
        ("delete:servers!user=dev1", True),
        ("delete:servers!server=dev1/train", True),
        ("delete:servers!group=vision", True),
        ("delete:servers!user=dev2", False),
        ("delete:servers!server=dev1/other", False),
        ("delete:servers!group=language", False),
        ("read:servers", False),
        ("start:servers", False),
    ],
)
def test_a_stop_button_is_for_those_whom_the_hub_lets_stop(scope: str, may: bool) -> None:
    groups = frozenset({"vision"})
    assert read_scopes([scope]).may_stop("dev1", "train", groups) is may
    assert not read_scopes(["delete:servers!group=vision"]).may_stop("dev1", "train", NO_GROUPS)
