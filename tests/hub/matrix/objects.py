"""What requests are about: each ``<word>`` of a path or body becomes an object of that kind.

What a request may use up or change for good is made anew for every cell.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.hub.matrix.actors import Actor
from tests.support.live_hub import Api, LiveHub, server_path

WORD: Final = re.compile(r"<([a-z]+)(?::(?:([a-z]+)|<me>))?>")
NO_ID: Final = "0123456789abcdef"

BODIES: Final[Mapping[str, Any]] = {
    "none": None,
    "empty": {},
    "list": [1],
    "names": {"usernames": ["<new>"]},
    "admin": {"admin": True},
    "plain": {"admin": False},
    "rename": {"name": "<new>"},
    "stop": {"proxy": "no"},
    "token": {"note": "matrix", "expires_in": 600},
    "scopes": {"note": "matrix", "expires_in": 600, "scopes": ["admin:users"]},
    "notier": {"user_options": {"tier": "none"}},
    "called": {"display_name": "Train"},
    "odd": {"surprise": 1},
    "remove": {"remove": True},
    "active": {"last_activity": "2026-03-01T00:00:00Z"},
    "groups": {"groups": ["<newgroup>"]},
    "fresh": {"users": ["<fresh>"]},
    "me": {"users": ["<me>"]},
    "props": {"quota": "1000"},
    "guest": {"user": "user"},
    "forme": {"user_options": {"tier": "small"}},
    "forowner": {"user": "owner", "user_options": {"tier": "small"}},
    "foroutsider": {"user": "outsider"},
    "forroot": {"user": "root"},
    "fornobody": {"user": "nobody"},
    "reason": {"reason": "matrix"},
    "asked": {"user": "owner", "server": "none", "back": "own"},
    "confirmed": {"user": "owner", "server": "none", "confirmed": "yes"},
    "mine": {"user": "<me>", "server": "none", "confirmed": "yes"},
    "login": {"username": "idle", "password": "<password>"},
    "words": {"current": "wrong", "password": "long enough words", "again": "long enough words"},
    "invite": {"token": "none", "password": "long enough words", "again": "long enough words"},
    "spawn": {"tier": "none"},
    "terminal": {"challenge": 43 * "A", "machine": "laptop", "seconds": "60"},
    "verifier": {"verifier": 43 * "A", "code": "none"},
    "code": {"code": "none"},
    "oauth": {"grant_type": "authorization_code", "client_id": "none", "code": "none"},
    "authorize": {"scopes": "none"},
    "newuser": {"name": "<new>", "level": "user", "why": "matrix", "step": "save"},
    "gift": {
        "user": "owner",
        "account": "vision",
        "add.servers": "1",
        "until": "1h",
        "reason": "matrix",
        "why": "matrix",
        "step": "preview",
    },
    "preview": {"name": "<new>", "why": "matrix", "step": "preview"},
    "change": {"seen": "1", "why": "matrix", "step": "save"},
    "member": {"user": "owner", "act": "add", "why": "matrix"},
    "bulk": {"act": "set-level", "names": ["owner"], "level": "user", "reason": "matrix"},
    "bulksuspend": {"act": "suspend", "names": ["owner"], "reason": "matrix"},
    "bulkstop": {"act": "stop"},
    "bulkpage": {"act": "set-level", "name": "owner", "level": "user"},
    "peoplepage": {"table": "name\n<new>\n"},
    "stale": {"seen": "0", "why": "matrix"},
}


class Objects:
    """Makes objects with an admin's token, which it reads nothing with."""

    def __init__(self, hub: LiveHub, admin: Api, decisions: Mapping[str, str]) -> None:
        self._hub = hub
        self._admin = admin
        self._decisions = decisions
        self._numbers = itertools.count(1)

    def fill(self, text: str, actor: Actor) -> str:
        """Put an object where each word stands."""
        return WORD.sub(lambda match: self._make(match[1], match[2] or actor.name, actor), text)

    def fill_body(self, body: Any, actor: Actor) -> Any:
        """Put an object where each word stands in the strings of a body."""
        match body:
            case str():
                return self.fill(body, actor)
            case list():
                return [self.fill_body(each, actor) for each in body]
            case dict():
                return {key: self.fill_body(value, actor) for key, value in body.items()}
            case _:
                return body

    def _make(self, kind: str, of: str, actor: Actor) -> str:
        number = next(self._numbers)
        made: dict[str, Callable[[], str]] = {
            "me": lambda: actor.name,
            "password": lambda: self._hub.passwords["idle"],
            "new": lambda: f"new-{number}",
            "newgroup": lambda: f"new-group-{number}",
            "decision": lambda: self._decisions[of],
            "fresh": lambda: self._post(f"users/fresh-{number}", f"fresh-{number}"),
            "freshgroup": lambda: self._post(f"groups/fresh-{number}", f"fresh-{number}"),
            "stopped": lambda: self._make_stopped(of, f"s-{number}"),
            "token": lambda: self._make_token(of),
            "share": lambda: self._share_with(of),
        }
        return made[kind]()

    def _share_with(self, guest: str) -> str:
        assert self._admin.post("shares/owner/", json={"user": guest}).is_success
        return "owner"

    def _post(self, path: str, made: str) -> str:
        answer = self._admin.post(path)
        assert answer.status_code == 201, answer.text
        return made

    def _make_stopped(self, of: str, server: str) -> str:
        answer = self._admin.put(server_path(of, server), json={})
        assert answer.status_code in {201, 404}, answer.text
        return server

    def _make_token(self, of: str) -> str:
        answer = self._admin.post(f"users/{of}/tokens", json={"expires_in": 600})
        return str(answer.json()["id"]) if answer.status_code == 201 else NO_ID
