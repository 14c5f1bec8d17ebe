"""The Hub's own question whether a server is busy does not depend on its owner's login."""

from typing import Any

from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.stock_api.bodies import BodyGuard


class BusyQuestionGuard(BodyGuard):
    """Goes before ``/hub/api/user``, where a server asks whose token it was sent.

    The Hub asks a server about its kernels with a token of its owner. If their session at the
    identity provider has ended meanwhile, that token would be refused as all of theirs are, and a
    computation over night would end as idle.
    """

    async def refresh_auth(self, user: Any, force: bool = False) -> Any:
        """Return the owner of a token that the Hub itself asks with, who is not looked at again."""
        token = self.get_token()
        if token is not None and platform_of(self.settings).lifetimes.asks_with(token.id):
            return user
        return await super().refresh_auth(user, force)
