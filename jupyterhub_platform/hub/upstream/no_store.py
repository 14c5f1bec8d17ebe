"""Keeps the Hub's answers with secrets out of caches.

JupyterHub lets caches store the answers of its API, tokens and invites among them.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``BaseHandler.set_default_headers`` does this.
"""

import functools
from typing import Any, Final

from jupyterhub.handlers.base import BaseHandler

WITH_SECRETS: Final = frozenset(
    {"api", "login", "logout", "signup", "oauth_login", "oauth_callback", "token"}
)
"""First path segments below the Hub's prefix whose answers hold tokens, codes or cookies."""
_PATCHED: Final = "_platform_no_store"


def keep_secrets_out_of_caches() -> None:
    """Have no cache store an answer with secrets, from now on."""
    if getattr(BaseHandler, _PATCHED, False):
        return
    set_default_headers = BaseHandler.set_default_headers

    @functools.wraps(set_default_headers)
    def set_headers(handler: Any) -> None:
        set_default_headers(handler)
        path = handler.request.path.removeprefix(handler.settings["hub"].base_url)
        if path.partition("/")[0] in WITH_SECRETS:
            handler.set_header("Cache-Control", "no-store")

    BaseHandler.set_default_headers = set_headers
    setattr(BaseHandler, _PATCHED, True)
