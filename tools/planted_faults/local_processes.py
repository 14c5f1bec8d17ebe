"""Faults in servers that are processes of this machine."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

LOCAL_PROCESSES: Final = (
    *noticed_by(
        "tests/hub/local/test_forged.py",
        (
            "marks of every user are believed",
            "_ask_ours",
            Replace("{os.geteuid()}", "owners_of(pid)"),
        ),
        (
            "what others say is read, whatever its size",
            "_ask_ours",
            Drop("if not runs_as(pid, own): ..."),
        ),
        (
            "what gave up its rights meanwhile is believed",
            "_ask_ours",
            Drop(
                "runs_as(pid, own)", within="answer and process.is_running() and runs_as(pid, own)"
            ),
        ),
        (
            "a name makes up a user id",
            "owners_of",
            Replace('status.read().split(b"\\n")', "status.read().splitlines()"),
        ),
        (
            "a user id that acts as root is root's",
            "runs_as",
            Replace("owners.issubset(uids)", "not owners.isdisjoint(uids)"),
        ),
        (
            "a child of another user's process does not count as an orphan",
            "ProcessTable.__init__",
            Drop("self._tops |= {process.pid} if owner >= 0 else set()"),
        ),
        ("one whose first thread ended is dead", "has_ended", Drop("len(process.threads()) <= 1")),
        (
            "two servers have one mark",
            "server_mark",
            Return('"/".join(name for name in (user, server))'),
        ),
        (
            "a recorded process of any user is the supervisor",
            "Target.find_supervisor",
            Drop("runs_as(known.pid, {os.geteuid()})"),
        ),
        (
            "what hides from its supervisor goes on",
            "iterate_living",
            Never("runs_as(process.pid, target.uids)"),
        ),
        (
            "whatever has the person's user id ends",
            "iterate_living",
            Replace(
                "marks is None and table.is_whole(line) and runs_as(...)",
                "runs_as(process.pid, target.uids)",
            ),
        ),
        ("a line that broke off makes an orphan", "iterate_living", Drop("table.is_whole(line)")),
        (
            "another server's processes end too",
            "Target.includes",
            Drop("self.server in {None, marks.server}"),
        ),
        (
            "another platform's processes end too",
            "Target.includes",
            Drop("marks.instance == self.instance"),
        ),
        ("a group of another user is looked into", "find_groups", Drop("_is_ours(path)")),
    ),
    *noticed_by(
        "tests/hub/local/test_termination.py",
        (
            "another run's processes end too",
            "Target.includes",
            Drop("self.reservation in {None, marks.reservation}"),
        ),
        ("a server reads from its socket", "_pass_listener", Drop("_close_input()")),
    ),
    *noticed_by(
        "tests/hub/local/test_server_log.py",
        ("a server has its log open", "supervisor:main", Drop("os.dup2(written, 2)")),
        ("a log grows without end", "_write_log", Never("size + len(text) > 2 * half")),
        ("a flood is written as it comes", "_keep_log", Always("budget > 0 or not read")),
        ("a flood is read without pause", "_keep_log", Drop("time.sleep(_PAUSE)")),
        (
            "the end of a log is not waited for",
            "supervisor:main",
            Drop("keeper.join(_DRAIN_SECONDS)"),
        ),
        ("a pipe in foreign hands is waited for", "supervisor:main", Drop("_DRAIN_SECONDS")),
        (
            "a full disk ends the reader of the log",
            "_write_log",
            Drop("OSError", within="suppress(OSError)"),
        ),
        ("logs of ever new servers stay", "_prune_logs", Drop("path.unlink(missing_ok=True)")),
    ),
    *noticed_by(
        "tests/hub/local/test_inherited.py",
        (
            "keys of the operator are passed on",
            "_drop_privileges",
            Drop("_leave_session_keyring()"),
        ),
        (
            "a user without room keeps the operator's keys",
            "_leave_session_keyring",
            Replace("{errno.ENOSYS, errno.EPERM}", "{errno.ENOSYS, errno.EPERM, errno.EDQUOT}"),
        ),
        ("no server starts where keys are denied", "_leave_session_keyring", Drop("errno.EPERM")),
        (
            "capabilities outlast a change of user",
            "_drop_privileges",
            Drop("_give_up_capabilities()"),
        ),
        (
            "ignored signals stay so",
            "_become_server",
            Drop("signal.signal(number, signal.SIG_DFL)"),
        ),
        (
            "blocked signals stay so",
            "_become_server",
            Replace(
                "signal.pthread_sigmask(signal.SIG_SETMASK, ())",
                "signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)",
            ),
        ),
    ),
    *noticed_by(
        "tests/hub/local/test_spawner.py",
        (
            "the limit of a log is not passed on",
            "LocalServerSpawner._launch",
            Drop("log_bytes=self.log_limit"),
        ),
    ),
    *noticed_by(
        "tests/hub/local/test_sockets.py",
        ("the supervisor keeps a server's socket", "supervisor:main", Drop("_close_input()")),
    ),
    *noticed_by(
        "tests/hub/local/test_crowded.py",
        (
            "control groups are looked for on the loop",
            "end_server",
            Replace("await asyncio.to_thread(target.groups)", "target.groups()"),
        ),
        (
            "a user id is looked for on the loop",
            "LocalServerSpawner.start",
            Replace(
                "await asyncio.to_thread(machine.os_users.provide, self.user.name)",
                "machine.os_users.provide(self.user.name)",
            ),
        ),
        (
            "a server is as urgent as its supervisor",
            "_become_server",
            Drop("_set_priority(max(0, os.nice(0)))"),
        ),
        ("a server shares its supervisor's session", "_become_server", Drop("os.setsid()")),
        ("a supervisor is as urgent as a bomb", "supervisor:main", Drop("raise_priority()")),
    ),
)
