"""Masks what could be a secret in YAML that is shown: by the key that it stands at, or by its form.

No secret belongs into these files. Where one is all the same, a plan must not print it into a log.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_WORDS: Final = (
    r"(?:secret|passw(?:or)?d|passphrase|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|crypt[_-]?key|credential)"
)
_KEYED: Final = re.compile(
    rf"""(?P<key>["']?[\w./-]{{0,80}}?{_WORDS}[\w./-]{{0,80}}["']?)(?P<gap>\s*[:=]\s*)"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,{}\[\]#&*][^,{}\[\]]*?)?(?=\s*(?:$|[,{}\[\]]|\s\#))""",
    re.IGNORECASE | re.VERBOSE,
)
_SUSPECT: Final = re.compile(_WORDS, re.IGNORECASE)
_MAX_LINE: Final = 10_000
"""How long a line is at most that is searched part by part; a longer one is hidden as a whole."""
_REFERENCE: Final = re.compile(
    r"secret|.*(?:secret[_-]?(?:name|key[_-]?ref|store|ref)|existing[_-]?secret)", re.IGNORECASE
)
"""Keys that say where a secret is, and never what it is."""
_FORMS: Final = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abprs]-[\w-]{10,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
)
_PEM_BEGIN: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_PEM_END: Final = "-----END "


@dataclass(slots=True)
class Mask:
    """Replaces each secret by a number, the same one wherever it occurs, so that changes show."""

    _numbers: dict[str, int] = field(default_factory=dict)

    def mask_text(self, text: str) -> str:
        """Return a document of YAML without its secrets; its lines keep their places."""
        lines, below, is_whole, in_key = [], -1, False, False
        for line in text.split("\n"):
            indent = len(line) - len(line.lstrip())
            if in_key or _PEM_BEGIN.search(line):
                in_key = _PEM_END not in line
                lines.append(self._mask_line(line))
                continue
            if below >= 0 and line.strip() and indent <= below:
                below = -1
            if below >= 0 and line.strip() and (is_whole or ":" not in line):
                lines.append(self._mask_line(line))
                continue
            line = self._mask_forms(line)
            if not _SUSPECT.search(line):
                lines.append(line)
                continue
            if len(line) > _MAX_LINE:
                lines.append(self._mask_line(line))
                continue
            lines.append(_KEYED.sub(self._replace, line))
            found = _KEYED.search(line)
            if found and not _is_reference(found["key"]) and not line[found.end() :].strip():
                # What stands deeper below it goes on with its value.
                below, is_whole = indent, bool(found["value"])
        return "\n".join(lines)

    def mask_value(self, path: str, value: str) -> str:
        """Return what may be shown of a value, by the key path at which it stands."""
        key = path.rpartition(".")[2]
        found = _KEYED.match(f"{key}: x")
        if value and found and found["key"] == key and not _is_reference(key):
            return self._number(value)
        return self._mask_forms(value)

    def _mask_line(self, line: str) -> str:
        text = line.strip()
        indent = line[: len(line) - len(line.lstrip())]
        return f"{indent}{self._number(text)}" if text else line

    def _replace(self, found: re.Match[str]) -> str:
        value = found["value"]
        if not value or _is_reference(found["key"]) or value.startswith(("|", ">", "(hidden")):
            return found[0]
        return f"{found['key']}{found['gap']}{self._number(value)}"

    def _mask_forms(self, text: str) -> str:
        return _FORMS.sub(lambda found: self._number(found[0]), text)

    def _number(self, secret: str) -> str:
        return f"(hidden {self._numbers.setdefault(secret, len(self._numbers) + 1)})"


def _is_reference(key: str) -> bool:
    return _REFERENCE.fullmatch(key.strip("\"'")) is not None
