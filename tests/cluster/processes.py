"""Start the programs of a cluster, wait for them, and end exactly those."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from tests.cluster.errors import ClusterError

MARK = "JUPYTERHUB_PLATFORM_TEST_CLUSTER"
"""In the environment of every process of a cluster: the name of its folder."""

_TAIL_LINES = 15
_END_SECONDS = 10


def read_start_time(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty if there is none.

    Together with its number it names a process, whatever number another gets later.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name stands in parentheses and may hold anything, parentheses too.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]


def end_process(pid: int, start_time: str) -> None:
    """Kill a process, if it still is the one that began then, and wait until it is gone."""
    deadline = time.monotonic() + _END_SECONDS
    while start_time and read_start_time(pid) == start_time:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise ClusterError(f"Process {pid} of a test cluster does not end.")
        time.sleep(0.01)


class Processes:
    """The running programs of one cluster, each with a log and a note of who it is.

    Parameters
    ----------
    state
        The folder of the cluster.
    search_path
        Where programs are looked for.
    dies_with_owner
        Whether the kernel kills them with the thread that started them.
    """

    def __init__(self, state: Path, search_path: str, *, dies_with_owner: bool) -> None:
        self.logs = state / "logs"
        self._notes = state / "processes"
        self.environ = os.environ | {"PATH": search_path, "KUBECONFIG": "", MARK: state.name}
        self._tied = ("setpriv", "--pdeathsig", "KILL") if dies_with_owner else ()
        if not shutil.which("setpriv"):
            self._tied = ()
        self.wrapper: tuple[str, ...] = ()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[str, ...]] = {}
        for folder in (self.logs, self._notes):
            folder.mkdir(exist_ok=True)

    def start(self, name: str, *command: str | Path) -> int:
        """Start a program, and return its number."""
        words = tuple(map(str, command))
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*self._tied, *self.wrapper, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environ,
                cwd="/",
                start_new_session=True,  # Ctrl-C is for the tests, who then end the cluster
                umask=0o022,  # what containerd unpacks is read by others
            )
        self._running[name] = process
        self._commands[name] = words
        self.note(name, process.pid)
        return process.pid

    def note(self, name: str, pid: int) -> None:
        """Note who a process is, so that another can end it should this process be gone."""
        (self._notes / name).write_text(f"{pid} {read_start_time(pid)}")

    def list_children(self, pid: int) -> list[int]:
        """Return the processes that a process started."""
        with contextlib.suppress(OSError):
            return [
                int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            ]
        return []

    def restart(self, name: str) -> int:
        """Start a program that was ended again, as it was started before."""
        return self.start(name, *self._commands[name])

    def end(self, name: str, number: int = signal.SIGTERM) -> None:
        """End one program; by force if it takes its time."""
        process = self._running.pop(name)
        # What leads into another machine hands no signal on.
        if self.wrapper:
            for pid in self.list_children(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        else:
            process.send_signal(number)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_END_SECONDS)
        (self._notes / name).unlink()

    def end_all(self) -> None:
        """End every program, the last one first."""
        for name in reversed(list(self._running)):
            self.end(name, signal.SIGKILL)

    def check_all(self) -> None:
        """See that every program still runs, those too that nothing waits for.

        Raises
        ------
        ClusterError
            Raised if one has ended; with the last lines of its log.
        """
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise ClusterError(f"{name} ended with exit code {code}.\n{self.read_tail(name)}")

    def wait_until(
        self, check: Callable[[], object], what: str, *, of: str, seconds: float = 60
    ) -> None:
        """Wait until something is true of a program.

        Raises
        ------
        ClusterError
            Raised if it ends or takes too long; with the last lines of its log.
        """
        deadline = time.monotonic() + seconds
        while not check():
            self.check_all()
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{what} was not there after {seconds:.0f} s.\n{self.read_tail(of)}"
                )
            time.sleep(0.05)

    def read_tail(self, name: str) -> str:
        """Return the end of a program's log."""
        lines = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(f"  | {line}" for line in lines[-_TAIL_LINES:])


def run(
    *command: str | Path,
    environ: Mapping[str, str] | None = None,
    given: IO[bytes] | None = None,
    seconds: float = 60,
) -> str:
    """Run a command that is over soon, and return what it printed.

    Raises
    ------
    ClusterError
        Raised if it fails or takes too long.
    """
    words = " ".join(map(str, command))
    try:
        done = subprocess.run(
            command,
            stdin=given or subprocess.DEVNULL,
            capture_output=True,
            check=True,
            env=environ,
            timeout=seconds,
        )
    except OSError as error:
        raise ClusterError(f"{command[0]} cannot be run: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"This command was not over after {seconds:.0f} s: {words}") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise ClusterError(f"This command failed: {words}\n  | {said}") from error
    return done.stdout.decode()
