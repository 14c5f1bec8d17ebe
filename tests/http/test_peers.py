"""Who is at the other end of a connection of this machine is what the kernel says, or unknown."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from jupyterhub_platform.http.peers import find_user


@contextmanager
def listening(family: socket.AddressFamily, address: str) -> Iterator[socket.socket]:
    with socket.socket(family) as listener:
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip("by choice: this machine has no IPv6")
        listener.listen()
        yield listener


def finish(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    client.close()


def half_close(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")],
    ids=["IPv4", "IPv6"],
)
@pytest.mark.parametrize(
    ("do", "is_known"),
    [(lambda client: None, True), (half_close, True), (finish, False)],
    ids=["open", "half closed", "closed before it was accepted"],
)
def test_a_connection_without_a_process_has_no_user(
    family: socket.AddressFamily,
    address: str,
    do: Callable[[socket.socket], None],
    is_known: bool,
) -> None:
    """The kernel shows an end that no process has any more as root's."""
    with listening(family, address) as listener, socket.socket(family) as client:
        client.connect(listener.getsockname())
        do(client)
        accepted, peer = listener.accept()
        with accepted:
            assert find_user(accepted, peer) == (os.geteuid() if is_known else None)
