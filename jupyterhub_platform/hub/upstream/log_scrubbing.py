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
_SECRET: Final = re.compile(
    rf"([?&][^=&\s]*(?:{'|'.join(map(re.escape, SCRUB_PARAM_KEYS))})[^=&\s]*=)[^&\s'\")]+"
)


class _Scrub(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        scrubbed = _SECRET.sub(r"\1[secret]", text)
        if scrubbed != text:
            record.msg, record.args = scrubbed, ()
        return True


_SCRUB: Final = _Scrub()


def scrub_log() -> None:
    """Scrub what tornado logs in this process, from now on; calling it again is harmless."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_SCRUB)
