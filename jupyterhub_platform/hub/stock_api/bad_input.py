"""Answer bad input to the Hub's own handlers (JupyterHub 6.1) with 4xx, without partial effects.

Input that is known to fail is refused before the Hub's handler sees it. For the rest, a value that
the database or Python's arithmetic rejects is the sender's fault as long as nothing has been
written; after that it remains an error of the Hub.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

from jupyterhub.scopes import ScopeNotFound
from oauthlib.oauth2 import OAuth2Error
from pydantic import ValidationError
from tornado import web

from jupyterhub_platform.hub.upstream.database_errors import REFUSED_VALUES, count_commits
from jupyterhub_platform.hub.upstream.handler_state import has_sent_headers, is_implemented

VERBS: Final = ("get", "head", "post", "put", "patch", "delete")
_READING: Final = frozenset({"GET", "HEAD"})
_SENTENCE: Final = "The request has a value that cannot be used: it is too large or not plain text."


def refuse_bad_values(handler: type[Any]) -> type[Any]:
    """Return a handler that answers unusable values with 400."""
    verbs = {verb: getattr(handler, verb) for verb in VERBS}
    refusing = {name: _refuse(verb) for name, verb in verbs.items() if is_implemented(verb)}
    # Metrics distinguish handlers by these two names.
    return type(handler.__name__, (handler,), {"__module__": handler.__module__, **refusing})


def _refuse(verb: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(verb)
    async def answer(handler: Any, *arguments: Any, **named: Any) -> Any:
        before = count_commits(handler.db)
        try:
            answered = verb(handler, *arguments, **named)
            return await answered if inspect.isawaitable(answered) else answered
        except web.HTTPError as error:
            if isinstance(error.__context__, ValidationError):
                raise web.HTTPError(error.status_code, _explain(error.__context__)) from None
            raise
        except ScopeNotFound:
            handler.db.rollback()
            raise web.HTTPError(400, "The request has a scope that does not exist.") from None
        except OAuth2Error as error:
            raise web.HTTPError(
                400, f"The request is not a valid OAuth request: {error.description}"
            ) from None
        except REFUSED_VALUES as error:
            # Reading may make the Hub's own object of a user, and commit it: nothing is half done.
            is_reading = handler.request.method in _READING
            if (count_commits(handler.db) != before and not is_reading) or has_sent_headers(
                handler
            ):
                raise
            handler.db.rollback()
            handler.log.warning("%s: %.200s", type(error).__name__, ascii(str(error)))
            raise web.HTTPError(400, _SENTENCE) from None

    return answer


def _explain(error: ValidationError) -> str:
    """Say what the Hub's library found wrong with a body, without programming terms."""
    sentences = []
    for each in error.errors(include_url=False):
        place = ".".join(map(str, each["loc"]))
        words = str(each.get("ctx", {}).get("error") or each["msg"]).rstrip(".")
        sentences.append(f"{place}: {words}." if place else f"{words}.")
    return " ".join(sentences)
