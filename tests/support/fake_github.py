"""GitHub as far as logins need it: a form that everybody passes, tokens, and what its API says."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


class FakeGitHub:
    """Sends every visitor back as ``user``; lists are served by the page."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.user: dict[str, Any] = {}
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.statuses: dict[str, int] = {}
        self.revoked = False
        self.given: list[dict[str, str]] = []

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        """Return status and body of an answer of the API."""
        if self.revoked:
            return 401, {"message": "Bad credentials"}
        status = self.statuses.get(path, 200)
        if status != 200:
            return status, {"message": "no"}
        if path == "/user":
            return 200, self.user
        size, page = int(query["per_page"]), int(query["page"])
        return 200, self.lists.get(path, [])[size * (page - 1) : size * page]

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """Return what a code gives: as GitHub does it, a refusal has the status 200."""
        self.given.append(form)
        if form.get("code") != "once":
            return {"error": "bad_verification_code", "error_description": "expired"}
        return {"access_token": "gho_of_a_user", "token_type": "bearer", "scope": "read:org"}


@contextmanager
def running_github() -> Iterator[FakeGitHub]:
    """Serve one on a port of its own."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(asked.query).items()}
            if asked.path == "/login/oauth/authorize":
                back = urlencode({"code": "once", "state": query["state"]})
                self.send_response(302)
                self.send_header("Location", f"{query['redirect_uri']}?{back}")
                self.end_headers()
                return
            token = self.headers.get("Authorization")
            assert token == "Bearer gho_of_a_user"
            self._say(*github.answer(asked.path.removeprefix("/api/v3"), query))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {key: values[0] for key, values in parse_qs(body).items()}
            self._say(200, github.exchange(form))

        def _say(self, status: int, what: Any) -> None:
            body = json.dumps(what).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    github = FakeGitHub(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
