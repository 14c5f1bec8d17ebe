"""Reads what the Hub tells the service through the environment."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from jupyterhub_platform.core.branding import Branding, BrandingError, read_links
from jupyterhub_platform.settings import Settings

_MIN_SECRET_BYTES: Final = 32


class EnvironmentFaultError(ValueError):
    """Raised if a variable is missing or invalid; the message names it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where to listen, where the Hub is, where the store is.

    It listens at ``socket``, or at ``host`` and ``port`` without one.
    ``hub_pid`` and ``hub_started`` identify the Hub's process, with which the service ends; zero if
    unknown. ``template_paths`` are the site's own templates; ``local_credentials`` says that the
    platform keeps users' passwords. ``branding`` is how the Hub's pages look, and these too.
    ``public_url`` is that of these pages, if the Hub was told its own. ``documentation`` is
    another folder with the built documentation than the one that belongs to the package.
    """

    host: str
    port: int
    prefix: str
    hub_prefix: str
    hub_host: str
    api_url: str
    database_url: str
    cookie_secret: bytes
    socket: Path | None = None
    hub_pid: int = 0
    hub_started: int = 0
    template_paths: tuple[Path, ...] = ()
    local_credentials: bool = False
    branding: Branding = field(default_factory=Branding)
    public_url: str = ""
    documentation: Path | None = None

    @property
    def place(self) -> str:
        """Where it listens, in words."""
        return str(self.socket) if self.socket else f"{self.host}:{self.port}"

    def find_address(self, request: Any) -> str:
        """Return the scheme and host at which the browser sees these pages."""
        public = urlsplit(self.public_url)
        return f"{public.scheme or request.protocol}://{public.netloc or request.host}"

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables of a Hub-managed service, and the platform's own.

        Raises
        ------
        EnvironmentFaultError
            Raised if one of them is missing or invalid.
        """
        socket = _read_socket(environ)
        host, port = ("", 0) if socket else _read_address(environ)
        base = environ.get("JUPYTERHUB_BASE_URL") or "/"
        paths = environ.get("PLATFORM_TEMPLATE_PATHS", "")
        return cls(
            host=host,
            port=port,
            socket=socket,
            prefix=_require(environ, "JUPYTERHUB_SERVICE_PREFIX"),
            hub_prefix=f"{base.rstrip('/')}/hub/",
            hub_host=environ.get("JUPYTERHUB_HOST", ""),
            api_url=_read_api_url(environ),
            database_url=Settings.from_environment(environ).database_url,
            cookie_secret=_read_secret(environ),
            hub_pid=_read_number(environ, "PLATFORM_HUB_PID"),
            hub_started=_read_number(environ, "PLATFORM_HUB_STARTED"),
            template_paths=tuple(Path(path) for path in paths.split(":") if path),
            local_credentials=bool(environ.get("PLATFORM_LOCAL_CREDENTIALS")),
            branding=_read_branding(environ.get("PLATFORM_BRANDING", "")),
            public_url=environ.get("JUPYTERHUB_PUBLIC_URL", ""),
        )


def _read_api_url(environ: Mapping[str, str]) -> str:
    """Return where the Hub's API is: on this machine, if it listens everywhere.

    There the kernel tells the Hub whose process calls, and the Hub believes what it says of users.
    """
    url, here = _require(environ, "JUPYTERHUB_API_URL"), environ.get("PLATFORM_HUB_LOOPBACK", "")
    if not here or urlsplit(url).scheme != "http":
        return url
    return f"{here}{urlsplit(url).path}"


def _read_branding(text: str) -> Branding:
    """Read how pages look; the Hub, which refuses what cannot be used, has checked it before."""
    try:
        told = json.loads(text or "{}")
        return Branding(
            str(told.get("site_name", "")),
            str(told.get("accent_color", "")),
            links=read_links(dict(told.get("help_links", {}))),
            has_dark_logo=bool(told.get("logo_file_dark")),
        )
    except (ValueError, TypeError, AttributeError, BrandingError) as error:
        raise EnvironmentFaultError(f"PLATFORM_BRANDING cannot be read: {error}") from None


def _require(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise EnvironmentFaultError(f"{name} is not set; let the Hub start this service")
    return value


def _read_socket(environ: Mapping[str, str]) -> Path | None:
    """Return the Unix socket to listen at, if the Hub names one."""
    url = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", ""))
    return Path(unquote(url.netloc)) if url.scheme == "http+unix" else None


def _read_address(environ: Mapping[str, str]) -> tuple[str, int]:
    """Return where to listen: the Hub's URL of the service, unless another address is set."""
    name = "PLATFORM_SERVICE_BIND" if environ.get("PLATFORM_SERVICE_BIND") else ""
    text = environ[name] if name else _require(environ, "JUPYTERHUB_SERVICE_URL")
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or not port:
        raise EnvironmentFaultError(
            f"{name or 'JUPYTERHUB_SERVICE_URL'} is {text!a}; write HOST:PORT, as in 127.0.0.1:8181"
        )
    return host, port


def _read_secret(environ: Mapping[str, str]) -> bytes:
    text = environ.get("PLATFORM_SERVICE_COOKIE_SECRET", "")
    if not text:
        return secrets.token_bytes(_MIN_SECRET_BYTES)
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < _MIN_SECRET_BYTES:
        raise EnvironmentFaultError(
            "PLATFORM_SERVICE_COOKIE_SECRET is not 32 bytes or more in hexadecimal; "
            "make one with: openssl rand -hex 32"
        )
    return secret


def _read_number(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name) or "0"
    if not (text.isascii() and text.isdigit()):
        raise EnvironmentFaultError(f"{name} is {text!a}, not a number")
    return int(text)
