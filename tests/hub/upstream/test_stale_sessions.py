"""A session that has ended ends without an error; a token is still known as one."""

from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.auth import Authenticator
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import User

from jupyterhub_platform.hub.upstream.stale_sessions import end_stale_sessions_quietly
from tests.hub.upstream.conftest import Serve


class Refusing(Authenticator):  # type: ignore[misc]
    """Lets nobody go on."""

    async def refresh_user(self, user: Any, handler: Any, **named: Any) -> bool:
        """Refuse."""
        return False


@pytest.mark.parametrize(("by_token", "goes_on"), [(False, False), (True, True)])
async def test_a_session_that_ended_is_told_from_a_token(
    serve: Serve, database: Any, monkeypatch: pytest.MonkeyPatch, by_token: bool, goes_on: bool
) -> None:
    monkeypatch.delattr(BaseHandler, "_token_authenticated", raising=False)
    end_stale_sessions_quietly()
    row = orm.User(name="ada")
    database.add(row)
    database.commit()
    user = User(row, {}, db=database)

    async def refresh(handler: Any) -> None:
        handler._jupyterhub_user = user
        if by_token:
            handler._token_authenticated = True
        refreshed = await handler.refresh_auth(user)
        handler.write({"goes_on": refreshed is user})

    async with serve(refresh, authenticator=Refusing(auth_refresh_age=60)) as client:
        answer = await client.get("/hub/api/asked")
    assert answer.json() == {"goes_on": goes_on}, "JupyterHub's own rule for tokens"
