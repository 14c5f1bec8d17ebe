"""What a proxy says about whom it speaks for, and who is a proxy.

Tornado and JupyterHub (6.1) believe ``X-Forwarded-…`` and its like of whoever connects, and the
servers of users connect to the Hub's own port. What does not come from a proxy is taken out of a
request before anything reads it. It becomes needless once JupyterHub asks which peers may say so.
"""

import asyncio
import ipaddress
import logging
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from types import SimpleNamespace
from typing import Any, Final

from jupyterhub.utils import get_browser_protocol
from tornado.httputil import HTTPHeaders

log = logging.getLogger(__name__)

FOR: Final = "X-Forwarded-For"
_PREFIX: Final = "x-forwarded-"
_OTHERS: Final = frozenset({"forwarded", "x-scheme", "x-real-ip"})
_CREDENTIALS: Final = struct.Struct("3i")
_LOOK_SECONDS: Final = 2.0
_BELIEVED_SECONDS: Final = 60.0

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
FindProxies = Callable[[], Awaitable[Collection[str]]]


class Proxies:
    """Knows which connections come from a proxy.

    One that is named is one; so is a process of this machine that runs as the Hub does, which the
    kernel tells: people's servers run as others. ``find`` looks for further ones, by address.
    """

    def __init__(self, networks: Iterable[Network] = (), find: FindProxies | None = None) -> None:
        self._networks = tuple(networks)
        self._find = find
        self._found: frozenset[str] = frozenset()
        self._looked_at = -_BELIEVED_SECONDS
        self._looking: asyncio.Future[None] | None = None
        self._told: set[str] = set()

    def find_with(self, find: FindProxies) -> None:
        """Look for proxies whose addresses change."""
        self._find = find

    def is_near(self, connection: Any) -> bool | None:
        """Tell whether the other end is a proxy; ``None`` if it must be looked for."""
        context = connection.context
        if not hasattr(context, "platform_user"):
            # Asked once: a connection stays with who made it, as far as it is ours to know.
            there = connection.stream.socket
            context.platform_user = None if there is None else find_user(there, context.address)
        if context.platform_user in {0, os.geteuid()}:
            return True
        address = read_address(context.address)
        if address is None:
            return False
        if any(address in network for network in self._networks):
            return True
        return None if self._find is not None and not address.is_loopback else False

    async def is_found(self, connection: Any) -> bool:
        """Tell whether the other end is one of those whose addresses change."""
        address = str(read_address(connection.context.address))
        age = time.monotonic() - self._looked_at
        known = address in self._found
        if (known and age >= _BELIEVED_SECONDS) or (not known and age >= _LOOK_SECONDS):
            self._looked_at = time.monotonic()
            self._looking = asyncio.ensure_future(self._look())
        if self._looking is not None:
            # Many come at once when the Hub starts: all of them wait for the first look.
            await asyncio.shield(self._looking)
        return address in self._found

    async def _look(self) -> None:
        try:
            self._found = frozenset(await self._find() if self._find else ())
        except Exception:
            # Those that are known go on: without them everybody would come from one address.
            log.exception("The proxies could not be looked for")
        finally:
            self._looking = None

    def tell(self, address: str) -> None:
        """Say once of an address that what it says of others is not believed."""
        if address not in self._told and len(self._told) < 100:
            self._told.add(address)
            log.warning(
                "%s speaks for others (X-Forwarded-…), and is not known as a proxy: that is passed "
                "over. If it is one, name it in c.Platform.trusted_proxies",
                address,
            )


def list_forwarded(headers: HTTPHeaders) -> list[str]:
    """Return the names of the headers in which a proxy speaks for others."""
    lowered = {name: name.lower() for name in headers}
    return [n for n, low in lowered.items() if low.startswith(_PREFIX) or low in _OTHERS]


def drop_forwarded(headers: HTTPHeaders) -> None:
    """Take out what is not a proxy's to say."""
    for name in list_forwarded(headers):
        del headers[name]


def settle_forwarded(headers: HTTPHeaders, protocol: str) -> None:
    """Bring what a proxy said to one form, which all that reads it reads in one way.

    Of the protocols the outermost counts, which is the browser's: tornado takes the innermost. Of
    the addresses tornado takes the last, which the proxy saw itself; ``X-Real-Ip`` is passed on
    from whoever sends it.
    """
    said = SimpleNamespace(headers=headers, protocol=protocol)
    outermost = get_browser_protocol(said)
    for name in list_forwarded(headers):
        if name.lower() in _OTHERS:
            del headers[name]
    headers["X-Scheme"] = headers["X-Forwarded-Proto"] = outermost


def came_through_proxy(request: Any) -> bool:
    """Tell whether a request came through a proxy: what others say of that is taken out."""
    return FOR in request.headers


def source_of(request: Any) -> str:
    """Return where a request comes from: what one customer of a network has, or a local user."""
    user = getattr(request.connection.context, "platform_user", None)
    if user is not None and not came_through_proxy(request):
        return f"user id {user}"
    return f"address {_neighbourhood(request.remote_ip)}"


def _neighbourhood(text: str) -> str:
    """Return an address, or the 2^64 of IPv6 that one customer has."""
    address = read_address((text,))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address.packed, 64), strict=False))
    return text if address is None else str(address)


def read_address(peer: Any) -> Address | None:
    """Return the address of a peer, in its short form; ``None`` if it has none."""
    try:
        address = ipaddress.ip_address(peer[0].partition("%")[0])
    except (AttributeError, IndexError, TypeError, ValueError):
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


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
_ANSWER: Final = struct.Struct("=IHHII 4x48x12xI")
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
    _, said, _, _, _, user = _ANSWER.unpack_from(answer)
    return int(user) if said == _BY_FAMILY else None
