"""Numbers of a document that show as they are written: ``007``, ``1e5``, ``2024.10``."""

from typing import Any, Self


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
