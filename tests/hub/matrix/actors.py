"""Who asks: by a token, from a browser, or from a page that a browser was lured to."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.live_hub import Api, LiveHub, Session, wait_for

SERVICE: Final = "/services/platform/"
ELSEWHERE: Final = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
PEOPLE: Final = {
    "view": "viewer",
    "user": "user",
    "devl": "developer",
    "mngr": "boss",
    "else": "chief",
    "oper": "operator",
    "audi": "auditor",
    "admn": "admin",
    "ownr": "owner",
}


@dataclass(frozen=True)
class Cookies:
    """What a browser sends to the Hub and to the service, and the XSRF token of each."""

    hub: str
    hub_xsrf: str
    service: str
    service_xsrf: str

    @classmethod
    def of(cls, session: Session) -> "Cookies":
        """Take the cookies of a user who is logged in to both."""
        session.get(SERVICE, follow_redirects=True)
        session.get("/hub/token")
        return cls(*_render(session, "/hub/"), *_render(session, SERVICE))


def _render(session: Session, path: str) -> tuple[str, str]:
    general_first = sorted(session.cookies.jar, key=lambda cookie: len(cookie.path))
    sent = {each.name: each.value or "" for each in general_first if path.startswith(each.path)}
    return "; ".join(f"{name}={value}" for name, value in sent.items()), sent.get("_xsrf", "")


@dataclass(frozen=True)
class Actor:
    """One column: who it is, what they have, and where their browser was lured to.

    The answers change nothing of what an actor sends: cookies are fixed, as a thief has them.
    """

    name: str
    token: str = field(default="", repr=False)
    cookies: Cookies | None = field(default=None, repr=False)
    lured: str = ""

    def ask(
        self, client: httpx.Client, method: str, path: str, body: Any, *, api: bool
    ) -> httpx.Response | None:
        """Send a request as this actor can; ``None`` where no form can send it."""
        if self.lured == "form" and method not in {"GET", "POST"}:
            return None
        client.cookies.clear()
        headers = self._prove(path, api=api)
        if body is None:
            return client.request(method, path, headers=headers)
        if not api:
            return client.request(method, path, data=body, headers=headers)
        if self.lured == "form":
            # A form can send JSON too, under the name of plain text.
            headers["Content-Type"] = "text/plain"
        return client.request(method, path, json=body, headers=headers)

    def _prove(self, path: str, *, api: bool) -> dict[str, str]:
        if self.cookies is None or (api and self.token):
            return {"Authorization": f"Bearer {self.token}"} if self.token else {}
        to_service = path.startswith(SERVICE)
        cookie = self.cookies.service if to_service else self.cookies.hub
        xsrf = self.cookies.service_xsrf if to_service else self.cookies.hub_xsrf
        match self.lured:
            case "form":
                come = {**ELSEWHERE, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
            case "fetch":
                come = {**ELSEWHERE, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
            case _:
                mode = "cors" if api else "navigate"
                come = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": mode}
                come["X-XSRFToken"] = xsrf
        return {"Cookie": cookie, **come}


def make_actors(hub: LiveHub, token_of_service: str) -> dict[str, Actor]:
    """Log everybody in, and return the actors by the names of their columns."""
    tokens = {name: hub.token(name).token for name in (*PEOPLE.values(), "gone")}
    cookies = {name: Cookies.of(hub.login(name)) for name in tokens}
    return {
        **{column: Actor(name, tokens[name], cookies[name]) for column, name in PEOPLE.items()},
        "anon": Actor("nobody"),
        "serv": Actor("owner", find_token_of_server(hub)),
        "srvc": Actor("nobody", token_of_service),
        "gone": Actor("gone", tokens["gone"]),
        "left": Actor("gone", cookies=cookies["gone"]),
        "expd": Actor("admin", make_expired_token(hub, "admin")),
        "form": Actor("admin", cookies=cookies["admin"], lured="form"),
        "ftch": Actor("admin", cookies=cookies["admin"], lured="fetch"),
        "same": Actor("admin", cookies=cookies["admin"]),
    }


def find_token_of_server(hub: LiveHub) -> str:
    """Return the token that the one server that runs was started with."""
    for pid in hub.list_marked():
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode()
        found = re.search(r"(?:^|\0)JUPYTERHUB_API_TOKEN=([^\0]+)", environment)
        if found:
            return found[1]
    raise AssertionError("no server of this Hub runs")


def make_expired_token(hub: LiveHub, name: str) -> str:
    """Make a token, and wait until its time is over."""
    api: Api = hub.token(name, expires_in=1)
    wait_for(lambda: api.get("user").status_code == 403, "the token to expire")
    return api.token
