"""Unix sockets where JupyterHub knows only ports: servers and services.

JupyterHub 6.1.1 takes ``http+unix://%2Fpath`` for the Hub and for its proxy's API. Three places
behind that do not; each is mended here, and ``tests/hub/upstream`` says when one is needless:

- ``Server.host`` writes a port behind the path of a server that comes from the database, and the
  proxy finds no such socket. Needless once ``Server.host`` leaves it out.
- ``service_from_spec`` refuses a service whose URL is a Unix socket. Needless once it does not.
- ``Service.start`` takes a Hub without an address for one that listens everywhere, and tells the
  service to call ``127.0.0.1``. Needless once it looks at ``Hub.connect_url`` first.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub.app import JupyterHub
from jupyterhub.objects import Server

SCHEME: Final = "http+unix"
_NOT_ESCAPED: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
_NOWHERE: Final = "http://service.invalid"

_stock_host: Final = Server.host.fget
_stock_service_from_spec: Final = JupyterHub.service_from_spec
_stock_init_hub: Final = JupyterHub.init_hub


def render_unix_url(path: Path) -> str:
    """Write the path of a socket as a URL.

    Capital letters are escaped as well: whoever reads the host of a URL makes them small.
    """
    return f"{SCHEME}://" + "".join(
        char if char in _NOT_ESCAPED else "".join(f"%{byte:02x}" for byte in char.encode())
        for char in str(path)
    )


def use_unix_sockets() -> None:
    """Mend JupyterHub; again does no harm."""
    Server.host = property(_host)
    JupyterHub.service_from_spec = _service_from_spec
    JupyterHub.init_hub = _init_hub


def _host(server: Any) -> str:
    if server.proto == SCHEME and not server.connect_url:
        return f"{SCHEME}://{server.ip}"
    return str(_stock_host(server))


def _service_from_spec(app: Any, spec: Mapping[str, Any], from_config: bool = True) -> Any:
    url = str(spec.get("url") or "")
    # Who may make services through the API must not have the proxy open any socket of the machine.
    if not from_config or urlsplit(url).scheme != SCHEME:
        return _stock_service_from_spec(app, spec, from_config)
    service = _stock_service_from_spec(app, {**spec, "url": _NOWHERE}, from_config)
    if service is not None:
        service.url = service.orm.url = url
        address = service.orm.server
        address.proto, address.ip, address.port = SCHEME, urlsplit(url).hostname, 0
        app.db.commit()
    return service


def _init_hub(app: Any) -> None:
    _stock_init_hub(app)
    if app.hub.proto == SCHEME:
        app.hub.ip = app.hub.connect_addr
