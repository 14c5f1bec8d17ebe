"""A registry of images that takes what is pushed: manifests whole, of blobs only the digest."""

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

_PART: Final = 2**20


class Registry(ThreadingHTTPServer):
    """The registry, at ``place``; ``manifests`` are by name, tag or digest."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.blobs: set[tuple[str, str]] = set()
        self.uploads: dict[str, Any] = {}

    @property
    def place(self) -> str:
        """Host and port, as a reference of an image begins."""
        return f"127.0.0.1:{self.server_port}"

    def read_manifest(self, name: str, reference: str) -> dict[str, Any]:
        """Return a manifest that was pushed."""
        manifest: dict[str, Any] = json.loads(self.manifests[name, reference])
        return manifest


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry

    def log_message(self, *_: Any) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/" else 404)

    def do_HEAD(self) -> None:
        found = re.fullmatch(r"/v2/(.+)/blobs/(sha256:\w+)", self.path)
        is_there = found and (found[1], found[2]) in self.server.blobs
        self._answer(200 if is_there else 404)

    def do_POST(self) -> None:
        upload = secrets.token_hex(8)
        self.server.uploads[upload] = hashlib.sha256()
        self._answer(202, Location=f"{urlsplit(self.path).path}{upload}")

    def do_PATCH(self) -> None:
        digest = self.server.uploads[self.path.rpartition("/")[2]]
        for part in self._read():
            digest.update(part)
        self._answer(202, Location=self.path)

    def do_PUT(self) -> None:
        address = urlsplit(self.path)
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", address.path):
            manifest = b"".join(self._read())
            name = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
            for reference in (found[2], name):
                self.server.manifests[found[1], reference] = manifest
            self._answer(201, **{"Docker-Content-Digest": name})
            return
        name, _, upload = address.path.removeprefix("/v2/").partition("/blobs/uploads/")
        digest = self.server.uploads.pop(upload)
        for part in self._read():
            digest.update(part)
        told = parse_qs(address.query)["digest"][0]
        is_whole = told == f"sha256:{digest.hexdigest()}"
        if is_whole:
            self.server.blobs.add((name, told))
        self._answer(201 if is_whole else 400, **{"Docker-Content-Digest": told})

    def _read(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left:
            part = self.rfile.read(min(left, _PART))
            left -= len(part)
            yield part

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def serve_registry() -> Iterator[Registry]:
    """Serve an empty registry."""
    with Registry() as registry:
        thread = threading.Thread(target=registry.serve_forever, daemon=True)
        thread.start()
        yield registry
        registry.shutdown()
        thread.join()
