"""The exit codes of every verb: 0 if it is done, 1 if the answer is no, 2 if it was misused."""

from typing import Final

REFUSED: Final = 1
MISUSED: Final = 2
