"""The state directory of ``jhp up``, so that a restart finds everything in place."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.core.errors import PlatformError

HUB_DATABASE: Final = "jupyterhub.sqlite"
COOKIE_KEY_FILE: Final = "cookie-secret"
_LEGIBLE: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


class State:
    """A state directory, which one platform at a time uses."""

    def __init__(self, directory: Path) -> None:
        self.given = directory
        self.directory = directory.absolute()
        self._lock: int | None = None

    def __truediv__(self, name: str) -> Path:
        return self.directory / name

    def open(self) -> None:
        """Create the directory, readable only by its owner, and lock it.

        Raises
        ------
        PlatformError
            Raised if a platform already runs from it.
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
        # The Hub creates its database world-readable.
        (self / HUB_DATABASE).touch(mode=0o600)
        (self / HUB_DATABASE).chmod(0o600)

    def close(self) -> None:
        """Release the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read_json(self, name: str) -> dict[str, Any]:
        """Read one of the platform's own files; empty if it is missing."""
        path = self / name
        if not path.exists():
            return {}
        try:
            data = json.loads(path.read_text())
        except ValueError as error:
            raise PlatformError(
                f"{path} is damaged: {error}. Remove it; the next start creates it."
            ) from None
        return data if isinstance(data, dict) else {}

    def write_json(self, name: str, data: Mapping[str, Any]) -> Path:
        """Write one of the platform's own files atomically, readable only by its owner."""
        return write_private(self / name, json.dumps(data, indent=2) + "\n")

    def sample_passwords(self, names: Iterable[str]) -> dict[str, str]:
        """Return a password for each of these users, the same as at the first start."""
        passwords = self.read_json("sample-passwords.json")
        for name in names:
            passwords.setdefault(name, _make_password())
        self.write_json("sample-passwords.json", passwords)
        return {name: str(passwords[name]) for name in names}

    def keep_secrets(self, url: str) -> dict[str, str]:
        """Return the Hub's secrets, created at the first start, and record its URL.

        One is the token with which ``jhp`` calls the Hub; with the other the admin service signs
        its cookies, so that they survive a restart.
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

    def end_sessions(self) -> None:
        """Forget the key that signs cookies, so that earlier ones become invalid."""
        (self / COOKIE_KEY_FILE).unlink(missing_ok=True)
        kept = {**self.read_json("command.json"), "cookie_secret": ""}
        self.write_json("command.json", kept)


def write_private(path: Path, text: str) -> Path:
    """Write a file atomically that only its owner can read."""
    rewrite(path, text)
    return path


def _make_password() -> str:
    parts = ("".join(secrets.choice(_LEGIBLE) for _ in range(4)) for _ in range(4))
    return "-".join(parts)
