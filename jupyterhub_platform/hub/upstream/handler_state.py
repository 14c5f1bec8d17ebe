"""State of a handler and its answer that tornado tells under no public name.

Upstream: tornado 6
Issue: not reported
Ends when: tornado tells which methods a handler has, and whether its headers were sent.
"""

from collections.abc import Callable
from typing import Any

from tornado import web


def is_implemented(method: Callable[..., Any]) -> bool:
    """Tell whether this method of a handler answers anything but 405."""
    return method is not web.RequestHandler._unimplemented_method


def has_sent_headers(handler: Any) -> bool:
    """Tell whether the status can no longer be changed."""
    return bool(handler._headers_written)


def read_unsent(handler: Any) -> bytes:
    """Return what a handler has written and not sent."""
    return b"".join(handler._write_buffer)
