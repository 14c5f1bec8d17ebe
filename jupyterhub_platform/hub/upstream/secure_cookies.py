"""Marks each cookie of the Hub and of servers as Secure where the browser uses TLS.

JupyterHub does so for its sessions, but not for ``_xsrf``: a page without TLS could read and set
it. A server only asks how a request came, which a TLS proxy in front may not say.

Upstream: jupyterhub 6.1
Issue: jupyterhub/jupyterhub#2385 (closed; names ``_xsrf``), jupyterhub/jupyterhub#5013 (sessions)
Ends when: ``_set_xsrf_cookie`` checks the protocol, and ``HubOAuth.set_cookie`` the public URL.
"""

import functools
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub.handlers.base import BaseHandler

from jupyterhub_platform.hub.public_address import is_secure

_PATCHED: Final = "_platform_secure_cookies"


def keep_cookies_secure() -> None:
    """Mark every cookie of the Hub's handlers as Secure where possible, from now on."""
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


def keep_server_cookies_secure(app: Any) -> None:
    """Have servers mark the cookies of their visitors, if the Hub's public address has TLS."""
    if urlsplit(app.public_url).scheme == "https":
        options = app.tornado_settings.get("cookie_options", {})
        app.tornado_settings["cookie_options"] = {"secure": True, **options}
