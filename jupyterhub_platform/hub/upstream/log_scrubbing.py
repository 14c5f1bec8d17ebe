"""Keeps tokens and codes out of the Hub's log, where tornado writes the URLs of failed requests.

JupyterHub scrubs the line that it writes for each request, not the one that tornado adds for an
error.

Upstream: jupyterhub 6.1
Issue: jupyterhub/jupyterhub#1835 (merged: the line of each request)
Ends when: JupyterHub scrubs what tornado logs as well.
"""

import logging
import re
from typing import Final

from jupyterhub.log import SCRUB_PARAM_KEYS

_LOGGERS: Final = ("tornado.general", "tornado.application")
SECRET: Final = "[secret]"  # noqa: S105 it stands in place of one
"""What stands in place of a secret."""
_PARAMETER: Final = re.compile(
    rf"([?&][^=&\s]*(?:{'|'.join(map(re.escape, SCRUB_PARAM_KEYS))})[^=&\s]*=)[^&\s'\")]+"
)


def scrub(text: str) -> str:
    """Return a text without the secrets in the queries of its URLs."""
    return _PARAMETER.sub(rf"\1{SECRET}", text)


class _Scrub(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        scrubbed = scrub(text)
        if scrubbed != text:
            record.msg, record.args = scrubbed, ()
        return True


_SCRUB: Final = _Scrub()


def scrub_log() -> None:
    """Scrub what tornado logs in this process, from now on; calling it again is harmless."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_SCRUB)
