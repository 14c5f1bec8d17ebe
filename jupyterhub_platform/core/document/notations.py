"""Numbers as they were written, and notations that readers of YAML take for different numbers.

``007`` shows as it is written. Kubernetes' own tools read YAML 1.1, where ``010`` is 8, ``1_000`` a
thousand and ``1:30`` ninety; in YAML 1.2 these are 10 and two texts. A file has to mean the same to
every program that reads it, so none of them is a number here.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Self

from jupyterhub_platform.core.document.faults import quote

_LEADING_ZERO: Final = re.compile(r"([-+]?)0+(\d+)", re.ASCII)
_OTHER_BASE: Final = re.compile(
    r"([-+]?)0([xob])([0-9a-f_]{1,64})(?: ?([kmgtp]i?b?|ei))?", re.ASCII | re.IGNORECASE
)
_GROUPED: Final = re.compile(r"[-+]?\d[\d_]*_[\d_]*(?:\.[\d_]*)? ?[A-Za-z]{0,3}", re.ASCII)
_BASE_SIXTY: Final = re.compile(r"([-+]?)(\d{1,9}(?::[0-5]?\d){1,3})", re.ASCII)
_ZEROS: Final = re.compile(r"(?<!\d)0+(?=\d)", re.ASCII)
_BASES: Final[Mapping[str, tuple[int, str]]] = {
    "x": (16, "hexadecimal"),
    "o": (8, "octal"),
    "b": (2, "binary"),
}

_CONSTANTS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?\d{1,30}", re.ASCII)
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.\d{1,30}|\d{1,30}(?:\.\d{0,30})?)(?:[eE][-+]?\d{1,3})?", re.ASCII
)


class _Written:
    """Remembers the text that a number was read from, and shows it."""

    written: str

    def __new__(cls, written: str) -> Self:
        number = super().__new__(cls, written)  # type: ignore[call-arg]  # int or float stands behind
        number.written = written
        return number

    def __str__(self) -> str:
        return self.written

    __repr__ = __str__

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class WrittenInt(_Written, int):
    """A whole number."""


class WrittenFloat(_Written, float):
    """Any other number."""


def read_plain(text: str) -> object:
    """Return what a text without quotes says, by the core schema of YAML 1.2."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return WrittenInt(text)
    return WrittenFloat(text) if _FLOAT.fullmatch(text) else text


def find_ambiguity(value: object) -> tuple[str, str] | None:
    """Return why a value is not one number to every reader, and the fix; nothing if it is.

    A text is not one that was read as a number: quotes make ``"010"`` the same to all.
    """
    text = str(value).strip()
    if isinstance(value, WrittenInt) and (match := _LEADING_ZERO.fullmatch(text)):
        what = f"{quote(text)} begins with a zero, which some programs take for octal"
        return what, _choose_base(*match.groups())
    if not isinstance(value, str):
        return None
    if match := _OTHER_BASE.fullmatch(text):
        return _find_base(text, *match.groups())
    if _GROUPED.fullmatch(text):
        plain = text.replace("_", "")
        return f"{quote(text)} has underscores within a number", f"write {_ZEROS.sub('', plain)}"
    if match := _BASE_SIXTY.fullmatch(text):
        number = 0
        for part in match[2].split(":"):
            number = number * 60 + int(part)
        return f"{quote(text)} is {match[1]}{number} to some programs", f"write {match[1]}{number}"
    return None


def _choose_base(sign: str, digits: str) -> str:
    decimal = f"write {sign}{int(digits)}"
    is_octal = not set(digits) & set("89") and int(digits) > 7
    return f"{decimal}, or {sign}{int(digits, 8)} if octal is meant" if is_octal else decimal


def _find_base(
    text: str, sign: str, letter: str, digits: str, unit: str | None
) -> tuple[str, str] | None:
    base, name = _BASES[letter.lower()]
    try:
        number = int(digits.replace("_", ""), base)
    except ValueError:
        return None
    return f"{quote(text)} is {name}", f"write {sign}{number}{unit or ''}"
