"""Remembers every secret that a platform hands out, and finds where one of them turns up.

Not secrets: XSRF tokens and session ids, which open nothing alone. What a platform keeps secrets
in on purpose is in ``KEPT_HERE``.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import httpx

SHORTEST: Final = 8
"""Characters; what is shorter is in many texts without being the secret."""

NO_SECRETS: Final = frozenset({"_xsrf", "jupyterhub-session-id"})
KEPT_HERE: Final = frozenset(
    {
        "ready.json",
        "sample-passwords.json",
        "command.json",
        "cookie-secret",
        "auth-state-key",
        "people-uids.json",
    }
)
"""Files with secrets, or with nothing but numbers; whether others can read them is tested."""

PASSWORD_FIELDS: Final = ("password", "again", "current")
HANDS_OVER: Final = re.compile(
    r"/hub/api/(users/[^/]+/tokens|platform/users/[^/]+/invite|share-codes/.*|shares/.*)"
    r"|/hub/(invite/|accept-share|token)"
)
"""Where a secret is handed over, or is shown to the caller who came with it."""

SECRET_VARIABLE: Final = re.compile(r"(TOKEN|SECRET|PASSWORD)$")
TOKEN_OF_SERVER: Final = "token of a server"
PERSONS_OWN: Final = frozenset({"JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN"})


class Canaries:
    """The secrets of one platform, by value, and the places where one was seen."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._leaks: set[str] = set()
        self._lock = threading.Lock()

    def note(self, kind: str, *secrets: str | None) -> None:
        """Remember secrets."""
        with self._lock:
            for secret in secrets:
                if not secret or len(secret) < SHORTEST:
                    continue
                # A client may have used the token of a server before it is known whose it is.
                if secret not in self._kinds or kind == TOKEN_OF_SERVER:
                    self._kinds[secret] = kind

    def look(self, place: str, text: str, *, but_not: Iterable[str] = ()) -> None:
        """Look for every secret in a text, and remember which kind was seen where."""
        with self._lock:
            kinds = {
                kind
                for secret, kind in self._kinds.items()
                if kind not in but_not and (secret in text or quote(secret, safe="") in text)
            }
            self._leaks.update(f"{kind} in {place}" for kind in kinds)

    def check(self) -> None:
        """Fail if a secret was seen; the message does not say which."""
        assert sorted(self._leaks) == [], "secrets were seen:\n" + "\n".join(sorted(self._leaks))

    # -- what is asked and answered -------------------------------------------------------------

    def see_request(self, request: httpx.Request) -> None:
        """Remember what a user proves with who they are."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme in {"Bearer", "token"}:
            self.note("API token", token)
        if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            fields = parse_qs(request.read().decode(errors="replace"))
            for name in PASSWORD_FIELDS:
                self.note("password", *fields.get(name, ()))
        if request.url.path == "/hub/invite/":
            self.note("invite", request.url.params.get("token"))

    def see_answer(self, answer: httpx.Response) -> None:
        """Remember what is handed over, and look for anything else."""
        if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            return
        answer.read()
        request = answer.request
        place = f"the answer to {request.method} {request.url.path}"
        for header in answer.headers.get_list("Set-Cookie"):
            name, _, value = header.partition(";")[0].partition("=")
            if name not in NO_SECRETS:
                self.note("cookie", value.strip('"'))
        others = [f"{k}: {v}" for k, v in answer.headers.items() if k.lower() != "set-cookie"]
        code = dict(parse_qsl(urlsplit(answer.headers.get("Location", "")).query)).get("code")
        self.look(f"headers of {place}", "\n".join(others))
        self.note("OAuth code", code)
        if HANDS_OVER.match(request.url.path):
            self._note_handed_over(answer)
        else:
            self.look(place, answer.text)

    def _note_handed_over(self, answer: httpx.Response) -> None:
        if not answer.is_success or "json" not in answer.headers.get("Content-Type", ""):
            return
        data = answer.json()
        if not isinstance(data, dict):
            return
        self.note("API token", data.get("token"))
        self.note("share code", data.get("code"))
        query = dict(parse_qsl(urlsplit(data.get("url") or "").query))
        self.note("invite", query.get("token"))

    # -- processes and files --------------------------------------------------------------------

    def see_processes(self, governing: Iterable[int], peoples: Iterable[int]) -> None:
        """Remember what processes were told, and look for it in command lines and servers."""
        for pid in governing:
            for name, value in _environment_of(pid).items():
                if SECRET_VARIABLE.search(name):
                    self.note(f"${name}", value)
                if name == "PLATFORM_DB_URL":
                    self.note("password of the store", urlsplit(value).password)
        servers = list(peoples)
        for pid in servers:
            told = _environment_of(pid)
            rest = "\n".join(f"{k}={v}" for k, v in told.items() if k not in PERSONS_OWN)
            self.look("the environment of a server", rest)
            self.note(TOKEN_OF_SERVER, *(told.get(name) for name in PERSONS_OWN))
        for pid in (*governing, *servers):
            self.look("a command line", _read_process(pid, "cmdline").replace("\0", " "))

    def see_files(self, directory: Path, *, own: Iterable[str] = ()) -> None:
        """Look into every file below: logs, databases, homes; ``own`` kinds belong there."""
        for path in sorted(directory.rglob("*")):
            if path.name not in KEPT_HERE and path.is_file() and not path.is_symlink():
                self.see_file(path, own=own)

    def see_file(
        self, path: Path, *, own: Iterable[str] = (), samples: Mapping[str, str] | None = None
    ) -> None:
        """Look into a file, except for what is meant to be there.

        That is the table of sample passwords on the terminal, line by line. The Hub's database
        has OAuth codes until they are used, which is at once.
        """
        text = path.read_bytes().decode("utf-8", "replace")
        for name, password in (samples or {}).items():
            row = rf"^  {re.escape(name)} +\w+ +{re.escape(password)}(?: .*)?$"
            text = re.sub(row, "", text, flags=re.MULTILINE)
        codes = ("OAuth code",) if path.name.startswith("jupyterhub.sqlite") else ()
        self.look(path.name, text, but_not=(*own, *codes))


_OF_URL: dict[str, Canaries] = {}


def watch(url: str, canaries: Canaries) -> None:
    """Let every client of a platform look at what it is answered."""
    _OF_URL[url] = canaries


class Watched(httpx.Client):
    """A client of a platform that notices secrets where they do not belong."""

    def __init__(self, url: str, path: str = "", **options: object) -> None:
        canaries = _OF_URL[url]
        hooks: dict[str, list[Callable[..., Any]]] = {
            "request": [canaries.see_request],
            "response": [canaries.see_answer],
        }
        super().__init__(
            base_url=url + path,
            timeout=60,
            trust_env=False,
            event_hooks=hooks,
            **options,  # type: ignore[arg-type]  # whatever the library takes
        )


def list_descendants(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from list_descendants(int(child))


def _environment_of(pid: int) -> dict[str, str]:
    pairs = (line.partition("=") for line in _read_process(pid, "environ").split("\0"))
    return {name: value for name, _, value in pairs}


def _read_process(pid: int, what: str) -> str:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def read_secrets(path: Path) -> dict[str, str]:
    """Return what a JSON file of secrets holds, by name; nothing if there is none."""
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found
