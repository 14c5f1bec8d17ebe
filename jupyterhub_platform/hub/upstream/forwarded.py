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
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
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
        context, stream = connection.context, connection.stream
        user = find_user(stream.socket, context.address) if stream.socket is not None else None
        if user is not None:
            context.platform_user = user
            if user in {0, os.geteuid()}:
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
        return _find_owner((peer[0], peer[1]), (own[0], own[1]))
    except OSError:
        return None


def _find_owner(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """Return who owns one end of a connection within this machine, as the kernel lists it."""
    for table in ("tcp", "tcp6"):
        wanted = _name_end(*local, table), _name_end(*remote, table)
        with Path("/proc/net", table).open() as lines:
            for line in lines:
                fields = line.split(None, 8)
                if (fields[1], fields[2]) == wanted:
                    return int(fields[7])
    return None


def _name_end(address: str, port: int, table: str) -> str:
    parsed: Any = ipaddress.ip_address(address.partition("%")[0])
    short = getattr(parsed, "ipv4_mapped", None) or parsed
    packed = short.packed
    if table == "tcp6" and short.version == 4:
        packed = ipaddress.ip_address(f"::ffff:{short}").packed
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    step = -1 if sys.byteorder == "little" else 1
    return f"{b''.join(word[::step] for word in words).hex().upper()}:{port:04X}"
