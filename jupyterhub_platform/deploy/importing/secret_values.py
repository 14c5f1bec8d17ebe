"""Which keys and texts of a source are secrets: they are never written, neither here nor there."""

import re
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath

_KEY: Final = re.compile(
    r"secret(?!s?[-_]?(name|ref|class))|passw|passphrase|credential|private_?key|api_?key"
    r"|access_?key|secret_?key|crypt_?key|cookie|auth_?key|hmac|signing",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"(?:^|[_-]|[a-z](?=T))token$|_pat$|^pat$|_psk$", re.IGNORECASE)
_VALUE: Final = re.compile(
    r"-----BEGIN |(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{12,}|gh[pousr]_[A-Za-z0-9]{16,}"
    r"|github_pat_|glpat-|xox[abps]-|sk-[A-Za-z0-9]{16,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\."
    r"|://[^/\s:@]+:[^/\s@]+@",
)
_RANDOM: Final = re.compile(r"(?<!sha256:)(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])")
_SHORTEST: Final = 1


def is_secret_key(name: str) -> bool:
    """Tell whether what has this name is a secret."""
    return bool(_KEY.search(name) or _TOKEN.search(name))


def is_secret_text(text: str) -> bool:
    """Tell whether a text is a secret by its form, whatever it is called."""
    return bool(_VALUE.search(text) or _RANDOM.search(text))


def is_secret(name: str, value: Any) -> bool:
    """Tell whether a value is a secret, by its name or by its form."""
    if isinstance(value, str):
        return is_secret_text(value) or (len(value) >= _SHORTEST and is_secret_key(name))
    return isinstance(value, int | list) and not isinstance(value, bool) and is_secret_key(name)


def find_secrets(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Return where secrets stand within a value, by their names or forms."""
    found = []
    waiting = [(value, path)]
    while waiting:
        each, at = waiting.pop()
        if at and is_secret(str(at[-1]), each):
            found.append(at)
        elif isinstance(each, dict):
            waiting += [(below, (*at, key)) for key, below in each.items()]
        elif isinstance(each, list):
            waiting += [(below, (*at, number)) for number, below in enumerate(each)]
    return sorted(found, key=lambda at: list(map(str, at)))


def find_secret_texts(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Return where texts stand within a value that are secrets by their form."""
    found = []
    waiting = [(value, path)]
    while waiting:
        each, at = waiting.pop()
        if isinstance(each, str) and is_secret_text(each):
            found.append(at)
        elif isinstance(each, dict):
            found += [(*at, key) for key in each if is_secret_text(str(key))]
            waiting += [(below, (*at, key)) for key, below in each.items()]
        elif isinstance(each, list):
            waiting += [(below, (*at, number)) for number, below in enumerate(each)]
    return found
