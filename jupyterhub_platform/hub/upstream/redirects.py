"""Answers invalid redirect addresses with 400, before anything is done.

JupyterHub parses ``next`` after the user has been logged in, and fails on what is not an address,
or does not fit into a header.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``BaseHandler`` checks ``next`` before anything else.
"""

import functools
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub.handlers.base import BaseHandler
from tornado import web

SENTENCE: Final = "next is not the address of a page. Open the page that you want again."
_PATCHED: Final = "_platform_refuses_addresses"


def reject_invalid_redirects() -> None:
    """Have the Hub refuse what it could not redirect to, from now on."""
    if getattr(BaseHandler, _PATCHED, False):
        return
    prepare, redirect = BaseHandler.prepare, BaseHandler.redirect

    @functools.wraps(prepare)
    async def prepare_or_refuse(handler: Any) -> None:
        await prepare(handler)
        given = handler.request.arguments.get("next", ())
        if not all(is_address(each.decode("utf8", "replace")) for each in given):
            raise web.HTTPError(400, SENTENCE)

    @functools.wraps(redirect)
    def redirect_or_refuse(handler: Any, url: str, *how: Any, **more: Any) -> None:
        if not is_address(url):
            raise web.HTTPError(400, SENTENCE)
        redirect(handler, url, *how, **more)

    BaseHandler.prepare, BaseHandler.redirect = prepare_or_refuse, redirect_or_refuse
    setattr(BaseHandler, _PATCHED, True)


def is_address(text: str) -> bool:
    """Tell whether a text can be an address: one line, whose host and port can be read."""
    if any(letter < " " or letter == "\x7f" for letter in text):
        return False
    try:
        _ = urlsplit(text).port
    except ValueError:
        return False
    return True
