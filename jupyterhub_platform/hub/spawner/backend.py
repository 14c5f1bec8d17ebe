"""What is known of a server's backend, from admission to release."""

from enum import Enum, auto
from typing import Final


class Backend(Enum):
    """What is known of a server's backend, its pod or its processes."""

    NONE = auto()
    """There is none, and nothing is held."""
    REFUSED = auto()
    """A start was refused and made none. One of before may be there still."""
    ADMITTED = auto()
    """A start was admitted: from now on there may be one."""
    RUNNING = auto()
    STOPPING = auto()
    UNKNOWN = auto()
    """Not known since the Hub's restart, or since it was asked last."""
    LINGERING = auto()
    """A stop failed: it is tried again until it does not."""
    ENDED = auto()
    """It is gone: what it held can be released."""


MAY_BE_THERE: Final = frozenset(
    {
        Backend.ADMITTED,
        Backend.RUNNING,
        Backend.STOPPING,
        Backend.UNKNOWN,
        Backend.LINGERING,
    }
)
"""States in which what is held is kept: only one that is seen to be gone is released."""
