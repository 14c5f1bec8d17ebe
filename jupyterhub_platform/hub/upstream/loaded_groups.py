"""Loads a site's groups from its configuration also where its authenticator manages groups.

JupyterHub refuses to start with both, since whatever the authenticator returns at a login would
replace those memberships. The governed authenticator unites them instead, so that nothing is lost.

Upstream: jupyterhub 6.1
Issue: not reported (since jupyterhub/jupyterhub#3548, which added ``manage_groups``)
Ends when: JupyterHub starts with ``load_groups`` and ``manage_groups``.
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

from jupyterhub.app import JupyterHub

_PATCHED: Final = "_platform_loads_beside_managed"


def load_groups_beside_managed() -> None:
    """Have Hubs of this process load both; calling it again is harmless."""
    load: Any = JupyterHub.init_groups
    if hasattr(load, _PATCHED):
        return

    @functools.wraps(load)
    async def init_groups(app: Any) -> None:
        authenticator = app.authenticator
        manages = authenticator.manage_groups
        # Nothing else runs while the Hub loads them, and only this setting is in the way.
        authenticator.manage_groups = False
        try:
            await load(app)
        finally:
            authenticator.manage_groups = manages

    setattr(init_groups, _PATCHED, True)
    JupyterHub.init_groups = init_groups


def list_loaded(
    load_groups: Mapping[str, Any], normalize: Callable[[str], str]
) -> Mapping[str, frozenset[str]]:
    """Return the groups of each user in a configuration's ``load_groups``."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for group, contents in load_groups.items():
        users = contents.get("users", ()) if isinstance(contents, Mapping) else contents
        for user in users:
            found[normalize(user)].add(group)
    return {user: frozenset(groups) for user, groups in found.items()}
