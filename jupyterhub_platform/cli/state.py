"""What ``jhp up`` keeps in its state directory, so that a restart finds everything where it was."""

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

from jupyterhub_platform.core.errors import PlatformError

HUB_DATABASE: Final = "jupyterhub.sqlite"
FIRST_PORT: Final = 8000
LAST_PORT: Final = 8099
_LEGIBLE: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen. Servers that run know the Hub's port: it is the same every time."""

    public: int
    hub: int
    proxy_api: int
    service: int


class State:
    """A state directory, of which one platform at a time is the user."""

    def __init__(self, directory: Path) -> None:
        self.given = directory
        self.directory = directory.absolute()
        self._lock: int | None = None

    def __truediv__(self, name: str) -> Path:
        return self.directory / name

    def open(self) -> None:
        """Make the directory, for nobody else to read, and take it.

        Raises
        ------
        PlatformError
            Raised if a platform runs from it already.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        (self / "logs").mkdir(mode=0o700, exist_ok=True)
        lock = os.open(self / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise PlatformError(
                f"A platform runs from {self.directory} already. Stop it, or name another state "
                "directory with --state."
            ) from None
        self._lock = lock
        # The Hub makes its database for all to read.
        (self / HUB_DATABASE).touch(mode=0o600)
        (self / HUB_DATABASE).chmod(0o600)

    def close(self) -> None:
        """Leave the directory to others."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read_json(self, name: str) -> dict[str, Any]:
        """Read one of our own files; empty if it is not there."""
        path = self / name
        if not path.exists():
            return {}
        try:
            data = json.loads(path.read_text())
        except ValueError as error:
            raise PlatformError(
                f"{path} is damaged: {error}. Remove it; it is made anew."
            ) from None
        return data if isinstance(data, dict) else {}

    def write_json(self, name: str, data: Mapping[str, Any]) -> Path:
        """Write one of our own files, whole or not at all, for nobody else to read."""
        return write_private(self / name, json.dumps(data, indent=2) + "\n")

    def choose_ports(self, asked: int | None) -> Ports:
        """Return the ports of before where they are free, others where they are not.

        Raises
        ------
        PlatformError
            Raised if the port that was asked for is taken.
        """
        before = self.read_json("ports.json")
        if asked is not None and not _is_free(asked):
            raise PlatformError(
                f"Port {asked} is taken by another program. Stop that, or name another: --port."
            )
        public = asked or _first_free([before.get("public"), *range(FIRST_PORT, LAST_PORT + 1)])
        with ExitStack() as held:
            hub, proxy_api, service = (
                _hold(held, before.get(name)) for name in ("hub", "proxy_api", "service")
            )
        ports = Ports(public, hub, proxy_api, service)
        self.write_json("ports.json", {name: getattr(ports, name) for name in Ports.__slots__})
        return ports

    def sample_passwords(self, names: Iterable[str]) -> dict[str, str]:
        """Return a password for each of these people, the same as at the first start."""
        passwords = self.read_json("sample-passwords.json")
        for name in names:
            passwords.setdefault(name, _make_password())
        self.write_json("sample-passwords.json", passwords)
        return {name: str(passwords[name]) for name in names}

    def keep_secrets(self, url: str) -> dict[str, str]:
        """Return the secrets that the Hub is given, made at the first start, and note its URL.

        One is the token with which ``jhp`` speaks to the Hub; with the other the admin service
        signs its cookies, which so outlive a restart.
        """
        kept = self.read_json("command.json")
        token = str(kept.get("token") or secrets.token_hex(16))
        cookie_secret = str(kept.get("cookie_secret") or secrets.token_hex(32))
        self.write_json(
            "command.json", {"url": url, "token": token, "cookie_secret": cookie_secret}
        )
        return {
            "PLATFORM_COMMAND_TOKEN": token,
            "PLATFORM_SERVICE_COOKIE_SECRET": cookie_secret,
        }


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
    return path


def _make_password() -> str:
    parts = ("".join(secrets.choice(_LEGIBLE) for _ in range(4)) for _ in range(4))
    return "-".join(parts)


def _is_port(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 < value < 65536


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _first_free(ports: Iterable[Any]) -> int:
    for port in ports:
        if _is_port(port) and _is_free(port):
            return port
    raise PlatformError(
        f"Every port from {FIRST_PORT} to {LAST_PORT} is taken. Name a free one: --port."
    )


def _hold(held: ExitStack, port: Any) -> int:
    """Return ``port`` if it is free, otherwise another; held, so that none is chosen twice."""
    probe = held.enter_context(socket.socket())
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for choice in (port if _is_port(port) else 0, 0):
        try:
            probe.bind(("127.0.0.1", choice))
        except OSError:
            continue
        return int(probe.getsockname()[1])
    raise PlatformError("This machine has no free port on 127.0.0.1. Close some programs.")
