"""The small process between the Hub and one server, which leaves no orphans behind.

It is the parent of the server and, as a "subreaper", adopts everything that the server's own
children leave behind, whatever session they are in and whatever they did to their environment. When
the server ends, or on request, it kills all of them. It does not die with the Hub. The server's
output comes through a pipe: only the supervisor has the log open, and keeps its end. It is run by
its path, isolated from the environment and the home of the server's user, and so uses only the
standard library.
"""

import argparse
import ctypes
import errno
import fcntl
import os
import resource
import select
import signal
import struct
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

_LIBC = ctypes.CDLL(None, use_errno=True)
_SET_DEATH_SIGNAL = 1
_SET_SUBREAPER = 36
_SET_NO_NEW_PRIVILEGES = 38
_CAPABILITY_VERSION = 0x20080522
_JOIN_SESSION_KEYRING = 1
_KEYCTL = {"x86_64": 250, "ppc64le": 271, "s390x": 280, "armv7l": 311, "i686": 288}
_KEYCTL_ELSEWHERE = 219
"""On aarch64, and on architectures that Linux supported later."""
_WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
_CANNOT_START = 126
_LISTENER = 3

_LOG = 1
_PIPE_BYTES = 2**20
_BYTES_PER_SECOND = 2**20
_MIN_LOG = 2**16
_PAUSE = 0.05
_DRAIN_SECONDS = 1.0


def main(arguments: Sequence[str]) -> int:
    """Run a server, end all that it started, and return its exit status."""
    options = _read(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _control(_SET_SUBREAPER, 1)
    own = os.getpid()
    if options.uid is not None:
        raise_priority()
    output, written = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(written, 1)
        os.dup2(written, 2)
        _become_server(options, own)
    os.close(written)
    # From here on, only the server's own processes can answer in its place.
    _close_input()
    # The signals that are waited for are blocked in this thread, too.
    keeper = threading.Thread(target=_keep_log, args=(output, options.log), daemon=True)
    keeper.start()
    status = _supervise(child, options)
    _end_children(options.group)
    # A program may have handed the pipe to a process that is not ours to end.
    keeper.join(_DRAIN_SECONDS)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = ", perhaps because it used more memory than it may" if number == 9 else ""
        _tell(f"the server was ended by signal {number}{hint}")
        return 128 + number
    return os.WEXITSTATUS(status)


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="supervisor", description=__doc__)
    parser.add_argument("--group", default="", help="cgroup.procs file to join")
    parser.add_argument("--uid", type=int, default=None, help="user and group id to run as")
    parser.add_argument("--cwd", default="/", help="directory to start in")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds between TERM and KILL")
    parser.add_argument("--processes", type=int, default=0, help="most processes of that user")
    parser.add_argument("--log", type=int, default=10 * 2**20, help="most bytes of the log")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


def _become_server(options: argparse.Namespace, parent: int) -> None:
    """Turn this child into the server; never returns."""
    try:
        if options.group:
            with open(options.group, "w") as group:  # noqa: PTH123 light
                group.write("0")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.umask(0o077)
        if options.uid is not None:
            os.setsid()
            _set_priority(max(0, os.nice(0)))
            _drop_privileges(options.uid, options.processes)
        os.chdir(options.cwd)
        # After the change of user, which resets it.
        _control(_SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(_CANNOT_START)
        environment = {**os.environ, **_pass_listener()}
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvpe(options.command[0], options.command, environment)  # noqa: S606 that is its job
    except BaseException as error:  # noqa: BLE001 a fork must not return into its parent's code
        _tell(f"cannot start {options.command[0]}: {error}")
        os._exit(_CANNOT_START)


def raise_priority() -> None:
    """Give this process priority over any number of a user's, unless its operator lowered it.

    Without control groups each process gets an equal share; or each session, where the kernel
    groups them ("autogroup"), and a program can start one for each of its processes. A thousand of
    them would leave the Hub, and what is to end them, a thousandth of the machine.
    """
    if os.nice(0) <= 0:
        _set_priority(-10)


def _set_priority(nice: int) -> None:
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, os.getpid(), nice)
    with suppress(OSError), open("/proc/self/autogroup", "w") as group:  # noqa: PTH123 light
        group.write(str(nice))


def _pass_listener() -> dict[str, str]:
    """Pass the socket on our standard input to the server, as systemd does."""
    os.dup2(0, _LISTENER)
    _close_input()
    return {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}


def _close_input() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _drop_privileges(uid: int, processes: int) -> None:
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    _leave_session_keyring()
    # A service manager may have the Hub killed last.
    with suppress(OSError), open("/proc/self/oom_score_adj", "r+") as score:  # noqa: PTH123 light
        if score.read().startswith("-"):
            score.write("0")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _give_up_capabilities()
    # A program with the set-user-id bit would escape this user's confinement.
    _control(_SET_NO_NEW_PRIVILEGES, 1)


def _leave_session_keyring() -> None:
    """Begin an empty session keyring of root's, in place of the Hub's or its operator's.

    Not after the change of user: that user could make it fail by using up their quota of keys.
    Where the system denies the call, it denies the server every use of keys as well.
    """
    number = _KEYCTL.get(os.uname().machine, _KEYCTL_ELSEWHERE)
    try:
        _check(_LIBC.syscall(ctypes.c_long(number), ctypes.c_long(_JOIN_SESSION_KEYRING), None))
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.EPERM}:
            raise


def _give_up_capabilities() -> None:
    """Drop all, also where the Hub runs with bits that keep them across a change of user."""
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION, 0))
    _check(_LIBC.capset(header, ctypes.create_string_buffer(24)))


def _control(option: int, value: int) -> None:
    _check(_LIBC.prctl(option, value, 0, 0, 0))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _keep_log(output: int, max_bytes: int) -> None:
    """Copy the pipe into the log, until its other end is closed everywhere.

    Output that comes too fast for a log is still read, or it would block the server, but only the
    end of it is kept. The pauses bound what any flood costs this process.
    """
    with suppress(OSError):  # A smaller pipe will do.
        fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    held, left_out, second, budget = b"", 0, 0, 0
    open_end = True
    while open_end:
        ready = select.select([output], [], [], 1.0 if held else None)[0]
        read = os.read(output, _PIPE_BYTES) if ready else b""
        open_end = bool(read or not ready)
        if int(time.monotonic()) != second:
            second, budget = int(time.monotonic()), _BYTES_PER_SECOND
        if budget > 0 or not read:
            if left_out:
                held = b"\n[supervisor] %d bytes came too fast to be kept\n" % left_out + held
            _write_log(held + read, max_bytes)
            budget -= len(held + read)
            held, left_out = b"", 0
        else:
            left_out += max(0, len(held + read) - _MIN_LOG)
            held = (held + read)[-_MIN_LOG:]
        time.sleep(_PAUSE)


def _write_log(text: bytes, max_bytes: int) -> None:
    """Write into the log; when it is full, only its latter half stays."""
    half = max(max_bytes, _MIN_LOG) // 2
    text = text[-half:]
    with suppress(OSError):  # A full disk, or a log that is not a file, must not end a server.
        size = os.fstat(_LOG).st_size
        if size + len(text) > 2 * half:
            kept = os.pread(_LOG, half, max(0, size - half))
            os.ftruncate(_LOG, 0)
            os.write(_LOG, b"[supervisor] what came before is gone\n" + kept[-half:])
        os.write(_LOG, text)


def _supervise(child: int, options: argparse.Namespace) -> int:
    """Wait for the server to end, by itself or on request; return its status.

    TERM lets it shut down within its seconds of grace, INT ends it at once.
    """
    deadline: float | None = None
    while True:
        left = 3600.0 if deadline is None else max(0.05, deadline - time.monotonic())
        received = signal.sigtimedwait(_WATCHED, left)
        if received is not None and received.si_signo == signal.SIGINT:
            deadline = time.monotonic()
        elif received is not None and received.si_signo == signal.SIGTERM and deadline is None:
            deadline = time.monotonic() + options.grace
            os.kill(child, signal.SIGTERM)
        if deadline is not None and time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
        while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            if ended[0] == child:
                return ended[1]


def _end_children(group: str) -> None:
    """Kill children until there are none; those of a killed child become our own.

    A control group dies with one write, however fast its members fork.

    Each is stopped when found, newest id first, so that none forks on while others die. Having no
    children left proves that nothing is left: every orphan becomes a child.
    """
    with suppress(OSError), open(f"{os.path.dirname(group)}/cgroup.kill", "w") as kill:  # noqa: PTH120, PTH123 light
        kill.write("1")
    while True:
        children = [pid for pid in _pids() if _stop_if_ours(pid)]
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        signal.sigtimedwait([signal.SIGCHLD], 0.02)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return


def _pids() -> list[int]:
    names = os.listdir("/proc")  # noqa: PTH208 light
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def _stop_if_ours(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as stat:  # noqa: PTH123 light
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return False
    if fields[1] != str(os.getpid()):
        return False
    # Not reaped yet, so the id is still that child's.
    os.kill(pid, signal.SIGSTOP)
    return True


def _tell(sentence: str) -> None:
    os.write(2, f"[supervisor] {sentence}\n".encode(errors="replace"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
