"""Schedules when JupyterHub next asks the authenticator about a user who is logged in.

JupyterHub notes the time of the last refresh at a user, and within a request who was refreshed in
it, so that each is asked for once. Neither can be changed by its public methods.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``User`` can be told to refresh, and ``BaseHandler.refresh_auth`` to pass a user over.
"""

from typing import Any


def expire_auth(user: Any) -> None:
    """Have a user's next request refresh them, however recent the last refresh is."""
    user._auth_refreshed = None


def skip_refresh(handler: Any, user: Any) -> None:
    """Have the rest of this request take a user for refreshed."""
    handler._refreshed_users = {*getattr(handler, "_refreshed_users", ()), user.name}
