"""Whom JupyterHub asks the authenticator about again, and whom it does not."""

import logging
from typing import Any

from jupyterhub import orm
from jupyterhub.auth import Authenticator
from jupyterhub.user import User

from jupyterhub_platform.hub.upstream.auth_refresh import expire_auth, skip_refresh
from tests.hub.upstream.conftest import Serve

log = logging.getLogger(__name__)


class Asked(Authenticator):  # type: ignore[misc]
    """Counts how often it is asked."""

    times = 0

    async def refresh_user(self, user: Any, handler: Any, **named: Any) -> bool:
        """Count, and leave the user as they are."""
        self.times += 1
        return True


async def ask(serve: Serve, database: Any, *, expires: bool, skips: bool) -> int:
    """Refresh a user twice, in two requests, and return how often the authenticator was asked."""
    row = orm.User(name="ada")
    database.add(row)
    database.commit()
    user, authenticator = User(row, {}, db=database), Asked(auth_refresh_age=3600)

    async def refresh(handler: Any) -> None:
        if skips:
            skip_refresh(handler, user)
        await handler.refresh_auth(user)
        handler.write({})

    async with serve(refresh, authenticator=authenticator) as client:
        for _ in range(2):
            assert (await client.get("/hub/api/asked")).status_code == 200
            if expires:
                expire_auth(user)
    return authenticator.times


async def test_a_user_is_refreshed_once_in_a_while(serve: Serve, database: Any) -> None:
    assert await ask(serve, database, expires=False, skips=False) == 1


async def test_an_expired_user_is_refreshed_again(serve: Serve, database: Any) -> None:
    assert await ask(serve, database, expires=True, skips=False) == 2


async def test_a_user_who_is_passed_over_is_not_refreshed(serve: Serve, database: Any) -> None:
    assert await ask(serve, database, expires=True, skips=True) == 0
