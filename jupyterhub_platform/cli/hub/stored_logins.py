"""The logins of this user on this machine: one private file for each Hub, with its token."""

import hashlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.times import read_stored

_SUFFIX: Final = ".json"
_MAX_NAME: Final = 200
_MAX_BYTES: Final = 2**16


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """A login at ``url``; ``instance`` is that of the platform, if it runs on this machine."""

    url: str
    user: str
    token: str
    id: str
    expires_at: str
    instance: str = ""


def find_folder() -> Path:
    """Return where logins are kept: below ``$XDG_CONFIG_HOME``, by default ``~/.config``."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    if not Path(named).is_absolute():
        try:
            named = str(Path.home() / ".config")
        except RuntimeError:
            raise PlatformError(
                "There is no home directory to keep a login in. Set XDG_CONFIG_HOME."
            ) from None
    return Path(named) / "jhp"


def find_file(url: str) -> Path:
    """Return the file of a Hub, whether it exists or not."""
    name = quote(normalise_url(url), safe="")
    if len(name) > _MAX_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return find_folder() / f"{name}{_SUFFIX}"


def normalise_url(url: str) -> str:
    """Return the one way to write the address of a Hub."""
    scheme, _, rest = url.partition("://")
    read = httpx.URL(f"{scheme.lower()}://{rest}")
    return f"{read.scheme}://{read.netloc.decode('ascii')}{read.path.rstrip('/')}"


def make_folder() -> Path:
    """Make the folder, or close it to others.

    Raises
    ------
    PlatformError
        Raised if it is another user's.
    OSError
        Raised if it cannot be made.
    """
    folder = find_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(folder, folder.stat())
    folder.chmod(0o700)
    return folder


def keep(login: StoredLogin) -> Path:
    """Keep a login in place of the one for the same Hub, readable by this user alone."""
    make_folder()
    path = find_file(login.url)
    rewrite(path, json.dumps(asdict(login), indent=2) + "\n")
    return path


def find_login(url: str) -> StoredLogin | None:
    """Return the login at a Hub.

    Raises
    ------
    PlatformError
        Raised if others can read or change the file, or if it is damaged.
    """
    return _read(find_file(url))


def list_logins() -> list[StoredLogin]:
    """Return all logins, by the address of the Hub.

    Raises
    ------
    PlatformError
        Raised as by :func:`find_login`.
    """
    found = (_read(path) for path in sorted(find_folder().glob(f"*{_SUFFIX}")))
    return [login for login in found if login is not None]


def forget(url: str) -> None:
    """Delete the file of a Hub."""
    find_file(url).unlink(missing_ok=True)


def _read(path: Path) -> StoredLogin | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        _check_private(path, os.fstat(handle))
        text = file.read(_MAX_BYTES)
    try:
        data: Any = json.loads(text)
        login = StoredLogin(**{key: _read_text(value) for key, value in data.items()})
        read_stored(login.expires_at)
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise PlatformError(f"{path} is damaged. Remove it, and run `jhp login` again.") from None
    return login


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _check_private(path: Path, found: os.stat_result) -> None:
    folder = path.parent.stat()
    _check_owner(path.parent, folder)
    if folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PlatformError(f"Others can write in {path.parent}. Run `chmod 700 {path.parent}`.")
    _check_owner(path, found)
    if not stat.S_ISREG(found.st_mode):
        raise PlatformError(f"{path} is not a regular file. Remove it, and run `jhp login` again.")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PlatformError(
            f"Others can read the token in {path}, so it is not used. Revoke it on your token "
            "page, remove the file, and run `jhp login` again."
        )


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise PlatformError(f"{path} belongs to another user, so it is not used. Remove it.")
