"""The service's refusals, each with a status, a sentence and a stable code."""

from tornado.web import HTTPError

from jupyterhub_platform.core.errors import NotFoundError, PlatformError, StoreError
from jupyterhub_platform.usecases.reports.paging import QueryError

STORE_RETRY_SECONDS = 5


class RefusalError(HTTPError):
    """Raised to answer with a status, a sentence for people and a code for programs."""

    def __init__(self, status: int, sentence: str, code: str, *, retry_after: int = 0) -> None:
        super().__init__(status, sentence)
        self.sentence = sentence
        self.code = code
        self.retry_after = retry_after


def translate(error: PlatformError, *, in_full: bool = True) -> RefusalError:
    """Return the answer to an error of the platform.

    Where the store is, and what it says, is only for those who operate: ``in_full``.
    """
    text = str(error)
    match error:
        case NotFoundError():
            return RefusalError(404, text, error.code)
        case QueryError():
            return RefusalError(400, text, error.code)
        case _:
            reason = text.splitlines()[0] if text else "no reason is known"
            if isinstance(error, StoreError) and not in_full:
                reason = "the platform's store does not answer"
            return RefusalError(
                503,
                f"Nothing can be shown now: {reason}. Servers keep running; try again in a moment.",
                error.code,
                retry_after=STORE_RETRY_SECONDS,
            )


def beyond(what: str) -> RefusalError:
    """Return the refusal of a request that exceeds the caller's level."""
    return RefusalError(
        403,
        f"Your level does not show {what}. Ask an admin for another level.",
        "level.may_not_see",
    )


def invalid(sentence: str) -> RefusalError:
    """Return the refusal of a query that cannot be answered."""
    return RefusalError(400, sentence, QueryError.code)


def unknown(what: str) -> RefusalError:
    """Return the refusal for something that does not exist, or that the caller may not know of."""
    return RefusalError(
        404, f"There is no such {what}, or it is not yours to see.", NotFoundError.code
    )
