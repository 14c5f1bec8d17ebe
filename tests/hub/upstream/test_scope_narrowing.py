"""What roles give to a user passes through a limit; what they give to a service does not."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from jupyterhub import orm, roles, scopes

from jupyterhub_platform.hub.upstream import scope_narrowing
from jupyterhub_platform.hub.upstream.scope_narrowing import narrow_scopes_of_users


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(roles, "roles_to_expanded_scopes", roles.roles_to_expanded_scopes)
    monkeypatch.setattr(scope_narrowing, "_narrow", None)
    session = orm.new_session_factory("sqlite:///:memory:")()
    roles.create_role(session, {"name": "reader", "scopes": ["read:hub", "list:users"]})
    session.add_all([orm.User(name="kim"), orm.Service(name="tool")])
    session.commit()
    yield session
    session.close()


def test_jupyterhub_still_expands_roles_there() -> None:
    expand = inspect.unwrap(roles.roles_to_expanded_scopes)
    assert list(inspect.signature(expand).parameters) == ["roles", "owner"]


def test_scopes_of_users_are_narrowed_and_those_of_services_are_not(database: Any) -> None:
    user = orm.User.find(database, "kim")
    service = orm.Service.find(database, "tool")
    for bearer in (user, service):
        roles.grant_role(database, bearer, "reader")
    asked: list[str] = []

    def narrow(row: Any, found: frozenset[str]) -> frozenset[str]:
        asked.append(row.name)
        return found - {"list:users"}

    before = scopes.get_scopes_for(user)
    assert "list:users" in before
    for _ in range(2):
        # The patch goes in once, however often it is asked for.
        narrow_scopes_of_users(narrow)
    assert scopes.get_scopes_for(user) == before - {"list:users"}
    assert "list:users" in scopes.get_scopes_for(service)
    assert set(asked) == {"kim"}
