"""GitHub as far as logins need it: a form that everybody passes, tokens, and what its API says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from tests.support.json_answers import JsonAnswers, serving


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
        size, page = int(query["per_page"]), int(query.get("page", 1))
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

    github = FakeGitHub("")

    class Answers(JsonAnswers):
        def get(self) -> None:
            if self.read_path() == "/login/oauth/authorize":
                self.send_back()
                return
            kind, _, token = str(self.headers.get("Authorization")).partition(" ")
            assert (kind.lower(), token) == ("bearer", "gho_of_a_user")
            path = self.read_path().removeprefix("/api/v3")
            status, what = github.answer(path, self.read_query())
            self.answer(what, status)

        def post(self) -> None:
            form = {key: values[0] for key, values in parse_qs(self.read_body()).items()}
            self.answer(github.exchange(form))

    with serving(Answers) as github.url:
        yield github
