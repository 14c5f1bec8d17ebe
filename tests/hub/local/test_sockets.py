"""Nobody but its own user is ever reached at a server's address, whoever tries to be there."""

import errno
import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_platform.hub.local import sockets as module
from jupyterhub_platform.hub.local.machine import Machine
from jupyterhub_platform.hub.local.processes import LocalSpawnerError
from jupyterhub_platform.hub.local.sockets import ServerSocket, open_sockets
from tests.hub.local.conftest import Servers, as_root, wait_until
from tests.support.forgery import SYSTEM_PYTHON

STRANGER = 199_999
INSTANCE = "0123456789abcdef0123456789abcdef"
LISTEN = """
import os, socket, sys, time
def listen(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o777)
    server.listen()
    return server
bound, other = sys.argv[1:3]
{first}
server = listen(bound)
while True:
    connection = server.accept()[0]
    try:
        connection.send(b"mine")
    except OSError:
        pass
    connection.close()
"""
# What a server may put where its socket is looked for, before it does listen.
TRICKS = {
    "nothing": "",
    "a link to a socket of another": "os.symlink(other, bound); time.sleep(1); os.unlink(bound)",
    "a link to nowhere": "os.symlink('/nowhere', bound); time.sleep(1); os.unlink(bound)",
    "a file": "open(bound, 'w').close(); time.sleep(1); os.unlink(bound)",
    "a fifo": "os.mkfifo(bound); time.sleep(1); os.unlink(bound)",
    "a directory": "os.mkdir(bound); time.sleep(1); os.rmdir(bound)",
}


def ask(path: Path) -> bytes:
    """Ask whoever listens at a socket."""
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
    """Have somebody listen whom no route may lead to."""
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


def start(servers: Servers, machine: Machine, other: Path, trick: str = "") -> ServerSocket:
    person = machine.people.person("ada")
    where = machine.sockets.of("ada", "s1")
    code = LISTEN.format(first=trick)
    servers.start(SYSTEM_PYTHON, "-c", code, str(where.bound), str(other), person=person)
    return where


@as_root
@pytest.mark.parametrize("trick", TRICKS)
async def test_only_a_socket_of_its_own_user_becomes_public(
    isolated: Machine, other: Path, trick: str
) -> None:
    servers = Servers(isolated)
    where = start(servers, isolated, other, TRICKS[trick])
    seen = set()

    def is_there() -> bool:
        found = where.public.lstat()
        seen.add(stat.S_IFMT(found.st_mode))
        return found.st_uid == isolated.people.person("ada").uid

    assert is_refused(where.public)
    wait_until(is_there)
    assert ask(where.public) == b"mine"
    assert seen == {stat.S_IFSOCK}, "it was something else for a moment"
    await servers.end(servers.records[0])
    assert is_refused(where.public), "a server that has ended answers nobody"


@as_root
async def test_neither_its_own_user_nor_another_can_put_anything_in_its_place(
    isolated: Machine, other: Path
) -> None:
    servers = Servers(isolated)
    uid = isolated.people.person("ada").uid
    assert uid is not None
    where = start(servers, isolated, other)
    wait_until(lambda: where.public.lstat().st_uid == uid)
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
        "import os, sys; os.chmod(os.path.dirname(sys.argv[1]), 0o777)",
        "import os, sys; os.listdir(os.path.dirname(sys.argv[1]))",
        "import os, sys; os.symlink(sys.argv[2], os.path.dirname(sys.argv[3]) + '/x')",
    ):
        for attacker in (uid, STRANGER):
            said = attack(attacker, code, where.public, other, where.bound)
            assert "Error" in said, f"user {attacker} could: {code}"
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1]); print('in')"
    assert attack(uid, connect, where.public) == "in\n", "it is its own"
    assert attack(uid, connect, where.bound) == "in\n"
    assert "PermissionError" in attack(STRANGER, connect, where.public)
    assert ask(where.public) == b"mine"
    await servers.end(servers.records[0])


@as_root
def test_nobody_else_can_be_the_hub_or_its_service(isolated: Machine, other: Path) -> None:
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
            where = sockets.of("u" * 255, "s" * 255)
            for path in (where.public, where.bound, sockets.proxy_api, sockets.service):
                assert len(os.fsencode(path)) <= 107


def test_servers_of_one_user_and_of_two_have_different_places(machine: Machine) -> None:
    names = ["", "a", "b", "a/b"]
    places = {machine.sockets.of(user, name).public for user in names for name in names}
    assert len(places) == len(names) ** 2
    assert machine.sockets.of("a", "b") == machine.sockets.of("a", "b")


async def test_leftovers_of_an_earlier_start_are_removed_before_the_next(machine: Machine) -> None:
    person = machine.people.person("ada")
    where = machine.sockets.prepare(person, "s1")
    (where.bound.parent / "old").write_text("x")
    module.draft_of(where.public).touch()
    assert machine.sockets.prepare(person, "s1") == where
    assert list(where.bound.parent.iterdir()) == []
    assert not module.draft_of(where.public).exists()
    assert is_refused(where.public)
    machine.sockets.remove("ada", "s1")
    assert list(where.public.parent.iterdir()) == []
    machine.sockets.clear()
    assert not machine.sockets.directory.exists()
