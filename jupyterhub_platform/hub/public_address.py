"""The address under which users find the Hub, for links that they follow."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from tornado import web

from jupyterhub_platform.http.forwarded_headers import HOST, came_through_proxy


def public_address(handler: Any) -> str:
    """Return the public address of the Hub's pages, with a trailing slash.

    It is ``c.JupyterHub.public_url``, or ``subdomain_host`` where services have hosts of their own;
    otherwise the request's own address, as the browser sees it: the service passes it on.
    A request to the Hub's own port was not made at a public address, and the proxy's is used if the
    Hub was told one.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 409 if none is known.
    """
    prefix: str = handler.hub.base_url
    public = handler.settings.get("public_url")
    if public:
        return f"{public.scheme}://{public.netloc}{prefix}"
    app = handler.settings["platform"].app
    if app.subdomain_host:
        return f"{app.subdomain_host}{prefix}"
    if came_through_proxy(handler.request):
        outermost = handler.request.headers.get(HOST, "").partition(",")[0].strip()
        return f"{handler.request.protocol}://{outermost or handler.request.host}{prefix}"
    bound = urlsplit(app.bind_url)
    if bound.hostname and not _is_everywhere(bound.hostname):
        return f"{bound.scheme}://{bound.netloc}{prefix}"
    raise web.HTTPError(
        409,
        "This Hub does not know the address at which people reach it. Set c.JupyterHub.public_url, "
        "or ask through the proxy.",
    )


def pages_of(service: Any) -> str:
    """Return the address of a service's pages, for browsers, with a trailing slash.

    It has an origin only where each service has a host of its own, below
    ``c.JupyterHub.subdomain_host``. JupyterHub's ``Service.href`` names no port there.
    """
    return f"{service.host}{service.prefix}"


def find_public_pages(app: Any) -> str:
    """Return the address of the platform's pages, for links that no request asked for.

    It is that of the service's own host, if it has one; otherwise it is below
    ``c.JupyterHub.public_url``, or else where the proxy listens; empty if that is everywhere.
    """
    service = app.tornado_settings["services"]["platform"]
    if service.host:
        return pages_of(service)
    url = urlsplit(app.public_url or app.bind_url)
    if not url.hostname or (not app.public_url and _is_everywhere(url.hostname)):
        return ""
    return f"{url.scheme}://{url.netloc}{app.base_url}services/platform/"


def is_secure(handler: Any) -> bool:
    """Tell whether the browser uses TLS, so that cookies can be limited to it."""
    public = handler.settings.get("public_url")
    return bool((public.scheme if public else handler.request.protocol) == "https")


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == "*"
