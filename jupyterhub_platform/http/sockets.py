"""Unix sockets at which Hub, proxy, service and servers listen, and no other user can.

Any process can bind a free loopback port first, and again once its process has ended. A socket in
a directory that only root may write stays the one that was put there: once its process has ended,
it refuses connections, and no other user can listen in its place.

::

    hub.sock                   each server may connect; only we may replace it
    private/proxy-api.sock     for us alone
    private/service.sock       for us alone
    u/USER/                    this user may pass through, only we may write
    u/USER/SERVER.sock         where the proxy finds a server, and nothing else ever listens

The Hub binds the socket of a server itself and passes it on, as systemd does: below this directory
no user can make, replace or remove anything.
"""

import hashlib
import os
import socket
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jupyterhub_platform.core.errors import LocalSpawnerError

SCHEME: Final = "http+unix"
_NOT_ESCAPED: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-._")
_NAME: Final = "jupyterhub-platform"
_OF_ROOT: Final = (Path("/run"), Path("/var/lib"))
"""Where root keeps them: where it can write, the first. The path is short, and always the same."""
_MAX_LENGTH: Final = 107
"""Bytes of a path that a socket can be bound to on Linux."""
_MAX_BELOW_LENGTH: Final = len("/u/0123456789abcdef/0123456789abcdef.sock")


@dataclass(frozen=True, slots=True)
class Sockets:
    """The sockets of one platform, below a directory that is there and safe."""

    directory: Path

    @property
    def hub(self) -> Path:
        """Where the Hub listens."""
        return self.directory / "hub.sock"

    @property
    def proxy_api(self) -> Path:
        """Where the proxy is told its routes."""
        return self.directory / "private" / "proxy-api.sock"

    @property
    def service(self) -> Path:
        """Where the admin service listens."""
        return self.directory / "private" / "service.sock"

    def of(self, person: str, server: str) -> Path:
        """Say where a server listens: the same at every start."""
        return self.directory / "u" / _digest(person) / f"{_digest(server)}.sock"

    def bind(self, person: str, server: str, uid: int | None) -> socket.socket:
        """Bind the socket of a server that is about to start as ``uid``, for it to listen.

        Until it does, a connection is refused, which the Hub expects of a start; and again when
        all that the socket was passed to have ended.

        Raises
        ------
        OSError
            Raised if the system refuses.
        """
        path = self.of(person, server)
        group = -1 if uid is None else uid
        _make(path.parent.parent, 0o711)
        _make(path.parent, 0o710, group=group)
        self.remove(person, server)
        bound = socket.socket(socket.AF_UNIX)
        try:
            bound.bind(str(path))
            os.chown(path, -1, group)
            path.chmod(0o660)
        except OSError:
            bound.close()
            raise
        return bound

    def remove(self, person: str, server: str) -> None:
        """Remove the socket of a server that has ended."""
        self.of(person, server).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove what no server needs, when neither Hub nor service nor proxy runs."""
        for path in (self.hub, self.proxy_api, self.service):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove everything, when no server runs."""
        # An earlier version let users write there, and no tree is too deep for this program, which
        # is found where systems keep it, too: PATH may name an environment of Python's alone.
        path = os.pathsep.join([os.defpath, *os.get_exec_path()])
        command = ["rm", "-rf", "--", str(self.directory)]
        subprocess.run(command, env={"PATH": path}, check=False)  # noqa: S603


def render_unix_url(path: Path) -> str:
    """Write the path of a socket as a URL.

    Capital letters are escaped as well: parsers of URLs lower-case the host.
    """
    return f"{SCHEME}://" + "".join(
        char if char in _NOT_ESCAPED else "".join(f"%{byte:02x}" for byte in char.encode())
        for char in str(path)
    )


def open_sockets(state: Path, instance: str) -> Sockets:
    """Make the directory of a platform's sockets, and check that no other user can write there.

    As root it is below ``/run``; for others it is in the state directory, or in ``/tmp`` where
    that has too long a path for sockets.

    Raises
    ------
    LocalSpawnerError
        Raised if there is no safe place for it.
    """
    directory = locate_sockets(state, instance).directory
    try:
        for path in (directory.parent, directory, directory / "private"):
            if path != state:
                _make(path, 0o711 if os.geteuid() == 0 and path.name != "private" else 0o700)
    except OSError as error:
        raise LocalSpawnerError(
            f"The sockets of this platform cannot be made in {directory}: {error}. Make that "
            "directory writable for the user who runs the Hub."
        ) from error
    # Without root no user is isolated: the operator chooses who may write the state directory.
    _check(directory, *(() if directory.parent == state else directory.parents))
    return Sockets(directory)


def locate_sockets(state: Path, instance: str) -> Sockets:
    """Say where the sockets of a platform are, if it has any."""
    return Sockets(_choose(state, instance))


def _choose(state: Path, instance: str) -> Path:
    name = instance[:16]
    if os.geteuid() == 0:
        place = next((path for path in _OF_ROOT if os.access(path, os.W_OK)), _OF_ROOT[0])
        return place / _NAME / name
    own = state / "run"
    if len(os.fsencode(own)) + _MAX_BELOW_LENGTH <= _MAX_LENGTH:
        return own
    return Path(f"/tmp/{_NAME}-{os.geteuid()}") / name  # noqa: S108 looked at below


def _check(directory: Path, *above: Path) -> None:
    """Check that only we and root can put anything into ``directory``, or another in its place."""
    for path in (directory, *above):
        found = path.lstat()
        others_write = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {0, os.geteuid()} or others_write:
            raise LocalSpawnerError(
                f"The sockets of this platform are not safe in {directory}: others can write "
                f"{path} (owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}). Give it to "
                f"user {os.geteuid()} and close it to others: chmod go-w {path}."
            )


def _make(path: Path, mode: int, *, group: int = -1) -> None:
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    # What another user made is left as it is, and found when it is looked at.
    if path.lstat().st_uid == os.geteuid() and not path.is_symlink():
        os.chown(path, -1, group)
        path.chmod(mode)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]
