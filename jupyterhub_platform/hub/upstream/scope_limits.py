"""Passes what a user's roles give through a limit, whenever JupyterHub asks for it.

JupyterHub expands the roles of a user, or of a token's owner, at each request, and knows no hook
there: a scope is a matter of roles alone, and roles are a matter of the configuration.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: JupyterHub lets an authenticator, or a hook, limit the scopes of a user at a request.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

from jupyterhub import orm, roles

Limit: TypeAlias = Callable[[Any, frozenset[str]], frozenset[str]]
"""Takes a user's row of the database, and their expanded scopes."""

_limit: Limit | None = None


def limit_scopes_of_users(limit: Limit) -> None:
    """Have the scopes of users limited from now on."""
    global _limit  # a process has one Hub
    _limit = limit
    if not hasattr(roles.roles_to_expanded_scopes, "is_limited"):
        roles.roles_to_expanded_scopes = _limited(roles.roles_to_expanded_scopes)


def _limited(expand: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(expand)
    def expanded(named: Any, owner: Any) -> Any:
        found = expand(named, owner)
        if _limit is None or not isinstance(owner, orm.User):
            return found
        limited = _limit(owner, frozenset(found))
        return found if limited == found else limited

    expanded.is_limited = True  # type: ignore[attr-defined]
    return expanded
