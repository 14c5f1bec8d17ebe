"""The public port is taken once, and the process that has it instead is named."""

import errno
import getpass
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from jupyterhub_platform.cli.local.public_port import take_public_port
from jupyterhub_platform.core.errors import PlatformError
from tests.support.live_hub import _free_port

OTHERS = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
held = socket.create_server((sys.argv[1], 0), family=family)
print(held.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def told() -> list[str]:
    return []


@contextmanager
def listening_at(address: str) -> Iterator[tuple[int, int]]:
    """Have another process listen; give its port and its id."""
    with listening(sys.executable, "-c", OTHERS, address) as found:
        yield found


@contextmanager
def listening(*command: str, **options: Any) -> Iterator[tuple[int, int]]:
    """Have a process listen that says at which port; give that and its id."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, **options) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
        process.communicate("")


@pytest.fixture
def other() -> Iterator[tuple[int, int]]:
    with listening_at("127.0.0.1") as found:
        yield found


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
        found = listener.number
    assert 8000 <= found <= 8099
    (said,) = told
    assert re.search(describe(pid), said)
    assert f"This platform was at port {port}, and is at {found} now" in said


def test_port_of_before_is_taken_again(told: list[str]) -> None:
    with take_public_port("127.0.0.1", None, None, told.append) as first:
        port = first.number
        with pytest.raises(PlatformError, match=f"Port {port} is taken"):
            take_public_port("127.0.0.1", port, None, told.append)
    with take_public_port("127.0.0.1", None, port, told.append) as again:
        assert again.number == port
    assert told == []


@pytest.mark.parametrize("before", [None, "x", 99999, -1, True, {}])
def test_port_of_before_that_is_no_port_is_replaced(before: object, told: list[str]) -> None:
    with take_public_port("127.0.0.1", None, before, told.append) as listener:
        assert 8000 <= listener.number <= 8099


def test_address_that_is_not_of_this_machine_is_refused(told: list[str]) -> None:
    port = _free_port()
    with pytest.raises(
        PlatformError, match=rf"cannot listen at 192\.0\.2\.1, port {port}: .*--host"
    ):
        take_public_port("192.0.2.1", port, None, told.append)


def test_no_other_process_can_listen_where_the_platform_does(told: list[str]) -> None:
    with take_public_port("127.0.0.1", None, None, told.append) as listener:
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError, match="in use"):
                    thief.bind(listener.listener.getsockname())


has_ipv6 = pytest.mark.skipif(
    not socket.has_dualstack_ipv6(), reason="by choice: this machine has no IPv6"
)


def resolve(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: str) -> None:
    """Have a name lead to several addresses, as a file of hosts or a server of names says it."""
    known = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> list[Any]:
        hosts = addresses if host == name else (host,)
        return [found for each in hosts for found in known(each, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def try_to_listen(address: str, port: int) -> list[str]:
    """Return how a thief could listen, with every option that a socket has for it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    could = []
    for options in ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (2, 15)):
        for only in (0, 1) if ":" in address else (0,):
            with socket.socket(family) as thief, suppress(OSError):
                for option in options:
                    thief.setsockopt(socket.SOL_SOCKET, option, 1)
                if only:
                    thief.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                thief.bind((address, port))
                thief.listen()
                could.append(f"{address} {options} {only}")
    return could


@has_ipv6
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "::1", "0.0.0.0", "0", "::"])
def test_no_process_can_listen_where_a_visitor_of_this_machine_may_arrive(
    host: str, told: list[str]
) -> None:
    with take_public_port(host, None, None, told.append) as public:
        for address in ("127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"):
            assert try_to_listen(address, public.number) == []
        with socket.create_connection((public.address, public.number), timeout=5):
            pass
    assert public.listener.fileno() == -1


@has_ipv6
@pytest.mark.parametrize("addresses", [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
def test_client_at_the_other_address_is_refused_and_goes_on_to_the_first(
    addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    resolve(monkeypatch, "localhost", *addresses)
    with take_public_port("localhost", None, None, told.append) as public:
        # What stands in the terminal, in links and in the file that says that it is ready.
        assert (public.address, public.name("localhost")) == ("127.0.0.1", "127.0.0.1")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("::1", public.number), timeout=5)
        with socket.create_connection(("localhost", public.number), timeout=5) as found:
            assert found.getpeername()[0] == "127.0.0.1"


def test_every_address_of_a_name_is_held(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    resolve(monkeypatch, "hub.example", "127.0.0.5", "127.0.0.6", "192.0.2.1", "127.0.0.7")
    with take_public_port("hub.example", None, None, told.append) as public:
        assert (public.address, public.name("hub.example")) == ("127.0.0.5", "hub.example")
        for address in ("127.0.0.5", "127.0.0.6", "127.0.0.7"):
            assert try_to_listen(address, public.number) == []
        # An address that the name does not have does not matter.
        assert try_to_listen("127.0.0.8", public.number)


@has_ipv6
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
@pytest.mark.parametrize("address", ["::1", "::"])
def test_an_address_beside_ours_that_is_taken_is_refused_with_who_has_it(
    host: str, address: str, told: list[str]
) -> None:
    with listening_at(address) as (port, pid), pytest.raises(PlatformError) as refused:
        take_public_port(host, port, None, told.append)
    assert f"Port {port} is taken by another program" in str(refused.value)
    assert re.search(describe(pid), str(refused.value))


@has_ipv6
def test_a_free_port_is_free_at_every_address(told: list[str]) -> None:
    with take_public_port("127.0.0.1", None, None, told.append) as first:
        number = first.number
    with socket.create_server(("::1", number), family=socket.AF_INET6):
        with take_public_port("127.0.0.1", None, None, told.append) as second:
            assert second.number > number
        with take_public_port("127.0.0.1", None, number, told.append) as third:
            assert third.number > number
    assert "is taken by another program" in told[0]


@pytest.mark.parametrize("fault", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_a_machine_without_ipv6_is_no_fault(
    fault: int, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    """The kernel of such a machine refuses either the socket or its address."""

    class WithoutIPv6(socket.socket):
        def bind(self, where: tuple[str, int]) -> None:  # type: ignore[override]
            if self.family == socket.AF_INET6:
                raise OSError(fault, os.strerror(fault))
            super().bind(where)

    monkeypatch.setattr(socket, "socket", WithoutIPv6)
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):
        with take_public_port(host, None, None, told.append) as public:
            assert public.guards == ()
    port = _free_port()
    with pytest.raises(PlatformError, match=f"cannot listen at ::1, port {port}"):
        take_public_port("::1", port, None, told.append).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process of another user")
def test_holder_whom_the_machine_has_no_name_for_is_named_by_the_uid_once(
    told: list[str],
) -> None:
    command = ("/usr/bin/python3", "-c", OTHERS, "127.0.0.1")
    with (
        listening(*command, user=1_999_999, cwd="/") as (port, pid),
        pytest.raises(PlatformError) as refused,
    ):
        take_public_port("127.0.0.1", port, None, told.append)
    assert re.search(rf"It is process {pid} \(python[\d.]*, uid 1999999\)\.$", str(refused.value))


CALLED = "import ctypes, sys; ctypes.CDLL(None).prctl(15, sys.argv[2].encode(), 0, 0, 0)" + OTHERS


def test_the_name_that_a_holder_gives_itself_moves_nothing_on_the_terminal(
    told: list[str],
) -> None:
    name = "\x1b[2J\x1b[Hall well: " + "paste this\n" + "y" * 500
    command = (name, "-c", CALLED, "127.0.0.1", name[:15])
    with (
        listening(*command, executable=sys.executable) as (port, pid),
        pytest.raises(PlatformError) as refused,
    ):
        take_public_port("127.0.0.1", port, None, told.append)
    said = str(refused.value)
    assert f"process {pid} (?[2J?[Hall well" in said
    assert said.isprintable()
    assert len(said) < 300
