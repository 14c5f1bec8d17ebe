"""The public port: ``jhp up`` takes it once, keeps it until the end, and names its holder if taken.

It stays open while the proxy restarts, so that no other user can listen there and ask for
passwords. Nor can they at other addresses of the same name: for ``localhost`` a browser tries
``::1`` before 127.0.0.1, and a name of the network may have several addresses.

On Linux, sockets that share an address (``SO_REUSEPORT``) belong to one user. So a process of
root's can hold the port for later, and the next start listens beside it without a gap.
"""

import errno
import os
import shlex
import socket
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeGuard

from jupyterhub_platform.cli.local.listeners import (
    EVERYWHERE,
    describe_process,
    find_port_holders,
)
from jupyterhub_platform.cli.local.port_holder import list_held_ports
from jupyterhub_platform.core.errors import PlatformError

FIRST_PORT: Final = 8000
LAST_PORT: Final = 8099
_WAITING: Final = 1024
_LOOPBACK: Final = ("127.0.0.1", "::1")
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@dataclass(frozen=True, slots=True)
class PublicPort:
    """A port that listens at one address, and is held at all others that lead here.

    The kernel refuses connections to the others, and clients then try the first one.
    """

    listener: socket.socket
    guards: tuple[socket.socket, ...]

    @property
    def number(self) -> int:
        """The port."""
        return int(self.listener.getsockname()[1])

    @property
    def address(self) -> str:
        """The address at which it listens."""
        return str(self.listener.getsockname()[0])

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All descriptors that have to stay open while the port is in use."""
        return tuple(each.fileno() for each in (self.listener, *self.guards))

    def name(self, host: str) -> str:
        """Return how addresses write ``host``: a number if it has more than one address."""
        return self.address if self.address in (*_LOOPBACK, *EVERYWHERE) else host

    def bind_beside(self) -> tuple[socket.socket, ...]:
        """Bind every address once more, without listening, for our own process to hold.

        Only a socket of our own user can be bound beside these, and only one that allows it too.
        """
        with ExitStack() as bound:
            beside = []
            for each in (self.listener, *self.guards):
                _allow(each, socket.SO_REUSEPORT)
                beside.append(bound.enter_context(_bind_beside(each)))
                _allow(each, socket.SO_REUSEPORT, 0)
            bound.pop_all()
            return tuple(beside)

    def close(self) -> None:
        """Release it."""
        for each in (self.listener, *self.guards):
            each.close()

    def __enter__(self) -> Self:
        """Hold it within a block."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Release it."""
        self.close()


def take_public_port(
    host: str,
    asked: int | None,
    before: Any,
    tell: Callable[[str], None],
    kept: Collection[int] = (),
) -> PublicPort:
    """Listen at ``host``: at the requested port, else the previous one, else a free one.

    It may listen beside ports that are ``kept`` for this same platform.

    Raises
    ------
    PlatformError
        Raised if that is impossible, with the port's holder.
    """
    if asked is not None:
        return _take(host, asked, kept)
    if not is_port(before):
        return _first_free(host, kept)
    try:
        return _take(host, before, kept)
    except PlatformError as error:
        found = _first_free(host, kept)
        tell(
            f"{error}\nThis platform was at port {before}, and is at {found.number} now: "
            "the old address leads to that other program."
        )
        return found


def _first_free(host: str, kept: Collection[int]) -> PublicPort:
    for port in range(FIRST_PORT, LAST_PORT + 1):
        try:
            return _take(host, port, kept)
        except PlatformError:
            continue
    raise PlatformError(
        f"Every port from {FIRST_PORT} to {LAST_PORT} is taken. Name a free one: --port."
    )


def _take(host: str, port: int, kept: Collection[int]) -> PublicPort:
    address, is_kept = host, port in kept
    try:
        named = _list_addresses(host)
        for address in named if is_kept else ():
            if find_port_holders(address, port):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        with ExitStack() as held:
            taken: list[socket.socket] = []
            for address in (*named, *_list_beside(named)):
                try:
                    found = (_guard if taken else _listen)(address, port, is_kept)
                except OSError as error:
                    # Where this machine has no address, no process on it can listen, either.
                    if error.errno not in _NOT_HERE or (address == named[-1] and not taken):
                        raise
                else:
                    taken.append(held.enter_context(found))
            for each in taken:
                _allow(each, socket.SO_REUSEPORT, 0)
            held.pop_all()
            return PublicPort(taken[0], tuple(taken[1:]))
    except OSError as error:
        who = _explain_holders(address, port, is_kept)
        where = host if address == host else f"{host} ({address})"
        raise PlatformError(
            who
            or f"The platform cannot listen at {where}, port {port}: {error}. Name another address "
            "with --host and --port."
        ) from None


def _explain_holders(address: str, port: int, is_kept: bool) -> str:
    """Name the holder of a port, and how to get it; empty if unknown."""
    listeners = list(find_port_holders(address, port)) if port else []
    if listeners:
        return (
            f"Port {port} is taken by another program. Stop that, or name another: --port. "
            f"It is {' and '.join(listeners)}."
        )
    for held in () if is_kept else list_held_ports():
        if held.port == port:
            who = describe_process(held.process.pid)
            return (
                f"Port {port} is held for another platform by {who}. Name another: --port. If that "
                f"platform is stopped, release it: jhp down --state {shlex.quote(held.state)}"
            )
    return ""


def _list_addresses(host: str) -> list[str]:
    """Return all addresses of a name, the one to listen at first.

    Raises
    ------
    OSError
        Raised if it has none.
    """
    found: list[str] = []
    for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
        scope = f"%{each[4][3]}" if len(each[4]) == 4 and each[4][3] else ""
        found.append(f"{each[4][0]}{scope}")
    # With both, every program understands the other one in an address.
    return sorted(dict.fromkeys(found), key=lambda each: each == "::1")


def _list_beside(named: Iterable[str]) -> list[str]:
    """Return unnamed addresses at which visitors may arrive."""
    beside: set[str] = set()
    if set(named) & set(_LOOPBACK):
        beside.update(_LOOPBACK)
    if "0.0.0.0" in named:  # noqa: S104 compared
        # A listener at ``::`` takes IPv4 connections as well.
        beside.add("::")
    return sorted(beside - set(named))


def _listen(address: str, port: int, is_kept: bool) -> socket.socket:
    return socket.create_server(
        (address, port),
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        backlog=_WAITING,
        reuse_port=is_kept,
        dualstack_ipv6=address == "::" and socket.has_dualstack_ipv6(),
    )


def _guard(address: str, port: int, is_kept: bool) -> socket.socket:
    """Hold a port without listening. With ``SO_REUSEADDR`` others could listen there."""
    guard = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        if guard.family == socket.AF_INET6:
            guard.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _allow(guard, socket.SO_REUSEPORT, int(is_kept))
        guard.bind((address, port))
    except OSError:
        guard.close()
        raise
    return guard


def _bind_beside(bound: socket.socket) -> socket.socket:
    beside = socket.socket(bound.family)
    try:
        if beside.family == socket.AF_INET6:
            only = bound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
            beside.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        # Closing connections keep the address busy for sockets that do not allow reuse.
        _allow(beside, socket.SO_REUSEADDR)
        _allow(beside, socket.SO_REUSEPORT)
        beside.bind(bound.getsockname())
        _allow(beside, socket.SO_REUSEADDR, 0)
    except OSError:
        beside.close()
        raise
    return beside


def _allow(bound: socket.socket, option: int, value: int = 1) -> None:
    bound.setsockopt(socket.SOL_SOCKET, option, value)


def is_port(value: Any) -> TypeGuard[int]:
    """Tell whether a stored value can be a port."""
    return type(value) is int and 0 < value < 65536
