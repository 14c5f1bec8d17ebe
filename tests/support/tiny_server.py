"""A server of a person's that costs next to nothing: a real process that answers the Hub."""

import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import ThreadingUnixStreamServer
from urllib.parse import unquote, urlsplit


class Answer(BaseHTTPRequestHandler):
    """Answers everything, as the Hub asks before it counts a server as ready."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", os.environ["TINY_SERVER_HUB_VERSION"])
        self.end_headers()
        self.wfile.write(b"here\n")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""


if __name__ == "__main__":
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    if url.scheme == "http+unix":
        server = ThreadingUnixStreamServer(unquote(url.netloc), Answer, bind_and_activate=False)
        # As systemd does, the Hub has bound it, and passes it as the first after standard error.
        server.socket.close()
        server.socket = socket.socket(fileno=3)
        server.server_activate()
        server.serve_forever()
    else:
        ThreadingHTTPServer((url.hostname or "127.0.0.1", url.port or 0), Answer).serve_forever()
