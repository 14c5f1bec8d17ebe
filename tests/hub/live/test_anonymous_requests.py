"""What strangers may send to a real Hub, and what it costs everybody else."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from jupyterhub_platform.usecases.login_throttle import SECONDS_PER_TRY, TRY_BURST
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub, Session, hidden_xsrf, wait_for
from tests.support.other_os_user import as_other_os_user

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
users:
  admin: {level: admin}
  auditor: {level: auditor}
  dev: {level: developer}
  kim: {level: user}
groups: {vision: {members: [dev, kim, admin]}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""
WORST = b'{"a":' + b"[" * 700 + b'"",' * 300_000 + b'""' + b"]" * 700 + b"}"
FORGED = {"X-Forwarded-For": "198.51.100.77", "X-Real-Ip": "198.51.100.78"}


hub = hub_of(POLICY, costly_hashes=True)


def doors(hub: LiveHub) -> tuple[httpx.Client, httpx.Client]:
    """The proxy, and the Hub's own socket, which every server reaches."""
    through = hub.keep(httpx.Client(base_url=hub.url, timeout=60))
    return through, hub.connect_directly(timeout=60)


def test_no_body_of_a_stranger_stops_the_hub(hub: LiveHub) -> None:
    for door in doors(hub):
        answers: list[int] = []

        def send(door: httpx.Client = door, answers: list[int] = answers) -> None:
            answers.extend(
                door.post("/hub/api/users/x/tokens", content=body).status_code
                for body in (WORST, WORST[: 2**16 - 9], b"[" * 60_000)
            )

        sending = threading.Thread(target=send)
        sending.start()
        longest = 0.0
        while sending.is_alive():
            began = time.monotonic()
            assert door.get("/hub/health").status_code == 200
            longest = max(longest, time.monotonic() - began)
        assert answers == [413, 400, 400]
        # The attack took 21 s; this much a busy machine takes for anything.
        assert longest < 4


@pytest.mark.parametrize("path", ["/hub/api/users", "/hub/login", "/services/platform/api/v1/me"])
def test_body_that_is_too_large_is_refused_with_a_sentence(hub: LiveHub, path: str) -> None:
    answer = hub.token("admin").post(f"{hub.url}{path}", content=b"x" * (2**20 + 1))
    assert answer.status_code == 413
    said = answer.json()["message"] if "/api/" in path else answer.text
    assert "1 MiB at most" in said

    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 2**16

    assert httpx.post(f"{hub.url}{path}", content=pieces()).status_code == 413


@pytest.mark.parametrize("path", ["users/x/tokens", "platform/login"])
def test_a_stranger_sends_no_more_than_a_login(hub: LiveHub, path: str) -> None:
    """The Hub says of each key of a body that it does not know it: 80,000 took a third second."""
    keys = json.dumps(dict.fromkeys(map(str, range(8_000)), 1))
    answer = httpx.post(f"{hub.url}/hub/api/{path}", content=keys)
    assert (answer.status_code, "64 KiB at most" in answer.json()["message"]) == (413, True)


def test_logins_of_strangers_delay_no_user(hub: LiveHub) -> None:
    admin, kim = hub.token("admin"), hub.token("kim")

    def guess(number: int) -> httpx.Response:
        body = {"auth": {"username": f"nobody{number}", "password": "a wrong password"}}
        # As the proxy says it, which runs as the user of these tests.
        headers = {"X-Forwarded-For": "203.0.113.5"}
        with hub.connect_directly(timeout=120) as client:
            return client.post("/hub/api/users/x/tokens", json=body, headers=headers)

    first = time.monotonic()
    with ThreadPoolExecutor(80) as strangers:
        guesses = [strangers.submit(guess, number) for number in range(160)]
        time.sleep(0.5)
        began = time.monotonic()
        assert admin.post("platform/users/kim/suspend", json={"reason": "test"}).status_code == 200
        taken = time.monotonic() - began
        assert kim.get("user").status_code == 403
    seen = Counter(guess.result().status_code for guess in guesses)
    # How many find the queue full depends on how fast this machine sends and checks.
    assert set(seen) <= {403, 503}
    assert taken < 5
    refused = [each.result() for each in guesses if each.result().status_code == 503]
    assert all(each.headers["Retry-After"] for each in refused)
    assert all("Try again in a few seconds" in each.json()["message"] for each in refused)
    # No new name is looked at once one source has sent too many wrong ones, but for those that
    # become free as time goes by.
    said = [each.result().json()["message"] or "" for each in guesses]
    said += [guess(number).json()["message"] or "" for number in range(200, 250)]
    free = TRY_BURST + (time.monotonic() - first) / SECONDS_PER_TRY
    told = Counter(each.partition(".")[0] for each in said)
    assert told["Too many wrong passwords from here"], told
    assert 0 < told["Invalid username or password"] <= free, told
    assert admin.post("platform/users/kim/resume", json={"reason": "test"}).status_code == 200


PROGRAM = """
import http.client, json, socket, sys
for path, headers, body in json.loads(sys.stdin.read()):
    connection = http.client.HTTPConnection("hub")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(sys.argv[1])
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    print(json.dumps([answer.status, answer.read().decode()]))
"""


def ask_from_a_server(hub: LiveHub, *asked: tuple[str, dict[str, str], Any]) -> list[list[Any]]:
    """Ask at the Hub's own socket, as another user of this machine."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(hub.sockets.hub)],
        input=json.dumps(asked),
        preexec_fn=as_other_os_user,
        capture_output=True,
        text=True,
        cwd="/",
        env={},
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_guessing_from_inside_is_slowed_whatever_it_says_of_where_it_is(hub: LiveHub) -> None:
    path = "/hub/api/users/dev/tokens"
    body = {"auth": {"username": "dev", "password": "wrong"}}
    forged = [
        (path, {"X-Forwarded-For": f"198.51.100.{number}", "X-Real-Ip": "198.51.100.9"}, body)
        for number in range(12)
    ]
    right = {"auth": {"username": "dev", "password": hub.passwords["dev"]}}
    answers = ask_from_a_server(hub, *forged, (path, FORGED, right))
    assert [status for status, _ in answers] == [403] * 13
    assert "Too many wrong passwords" in answers[-1][1]
    assert "198.51.100." not in hub.log
    assert "speaks for others" in hub.log
    # Through the proxy dev comes from elsewhere, and is let in.
    assert hub.login("dev").get("/hub/token").status_code == 200


def test_the_log_names_who_asks_through_the_proxy_and_not_whom_they_name(hub: LiveHub) -> None:
    assert httpx.get(f"{hub.url}/hub/nowhere/x1", headers=FORGED).status_code in {302, 404}
    wait_for(lambda: "/hub/nowhere/x1" in hub.log, "the line of the log")
    lines = [line for line in hub.log.splitlines() if "/hub/nowhere/x1" in line]
    assert any("@127.0.0.1)" in line for line in lines), lines
    assert not any("198.51.100" in line for line in lines)


def invite(hub: LiveHub, door: httpx.Client, **headers: str) -> httpx.Response:
    token = hub.token("admin").token
    headers = {"Authorization": f"token {token}", **headers}
    return door.post("/hub/api/platform/users/kim/invite", headers=headers)


def test_the_link_of_an_invite_is_one_that_can_be_followed(hub: LiveHub) -> None:
    through, direct = (invite(hub, door).json()["url"] for door in doors(hub))
    assert through.startswith(f"{hub.url}/hub/invite/?token=")
    # At the Hub's own port there is no user whom a link could lead there.
    assert direct.startswith(f"{hub.url}/hub/invite/?token=")
    outermost = {"X-Forwarded-Proto": "https,http", "Host": "hub.example.org"}
    behind_tls = invite(hub, doors(hub)[0], **outermost).json()["url"]
    assert behind_tls.startswith("https://hub.example.org/hub/invite/?token=")


def test_cookies_are_secure_where_the_browser_speaks_tls(hub: LiveHub) -> None:
    for protocol, secure in (("https", True), ("https, http", True), ("http", False)):
        with httpx.Client(headers={"X-Forwarded-Proto": protocol}) as browser:
            page = browser.get(f"{hub.url}/hub/login")
            set_now = page.headers.get_list("set-cookie")
            # The client itself sends no secure cookie here: it speaks no TLS.
            cookies = {c.name: c.value or "" for c in browser.cookies.jar}
            sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
            form = {"username": "dev", "password": hub.passwords["dev"]}
            form["_xsrf"] = hidden_xsrf(page.text)
            answer = browser.post(f"{hub.url}/hub/login", data=form, headers={"Cookie": sent})
        assert answer.status_code == 302, answer.text
        set_now += answer.headers.get_list("set-cookie")
        names = {each.partition("=")[0]: "secure" in each.lower() for each in set_now}
        assert {"_xsrf", "platform-device", "jupyterhub-hub-login"} <= names.keys()
        assert set(names.values()) == {secure}, (protocol, names)


@pytest.mark.parametrize("path", ["/hub/login", "/hub/password", "/hub/invite/?token=x"])
def test_pages_of_passwords_are_kept_nowhere(hub: LiveHub, path: str) -> None:
    session = hub.login("dev") if path == "/hub/password" else Session(hub.url, "nobody")
    answer = session.get(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    if path == "/hub/login":
        assert session.submit_login("wrong").headers["Cache-Control"] == "no-store"
    session.close()


def test_headers_are_read_so_far_and_no_further(hub: LiveHub) -> None:
    directly = hub.connect_directly(timeout=60)
    for headers in (
        {f"x-{number}": "y" for number in range(1_500)},
        {"Cookie": "; ".join(f"a{number}=b" for number in range(2_000))},
        {"Cookie": 'a="' + "\\012" * 4_000 + '"'},
        {"Accept": "application/json," * 1_000},
        {"Authorization": "token " + "x" * 20_000},
    ):
        began = time.monotonic()
        answer = directly.get("/hub/api/user", headers=headers)
        assert answer.status_code in {401, 403, 431}
        assert time.monotonic() - began < 4
    query = "&".join(f"a{number}=b" for number in range(2_000))
    assert directly.get(f"/hub/login?{query}").status_code == 414
    fields = b"&".join(b"a=b" for _ in range(100_000))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = directly.post("/hub/login", content=fields, headers=form)
    assert answer.status_code in {400, 403}
    assert not re.search("^Traceback", hub.log, re.MULTILINE)
