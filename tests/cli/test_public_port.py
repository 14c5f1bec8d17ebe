"""The public port is taken once, and whoever has it instead is named."""

import getpass
import os
import re
import socket
import subprocess
import sys

import pytest

from jupyterhub_platform.cli.public_port import take_public_port
from jupyterhub_platform.core.errors import PlatformError

OTHERS = """
import socket, sys
held = socket.create_server(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def other() -> tuple[int, int]:
    """Have another process listen; give its port and its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", OTHERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield int(process.stdout.readline()), process.pid
    process.communicate("")


def describe(pid: int) -> str:
    name = getpass.getuser()
    return rf"process {pid} \(python[\d.]*, user {name}, uid {os.geteuid()}\)"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_port_that_was_asked_for_and_is_taken_is_refused_with_who_has_it(
    other: tuple[int, int], host: str, told: list[str]
) -> None:
    port, pid = other
    with pytest.raises(PlatformError) as refused:
        take_public_port(host, port, None, told.append)
    start = re.escape(
        f"Port {port} is taken by another program. Stop that, or name another: --port. It is "
    )
    assert re.fullmatch(rf"{start}{describe(pid)}\.", str(refused.value))
    assert told == []


def test_port_of_before_that_is_taken_is_said_with_who_has_it(
    other: tuple[int, int], told: list[str]
) -> None:
    port, pid = other
    with take_public_port("127.0.0.1", None, port, told.append) as listener:
        found = listener.getsockname()[1]
    assert 8000 <= found <= 8099
    (said,) = told
    assert re.search(describe(pid), said)
    assert f"This platform was at port {port}, and is at {found} now" in said


def test_port_of_before_is_taken_again(told: list[str]) -> None:
    with take_public_port("127.0.0.1", None, None, told.append) as first:
        port = first.getsockname()[1]
        with pytest.raises(PlatformError, match=f"Port {port} is taken"):
            take_public_port("127.0.0.1", port, None, told.append)
    with take_public_port("127.0.0.1", None, port, told.append) as again:
        assert again.getsockname()[1] == port
    assert told == []


@pytest.mark.parametrize("before", [None, "x", 99999, -1, True, {}])
def test_port_of_before_that_is_no_port_is_replaced(before: object, told: list[str]) -> None:
    with take_public_port("127.0.0.1", None, before, told.append) as listener:
        assert 8000 <= listener.getsockname()[1] <= 8099


def test_address_that_is_not_of_this_machine_is_refused(told: list[str]) -> None:
    with pytest.raises(PlatformError, match=r"cannot listen at 192\.0\.2\.1, port 8123: .*--host"):
        take_public_port("192.0.2.1", 8123, None, told.append)


def test_nobody_else_can_listen_where_the_platform_does(told: list[str]) -> None:
    with take_public_port("127.0.0.1", None, None, told.append) as listener:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError, match="in use"):
                    thief.bind(listener.getsockname())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process of another user")
def test_holder_whom_the_machine_has_no_name_for_is_named_by_the_uid_once(
    told: list[str],
) -> None:
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", OTHERS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=1_999_999,
        cwd="/",
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with pytest.raises(PlatformError) as refused:
            take_public_port("127.0.0.1", port, None, told.append)
        process.communicate("")
    assert re.search(
        rf"It is process {process.pid} \(python[\d.]*, uid 1999999\)\.$", str(refused.value)
    )
