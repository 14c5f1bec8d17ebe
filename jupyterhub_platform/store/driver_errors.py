"""Translate what database drivers raise into the errors of the platform.

No message repeats a password, a statement or its parameters.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote, quote_plus

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from jupyterhub_platform.core.errors import PlatformError, StoreError, StoreUnreachableError
from jupyterhub_platform.store.engine import describe_url

_MAX_REASON_LENGTH: Final = 200
_SECRET_OPTION: Final = re.compile(r"(?i)password")

# Of PostgreSQL: a table or a schema is gone, so the database is not the one it was.
_GONE: Final = frozenset({"42P01", "3F000"})


@contextmanager
def translate_driver_errors(url: URL) -> Iterator[None]:
    """Raise errors of the platform instead of those of SQLAlchemy and the drivers.

    Raises
    ------
    StoreUnreachableError
        Raised if the database is down, locked, full, read-only or too slow. What a commit that
        failed so has done is unknown; look for what it wrote by its key.
    StoreError
        Raised if the database refuses a statement for what it says: a duplicate key, a change of
        what is append-only.
    """
    try:
        yield
    except PlatformError:
        raise
    except PoolTimeoutError:
        raise make_unreachable(url, "all its connections are in use") from None
    except DBAPIError as error:
        reason = describe_driver_error(error, url)
        if _is_outage(error):
            raise make_unreachable(url, reason) from None
        raise StoreError(f"the store {describe_url(url)} refused a change: {reason}") from None


def describe_driver_error(error: DBAPIError, url: URL) -> str:
    """Say in one short line, without secrets, what the driver reported."""
    text = getattr(getattr(error.orig, "diag", None), "message_primary", None) or str(error.orig)
    line = " ".join(text.split()) or type(error.orig).__name__
    for secret in _secrets(url):
        line = line.replace(secret, "***")
    return line if len(line) <= _MAX_REASON_LENGTH else f"{line[: _MAX_REASON_LENGTH - 1]}…"


def make_unreachable(url: URL, reason: str) -> StoreUnreachableError:
    """Make the error for a store that does not answer for ``reason``."""
    return StoreUnreachableError(f"the store {describe_url(url)} does not answer: {reason}")


def _is_outage(error: DBAPIError) -> bool:
    return (
        error.connection_invalidated
        or isinstance(error, OperationalError | InterfaceError | InternalError)
        or getattr(error.orig, "sqlstate", None) in _GONE
    )


def _secrets(url: URL) -> Iterator[str]:
    values = [] if url.password is None else [str(url.password)]
    for name, value in url.query.items():
        if _SECRET_OPTION.search(name):
            values.extend([value] if isinstance(value, str) else value)
    for value in values:
        if value:
            yield from (value, quote(value, safe=""), quote_plus(value))
