"""Secrets that are planted are found: what every test with a live platform relies on."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL, Popen

import httpx
import pytest

from tests.support.canaries import TOKEN_OF_SERVER, Canaries

SECRET = "f00dfacef00dfacef00dface"


@pytest.fixture
def canaries() -> Canaries:
    found = Canaries()
    found.note("API token", SECRET)
    return found


def fails_because_of(canaries: Canaries, leak: str) -> None:
    with pytest.raises(AssertionError) as failure:
        canaries.check()
    assert leak in str(failure.value)
    assert SECRET not in str(failure.value)


def exchange(canaries: Canaries, answer: httpx.Response, path: str, **request: object) -> None:
    with httpx.Client(
        base_url="http://hub.example",
        transport=httpx.MockTransport(lambda _: answer),
        event_hooks={"request": [canaries.see_request], "response": [canaries.see_answer]},
    ) as client:
        client.post(path, **request)  # type: ignore[arg-type]


def test_finds_nothing_where_nothing_is(canaries: Canaries, tmp_path: Path) -> None:
    (tmp_path / "hub.log").write_text("all is well")
    canaries.see_files(tmp_path)
    exchange(canaries, httpx.Response(200, text="all is well"), "/hub/home")
    canaries.check()


def test_finds_one_in_a_file(canaries: Canaries, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "hub.log").write_bytes(b"\xff\0GET /?token=" + SECRET.encode())
    canaries.see_files(tmp_path)
    fails_because_of(canaries, "API token in hub.log")


def test_finds_one_in_an_answer_and_in_its_headers(canaries: Canaries) -> None:
    exchange(canaries, httpx.Response(500, text=f"no {SECRET}"), "/hub/home")
    fails_because_of(canaries, "API token in the answer to POST /hub/home")
    moved = httpx.Response(302, headers={"Location": f"/?token={SECRET}"})
    exchange(canaries, moved, "/hub/login")
    fails_because_of(canaries, "API token in headers of the answer to POST /hub/login")


@pytest.mark.parametrize(
    ("path", "answer", "kind"),
    [
        ("/hub/api/users/kim/tokens", {"token": "0123456789abcdef"}, "API token"),
        ("/hub/api/share-codes/kim/", {"code": "0123456789abcdef"}, "share code"),
        (
            "/hub/api/platform/users/kim/invite",
            {"url": "http://hub.example/hub/invite/?token=0123456789abcdef"},
            "invite",
        ),
    ],
)
def test_remembers_what_is_handed_over(path: str, answer: dict[str, str], kind: str) -> None:
    canaries = Canaries()
    exchange(canaries, httpx.Response(201, json=answer), path)
    canaries.check()
    canaries.look("the log", "0123456789abcdef")
    fails_because_of(canaries, f"{kind} in the log")


def test_remembers_passwords_and_cookies() -> None:
    canaries = Canaries()
    headers = {"Set-Cookie": "jupyterhub-hub-login=0123456789; Path=/hub/"}
    exchange(
        canaries,
        httpx.Response(302, headers=headers),
        "/hub/login",
        data={"username": "kim", "password": "so-secret-so-long"},
    )
    canaries.check()
    canaries.look("a page", "so-secret-so-long 0123456789")
    fails_because_of(canaries, "cookie in a page\npassword in a page")


def test_leaves_the_table_of_sample_passwords_and_nothing_else(tmp_path: Path) -> None:
    canaries = Canaries()
    canaries.note("sample password", "abcd-efgh")
    terminal = tmp_path / "terminal.log"
    terminal.write_text("  kim  user  abcd-efgh            vision\n  kim  user  abcd-efgh\n")
    canaries.see_file(terminal, samples={"kim": "abcd-efgh"})
    canaries.check()
    terminal.write_text("kim logged in with abcd-efgh\n")
    canaries.see_file(terminal, samples={"kim": "abcd-efgh"})
    fails_because_of(canaries, "sample password in terminal.log")


@pytest.fixture
def start_sleeper() -> Iterator[Callable[..., int]]:
    started: list[Popen[bytes]] = []

    def start(*arguments: str, **environment: str) -> int:
        code = "import sys; print(flush=True); sys.stdin.read()"
        process = Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=-1,
            stdout=-1,
            stderr=DEVNULL,
            env={**os.environ, **environment},
        )
        assert process.stdout is not None
        process.stdout.readline()
        started.append(process)
        return process.pid

    yield start
    for process in started:
        process.communicate(b"")


def test_token_of_a_server_is_a_known_secret(
    tmp_path: Path, start_sleeper: Callable[..., int]
) -> None:
    canaries = Canaries()
    (tmp_path / "jpserver-1.json").write_text(SECRET)
    used = {"Authorization": f"Bearer {SECRET}"}
    exchange(canaries, httpx.Response(200), "/hub/api/user", headers=used)
    canaries.see_processes([], [start_sleeper(JUPYTERHUB_API_TOKEN=SECRET)])
    exchange(canaries, httpx.Response(200), "/hub/api/user", headers=used)
    canaries.see_files(tmp_path, own=[TOKEN_OF_SERVER])
    canaries.check()
    canaries.see_files(tmp_path)
    fails_because_of(canaries, "token of a server in jpserver-1.json")


def test_finds_one_in_a_command_line_and_in_a_server(
    canaries: Canaries, start_sleeper: Callable[..., int]
) -> None:
    hub = start_sleeper(PLATFORM_COMMAND_TOKEN=SECRET)
    server = start_sleeper(SURPRISE=SECRET, JUPYTERHUB_API_TOKEN="own-token-of-it")
    canaries.see_processes([hub], [server])
    fails_because_of(canaries, "API token in the environment of a server")
    canaries.look("the log", "own-token-of-it")
    fails_because_of(canaries, "token of a server in the log")
    shown = start_sleeper(SECRET)
    canaries.see_processes([shown], [])
    fails_because_of(canaries, "API token in a command line")
