"""Cookies of the Hub are for TLS alone where the browser speaks TLS, each of them.

JupyterHub (6.1.1) says so of its sessions, and not of ``_xsrf``: a page without TLS could read and
set that. It becomes needless once ``_set_xsrf_cookie`` looks at the protocol as well.
"""

import functools
from typing import Any, Final

from jupyterhub.handlers.base import BaseHandler

from jupyterhub_platform.hub.public_address import is_secure

_PATCHED: Final = "_platform_secure_cookies"


def keep_cookies_secure() -> None:
    """Have every cookie of the Hub's handlers be Secure where it can be, from now on."""
    if getattr(BaseHandler, _PATCHED, False):
        return
    set_cookie = BaseHandler.set_cookie

    @functools.wraps(set_cookie)
    def set_secure(handler: Any, *arguments: Any, **named: Any) -> None:
        if is_secure(handler):
            named["secure"] = True
        set_cookie(handler, *arguments, **named)

    BaseHandler.set_cookie = set_secure
    setattr(BaseHandler, _PATCHED, True)
