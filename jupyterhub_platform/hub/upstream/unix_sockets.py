"""Supports Unix sockets where JupyterHub knows only ports: servers and services.

JupyterHub takes ``http+unix://%2Fpath`` for the Hub and for its proxy's API. Three other places do
not; each is fixed here, and ends on its own:

- ``Server.host`` appends a port to the path of a server that comes from the database, and the
  proxy finds no such socket.
- ``service_from_spec`` refuses a service whose URL is a Unix socket.
- ``Service.start`` takes a Hub without an address for one that listens everywhere, and tells the
  service to call ``127.0.0.1``.

Upstream: jupyterhub 6.1
Issue: jupyterhub/jupyterhub#3529, jupyterhub/jupyterhub#5397 (merged: Hub and proxy)
Ends when: ``Server.host``, ``service_from_spec`` and ``Service.start`` take such a URL.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub.app import JupyterHub
from jupyterhub.objects import Server

from jupyterhub_platform.http.sockets import SCHEME
from jupyterhub_platform.hub.upstream.node_preload import (
    ANSWERS,
    KEEP_ALIVE,
    limit_requests,
    preload,
)

_NOWHERE: Final = "http://service.invalid"

_PATCHED: Final = "_platform_uses_unix_sockets"


def use_unix_sockets() -> None:
    """Patch JupyterHub and its proxy; calling it again is harmless."""
    preload(KEEP_ALIVE)
    limit_requests()
    preload(ANSWERS)
    if getattr(JupyterHub, _PATCHED, False):
        return
    setattr(JupyterHub, _PATCHED, True)
    Server.host = property(_without_port(Server.host.fget))
    JupyterHub.service_from_spec = _at_a_socket(JupyterHub.service_from_spec)
    JupyterHub.init_hub = _with_an_address(JupyterHub.init_hub)


def _without_port(stock: Callable[..., Any]) -> Callable[..., Any]:
    def host(server: Any) -> Any:
        if server.proto == SCHEME and not server.connect_url:
            return f"{SCHEME}://{server.ip}"
        return stock(server)

    return host


def _at_a_socket(stock: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(stock)
    def service_from_spec(app: Any, spec: Mapping[str, Any], from_config: bool = True) -> Any:
        url = str(spec.get("url") or "")
        # API clients that create services must not have the proxy open sockets of the machine.
        if not from_config or urlsplit(url).scheme != SCHEME:
            return stock(app, spec, from_config)
        service = stock(app, {**spec, "url": _NOWHERE}, from_config)
        if service is not None:
            service.url = service.orm.url = url
            address = service.orm.server
            address.proto, address.ip, address.port = SCHEME, urlsplit(url).hostname, 0
            app.db.commit()
        return service

    return service_from_spec


def _with_an_address(stock: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(stock)
    def init_hub(app: Any) -> None:
        stock(app)
        if app.hub.proto == SCHEME:
            app.hub.ip = app.hub.connect_addr

    return init_hub
