"""Gives every error of the Hub a sentence.

JupyterHub answers an error that was raised without a message with ``"message": null``.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``BaseHandler.write_error`` and ``APIHandler.write_error`` do this.
"""

import functools
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from tornado import web

SENTENCES: Final[Mapping[int, str]] = {
    400: "The Hub cannot read this request. Look at its address, its arguments and its body.",
    401: "You are not logged in. Log in, or send a token.",
    403: "You are not logged in, or your token lacks the scope. Log in, or send a token whose "
    "scopes allow this.",
    404: "There is nothing at this address, or nothing that you may see. Look at how it is "
    "written.",
    405: "This address does not take this method. Look at the documentation of the REST API.",
    409: "This conflicts with the current state. Read it again, then repeat the request.",
    503: "The Hub cannot do this right now. Try again in a minute.",
}
"""Sentences for errors without a message, by status."""
_PATCHED: Final = "_platform_error_messages"


def give_errors_messages() -> None:
    """Have errors that say nothing say a sentence, from now on."""
    if getattr(BaseHandler, _PATCHED, False):
        return
    BaseHandler.write_error = _with_a_sentence(BaseHandler.write_error)
    APIHandler.write_error = _with_a_sentence(APIHandler.write_error)
    setattr(BaseHandler, _PATCHED, True)


def _with_a_sentence(write_error: Any) -> Any:
    @functools.wraps(write_error)
    def write(handler: Any, status_code: int, **named: Any) -> None:
        error = (named.get("exc_info") or (None, None))[1]
        if isinstance(error, web.HTTPError) and not _has_words(error):
            error.jupyterhub_message = say_status(status_code)  # type: ignore[attr-defined]
        write_error(handler, status_code, **named)

    return write


def _has_words(error: web.HTTPError) -> bool:
    messages = (getattr(error, name, None) for name in ("jupyterhub_message", "message"))
    return bool(error.get_message() or any(messages))


def say_status(status: int) -> str:
    """Return a sentence for an error without any other explanation."""
    if status in SENTENCES:
        return SENTENCES[status]
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown error"
    return f"{phrase}. Ask an admin to look at the Hub's log."
