"""Sets ``Retry-After`` on an error, so that clients know when to try again."""

from typing import TypeVar

from tornado import web

E = TypeVar("E", bound=web.HTTPError)


def retry_after(error: E, seconds: int) -> E:
    """Return an error that says when to try again, beside the headers that it has."""
    # JupyterHub reads `headers` of an error; tornado's own class does not declare it.
    headers = getattr(error, "headers", {})
    error.headers = {**headers, "Retry-After": str(seconds)}  # type: ignore[attr-defined]
    return error
