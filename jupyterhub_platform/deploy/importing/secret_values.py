"""Which keys and texts of a source are secrets: they are hidden before anything else reads them."""

import re
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.deploy.importing.entries import Computed

_NAME: Final = re.compile(
    r"secret|passw|passphrase|credential|private_?key|api_?key|access_?key|crypt_?key|auth_?key"
    r"|cookie|hmac|connection_?string|^keys$|(?:^|_)pass$|(?:^|_)pat$|(?:^|_)psk$|token$",
    re.IGNORECASE,
)
_NO_SECRET: Final = re.compile(
    r"pull_?secrets?|existing_?secret|secret_?(?:name|key_?ref|ref|class|store)|_url$|cookie_?options"
    r"|service_?account_?token|max_?age|expir",
    re.IGNORECASE,
)
"""What is called so, and is only a name, or a place."""
_FORM: Final = re.compile(
    r"-----BEGIN |(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{12,}|gh[pousr]_[A-Za-z0-9]{16,}"
    r"|github_pat_|glpat-|xox[abps]-|sk-[A-Za-z0-9]{16,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\."
    r"|://[^/\s:@]+:[^/\s@]+@",
)
_RANDOM: Final = re.compile(r"(?<!sha256:)(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])")
_PUBLIC: Final = frozenset({"client_id", "clientId", "image", "tag", "tenant_id"})
"""What is random and no secret."""
CODE: Final = "extraConfig"
"""Where values have code, which hides the secrets of its own when it is read."""


class Hidden(Computed):
    """Stands for a secret."""


HIDDEN: Final = Hidden("is a secret, and is not written")


def is_secret(name: str, value: Any) -> bool:
    """Tell whether a value is a secret, by its name or by its form."""
    if isinstance(value, Hidden):
        return True
    if isinstance(value, str):
        is_random = name not in _PUBLIC and _RANDOM.search(value)
        return bool(value and (_is_secret_name(name) or _FORM.search(value) or is_random))
    is_plain = isinstance(value, int | float | list) and not isinstance(value, bool)
    return is_plain and bool(value) and _is_secret_name(name)


def _is_secret_name(name: str) -> bool:
    return bool(_NAME.search(name)) and not _NO_SECRET.search(name)


def hide_secrets(value: Any, name: str = "") -> Any:
    """Return a value in which every secret is hidden; ``name`` is that of the value itself."""
    return HIDDEN if is_secret(name, value) else _hide(value, name, {})


def _hide(value: Any, name: str, known: dict[int, Any]) -> Any:
    if not isinstance(value, dict | list):
        return value
    if id(value) not in known:
        if isinstance(value, dict):
            known[id(value)] = {
                _hide_key(key): each if key == CODE else _hide_one(each, str(key), known)
                for key, each in value.items()
            }
        else:
            known[id(value)] = [_hide_one(each, name, known) for each in value]
    return known[id(value)]


def _hide_one(value: Any, name: str, known: dict[int, Any]) -> Any:
    return HIDDEN if is_secret(name, value) else _hide(value, name, known)


def _hide_key(key: str) -> str:
    return "(a secret)" if is_secret("", key) else key


def find_secrets(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Return where secrets are hidden within a value."""
    found = []
    waiting = [(value, path)]
    while waiting:
        each, at = waiting.pop()
        if isinstance(each, Hidden):
            found.append(at)
        elif isinstance(each, dict):
            waiting += [(below, (*at, key)) for key, below in each.items()]
        elif isinstance(each, list):
            waiting += [(below, (*at, number)) for number, below in enumerate(each)]
    return sorted(found, key=lambda at: list(map(str, at)))
