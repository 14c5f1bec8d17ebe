"""The settings that ``jhp up`` enforces on its Hub, and those that a site may change.

The Hub's configuration runs this around the site's: :meth:`EnforcedConfig.set` before, so that the
site can read it, and :meth:`EnforcedConfig.keep` after, so that nothing listens anywhere else than
announced.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from traitlets.log import get_logger

from jupyterhub_platform.cli.local.leftovers import MARK
from jupyterhub_platform.cli.state import COOKIE_KEY_FILE, HUB_DATABASE, State, write_private
from jupyterhub_platform.http.sockets import Sockets, render_unix_url
from jupyterhub_platform.hub.configuration.hardening import read_added

URL_FILE: Final = "url"
"""File in the state directory, with the final address from the Hub's configuration."""

_INSTEAD_OF_SOCKETS: Final = (
    "ip", "port", "hub_ip", "hub_port", "hub_connect_ip", "hub_connect_port",
)  # fmt: skip
_PLACES_OF_PROXY: Final = frozenset(
    {"--ip", "--port", "--socket", "--api-ip", "--api-port", "--api-socket"}
)
_CONFIGURABLE_HTTP_PROXY: Final = frozenset(
    {"", "default", "configurable-http-proxy", "jupyterhub.proxy.ConfigurableHTTPProxy"}
)


@dataclass(frozen=True, slots=True)
class EnforcedConfig:
    """Where the parts of one platform listen, and where they keep their data."""

    host: str
    port: int
    listener: int
    state: Path
    sockets: Path
    policy_file: Path
    proxy_command: list[str]

    def set(self, c: Any) -> None:
        """Set everything, before the site's configuration runs."""
        state = State(self.state)
        c.JupyterHub.db_url = f"sqlite:///{state / HUB_DATABASE}"
        c.JupyterHub.cookie_secret_file = str(state / COOKIE_KEY_FILE)
        c.ConfigurableHTTPProxy.command = self.proxy_command
        c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")
        c.Platform.state_dir = str(self.state)
        c.Platform.policy_file = str(self.policy_file)
        c.Platform.sample_passwords_file = str(state / "sample-passwords.json")
        for section, name, value in self._addresses("http", "/"):
            c[section][name] = value

    def keep(self, c: Any) -> None:
        """Restore the addresses that a site has changed, and adopt its prefix.

        Raises
        ------
        SystemExit
            Raised if the site asks for something that ``jhp up`` cannot do.
        """
        hub = c.JupyterHub
        refused = _find_refused(c)
        if refused is not None:
            get_logger().critical("The Hub does not start: %s", refused)
            sys.exit(1)
        scheme = "https" if hub.get("ssl_cert") else "http"
        prefix = _find_prefix(hub)
        public = self._url(scheme, prefix, _shown(self.host))
        for name in _INSTEAD_OF_SOCKETS:
            if name in hub:
                _tell(f"c.JupyterHub.{name}", hub.pop(name), public)
        hub.pop("base_url", None)
        before = {(section, name): value for section, name, value in self._addresses("http", "/")}
        for section, name, value in self._addresses(scheme, prefix):
            found = c[section].get(name, value)
            if found not in {value, before[section, name]} and not self._is_own(name, found):
                _tell(f"c.{section}.{name}", found, public)
            c[section][name] = value
        for service in read_added(hub.services):
            if service.get("command"):
                # If Hub and `jhp up` are killed, the next start recognises it by this.
                own = dict(service.get("environment") or {})
                service["environment"] = {**own, MARK: str(self.state)}
        write_private(self.state / URL_FILE, f"{public}\n")

    def _addresses(self, scheme: str, prefix: str) -> Iterator[tuple[str, str, Any]]:
        sockets = Sockets(self.sockets)
        hub = render_unix_url(sockets.hub)
        yield "JupyterHub", "bind_url", self._url(scheme, prefix, self.host)
        yield "JupyterHub", "hub_bind_url", hub
        yield "JupyterHub", "hub_connect_url", hub
        # Servers of other users connect to it; only its owner can replace it.
        yield "JupyterHub", "hub_socket_mode", 0o666 if os.geteuid() == 0 else 0o600
        yield "ConfigurableHTTPProxy", "api_url", render_unix_url(sockets.proxy_api)
        yield "ConfigurableHTTPProxy", "command_umask", 0o077
        yield "Platform", "service_url", render_unix_url(sockets.service)

    def _url(self, scheme: str, prefix: str, host: str) -> str:
        shown = f"[{host}]" if ":" in host else host
        return f"{scheme}://{shown}:{self.port}{prefix}"

    def _is_own(self, name: str, found: Any) -> bool:
        """Tell whether a site only gave the public address a prefix."""
        if name != "bind_url":
            return False
        return urlsplit(str(found)).netloc == urlsplit(self._url("http", "/", self.host)).netloc


def _tell(name: str, value: Any, public: str) -> None:
    get_logger().error(
        "%s = %r is ignored: `jhp up` decides where its parts listen, and users find it "
        "at %s. Use --host and --port for another address, or run `jupyterhub` yourself.",
        name,
        value,
        public,
    )


def _find_prefix(hub: Mapping[str, Any]) -> str:
    asked = hub.get("base_url") or urlsplit(str(hub.get("bind_url") or "")).path
    inner = str(asked).strip("/")
    return f"/{inner}/" if inner else "/"


def _find_refused(c: Any) -> str | None:
    """Return why ``jhp up`` cannot run a site's configuration, if so."""
    hub = c.JupyterHub
    proxy = hub.get("proxy_class") or ""
    name = proxy if isinstance(proxy, str) else f"{proxy.__module__}.{proxy.__name__}"
    alone = "Take it out of the configuration, or run `jupyterhub` yourself"
    if name not in _CONFIGURABLE_HTTP_PROXY:
        return (
            f"c.JupyterHub.proxy_class is {name}, but `jhp up` starts configurable-http-proxy, "
            f"whose API no other user can reach. {alone}."
        )
    if hub.get("internal_ssl"):
        return (
            "c.JupyterHub.internal_ssl is on, but between its parts `jhp up` uses Unix sockets, "
            f"which need no certificates. {alone}."
        )
    option = _find_place(c.ConfigurableHTTPProxy.get("command"))
    if option is not None:
        return (
            f"the command of the proxy has {option}, but `jhp up` decides where its proxy listens: "
            "with --host and --port, and at a Unix socket. Take the option out of "
            "c.ConfigurableHTTPProxy.command, or out of CONFIGURABLE_HTTP_PROXY."
        )
    if not all(c[each].get("should_start", True) for each in ("Proxy", "ConfigurableHTTPProxy")):
        return f"should_start of the proxy is off, but `jhp up` starts its own. {alone}."
    return None


def _find_place(command: Any) -> str | None:
    """Return the option of a proxy's command that sets where it listens, if there is one.

    The Hub adds its own, and configurable-http-proxy 5 makes an invalid number of two.
    """
    words = [command] if isinstance(command, str) else command or ()
    options = (word.partition("=")[0] for text in words for word in str(text).split())
    return next((each for each in options if each in _PLACES_OF_PROXY), None)


def _shown(host: str) -> str:
    """Return the address at which a browser on this machine reaches ``host``."""
    return "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 compared
