"""A network between a program and its database, that can lose the answer to a commit."""

import socket
import threading
from typing import Final, Self

_COMMIT: Final = b"COMMIT\0"
"""How the statement ends on its way; "BEGIN ISOLATION LEVEL READ COMMITTED" is another one."""


class DatabaseRelay:
    """Passes bytes on between clients and a server on this machine.

    After :meth:`lose_next_commit` the server gets the next ``COMMIT`` and makes it, and the
    connection breaks before its answer is through.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._losing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return int(self._listener.getsockname()[1])

    def lose_next_commit(self) -> None:
        """Break the connection on which the next commit is made, once it is made."""
        self._losing.set()

    def close(self) -> None:
        """Break every connection, and end."""
        for each in (self._listener, *self._sockets):
            _break(each)
        for thread in self._threads:
            thread.join(5)
        for each in (self._listener, *self._sockets):
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._sockets += [client, server]
            lost = threading.Event()
            for source, target, is_client in ((client, server, True), (server, client, False)):
                thread = threading.Thread(
                    target=self._pass_on, args=(source, target, lost, is_client), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, lost: threading.Event, is_client: bool
    ) -> None:
        try:
            while data := source.recv(65536):
                if is_client and self._losing.is_set() and _COMMIT in data:
                    self._losing.clear()
                    lost.set()
                elif lost.is_set():
                    break  # the answer to the commit: made, and never heard of
                target.sendall(data)
        except OSError:
            pass
        _break(source)
        _break(target)


def _break(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
