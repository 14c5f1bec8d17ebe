"""Answers failures of the Hub's own database with a sentence in place of a traceback.

JupyterHub answers any database error with a bare 500. A full disk, a held lock or a lost database
server is not a fault of the program: users are told so, with a 503.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: JupyterHub answers an ``OperationalError`` with 503, also before it knows the caller.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

from jupyterhub.handlers.base import BaseHandler
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from tornado import web

from jupyterhub_platform.hub.retry_after import retry_after

SENTENCE: Final = (
    "The Hub cannot use its own database right now, so nothing can be changed. Running servers "
    "are not affected. Try again in a minute, or ask an admin to look at the Hub's disk and "
    "database."
)
REFUSED_VALUES: Final = (DataError, InterfaceError, OverflowError, ValueError)
"""Raised for a value that neither the database nor Python's arithmetic accepts."""
_RETRY_SECONDS: Final = 10
_COMMITS: Final = "platform_commits"
_FAILURE: Final = "_platform_database_failure"
_PATCHED: Final = "_platform_answers_for_database"


class HubDatabaseError(OperationalError, web.HTTPError):
    """A failure of the Hub's database: rolled back as usual, and answered with 503."""

    headers: dict[str, str]

    def __init__(self, failure: OperationalError) -> None:
        self.text = f"The Hub's own database: {' '.join(str(failure.orig).split())}"
        OperationalError.__init__(self, None, None, failure.orig or failure)
        # The last one wins: both parents set `args`.
        web.HTTPError.__init__(self, 503, "%s", self.text)
        self.jupyterhub_message = SENTENCE
        retry_after(self, _RETRY_SECONDS)

    def __str__(self) -> str:
        return self.text


def explain_failed_identification() -> None:
    """Answer with 503 also where the database fails before the caller is identified.

    JupyterHub treats such a request as anonymous: users with a session would be told to log in, and
    services that their tokens are wrong.
    """
    if getattr(BaseHandler, _PATCHED, False):
        return
    find_out, prepare = BaseHandler.get_current_user, BaseHandler.prepare

    @functools.wraps(find_out)
    async def get_current_user(handler: Any) -> Any:
        try:
            return await find_out(handler)
        except HubDatabaseError as error:
            setattr(handler, _FAILURE, error)
            raise

    @functools.wraps(prepare)
    async def prepare_or_fail(handler: Any) -> None:
        try:
            await prepare(handler)
        except web.HTTPError:
            _raise_failure(handler)
            raise
        _raise_failure(handler)

    BaseHandler.get_current_user, BaseHandler.prepare = get_current_user, prepare_or_fail
    setattr(BaseHandler, _PATCHED, True)


def _raise_failure(handler: Any) -> None:
    failure = getattr(handler, _FAILURE, None)
    if failure is not None:
        raise failure


def count_commits(session: Any) -> int:
    """Return how often the Hub's session has committed so far, for any request."""
    if _COMMITS not in session.info:
        session.info[_COMMITS] = 0
        event.listen(session, "after_commit", _note_commit)
    commits: int = session.info[_COMMITS]
    return commits


def _note_commit(session: Any) -> None:
    session.info[_COMMITS] += 1


def explain_failures(engine: Any, note: Callable[[], None]) -> None:
    """Have failures of the Hub's database explained and noted, from now on."""

    def explain(context: ExceptionContext) -> None:
        failure = context.sqlalchemy_exception
        if isinstance(failure, OperationalError):
            note()
            raise HubDatabaseError(failure) from context.original_exception

    event.listen(engine, "handle_error", explain)
