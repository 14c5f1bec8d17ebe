"""State of a server that JupyterHub keeps in private attributes of its spawner.

``Spawner.pending``, ``active`` and ``ready`` are computed from these. They do not tell which task
starts a server, whether anything polls it, or whether a stop still runs.

Upstream: jupyterhub 6.1
Issue: not reported
Ends when: ``Spawner`` has public names for the task of its start, its polls and its stop.
"""

import asyncio
from typing import Any


def log_name(spawner: Any) -> str:
    """Return how JupyterHub names a server in its log: ``user`` or ``user:server``."""
    name: str = spawner._log_name
    return name


def find_start(spawner: Any) -> "asyncio.Task[Any] | None":
    """Return the task of the last start; it may have ended. ``None`` once the server is up."""
    start: asyncio.Task[Any] | None = spawner._spawn_future
    return start


def forget_ended_start(spawner: Any) -> None:
    """Have a start that failed not keep the next one from being asked for."""
    start = find_start(spawner)
    if start is not None and start.done():
        spawner._spawn_future = None


def is_within_start(spawner: Any) -> bool:
    """Tell whether the current task is the one that starts the server."""
    start = find_start(spawner)
    return start is not None and start is asyncio.current_task()


def waits_for_response(spawner: Any) -> bool:
    """Tell whether ``Spawner.start`` is done, and JupyterHub waits for the server to answer."""
    return bool(spawner._waiting_for_response)


def is_checked(spawner: Any) -> bool:
    """Tell whether a JupyterHub that has been restarted looks whether the server still runs."""
    return bool(spawner._check_pending)


def is_stopping(spawner: Any) -> bool:
    """Tell whether the server counts as being stopped."""
    return bool(spawner._stop_pending)


def mark_stopping(spawner: Any, is_stopping: bool) -> None:
    """Have the server count as being stopped, or no longer."""
    spawner._stop_pending = is_stopping


def is_awaited(spawner: Any) -> bool:
    """Tell whether a request waits for the server: for its start, its check, or its stop."""
    # Set by the first stop that is asked for.
    stop = getattr(spawner, "_stop_future", None)
    return bool(spawner._spawn_pending or spawner._check_pending) or stop is not None


def is_polled(spawner: Any) -> bool:
    """Tell whether JupyterHub looks again and again whether the server still runs."""
    return bool(spawner._poll_callback)
