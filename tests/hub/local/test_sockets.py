"""Only the owner's process is ever reached at a server's address, whatever else listens there."""

import errno
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.http import sockets as module
from jupyterhub_platform.http.sockets import open_sockets
from jupyterhub_platform.hub.local.machine import Machine
from tests.hub.local.conftest import Servers, as_root, read_log, wait_until
from tests.support.forged_processes import SYSTEM_PYTHON
from tests.support.live_hub import is_alive

STRANGER = 199_999
INSTANCE = "0123456789abcdef0123456789abcdef"
LISTEN = """
import os, socket, sys, time
listener = socket.socket(fileno=3)
path, other = sys.argv[1:3]
assert listener.getsockname() == path, listener
assert (os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"]) == ("1", str(os.getpid()))
def attempt(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return
    print("could", function, arguments, flush=True)
{first}
listener.listen()
print("listens", flush=True)
while True:
    connection = listener.accept()[0]
    try:
        connection.send(b"mine")
    except OSError:
        pass
    connection.close()
"""
# What a server may try where its socket is, before it listens and while it does.
TRICKS = {
    "nothing": "",
    "a link in its place": "attempt(os.unlink, path); attempt(os.symlink, other, path)",
    "another in its place": "attempt(os.rename, other, path); attempt(os.replace, other, path)",
    "another name": "attempt(os.link, path, path + 'x'); attempt(os.rename, path, path + 'x')",
    "a second listener": "attempt(socket.socket(socket.AF_UNIX).bind, path + 'x')",
    "open to all": "attempt(os.chmod, path, 0o777); attempt(os.chown, path, -1, os.getgid())",
    "a directory to fill": "attempt(os.mkdir, path[:-5]); attempt(os.mkdir, path[:-5] + '/x')",
    "a file to fill": "attempt(open, path[:-5], 'w')",
    "a fifo": "attempt(os.mkfifo, path + 'x'); attempt(os.mkfifo, os.path.dirname(path) + '/../x')",
    "the descriptor's mode": "attempt(os.fchmod, 3, 0o777); attempt(os.fchown, 3, os.getuid(), -1)",
}


def ask(path: Path) -> bytes:
    """Ask the listener at a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(str(path))
        return client.recv(10)


def is_refused(path: Path) -> bool:
    try:
        ask(path)
    except OSError as error:
        return error.errno == errno.ECONNREFUSED
    return False


@pytest.fixture
def other(state: Path) -> Iterator[Path]:
    """Have a process listen that no route may lead to."""
    path = state / "other"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o777)
        server.listen()
        yield path


def attack(uid: int, code: str, *arguments: Path) -> str:
    """Try something as another user, and return what came of it."""
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        user=uid,
        group=uid,
        extra_groups=[],
    )
    return done.stdout + done.stderr


def start(servers: Servers, machine: Machine, other: Path, trick: str = "") -> Path:
    person = machine.os_users.provide("ada")
    path = machine.sockets.of("ada", f"s{len(servers.records) + 1}")
    code = LISTEN.format(first=trick)
    servers.start(SYSTEM_PYTHON, "-c", code, str(path), str(other), person=person)
    return path


def listens(servers: Servers) -> bool:
    return "listens" in read_log(servers.records[-1])


@as_root
@pytest.mark.parametrize("trick", TRICKS)
async def test_a_server_listens_where_it_can_change_nothing(
    isolated: Machine, other: Path, trick: str
) -> None:
    servers = Servers(isolated)
    path = start(servers, isolated, other, f"time.sleep(0.3); {TRICKS[trick]}")
    before = path.lstat()
    assert is_refused(path), "until it listens, a start is not mistaken for one that is ready"
    wait_until(lambda: listens(servers))
    assert ask(path) == b"mine"
    found = path.lstat()
    assert (found.st_ino, found.st_mode, found.st_uid) == (before.st_ino, before.st_mode, 0)
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert found.st_gid == isolated.os_users.provide("ada").uid
    assert list(path.parent.iterdir()) == [path]
    assert "could" not in read_log(servers.records[0])
    await servers.end(servers.records[0])
    assert is_refused(path), "a server that has ended answers no client"


@as_root
async def test_no_user_can_write_anywhere_below_the_sockets(isolated: Machine, other: Path) -> None:
    servers = Servers(isolated)
    for _ in range(2):
        start(servers, isolated, other)
        wait_until(lambda: listens(servers))
    below = [isolated.sockets.directory, *isolated.sockets.directory.rglob("*")]
    assert len(below) == 11
    for path in below:
        found = path.lstat()
        assert found.st_uid == 0
        open_to_others = found.st_mode & 0o022 and not path.is_symlink()
        assert not open_to_others or stat.S_ISSOCK(found.st_mode), path
        if path.parent.name == "u":
            assert stat.S_IMODE(found.st_mode) == 0o710, "others need not pass through"
    for record in servers.records:
        await servers.end(record)


@as_root
async def test_neither_its_own_user_nor_another_can_put_anything_in_its_place(
    isolated: Machine, other: Path
) -> None:
    servers = Servers(isolated)
    uid = isolated.os_users.provide("ada").uid
    assert uid is not None
    path = start(servers, isolated, other)
    wait_until(lambda: listens(servers))
    for code in (
        "import os, sys; os.unlink(sys.argv[1])",
        "import os, sys; os.rename(sys.argv[1], sys.argv[1] + 'x')",
        "import os, sys; os.replace(sys.argv[2], sys.argv[1])",
        "import os, sys; os.link(sys.argv[1], sys.argv[1] + 'x')",
        "import os, sys; os.symlink(sys.argv[2], sys.argv[1] + 'x')",
        "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
        "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1] + 'x')",
        "import os, sys; os.rmdir(os.path.dirname(sys.argv[1]))",
        "import os, sys; os.mkdir(os.path.dirname(os.path.dirname(sys.argv[1])) + '/x')",
        "import os, sys; os.mkdir(os.path.splitext(sys.argv[1])[0])",
        "import os, sys; os.chmod(os.path.dirname(sys.argv[1]), 0o777)",
        "import os, sys; os.listdir(os.path.dirname(sys.argv[1]))",
        "import os, sys; os.symlink(sys.argv[2], os.path.dirname(sys.argv[1]) + '/x')",
    ):
        for attacker in (uid, STRANGER):
            said = attack(attacker, code, path, other)
            assert "Error" in said, f"user {attacker} could: {code}"
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print('in')"
    assert attack(uid, connect, path) == "in\n", "it is its own"
    assert "PermissionError" in attack(STRANGER, connect, path)
    assert ask(path) == b"mine"
    await servers.end(servers.records[0])


@as_root
async def test_only_what_the_server_has_started_holds_its_socket(
    isolated: Machine, other: Path
) -> None:
    servers = Servers(isolated)
    path = start(servers, isolated, other)
    wait_until(lambda: listens(servers))
    (server,) = psutil.Process(servers.records[0].supervisor.pid).children()
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(server))
    assert is_refused(path)
    await servers.end(servers.records[0])


@as_root
def test_no_other_process_can_be_the_hub_or_its_service(isolated: Machine, other: Path) -> None:
    sockets = isolated.sockets
    for code in (
        "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
        "import os, sys; os.symlink(sys.argv[2], sys.argv[1])",
        "import os, sys; os.mkdir(os.path.dirname(sys.argv[1]) + '/x')",
    ):
        for path in (sockets.hub, sockets.proxy_api, sockets.service):
            assert "PermissionError" in attack(STRANGER, code, path, other)
    with socket.socket(socket.AF_UNIX) as hub:
        hub.bind(str(sockets.hub))
        sockets.hub.chmod(0o666)
        hub.listen()
        connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
        assert attack(STRANGER, connect, sockets.hub) == ""
        for code in ("os.unlink(sys.argv[1])", "os.rename(sys.argv[1], sys.argv[1] + 'x')"):
            assert "PermissionError" in attack(STRANGER, f"import os, sys; {code}", sockets.hub)
    assert is_refused(sockets.hub)


@as_root
@pytest.mark.parametrize("unsafe", ["open to all", "of another user", "a link"])
def test_directory_in_which_others_can_write_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch, unsafe: str
) -> None:
    place = state / "run"
    if unsafe == "a link":
        (state / "elsewhere").mkdir()
        place.symlink_to(state / "elsewhere")
    else:
        place.mkdir()
    if unsafe == "open to all":
        place.chmod(0o777)
    if unsafe == "of another user":
        os.chown(place, STRANGER, STRANGER)
    monkeypatch.setattr(module, "_OF_ROOT", (place,))
    with pytest.raises(LocalSpawnerError, match=rf"not safe in .* can write {place} \(owner"):
        open_sockets(state, INSTANCE)


@as_root
def test_directory_that_another_user_has_made_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OF_ROOT", (state,))
    (state / "jupyterhub-platform").mkdir()
    os.chown(state / "jupyterhub-platform", STRANGER, STRANGER)
    with pytest.raises(LocalSpawnerError, match="not safe in"):
        open_sockets(state, INSTANCE)


def test_path_fits_into_the_address_of_a_socket_however_long_the_names_are(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in (0, STRANGER):
        for directory in (state, state / ("d" * 100)):
            monkeypatch.setattr(os, "geteuid", lambda user=user: user)
            sockets = module.locate_sockets(directory, INSTANCE)
            server = sockets.of("u" * 255, "s" * 255)
            for path in (server, sockets.proxy_api, sockets.service):
                assert len(os.fsencode(path)) <= 107


def test_servers_of_one_user_and_of_two_have_different_places(machine: Machine) -> None:
    names = ["", "a", "b", "a/b"]
    places = {machine.sockets.of(user, name) for user in names for name in names}
    assert len(places) == len(names) ** 2
    assert machine.sockets.of("a", "b") == machine.sockets.of("a", "b")


def test_a_start_binds_anew_and_an_end_leaves_nothing(machine: Machine) -> None:
    person = machine.os_users.provide("ada")
    path = machine.sockets.of("ada", "s1")
    with machine.sockets.bind("ada", "s1", person.uid) as first:
        first.listen()
        with machine.sockets.bind("ada", "s1", person.uid):
            assert is_refused(path), "the listener of an earlier start"
    machine.sockets.remove("ada", "s1")
    assert list(path.parent.iterdir()) == []
    machine.sockets.remove("ada", "s1")
    machine.sockets.clear()
    assert not machine.sockets.directory.exists()


def test_a_tree_of_any_depth_that_an_earlier_version_let_users_make_is_removed(
    machine: Machine,
) -> None:
    deep = machine.sockets.of("ada", "s1").with_suffix("")
    deep.mkdir(parents=True)
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(deep)
        for _ in range(30_000):
            os.mkdir("d")  # noqa: PTH102 deeper than a path may be
            os.chdir("d")
    finally:
        os.fchdir(before)
        os.close(before)
    with machine.sockets.bind("ada", "s1", machine.os_users.provide("ada").uid):
        machine.sockets.remove("ada", "s1")
    machine.sockets.clear()
    assert not machine.sockets.directory.exists()


def test_everything_is_removed_where_path_leads_to_no_program(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.sockets.bind("ada", "s1", machine.os_users.provide("ada").uid).close()
    monkeypatch.setenv("PATH", str(tmp_path))
    machine.sockets.clear()
    assert not machine.sockets.directory.exists()
