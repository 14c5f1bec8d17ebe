"""A Hub that plays what the service needs of one: identities, logins with PKCE, stopping servers.

It is a real tornado application on a real socket. It keeps what it was asked, and by whose token.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jupyterhub._data import DATA_FILES_PATH
from tornado.web import Application, RequestHandler, StaticFileHandler

from jupyterhub_platform.hub.pages.files import STATIC_DIRECTORY

ACCESS = "access:services!service=platform"


@dataclass(frozen=True, slots=True)
class FakePerson:
    """A user whom the Hub knows, with the scopes that their tokens for the service carry."""

    name: str
    groups: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    kind: str = "user"

    def model(self) -> dict[str, Any]:
        """Render as ``GET /hub/api/user`` does."""
        return {
            "name": self.name,
            "kind": self.kind,
            "admin": False,
            "groups": list(self.groups),
            "scopes": sorted(self.scopes | {ACCESS}),
        }


def healthy() -> dict[str, Any]:
    """Return what a Hub says with which all is well, as ``GET /hub/api/platform/health`` does."""
    return {
        "now": "2026-03-01T12:00:00+00:00",
        "store": {"url": "", "fault": "", "waiting": 0, "schema": "1", "newest_schema": "1"},
        "policy": {
            "revision": 1,
            "file": "/srv/platform.yaml",
            "digest": "sha256:1",
            "file_digest": "sha256:1",
            "faults": [],
            "faulty_since": None,
            "managed": {},
        },
        "audit": {
            "whole": True,
            "looked_at": "2026-03-01T11:59:20+00:00",
            "rows": 1234,
            "head": f"1234:{'ab' * 32}",
            "findings": [],
        },
        "memberships": {"settled": True, "fault": "", "since": None},
        "checker": {"seconds": 60.0, "looked_at": None, "drift": []},
    }


@dataclass(frozen=True, slots=True)
class AskedChange:
    """A call of the platform's own API: by whom, with which precondition and body."""

    who: str
    call: str
    seen: str
    once: str
    body: Any


@dataclass
class FakeHub:
    """What the Hub knows, and what it was asked. ``running`` are servers by user and name.

    ``answers`` are those to calls of the platform's API, such as ``PUT groups/vision``; while it is
    ``silent``, these connections are closed without one.
    """

    people: dict[str, FakePerson] = field(default_factory=dict)
    running: set[tuple[str, str]] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)
    logged_in: str = ""
    stops: list[tuple[str, str, str]] = field(default_factory=list)
    challenges: dict[str, str] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)
    proxies: list[str] = field(default_factory=list)
    is_down: bool = False
    health: dict[str, Any] | None = field(default_factory=lambda: healthy())
    explained: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    changes: list["AskedChange"] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    silent: bool = False
    own_servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    tells_servers: bool = True

    def explain(self, user: str, server: str) -> None:
        """Have the Hub explain a server as one that runs."""
        cause = {
            "code": "server.running",
            "sentence": "It runs.",
            "fix": "There is nothing to do.",
            "who": "nobody",
        }
        self.explained[user, server] = {
            "user": user,
            "server": server,
            "state": "running",
            "since": "2026-03-01T12:00:00+00:00",
            "tier": "small",
            "account": "vision",
            "cause": cause,
            "decision": None,
            "larger_tier": None,
        }

    def add(self, person: FakePerson) -> str:
        """Make a person known, and return a token of theirs."""
        self.people[person.name] = person
        token = f"token-of-{person.name}-{secrets.token_hex(8)}"
        self.tokens[token] = person.name
        return token

    def make_app(self, prefix: str = "/hub/") -> Application:
        """Make the application that answers for this Hub."""
        arguments = {"hub": self}
        static = str(Path(DATA_FILES_PATH) / "static")
        return Application(
            [
                (f"{prefix}api/user", _User, arguments),
                (f"{prefix}api/oauth2/authorize", _Authorize, arguments),
                (f"{prefix}api/oauth2/token", _Token, arguments),
                (f"{prefix}api/users/([^/]+)/server()", _Server, arguments),
                (f"{prefix}api/users/([^/]+)/servers/([^/]*)", _Server, arguments),
                (f"{prefix}api/platform/why", _Why, arguments),
                (f"{prefix}api/platform/servers", _OwnServers, arguments),
                (f"{prefix}api/platform/health", _Health, arguments),
                (f"{prefix}api/platform/proxies", _Proxies, arguments),
                (f"{prefix}api/platform/(.+)", _Change, arguments),
                (f"{prefix}logo", _Logo, arguments),
                (f"{prefix}static/(.*)", StaticFileHandler, {"path": static}),
                (
                    f"{prefix}platform/static/(.*)",
                    StaticFileHandler,
                    {"path": str(STATIC_DIRECTORY)},
                ),
            ]
        )


class _Handler(RequestHandler):
    def initialize(self, hub: FakeHub) -> None:
        self.hub = hub

    def prepare(self) -> None:
        if self.hub.is_down:
            self.set_status(502)
            self.finish({"status": 502, "message": "Bad gateway"})

    def person(self) -> FakePerson | None:
        token = self.request.headers.get("Authorization", "").removeprefix("token ")
        return self.hub.people.get(self.hub.tokens.get(token, ""))

    def refuse(self, status: int, message: str) -> None:
        self.set_status(status)
        self.finish({"status": status, "message": message})


class _User(_Handler):
    def get(self) -> None:
        person = self.person()
        if person is None:
            self.refuse(403, "Missing or invalid credentials.")
        else:
            self.finish(person.model())


class _OwnServers(_Handler):
    def get(self) -> None:
        """Answer with the caller's servers, and those shared with them."""
        person = self.person()
        if person is None or not self.hub.tells_servers:
            self.refuse(503 if person else 403, "No answer.")
        else:
            self.finish(self.hub.own_servers.get(person.name, {"servers": [], "shared": []}))


class _Authorize(_Handler):
    def get(self) -> None:
        """Log in the user who is logged in at the Hub, without asking."""
        if self.get_query_argument("code_challenge_method") != "S256":
            self.refuse(400, "PKCE is required")
            return
        code = secrets.token_hex(8)
        self.hub.challenges[code] = self.get_query_argument("code_challenge")
        self.hub.grants[code] = self.hub.logged_in
        state = urlencode({"code": code, "state": self.get_query_argument("state")})
        self.redirect(f"{self.get_query_argument('redirect_uri')}?{state}")


class _Token(_Handler):
    def post(self) -> None:
        """Give a token for a code, if the one who asks is the one who asked for the code."""
        code = self.get_body_argument("code")
        verifier = self.get_body_argument("code_verifier", "")
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        name = self.hub.grants.pop(code, "")
        if not name or self.hub.challenges.pop(code).rstrip("=") != challenge:
            self.refuse(400, "invalid_grant")
            return
        token = secrets.token_hex(16)
        self.hub.tokens[token] = name
        self.finish({"access_token": token, "token_type": "Bearer", "scope": ACCESS})


class _Server(_Handler):
    def delete(self, user: str, server: str) -> None:
        """Stop a server, for those whose scopes say so."""
        person = self.person()
        if person is None:
            self.refuse(403, "Missing or invalid credentials.")
            return
        self.hub.stops.append((person.name, user, server))
        if not person.scopes & {"delete:servers", f"delete:servers!user={user}"}:
            self.refuse(403, "Action is not authorized with current scopes")
        elif (user, server) not in self.hub.running:
            self.refuse(404, f"{user} has no server named '{server}'")
        else:
            self.hub.running.remove((user, server))
            self.set_status(204)


class _Why(_Handler):
    def get(self) -> None:
        """Explain a server to the user who is logged in; the Hub says who may read it."""
        asked = self.get_query_argument("user", ""), self.get_query_argument("server", "")
        if self.person() is None or asked not in self.hub.explained:
            self.refuse(404, "There is no such server, or it is not yours to see.")
        else:
            self.finish(self.hub.explained[asked])


class _Health(_Handler):
    def get(self) -> None:
        """Say how the Hub is to those who may read everything; fail while nothing is known."""
        person = self.person()
        if person is None or "custom:platform:read" not in person.scopes:
            self.refuse(403, "This needs the scope custom:platform:read.")
        elif self.hub.health is None:
            self.refuse(500, "The Hub does not know.")
        else:
            self.finish(self.hub.health)


class _Proxies(_Handler):
    def get(self) -> None:
        """Say where proxies are, to the service alone."""
        person = self.person()
        if person is None or (person.kind, person.name) != ("service", "platform"):
            self.refuse(403, "This is for the platform's own service.")
        else:
            self.finish({"addresses": self.hub.proxies})


class _Change(_Handler):
    def answer(self, path: str) -> None:
        """Answer as was laid down, and keep what was asked; 404 if nothing was."""
        headers, person = self.request.headers, self.person()
        if person is None:
            self.refuse(403, "Log in, or send a token of yours.")
            return
        if self.hub.silent:
            connection: Any = self.request.connection
            connection.detach().close()
            return
        query = f"?{self.request.query}" if self.request.query else ""
        call = f"{self.request.method} {path}{query}"
        seen = headers.get("If-Match") or f"not {headers.get('If-None-Match', '')}"
        body = json.loads(self.request.body) if self.request.body else None
        once = headers.get("Idempotency-Key", "")
        if path != "usage":  # which pages read, and nothing changes
            self.hub.changes.append(AskedChange(person.name, call, seen, once, body))
        nothing = {"status": 404, "detail": "There is nothing here.", "code": "platform.not_found"}
        status, answer = self.hub.answers.get(call, (404, nothing))
        self.set_status(status)
        self.finish(answer)

    get = post = put = delete = answer


class _Logo(_Handler):
    def get(self) -> None:
        image = Path(DATA_FILES_PATH) / "static" / "images" / "jupyterhub-80.png"
        self.set_header("Content-Type", "image/png")
        self.finish(image.read_bytes())
