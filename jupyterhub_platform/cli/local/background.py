"""A platform that ``jhp apply`` starts in the background, until ``jhp down`` ends it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError

READY: Final = "ready.json"
LOG: Final = "up.log"
START_SECONDS: Final = 150
STOP_SECONDS: Final = 60
_LAST_LINES: Final = 15


def start_in_background(state: State, policy: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Start ``jhp up``, and return what it says when it is ready: ``url`` and ``people``.

    One that starts already, as an interrupted apply leaves it, is waited for.

    Raises
    ------
    PlatformError
        Raised if it ends, or takes too long; with the end of its log.
    """
    process = _find(state)
    if process is None:
        (state / READY).unlink(missing_ok=True)
        process = _start(state, policy)
        tell(f"Starting the Hub in the background. Its log: {_log_of(state)}")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if found := state.read_json(READY):
            return found
        if not _runs(process):
            end = _read_end(_log_of(state))
            raise PlatformError(f"The Hub did not start. The end of {_log_of(state)}:\n{end}")
        time.sleep(0.1)
    end = _read_end(_log_of(state))
    raise PlatformError(
        f"The Hub is not ready after {START_SECONDS} s. The end of {_log_of(state)}:\n{end}"
    )


def runs_in_background(state: State) -> bool:
    """Tell whether a platform runs in the background."""
    return _find(state) is not None


def stop_background(state: State) -> None:
    """End the platform that runs in the background, if there is one.

    Raises
    ------
    PlatformError
        Raised if it does not end.
    """
    process = _find(state)
    if process is None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        raise PlatformError(
            f"The platform in the background does not end: process {process.pid}. End it, and run "
            "this again."
        ) from None


def _start(state: State, policy: Path) -> psutil.Process:
    log = _log_of(state)
    log.parent.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    command = [sys.executable, "-m", "jupyterhub_platform", *_list_words(state)]
    try:
        started = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*command, "--file", str(policy)],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            # It outlasts the terminal.
            start_new_session=True,
        )
    finally:
        os.close(handle)
    return psutil.Process(started.pid)


def _list_words(state: State) -> list[str]:
    """Return the arguments by which it is known: its id could not be written down in time."""
    return ["up", "--state", str(state.directory), "--ready-file", str(state / READY)]


def _find(state: State) -> psutil.Process | None:
    """Return the process of our own user, of which there is one at most."""
    words = _list_words(state)
    for process in psutil.process_iter():
        try:
            given = process.cmdline()
            is_ours = process.uids().real == os.getuid()
        except psutil.Error:
            continue
        if is_ours and given[3 : 3 + len(words)] == words and _runs(process):
            return process
    return None


def _runs(process: psutil.Process) -> bool:
    return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE


def _log_of(state: State) -> Path:
    return state / "logs" / LOG


def _read_end(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_LAST_LINES:])
