"""The lease of a state directory: one ``jhp apply`` at a time writes what its Hub reads."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError

FILE = "apply.lock"


@contextmanager
def hold_lease(state: State) -> Iterator[None]:
    """Hold the lease, which ends with this process, however that ends.

    Raises
    ------
    PlatformError
        Raised if another one holds it.
    """
    state.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(state / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode(errors="replace").strip()
            raise PlatformError(
                f"Another jhp applies to {state.directory} now: process {holder}. Nothing was "
                "changed. Try again when it is done."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(lock)
