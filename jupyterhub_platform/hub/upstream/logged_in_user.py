"""Tells a handler that has just logged a user in who that is, for the rest of its request.

Where the user arrives and what is logged depend on it. JupyterHub's own login page does the same.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``BaseHandler.login_user`` does so itself.
"""

from typing import Any


def note_logged_in(handler: Any, user: Any) -> None:
    """Have a handler's ``current_user`` be the one who has just logged in."""
    handler._jupyterhub_user = user
