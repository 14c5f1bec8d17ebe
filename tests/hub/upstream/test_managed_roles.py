"""Exactly the bearers that an authenticator names have a role."""

import logging
from typing import Any

import pytest
from jupyterhub import orm, roles

from jupyterhub_platform.hub.upstream.managed_roles import assign_bearers

log = logging.getLogger("roles")


@pytest.fixture
def hub(database: Any) -> Any:
    """Give a database with two users and a role that one of them has."""
    for name in ("ada", "bob"):
        database.add(orm.User(name=name))
    roles.create_role(database, {"name": "reader", "scopes": ["list:users"]})
    roles.grant_role(database, orm.User.find(database, "ada"), orm.Role.find(database, "reader"))
    database.commit()
    return database


def bearers(database: Any, kind: str = "users") -> list[str]:
    database.expire_all()
    return sorted(each.name for each in getattr(orm.Role.find(database, "reader"), kind))


def test_a_role_is_granted_and_taken_away(hub: Any) -> None:
    assign_bearers(hub, [{"name": "reader", "users": ["bob"]}], log)
    assert bearers(hub) == ["bob"]
    managed = hub.query(orm._role_associations["user"]).all()
    assert [each.managed_by_auth for each in managed] == [True]
    assign_bearers(hub, [{"name": "reader", "users": []}], log)
    assert bearers(hub) == []


def test_a_kind_that_is_not_named_is_left_alone(hub: Any) -> None:
    assign_bearers(hub, [{"name": "reader", "groups": ["lab"]}], log)
    assert bearers(hub) == ["ada"]
    assert bearers(hub, "groups") == ["lab"]


def test_unknown_bearer_is_reported_and_a_group_is_created(
    hub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    spec = {"name": "reader", "users": ["ada", "eve"], "services": ["none"], "groups": ["new"]}
    assign_bearers(hub, [spec], log)
    assert (bearers(hub), bearers(hub, "services"), bearers(hub, "groups")) == (
        ["ada"],
        [],
        ["new"],
    )
    assert len(caplog.records) == 2
    # Again, as at each start.
    assign_bearers(hub, [spec], log)
    assert (bearers(hub), bearers(hub, "groups")) == (["ada"], ["new"])
