"""Run long commands, with one plain line for what starts and one for how long it took."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_HEARTBEAT_SECONDS = 15
_TAIL_LINES = 20


class StepError(Exception):
    """Raised if a step failed; the message says what, why and what to do next."""


def say(line: str) -> None:
    """Write one line for people, at once, where it does not mix with data."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


@contextlib.contextmanager
def timed(title: str) -> Iterator[None]:
    """Announce a step, and say how long it took once it has succeeded."""
    say(f"{title} ...")
    start = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - start:.0f} s")


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    *,
    environ: Mapping[str, str] | None = None,
    keep_open: tuple[int, ...] = (),
    folder: Path | None = None,
) -> None:
    """Run a command that takes a while, with its output in a file.

    A line every quarter of a minute shows that it is still at work. Whatever
    ends this process ends the command too.

    Parameters
    ----------
    command
        Program and arguments.
    log
        Where the output goes; its end is shown if the command fails.
    environ
        The whole environment of the command; that of this process if missing.
    keep_open
        File descriptors that the command inherits.
    folder
        Where the command runs.

    Raises
    ------
    StepError
        Raised if the command cannot be run or exits with anything but 0.
    """
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603  the callers write the commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environ,
                pass_fds=keep_open,
                cwd=folder,
            )
        except OSError as error:
            raise StepError(f"{command[0]} cannot be run: {error.strerror}.") from error
        code = _wait(process)
    if code != 0:
        raise _make_failure(command, code, log)


def _wait(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a command, with a sign of life now and then; end it if this process is ended."""
    start = time.monotonic()
    try:
        while True:
            try:
                return process.wait(_HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                say(f"  still at it, {time.monotonic() - start:.0f} s")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _make_failure(command: Sequence[str | Path], code: int, log: Path) -> StepError:
    tail = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    shown = "\n".join(f"  | {line}" for line in tail)
    words = " ".join(str(word) for word in command)
    return StepError(
        f"This command failed with exit code {code}: {words}\n{shown}\n"
        f"All of its output is in {log}."
    )
