"""States of a server's backend, from admission to release."""

from enum import Enum, auto
from typing import Final


class BackendState(Enum):
    """What is known of a server's backend, its pod or its processes."""

    NONE = auto()
    """There is none, and no reservation is held."""
    ADMITTED = auto()
    """A start was admitted: there may be one from now on."""
    RUNNING = auto()
    STOPPING = auto()
    UNKNOWN = auto()
    """Not known since the Hub's restart, or since it was asked last."""
    LINGERING = auto()
    """A stop failed, and is retried until it succeeds."""
    ENDED = auto()
    """It is gone: its reservation can be released."""


MAY_BE_THERE: Final = frozenset(
    {
        BackendState.ADMITTED,
        BackendState.RUNNING,
        BackendState.STOPPING,
        BackendState.UNKNOWN,
        BackendState.LINGERING,
    }
)
"""States in which the reservation is kept: only a backend that is seen to be gone frees it."""
