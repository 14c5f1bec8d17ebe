"""Identifies the peer at the other end of a connection, as the kernel reports it."""

import ipaddress
import socket
import struct
from typing import Any, Final

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CREDENTIALS: Final = struct.Struct("3i")


def read_address(peer: Any) -> Address | None:
    """Return the address of a peer, in its short form; ``None`` if it has none."""
    try:
        address = ipaddress.ip_address(peer[0].partition("%")[0])
    except (AttributeError, IndexError, TypeError, ValueError):
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def name_neighbourhood(text: str) -> str:
    """Return an address, or the 2^64 of IPv6 that one customer has."""
    address = read_address((text,))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address.packed, 64), strict=False))
    return text if address is None else str(address)


def name_peer(user: int | None, peer: Any) -> str:
    """Name who is at the other end: a user of this machine, else where it is."""
    if user is not None:
        return f"user id {user}"
    address = read_address(peer)
    return "user of a socket" if address is None else f"address {name_neighbourhood(str(address))}"


def find_user(connection: socket.socket, peer: Any) -> int | None:
    """Return the user id of a process of this machine that has connected; ``None`` if unknown."""
    if connection.family == socket.AF_UNIX:
        size = _CREDENTIALS.size
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(_CREDENTIALS.unpack(credentials)[1])
    address = read_address(peer)
    if address is None or not address.is_loopback:
        return None
    try:
        own = connection.getsockname()
        return _ask_kernel((peer[0], peer[1]), (own[0], own[1]))
    except OSError:
        return None


_DIAGNOSE: Final = struct.Struct("=IHHII BBBxI HH16s16sIII")
_ANSWER: Final = struct.Struct("=IHHII 4x48x12xII")
_NETLINK_DIAGNOSIS: Final = 4
_BY_FAMILY: Final = 20
_REQUEST: Final = 1
_ANY: Final = 0xFFFFFFFF


def _ask_kernel(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """Return who owns one end of a TCP connection within this machine (``sock_diag(7)``).

    The list in ``/proc/net/tcp`` says it as well, and strangers make it as long as they like.
    """
    near, far = read_address(local), read_address(remote)
    if near is None or far is None:
        return None
    family = socket.AF_INET if near.version == 4 else socket.AF_INET6
    ends = (socket.htons(local[1]), socket.htons(remote[1]), near.packed, far.packed)
    question = _DIAGNOSE.pack(
        *(_DIAGNOSE.size, _BY_FAMILY, _REQUEST, 0, 0),
        *(family, socket.IPPROTO_TCP, 0, _ANY),
        *ends,
        *(0, _ANY, _ANY),
    )
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_NETLINK, kind, _NETLINK_DIAGNOSIS) as kernel:
        kernel.sendto(question, (0, 0))
        answer = kernel.recv(512)
    if len(answer) < _ANSWER.size:
        return None
    _, family, _, _, _, user, inode = _ANSWER.unpack_from(answer)
    # An end that its process has closed has no inode, and looks as if it were root's.
    return int(user) if family == _BY_FAMILY and inode else None
