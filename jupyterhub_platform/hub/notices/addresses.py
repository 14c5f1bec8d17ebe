"""The e-mail address of a user: what their identity provider says, or what their name is."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jupyterhub import orm

_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_LONGEST: Final = 254


def is_address(text: object) -> bool:
    """Tell whether this can be an e-mail address, and nothing else in a header or a command."""
    return isinstance(text, str) and len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None


class Addresses:
    """Finds addresses. Belongs to the Hub's loop."""

    def __init__(self, app: Any, domain: str) -> None:
        self._app = app
        self._domain = domain

    async def find(self, name: str) -> str:
        """Return the address of a user; empty if none is known.

        It is what the identity provider said at their last login, if the Hub keeps that
        (``Authenticator.enable_auth_state``); otherwise the name, if that is an address; otherwise
        the name at ``c.Platform.mail_domain``.
        """
        own = (await self._ask_provider(name), name, f"{name}@{self._domain}")
        return next(filter(is_address, own), "")

    async def _ask_provider(self, name: str) -> str:
        app = self._app
        if not app.authenticator.enable_auth_state:
            return ""
        row = orm.User.find(app.db, name)
        state = await app.users[row].get_auth_state() if row is not None else None
        return next(_list_verified(state), "") if isinstance(state, Mapping) else ""


def _list_verified(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield addresses in what a provider said, but none that it calls unverified.

    Authenticators keep them at the top, or in ``…_user``.
    """
    parts = [state, *(each for key, each in state.items() if key.endswith("_user"))]
    for part in parts:
        if isinstance(part, Mapping) and part.get("email_verified", True) is True:
            address = part.get("email")
            if isinstance(address, str) and is_address(address):
                yield address
