"""What fakes of remote services have in common: answers in JSON, on a port of their own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


class JsonAnswers(BaseHTTPRequestHandler):
    """Reads what is asked, and answers; subclasses say what."""

    def get(self) -> None:
        """Answer a GET."""
        raise NotImplementedError

    def post(self) -> None:
        """Answer a POST."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Pass it on."""
        self.get()

    def do_POST(self) -> None:
        """Pass it on."""
        self.post()

    def read_path(self) -> str:
        """Return the path that is asked for."""
        return urlsplit(self.path).path

    def read_query(self) -> dict[str, str]:
        """Return the arguments in the address."""
        asked = urlsplit(self.path).query
        return {key: values[0] for key, values in parse_qs(asked).items()}

    def read_body(self) -> str:
        """Return what was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

    def send_back(self) -> None:
        """Send a visitor back to the Hub with a code, as who has agreed to everything."""
        query = self.read_query()
        back = urlencode({"code": "once", "state": query["state"]})
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{back}")
        self.end_headers()

    def answer(self, what: Any, status: int = 200) -> None:
        """Answer with a value."""
        self._send(json.dumps(what), "application/json", status)

    def answer_page(self, page: str) -> None:
        """Answer with a page."""
        self._send(page, "text/html; charset=utf-8", 200)

    def _send(self, text: str, kind: str, status: int) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its name
        """Say nothing."""


@contextmanager
def serving(kind: type[JsonAnswers]) -> Iterator[str]:
    """Serve answers of a kind, and give the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
