"""Have a Jupyter server listen at the socket that was passed to it, as by systemd.

jupyter_server only listens at sockets that it binds itself, and for that its user would need write
access to root's directory.

Upstream: jupyter-server 2
Issue: jupyter-server/jupyter_server#1591, jupyter-server/jupyter_server#759
Ends when: it takes ``$LISTEN_FDS``.
"""

import os
import socket
from typing import Any, Final

_FIRST_PASSED: Final = 3
_WAITING: Final = 128

# Removed, so that no kernel or terminal of this server looks for a socket there.
if os.environ.pop("LISTEN_FDS", ""):
    from jupyter_server.serverapp import ServerApp

    def _listen(server: Any) -> bool:
        try:
            listener = socket.socket(fileno=_FIRST_PASSED)
            if listener.getsockname() != server.sock:
                raise OSError("it is another socket")
        except OSError as error:
            server.log.critical(
                "The Hub has passed the socket %s as descriptor %i, and it did not arrive (%s). "
                "A program between them has closed it: have it execute the server in its place, "
                "or take it out of c.Spawner.cmd.",
                *(server.sock, _FIRST_PASSED, error),
            )
            return False
        listener.set_inheritable(False)
        listener.setblocking(False)
        listener.listen(_WAITING)
        server.http_server.add_socket(listener)
        return True

    ServerApp._bind_http_server_unix = _listen  # type: ignore[assignment, method-assign]
