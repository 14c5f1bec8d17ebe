"""What is named with ``--url`` and is no Hub: a sentence and an exit code, never a traceback."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.hub.client import SERVICE_PREFIX, HubClient, locate_service
from jupyterhub_platform.cli.main import main
from jupyterhub_platform.core.errors import PlatformError

VERBS: tuple[tuple[str, ...], ...] = (
    ("doctor",),
    ("why", "dev1"),
    ("usage",),
    ("usage", "--csv"),
    ("invite", "dev1"),
    ("suspend", "dev1", "--reason", "lost"),
    ("resume", "dev1", "--reason", "found"),
)


class Answering(BaseHTTPRequestHandler):
    """Answers everything in the same way."""

    status: int
    body: bytes

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = answer  # noqa: N815 the names of verbs

    def log_message(self, *words: Any) -> None:
        """Say nothing on the terminal."""


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Answer every request so; yields the URL."""
    handler = type("Handler", (Answering,), {"status": status, "body": body})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def jhp(*words: str, token: str = "secret-word") -> Result:
    """Run ``jhp`` with a token, away from every other Hub and cluster."""
    settings = [name for name in os.environ if name.startswith(("PLATFORM_", "KUBE"))]
    environment = {
        **dict.fromkeys(settings),
        "KUBECONFIG": "/nowhere",
        "JUPYTERHUB_API_TOKEN": token,
    }
    done = CliRunner().invoke(main, words, env=environment)
    assert isinstance(done.exception, SystemExit), "no error comes through to the shell"
    return done


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>Log in</html>"), (200, b"{}"), (200, b"[1]"), (302, b"")],
)
def test_a_server_that_answers_as_no_hub_does_is_named_as_such(
    verb: tuple[str, ...], status: int, body: bytes
) -> None:
    with answering(status, body) as url:
        done = jhp(*verb, "--url", url)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.exit_code == 1, said
    assert f"{url} does not answer like a Hub with this platform" in said
    assert "Check the address" in said
    assert "secret-word" not in said


class _Two(BaseHTTPRequestHandler):
    """A Hub whose service has a host of its own: notes who came where, with which token."""

    service: str
    seen: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "")
        self.seen.append((str(self.headers["Host"]), self.path, token))
        body = {"roots": ["/hub/api/platform/", self.service], "items": [], "next": None}
        sent = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *words: Any) -> None:
        """Say nothing on the terminal."""


def ask_service(named: str) -> tuple[list[tuple[str, str, str]], str, str]:
    """Ask a Hub that names this address of its service; return who was asked, and how it ended."""
    seen: list[tuple[str, str, str]] = []
    handler = type("Handler", (_Two,), {"seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    port = server.server_address[1]
    handler.service = named.format(port=port)  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with HubClient(f"http://127.0.0.1:{port}", "secret-word") as client:
            try:
                client.send("GET", f"{SERVICE_PREFIX}people")
                client.send("GET", f"{SERVICE_PREFIX}groups")
                said = ""
            except PlatformError as error:
                said = str(error)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    return seen, str(port), said


@pytest.mark.parametrize(
    ("named", "host"),
    [
        (SERVICE_PREFIX, "127.0.0.1"),
        ("http://localhost:{port}" + SERVICE_PREFIX, "localhost"),
        ("//evil.example" + SERVICE_PREFIX, "127.0.0.1"),
    ],
)
def test_the_service_is_asked_where_the_hub_says(named: str, host: str) -> None:
    seen, port, said = ask_service(named)
    assert said == ""
    assert seen == [
        (f"127.0.0.1:{port}", "/hub/api/platform/", "Bearer secret-word"),
        (f"{host}:{port}", f"{SERVICE_PREFIX}people", "Bearer secret-word"),
        (f"{host}:{port}", f"{SERVICE_PREFIX}groups", "Bearer secret-word"),
    ]


@pytest.mark.parametrize(
    "named",
    [
        "ftp://localhost:{port}" + SERVICE_PREFIX,
        "http://kim:word@localhost:{port}" + SERVICE_PREFIX,
        "http://" + SERVICE_PREFIX,
        "http://[::1" + SERVICE_PREFIX,
    ],
)
def test_no_token_is_sent_to_what_is_no_address_of_a_service(named: str) -> None:
    seen, _, said = ask_service(named)
    assert "to which no token is sent" in said
    assert [path for _, path, _ in seen] == ["/hub/api/platform/"]


def test_a_service_that_is_not_there_is_named_as_such() -> None:
    _, _, said = ask_service("http://127.0.0.1:1" + SERVICE_PREFIX)
    assert said.startswith("The platform's service at http://127.0.0.1:1 does not answer")


def test_a_hub_under_tls_names_no_service_without_it() -> None:
    hub = "https://hub.example.org"
    assert locate_service(hub, f"https://p.hub.example.org{SERVICE_PREFIX}").startswith("https://p")
    with pytest.raises(PlatformError, match="to which no token is sent"):
        locate_service(hub, f"http://p.hub.example.org{SERVICE_PREFIX}")


@pytest.mark.parametrize(("body", "said"), [(b'["x"]', "Bad Gateway"), (b'{"message": "m"}', "m")])
def test_a_refusal_is_said_whatever_it_looks_like(body: bytes, said: str) -> None:
    with answering(502, body) as url:
        done = jhp("why", "dev1", "--url", url)
    assert (done.exit_code, done.stderr) == (1, f"The Hub refused (502): {said}\n")


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_url_that_is_no_address_is_a_misuse(verb: tuple[str, ...]) -> None:
    done = jhp(*verb, "--url", "nonsense")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "'nonsense' is not the address of a Hub" in done.stderr


@pytest.mark.parametrize("url", ["http://[::1", "ftp://hub.example.org", "http://", "http://h:x"])
@pytest.mark.parametrize("token", ["", "secret-word"])
def test_each_thing_that_is_no_address_is_a_misuse(url: str, token: str) -> None:
    done = jhp("why", "dev1", "--url", url, token=token)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{url!r} is not the address of a Hub; write it as https://hub.example.com" in " ".join(
        done.stderr.split()
    )
