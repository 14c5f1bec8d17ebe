"""Trusted proxies, and the client's address, host and scheme that their headers report.

Tornado and JupyterHub trust ``X-Forwarded-…`` and similar headers from every peer. Users'
servers connect to the Hub's own port, and in a cluster to that of the service. So these headers are
removed from a request that no proxy sent, before anything reads them.

Upstream: jupyterhub 6.1, tornado 6
Issue: tornadoweb/tornado#2579, jupyterhub/jupyterhub#2447 (merged: proxies of the proxy only)
Ends when: JupyterHub has a setting for peers that it trusts.
"""

import asyncio
import ipaddress
import logging
import os
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from types import SimpleNamespace
from typing import Any, Final

from jupyterhub.utils import get_browser_protocol
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate

from jupyterhub_platform.http.limited_server import LimitedHTTPServer
from jupyterhub_platform.http.peers import (
    Address,
    Network,
    name_neighbourhood,
    name_peer,
    read_address,
)
from jupyterhub_platform.http.request_limits import DelegatingMessage

log = logging.getLogger(__name__)

FOR: Final = "X-Forwarded-For"
HOST: Final = "X-Forwarded-Host"
PROTOCOL: Final = "X-Forwarded-Proto"
_PREFIX: Final = "x-forwarded-"
_OTHERS: Final = frozenset({"forwarded", "x-scheme", "x-real-ip"})
_LOOK_SECONDS: Final = 2.0
_BELIEVED_SECONDS: Final = 60.0

FindProxies = Callable[[], Awaitable[Collection[str]]]


class ProxiedHTTPServer(LimitedHTTPServer):
    """A web server that trusts forwarded headers only from proxies."""

    def initialize(  # type: ignore[override]  # tornado asks for a signature of its own
        self, request_callback: Any, *, proxies: "Proxies", **settings: Any
    ) -> None:
        """Take what is known of proxies."""
        self._proxies = proxies
        super().initialize(request_callback, **settings)

    def is_known_proxy(self, user: int | None, address: Any) -> bool | None:
        """Tell whether a peer is a proxy; ``None`` if it must be looked for."""
        return self._proxies.is_proxy(user, address)

    async def find_proxy(self, address: Any) -> bool:
        """Tell whether a peer is a proxy, by looking for it."""
        return await self._proxies.is_found_proxy(address)

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to read a request."""
        inner = super().start_request(server_conn, request_conn)
        return _ForwardedHeaderFilter(inner, request_conn, self._proxies)


class _ForwardedHeaderFilter(DelegatingMessage):
    """Takes out of the headers what only a proxy may say."""

    def __init__(self, inner: HTTPMessageDelegate, connection: Any, proxies: "Proxies") -> None:
        super().__init__(inner, connection)
        self._proxies = proxies

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Read them as they are meant, once it is known who sent them."""
        is_proxy = self._proxies.trusts(self._connection)
        if is_proxy is None and list_forwarded(headers):
            return self._find_out(start_line, headers)
        self._settle(headers, is_proxy=bool(is_proxy))
        return super().headers_received(start_line, headers)

    async def _find_out(self, start_line: Any, headers: HTTPHeaders) -> None:
        self._settle(
            headers, is_proxy=await self._proxies.is_found_proxy(self._connection.context.address)
        )
        later = super().headers_received(start_line, headers)
        if later is not None:
            await later

    def _settle(self, headers: HTTPHeaders, *, is_proxy: bool) -> None:
        context = self._connection.context
        if is_proxy:
            settle_forwarded(headers, context.protocol)
        elif list_forwarded(headers):
            self._proxies.tell(name_peer(context.platform_user, context.address))
            drop_forwarded(headers)


class Proxies:
    """Knows which connections come from a proxy.

    One that is named is one; so is a process of this machine that runs as the Hub does, which the
    kernel tells: people's servers run as others. ``find`` looks for further ones, whose addresses
    or networks change.
    """

    def __init__(self, networks: Iterable[Network] = (), find: FindProxies | None = None) -> None:
        self._networks = tuple(networks)
        self._find = find
        self._found: tuple[Network, ...] = ()
        self._looked_at = -_BELIEVED_SECONDS
        self._looking: asyncio.Future[None] | None = None
        self._told: set[str] = set()

    def find_with(self, find: FindProxies) -> None:
        """Look for proxies whose addresses change."""
        self._find = find

    def trusts(self, connection: Any) -> bool | None:
        """Tell whether the other end is a proxy; ``None`` if it must be looked for."""
        context = connection.context
        if not hasattr(context, "platform_user"):
            # Asked once: a connection keeps its peer.
            context.platform_user = getattr(connection.stream, "platform_user", None)
        return self.is_proxy(context.platform_user, context.address)

    def is_proxy(self, user: int | None, peer: Any) -> bool | None:
        """Tell whether a peer is a proxy; ``None`` if it must be looked for."""
        if user in {0, os.geteuid()}:
            return True
        address = read_address(peer)
        if address is None:
            return False
        if _is_in(address, self._networks):
            return True
        return None if self._find is not None else False

    async def is_found_proxy(self, peer: Any) -> bool:
        """Tell whether a peer is one of those whose addresses change."""
        address = read_address(peer)
        if address is None:
            return False
        age = time.monotonic() - self._looked_at
        known = _is_in(address, self._found)
        if (known and age >= _BELIEVED_SECONDS) or (not known and age >= _LOOK_SECONDS):
            self._begin_search()
        if self._looking is not None:
            # Many come at once when the Hub starts: all of them wait for the first look.
            await asyncio.shield(self._looking)
        return _is_in(address, self._found)

    async def list_all(self) -> list[str]:
        """Return the addresses and networks of all proxies that are not known by their user."""
        if self._find is not None and time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._begin_search()
        if self._looking is not None:
            await asyncio.shield(self._looking)
        return [str(each) for each in (*self._networks, *self._found)]

    def _begin_search(self) -> None:
        self._looked_at = time.monotonic()
        self._looking = asyncio.ensure_future(self._search())

    async def _search(self) -> None:
        try:
            found = await self._find() if self._find else ()
            self._found = tuple(ipaddress.ip_network(each, strict=False) for each in found)
        except Exception:
            # Known proxies stay trusted: without them all users would share one address.
            log.exception("The proxies could not be looked for")
        finally:
            self._looking = None

    def tell(self, peer: str) -> None:
        """Log once per peer that its forwarded headers are ignored."""
        if peer not in self._told and len(self._told) < 100:
            self._told.add(peer)
            log.warning(
                "The %s speaks for others (X-Forwarded-…), and is not known as a proxy: that is "
                "passed over. If it is one, name its address in c.Platform.trusted_proxies",
                peer,
            )


def list_forwarded(headers: HTTPHeaders) -> list[str]:
    """Return the names of the headers in which a proxy speaks for others."""
    lowered = {name: name.lower() for name in headers}
    return [n for n, low in lowered.items() if low.startswith(_PREFIX) or low in _OTHERS]


def drop_forwarded(headers: HTTPHeaders) -> None:
    """Remove every header that only a proxy may set."""
    for name in list_forwarded(headers):
        del headers[name]


def settle_forwarded(headers: HTTPHeaders, protocol: str) -> None:
    """Rewrite a proxy's headers so that tornado and JupyterHub read the same from them.

    Of the protocols the outermost counts, which is the browser's: tornado takes the innermost. Of
    the addresses tornado takes the last, which the proxy saw itself. The proxy passes on any
    client's ``X-Real-Ip``.
    """
    request = SimpleNamespace(headers=headers, protocol=protocol)
    outermost = get_browser_protocol(request)
    for name in list_forwarded(headers):
        if name.lower() in _OTHERS:
            del headers[name]
    headers["X-Scheme"] = headers[PROTOCOL] = outermost


def came_through_proxy(request: Any) -> bool:
    """Tell whether a request came through a proxy: what others say of that is taken out."""
    return FOR in request.headers


def find_local_user(request: Any) -> int | None:
    """Return the id of the local user whose process sent a request itself, by the kernel."""
    if came_through_proxy(request):
        return None
    user: int | None = getattr(request.connection.context, "platform_user", None)
    return user


def source_of(request: Any) -> str:
    """Return where a request comes from: what one customer of a network has, or a local user."""
    user = find_local_user(request)
    if user is not None:
        return f"user id {user}"
    return f"address {name_neighbourhood(request.remote_ip)}"


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
