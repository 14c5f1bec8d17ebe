"""A port is kept for its platform by a process that does nothing else: no other user gets it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from jupyterhub_platform.cli.local.port_holder import (
    PROGRAM,
    hold_port,
    let_go,
    list_held_ports,
)
from jupyterhub_platform.cli.local.public_port import PublicPort, take_public_port
from jupyterhub_platform.core.errors import PlatformError
from tests.support.live_hub import wait_for
from tests.support.other_os_user import as_other_os_user, as_root, hijacking

pytestmark = as_root

INSTANCE, OTHER = "a" * 32, "b" * 32
HOSTS = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "state"
    directory.mkdir()
    yield directory
    for instance in (INSTANCE, OTHER):
        let_go(instance)


def start(state: Path, host: str = "127.0.0.1", port: int | None = None) -> PublicPort:
    """Do what ``jhp up`` does with its port."""
    told: list[str] = []
    kept = {each.port for each in list_held_ports(INSTANCE)}
    public = take_public_port(host, port, None, told.append, kept)
    hold_port(public.bind_beside(), public.number, INSTANCE, state)
    return public


def find_holder() -> psutil.Process:
    (held,) = list_held_ports(INSTANCE)
    return held.process


@pytest.mark.parametrize("host", HOSTS)
def test_no_other_user_gets_a_port_that_is_kept_and_clients_are_refused(
    host: str, state: Path
) -> None:
    with start(state, host) as public:
        port, address = public.number, "::1" if ":" in public.address else "127.0.0.1"
    with hijacking(port) as got:
        began = time.monotonic()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, port), timeout=10)
        assert time.monotonic() - began < 1
        with start(state, host, port), socket.create_connection((address, port), timeout=10):
            pass
    assert got == []
    assert [each.port for each in let_go(INSTANCE)] == [port]
    with hijacking(port) as got:
        pass
    assert f"listens {address} ()" in got, "the thief can, where nothing keeps the port"


def test_no_start_leaves_a_gap_whatever_address_it_takes(state: Path) -> None:
    with start(state) as public:
        port = public.number
    with hijacking(port, shared=()) as got:
        for _ in range(4):
            for host in HOSTS:
                with start(state, host, port):
                    time.sleep(0.01)
                assert [each.port for each in list_held_ports(INSTANCE)] == [port]
    assert got == []


def test_a_socket_that_was_bound_before_cannot_listen_afterwards(state: Path) -> None:
    with start(state) as public:
        port = public.number
    let_go(INSTANCE)
    with socket.socket() as thief:  # as any user: the kernel does not ask here
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port))
        start(state, port=port).close()
        with pytest.raises(OSError, match="in use"):
            thief.listen()
        # Nor does it keep the platform from its port.
        start(state, port=port).close()


def test_connections_that_are_about_to_end_do_not_keep_a_start_from_its_port(state: Path) -> None:
    public = start(state)
    port = public.number
    for number in range(3):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            # The side that closes first is the one that waits.
            public.listener.accept()[0].close()
            client.recv(1)
            public.close()
            if number == 1:
                let_go(INSTANCE)
            public = start(state, port=port)
    public.close()


def test_two_platforms_have_two_ports_and_none_gets_the_other_one(state: Path) -> None:
    told: list[str] = []
    start(state).close()
    (held,) = list_held_ports(INSTANCE)
    pid = held.process.pid
    with pytest.raises(PlatformError) as refused:
        take_public_port("127.0.0.1", held.port, None, told.append)
    assert str(refused.value).startswith(
        f"Port {held.port} is held for another platform by process"
    )
    assert f"process {pid} (" in str(refused.value)
    assert str(refused.value).endswith(f"jhp down --state {state}")
    with take_public_port("127.0.0.1", None, held.port, told.append) as second:
        hold_port(second.bind_beside(), second.number, OTHER, state)
        number = second.number
    assert number != held.port
    assert f"Port {held.port} is held for another platform" in told[0]
    assert len(list_held_ports()) >= 2
    assert [each.port for each in let_go(OTHER)] == [number]
    assert find_holder().pid == pid


@pytest.mark.parametrize("first", HOSTS)
def test_no_second_start_listens_beside_the_first(first: str, state: Path) -> None:
    with start(state, first) as public:
        for host in ("127.0.0.1", "0.0.0.0", "::", "localhost"):
            with pytest.raises(PlatformError, match=f"Port {public.number} is taken by another"):
                start(state, host, public.number)


def test_ports_of_before_stay_kept(state: Path) -> None:
    with start(state) as first, start(state) as second:
        ports = {first.number, second.number}
    assert len(ports) == 2
    assert {each.port for each in list_held_ports(INSTANCE)} == ports
    assert {each.port for each in let_go(INSTANCE)} == ports
    assert list_held_ports(INSTANCE) == []


def test_a_port_whose_holder_was_killed_is_taken_again(state: Path) -> None:
    with start(state) as public:
        find_holder().send_signal(signal.SIGKILL)
        wait_for(lambda: list_held_ports(INSTANCE) == [], "the holder to end", 10)
        port = public.number
    start(state, port=port).close()
    assert find_holder().is_running()


def test_holder_is_on_its_own_and_has_nothing_but_its_sockets(state: Path) -> None:
    (state / "lock").touch()
    with (state / "lock").open(), start(state):
        holder = find_holder()
        opened = {str(path.readlink()) for path in Path(f"/proc/{holder.pid}/fd").iterdir()}
        assert {each for each in opened if not each.startswith("socket:")} == {os.devnull}
        assert os.getsid(holder.pid) not in {os.getsid(0), os.getpid()}
        assert holder.ppid() != os.getpid()
        assert holder.environ() == {}
        lowest = "echo -1000 2>/dev/null >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj"
        score = Path(f"/proc/{holder.pid}/oom_score_adj").read_text()
        assert score == subprocess.check_output(["sh", "-c", lowest], text=True)
        assert holder.memory_info().rss < 20 * 2**20


def test_holder_ends_when_the_state_directory_is_removed(
    state: Path, make_directory: Callable[[], Path]
) -> None:
    moved = make_directory() / "moved"
    start(state).close()
    holder = find_holder()
    state.rename(moved)
    time.sleep(6)
    assert holder.is_running(), "a directory that was moved is still there"
    moved.rmdir()
    holder.wait(timeout=20)


def test_a_port_that_an_earlier_version_holds_is_taken_over(state: Path, tmp_path: Path) -> None:
    program = shutil.copy(PROGRAM, tmp_path / "port_holder.py")
    with take_public_port("127.0.0.1", None, None, print) as public:
        port = public.number
        words = [sys.executable, "-I", "-S", program, INSTANCE, str(port)]
        with ExitStack() as stack:
            bound = [stack.enter_context(each).fileno() for each in public.bind_beside()]
            subprocess.run(words, cwd=state, pass_fds=bound, check=True)
    earlier = find_holder()
    start(state, port=port).close()
    earlier.wait(timeout=10)
    assert find_holder().pid != earlier.pid


def test_process_of_another_user_that_poses_as_a_port_holder_is_not_listed(state: Path) -> None:
    words = [sys.executable, "-I", "-S", f"/tmp/{PROGRAM.name}", INSTANCE, "8000"]
    with subprocess.Popen(
        words, executable="/bin/sh", preexec_fn=as_other_os_user, stdin=subprocess.PIPE, cwd="/"
    ) as process:
        # `sh -IS` reads its input or ends at once; either way the words were there to be read.
        assert [each for each in list_held_ports() if each.process.pid == process.pid] == []
        process.kill()
