"""Gives back to the system what reports needed for a moment; the C library keeps it otherwise."""

import ctypes


def return_memory() -> None:
    """Give back what is free now: after a large file or report, a fifth of all."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
