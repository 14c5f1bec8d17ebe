"""Answers addresses of files that no file can have, for Hub and service.

Tornado fails at a NUL byte in one: a stranger gets 500, and the log a traceback.

Upstream: tornado 6.6
Issue: not reported
Ends when: ``StaticFileHandler`` answers 404.
"""

import functools
from typing import Any, Final

from tornado.web import HTTPError, StaticFileHandler

_PATCHED: Final = "_platform_paths"


def refuse_paths_of_no_file() -> None:
    """Answer 404 to a path with a NUL byte, from now on."""
    if getattr(StaticFileHandler, _PATCHED, False):
        return
    parse_url_path = StaticFileHandler.parse_url_path

    @functools.wraps(parse_url_path)
    def parse(handler: Any, url_path: str) -> str:
        if "\0" in url_path:
            raise HTTPError(404)
        return parse_url_path(handler, url_path)

    StaticFileHandler.parse_url_path = parse  # type: ignore[method-assign, assignment]
    setattr(StaticFileHandler, _PATCHED, True)
