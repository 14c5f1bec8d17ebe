"""A real PostgreSQL server of the tests' own: one process, one directory, gone at the end."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import psycopg
from psycopg import sql

PASSWORD = "p@ss/w:rd%canary"
"""Of the server's superuser; every character that a URL makes difficult."""

_DEBIAN = "/usr/lib/postgresql"
_PR_SET_PDEATHSIG = 1
_OPTIONS = {
    "fsync": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}


class PostgresMissingError(Exception):
    """Raised if no PostgreSQL server is installed."""


@dataclass
class PostgresServer:
    """A server that can be stopped and started again, as a database host would be."""

    programs: Path
    directory: Path
    port: int
    identity: dict[str, Any]
    options: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @classmethod
    def create(cls, port: int | None = None, **options: str) -> Self:
        """Make a data directory and start a server on it, with ``options`` of its own."""
        programs = find_programs()
        identity = _choose_identity()
        directory = Path(tempfile.mkdtemp(prefix="jupyterhub-platform-postgres-"))
        if identity:
            os.chown(directory, identity["user"], identity["group"])
        server = cls(programs, directory, port or _find_port(), identity, options)
        try:
            server._initialise()
            server.start()
        except BaseException:
            server.remove()
            raise
        return server

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {
            **_OPTIONS,
            **self.options,
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.directory / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                preexec_fn=_die_with_parent,
                **self.identity,
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop the server at once, as if its machine had lost power."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None

    def kill(self) -> None:
        """Kill the first process with SIGKILL, and wait until the others have noticed."""
        assert self.process is not None
        others = self.list_processes()
        self.process.kill()
        self.process.wait(10)
        self.process = None
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{pid}/exe").exists() for pid in others):
            assert time.monotonic() < deadline, "processes of PostgreSQL are left"
            time.sleep(0.02)

    def list_processes(self) -> list[int]:
        """Return every process of the server, the first one first."""
        assert self.process is not None
        first = self.process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]

    @contextmanager
    def replaced(self) -> Iterator["PostgresServer"]:
        """Have another, empty server answer at the same port."""
        self.stop()
        empty = PostgresServer.create(self.port)
        try:
            yield empty
        finally:
            empty.remove()
            self.start()

    def remove(self) -> None:
        """Stop the server and delete its directory."""
        self.stop()
        shutil.rmtree(self.directory)

    def create_database(self, name: str = "") -> str:
        """Make an empty database and return its URL, in the short spelling of hosting services."""
        name = name or f"test_{uuid4().hex[:12]}"
        with self._connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        password = quote(PASSWORD, safe="")
        return f"postgres://platform:{password}@127.0.0.1:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Delete a database that :meth:`create_database` made."""
        name = sql.Identifier(url.rsplit("/", 1)[1])
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="platform",
            password=PASSWORD,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _initialise(self) -> None:
        secret = self.directory / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)  # the directory itself is private
        subprocess.run(
            [
                self.programs / "initdb",
                *("--pgdata", self.directory / "data"),
                *("--username", "platform"),
                *("--pwfile", secret),
                *("--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
            **self.identity,
        )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                assert self.process is not None
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.directory / "log").read_text()) from None
                time.sleep(0.05)
            else:
                return


def find_programs() -> Path:
    """Return the newest directory that holds ``initdb`` and ``postgres``."""
    on_path = [Path(folder) for folder in os.get_exec_path()]
    of_debian = sorted(
        Path(_DEBIAN).glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True
    )
    for folder in (*on_path, *of_debian):
        if all((folder / name).is_file() for name in ("initdb", "postgres")):
            return folder
    raise PostgresMissingError(
        "the tests start a PostgreSQL server, and none is installed; "
        "install the package postgresql (Debian, Ubuntu), or put initdb into PATH"
    )


def _choose_identity() -> dict[str, Any]:
    # PostgreSQL refuses to run as root; any user without privileges will do.
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("there is neither a user postgres nor nobody to run PostgreSQL as")


def _die_with_parent() -> None:
    # Also when the tests are killed: the kernel then stops the server.
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _find_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
