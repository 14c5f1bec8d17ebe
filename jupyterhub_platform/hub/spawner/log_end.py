"""The end of a server's log as it is kept: a few lines, without secrets and control characters."""

import re
from collections.abc import Iterable
from typing import Final

from jupyterhub_platform.hub.upstream.log_scrubbing import SECRET, scrub

MAX_LINES: Final = 40
MAX_CHARACTERS: Final = 4000
_MAX_LINE: Final = 400
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.?)")
_NAMED: Final = re.compile(
    r"(?i)(\b[\w.-]*(?:token|secret|passw(?:or)?d|passwd|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|credential|cookie|authorization)[\w.-]*[\"']?\s*[:=]\s*)"
    r"(?:(?:bearer|token|basic)\s+)?(?!\[secret\])(\"[^\"]*\"|'[^']*'|[^\s,;&}\])]+)"
)
"""A name that says that its value is secret, in code, JSON, YAML, headers and environments."""
_SCHEMES: Final = re.compile(r"(?i)\b((?:bearer|basic|token)\s+)[\w.~+/=-]{16,}")
_USER_INFO: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@")
_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)


def cut_log(text: str, secrets: Iterable[str]) -> str:
    """Return the end of a log for the record.

    Parameters
    ----------
    text
        What the server wrote, the end of it at least.
    secrets
        What must not be kept, wherever it stands: the server's own token.
    """
    clean = _hide(_ESCAPES.sub("", text), secrets)
    kept = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in clean)
    lines = [line.rstrip()[:_MAX_LINE] for line in kept.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines[-MAX_LINES:])[-MAX_CHARACTERS:]


def _hide(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, SECRET)
    text = _KEY_BLOCK.sub(SECRET, text)
    text = _USER_INFO.sub(rf"\1{SECRET}@", scrub(text))
    text = _NAMED.sub(rf"\1{SECRET}", text)
    return _SCHEMES.sub(rf"\1{SECRET}", text)
