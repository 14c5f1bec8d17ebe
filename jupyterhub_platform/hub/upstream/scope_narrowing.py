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

Narrowing: TypeAlias = Callable[[Any, frozenset[str]], frozenset[str]]
"""Takes a user's row of the database, and their expanded scopes."""

_narrow: Narrowing | None = None


def narrow_scopes_of_users(narrow: Narrowing) -> None:
    """Have the scopes of users narrowed from now on."""
    global _narrow  # a process has one Hub
    _narrow = narrow
    if not hasattr(roles.roles_to_expanded_scopes, "is_narrowed"):
        roles.roles_to_expanded_scopes = _narrowed(roles.roles_to_expanded_scopes)


def _narrowed(expand: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(expand)
    def expanded(named: Any, owner: Any) -> Any:
        found = expand(named, owner)
        if _narrow is None or not isinstance(owner, orm.User):
            return found
        narrowed = _narrow(owner, frozenset(found))
        return found if narrowed == found else narrowed

    expanded.is_narrowed = True  # type: ignore[attr-defined]
    return expanded
