"""``jhp login`` on a real Hub: confirmed in a browser, and by no one and nothing else."""

import json
import os
import re
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page

from jupyterhub_platform.usecases.terminal_logins import hash_verifier
from tests.support.axe import RUN, find_axe, list_serious
from tests.support.chromium import log_in
from tests.support.hub_fixtures import PLAIN_TIER, hub_of
from tests.support.live_hub import Api, LiveHub, Session
from tests.support.store_readers import read_audit
from tests.support.tls_front import under_tls
from tests.support.visitors import browser as browser

pytestmark = pytest.mark.hub

POLICY = (
    """\
version: 1
name: Logins
defaults: {tier: small}
users:
  admin: {level: admin}
  boss: {level: manager}
  kim: {level: developer}
  ann: {level: developer}
  gone: {level: developer}
groups:
  vision: {members: [kim, ann, gone], managers: [boss], quota: {servers: 3}}
"""
    + PLAIN_TIER
)
PAGE: Final = "/hub/platform/login"
SCREENSHOTS: Final = Path("tests/screenshots")
CALL: Final = "/hub/api/platform/login"

hub = hub_of(POLICY)


def ask(verifier: str, **more: Any) -> dict[str, Any]:
    """Return what a terminal with this verifier asks the page for."""
    asked = {"challenge": hash_verifier(verifier), "machine": "laptop", "seconds": "86400"}
    return asked | more


def confirm(browser: Session, asked: dict[str, Any]) -> httpx.Response:
    """Open the page, and press its button."""
    page = browser.get(PAGE, params=asked)
    assert page.status_code == 200, page.text
    form = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    return browser.post(PAGE, data=dict(form))


def read_code(page: httpx.Response) -> str:
    found = re.search(r'id="code">([a-z2-9]{4}-[a-z2-9]{4})<', page.text)
    assert found, page.text
    return found[1]


def take(hub: LiveHub, verifier: str, code: str, **more: Any) -> httpx.Response:
    """Exchange a code as a terminal does."""
    body = {"verifier": verifier, "code": code}
    with httpx.Client(base_url=hub.url, trust_env=False, **more) as client:
        return client.post(CALL, json=body, headers={"User-Agent": "jhp"})


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert "token" not in answer.json()


def rows_of(hub: LiveHub, actor: str, action: str) -> list[Any]:
    return [row for row in read_audit(hub) if (row.actor, row.action) == (actor, action)]


class Terminal:
    """Runs ``jhp`` as a shell does, with a home of its own."""

    def __init__(self, hub: LiveHub, home: Path) -> None:
        self.hub = hub
        self.home = home
        left = {k: v for k, v in os.environ.items() if not k.startswith(("PLATFORM_", "DISPLAY"))}
        self.environment = {**left, "XDG_CONFIG_HOME": str(home / "config")}
        self.environment.pop("JUPYTERHUB_API_TOKEN", None)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "jupyterhub_platform", *words]

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self.environment,
            cwd=self.home,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    @contextmanager
    def login(self, *words: str) -> Iterator["Asking"]:
        """Run ``jhp login`` until it asks for the code."""
        with subprocess.Popen(
            self.command("login", *words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.home,
        ) as process:
            try:
                yield Asking.of(process)
            finally:
                process.kill()

    def log_in(self, browser: Session, *words: str) -> str:
        """Log in, with a browser in which a user is logged in; return what was said."""
        with self.login(*words) as asking:
            return asking.type(read_code(confirm(browser, asking.asked)))

    @property
    def files(self) -> list[Path]:
        return list((self.home / "config" / "jhp").glob("*"))


@dataclass
class Asking:
    """A ``jhp login`` that asks for the code."""

    process: subprocess.Popen[str]
    said: str

    @classmethod
    def of(cls, process: subprocess.Popen[str]) -> "Asking":
        assert process.stderr
        said = ""
        for line in process.stderr:
            said += line
            if "It shows the check" in line:
                return cls(process, said)
        raise AssertionError(said)

    @property
    def address(self) -> str:
        found = re.search(r"^  (http\S+)$", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]

    @property
    def check(self) -> str:
        return self.said.rpartition("It shows the check ")[2][:6]

    @property
    def asked(self) -> dict[str, Any]:
        return parse_qs(urlsplit(self.address).query)

    def type(self, *codes: str, ends: int = 0) -> str:
        out, errors = self.process.communicate("".join(f"{code}\n" for code in codes), timeout=60)
        assert self.process.returncode == ends, (out, errors)
        assert "Traceback" not in errors
        return out + errors


@pytest.fixture
def terminal(hub: LiveHub, tmp_path: Path) -> Terminal:
    return Terminal(hub, tmp_path)


def test_a_login_and_what_follows_go_through_tls_of_a_private_authority(
    hub: LiveHub, tmp_path: Path
) -> None:
    terminal = Terminal(hub, tmp_path)
    port = int(hub.url.rpartition(":")[2])
    with under_tls(tmp_path, port) as front:
        url = f"https://localhost:{front.port}"
        untrusted = terminal.run("login", "--hub", url, code=1).stderr.splitlines()
        assert (len(untrusted), "set SSL_CERT_FILE" in untrusted[2]) == (3, True), untrusted
        terminal.environment["SSL_CERT_FILE"] = str(front.authority)
        assert f"Logged in at {url} as admin" in terminal.log_in(hub.login("admin"), "--hub", url)
        # The Hub answers one, and the service the other.
        assert f"admin (user, admin) at {url}" in terminal.run("whoami").stdout
        assert "vision" in terminal.run("group", "ls").stdout
        terminal.run("logout")


def test_a_user_logs_in_acts_and_logs_out(hub: LiveHub, terminal: Terminal) -> None:
    at = ("--state", str(hub.state))
    boss = hub.login("boss")
    with terminal.login(*at) as asking:
        assert asking.address.startswith(f"{hub.url}{PAGE}?challenge=")
        page = boss.get(PAGE, params=asking.asked)
        assert f">{asking.check}<" in page.text
        said = asking.type(read_code(confirm(boss, asking.asked)))
    assert f"Logged in at {hub.url} as boss, until" in said
    (file,) = terminal.files
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    hub.canaries.note("token of jhp login", kept["token"])
    assert kept["token"] not in said + hub.log
    who = json.loads(terminal.run("whoami", "--json", *at).stdout)
    assert (who["name"], who["kind"], who["level"]) == ("boss", "user", "manager")
    refused = terminal.run("suspend", "kim", "--reason", "x", *at, code=1)
    assert "custom:platform:admin" in refused.stderr
    attempt = rows_of(hub, "boss", "person.suspended")[-1]
    assert (attempt.result, attempt.via) == ("refused", "cli")
    made = rows_of(hub, "boss", "token.made")[-1]
    after = json.loads(made.detail_json)["after"]
    assert (made.subject, made.via, made.result) == ("boss", "cli", "done")
    assert after[kept["id"]]["note"].startswith("jhp on ")
    assert after[kept["id"]]["expires_at"] == kept["expires_at"]
    assert kept["token"] not in made.detail_json
    assert "is revoked" in terminal.run("logout", *at).stdout
    assert terminal.files == []
    with Api(hub.url, kept["token"]) as old:
        assert old.get("user").status_code == 403
    assert rows_of(hub, "boss", "token.revoked")[-1].subject == "boss"
    assert "(service)" in terminal.run("whoami", *at).stdout
    assert "not logged in" in terminal.run("logout", *at, code=1).stderr


def test_another_login_replaces_the_one_before_and_an_address_is_enough(
    hub: LiveHub, terminal: Terminal
) -> None:
    kim = hub.login("kim")
    terminal.log_in(kim, "--hub", hub.url, "--for", "8h", "--no-browser")
    first = json.loads(terminal.files[0].read_text())
    terminal.log_in(kim, "--url", f"{hub.url}/")
    (file,) = terminal.files
    second = json.loads(file.read_text())
    with Api(hub.url, first["token"]) as old, Api(hub.url, second["token"]) as new:
        assert (old.get("user").status_code, new.get("user").status_code) == (403, 200)
    assert "kim (user, developer)" in terminal.run("whoami").stdout
    assert terminal.run("usage", "--url", hub.url).returncode == 0
    # The Hub's own machine: the user goes before its token.
    assert "kim" in terminal.run("whoami", "--state", str(hub.state)).stdout
    file.chmod(0o644)
    assert "Others can read the token" in terminal.run("whoami", code=1).stderr


def test_a_wrong_code_is_asked_for_again_and_not_for_ever(hub: LiveHub, terminal: Terminal) -> None:
    kim = hub.login("kim")
    with terminal.login("--hub", hub.url) as asking:
        code = read_code(confirm(kim, asking.asked))
        said = asking.type("aaaa-aaaa", code.upper())
    assert "4 more may be" in said
    assert "as kim" in said
    with terminal.login("--hub", hub.url) as asking:
        confirm(kim, asking.asked)
        assert "wrong too often" in asking.type(*["aaaa-aaaa"] * 5, ends=1)
    with terminal.login("--hub", hub.url) as asking:
        assert "There is no such code" in asking.type("aaaa-aaaa", ends=1)


def test_a_code_is_of_one_terminal_and_works_once(hub: LiveHub) -> None:
    kim, verifier = hub.login("kim"), secrets.token_urlsafe(32)
    code = read_code(confirm(kim, ask(verifier)))
    refused(take(hub, secrets.token_urlsafe(32), code), 403, "login.no_code")
    refused(take(hub, hash_verifier(verifier), code), 403, "login.no_code")
    made = take(hub, verifier, code)
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    refused(take(hub, verifier, code), 403, "login.no_code")
    attempt = rows_of(hub, "(anonymous)", "token.made")[-1]
    assert attempt.result == "refused"
    assert code not in attempt.detail_json
    assert verifier not in attempt.detail_json


def test_no_cookie_counts_and_no_token(hub: LiveHub) -> None:
    kim, ann, verifier = hub.login("kim"), hub.login("ann"), secrets.token_urlsafe(32)
    code = read_code(confirm(kim, ask(verifier)))
    # The page's own script, a page elsewhere, and another user's browser are all the same.
    made = take(hub, verifier, code, cookies=ann.cookies)
    assert (made.status_code, made.json()["user"]) == (201, "kim")
    narrow = hub.token("kim", scopes=["read:users!user"]).token
    bearer = {"Authorization": f"Bearer {narrow}"}
    with httpx.Client(base_url=hub.url, trust_env=False, headers=bearer) as client:
        for answer in (
            client.get(PAGE, params=ask(verifier)),
            client.post(PAGE, data=ask(verifier)),
        ):
            assert answer.status_code in {302, 403}, "a token of few scopes gets one of more"


def test_the_button_needs_its_form(hub: LiveHub) -> None:
    kim, verifier = hub.login("kim"), secrets.token_urlsafe(32)
    asked = ask(verifier)
    assert kim.post(PAGE, data=asked).status_code == 403
    assert kim.post(PAGE, data=asked | {"_xsrf": hub.login("ann").xsrf}).status_code == 403
    # Opening the page alone makes no code.
    assert "code" not in re.findall(r'id="(\w+)"', kim.get(PAGE, params=asked).text)


@pytest.mark.parametrize(
    "changed",
    [
        {"challenge": ""},
        {"challenge": "short"},
        {"challenge": "é" * 43},
        {"seconds": ""},
        {"seconds": "-1"},
        {"seconds": "9" * 40},
        {"seconds": "\u0661"},
        {"scope": [f"s{n}" for n in range(21)]},
        {"scope": [""]},
        {"scope": ["x" * 201]},
        {"scope": ["a\x1bb"]},
    ],
    ids=repr,
)
def test_an_address_that_is_not_whole_is_refused(hub: LiveHub, changed: dict[str, Any]) -> None:
    kim = hub.login("kim")
    answer = kim.get(PAGE, params=ask(secrets.token_urlsafe(32), **changed))
    assert answer.status_code == 400
    assert 'id="code"' not in answer.text


def test_what_a_stranger_wrote_is_shown_as_text(hub: LiveHub) -> None:
    kim = hub.login("kim")
    machine = "<img src=x onerror=alert(1)>\u202e" + "y" * 500
    asked = ask(secrets.token_urlsafe(32), machine=machine, scope=["<b>custom</b>"])
    page = kim.get(PAGE, params=asked)
    assert "&lt;img src=x onerror=alert(1)&gt;y" in page.text
    assert "&lt;b&gt;custom&lt;/b&gt;" in page.text
    assert not {"<img src=x", "<b>custom", "\u202e", "y" * 64} & {
        each for each in ("<img src=x", "<b>custom", "\u202e", "y" * 64) if each in page.text
    }
    assert "Did you not run" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_a_token_has_the_scopes_and_the_time_that_were_asked_for(hub: LiveHub) -> None:
    kim, verifier = hub.login("kim"), secrets.token_urlsafe(32)
    asked = ask(verifier, scope=["custom:platform:self"], seconds="999999999")
    made = take(hub, verifier, read_code(confirm(kim, asked))).json()
    assert made["scopes"] == ["custom:platform:self"]
    with Api(hub.url, made["token"]) as api:
        assert api.get("platform/usage").status_code == 200
        assert api.get("users/kim/tokens").status_code in {403, 404}
        (token,) = (
            t
            for t in hub.token("kim").get("users/kim/tokens").json()["api_tokens"]
            if t["id"] == made["id"]
        )
        lasts = parse(token["expires_at"]) - parse(token["created"])
        assert timedelta(days=6) < lasts <= timedelta(days=7), "what the Hub allows at most"
        # It may end itself, whatever else it may not.
        assert api.delete("platform/login").json() == {"user": "kim", "id": made["id"]}
        assert api.get("user").status_code == 403
    asked = ask(verifier, scope=["custom:platform:admin"])
    refused(take(hub, verifier, read_code(confirm(kim, asked))), 403, "login.scopes")


def parse(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_token_of_another_kind_is_not_revoked(hub: LiveHub) -> None:
    api = hub.token("kim")
    assert "token page" in api.delete("platform/login").json()["message"]
    assert api.get("user").status_code == 200
    with httpx.Client(base_url=hub.url, trust_env=False) as client:
        assert client.delete(CALL).status_code == 403


def test_a_code_ends_with_the_session_that_was_shown_it(hub: LiveHub) -> None:
    kim, verifier = hub.login("kim"), secrets.token_urlsafe(32)
    code = read_code(confirm(kim, ask(verifier)))
    kim.get("/hub/logout")
    refused(take(hub, verifier, code), 403, "login.no_code")
    other = hub.login("kim")
    code = read_code(confirm(other, ask(verifier)))
    hub.login("ann").get("/hub/logout")
    assert take(hub, verifier, code).status_code == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_address_cannot_log_a_user_out(hub: LiveHub, site: str) -> None:
    kim = hub.login("kim")
    asked = kim.get("/hub/logout", headers={"Sec-Fetch-Site": site})
    assert (asked.status_code, "Stay logged in" in asked.text) == (200, True)
    assert kim.get("/hub/token").status_code == 200
    assert kim.get("/hub/logout", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 302
    assert kim.get("/hub/token").status_code == 302


def test_a_user_who_is_suspended_meanwhile_is_refused(hub: LiveHub) -> None:
    gone, verifier = hub.login("gone"), secrets.token_urlsafe(32)
    code = read_code(confirm(gone, ask(verifier)))
    admin = hub.token("admin")
    assert admin.post("platform/users/gone/suspend", json={"reason": "lost"}).is_success
    refused(take(hub, verifier, code), 403, "login.no_code")
    assert gone.get(PAGE, params=ask(verifier)).status_code in {302, 403}
    assert admin.post("platform/users/gone/resume", json={"reason": "found"}).is_success
    refused(take(hub, verifier, code), 403, "login.no_code")


def test_logging_out_of_the_browser_leaves_the_terminal(hub: LiveHub, terminal: Terminal) -> None:
    kim = hub.login("kim")
    terminal.log_in(kim, "--hub", hub.url)
    kim.get("/hub/logout")
    assert "kim" in terminal.run("whoami").stdout


def test_a_stranger_is_led_to_the_login_and_back(hub: LiveHub) -> None:
    asked = ask(secrets.token_urlsafe(32))
    with Session(hub.url, "kim") as browser:
        answer = browser.get(PAGE, params=asked)
        assert answer.status_code == 302
        follow = parse_qs(urlsplit(answer.headers["location"]).query)["next"][0]
        assert parse_qs(urlsplit(follow).query)["challenge"] == [asked["challenge"]]


def test_a_hub_that_restarts_has_forgotten_every_code(hub: LiveHub, terminal: Terminal) -> None:
    kim, verifier = hub.login("kim"), secrets.token_urlsafe(32)
    terminal.log_in(kim, "--hub", hub.url)
    code = read_code(confirm(kim, ask(verifier)))
    hub.kill_everything()
    hub.start()
    refused(take(hub, verifier, code), 403, "login.no_code")
    assert "kim" in terminal.run("whoami").stdout


def test_a_source_is_slowed_down(hub: LiveHub) -> None:
    # As the proxy says it, which runs as the user of these tests: no other test has this source.
    directly, source = hub.connect_directly(), {"X-Forwarded-For": "203.0.113.7"}

    def guess() -> httpx.Response:
        body = {"verifier": secrets.token_urlsafe(32), "code": "aaaa-aaaa"}
        return directly.post(CALL, json=body, headers={"User-Agent": "jhp", **source})

    answers = [guess() for _ in range(40)]
    assert answers[0].status_code == 403
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert answers[-1].json()["code"] == "platform.too_often"
    elsewhere = take(hub, secrets.token_urlsafe(32), "aaaa-aaaa")
    refused(elsewhere, 403, "login.no_code")


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_read_and_used_by_keyboard(
    hub: LiveHub, browser: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    verifier = secrets.token_urlsafe(32)
    context = browser.new_context(
        base_url=hub.url, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    with context:
        page = context.new_page()
        log_in(page, hub.url, "kim", hub.passwords["kim"])
        page.goto(f"{PAGE}?{urlencode(ask(verifier, machine='m' * 64))}")
        page.evaluate(f"document.documentElement.dataset.bsTheme = '{scheme}'")
        check_page(page, f"terminal-login-{scheme}-{width}")
        button = page.get_by_role("button", name="Show the code")
        button.focus()
        page.keyboard.press("Enter")
        code = page.locator("#code").inner_text()
        page.evaluate(f"document.documentElement.dataset.bsTheme = '{scheme}'")
        check_page(page, f"terminal-login-code-{scheme}-{width}")
    assert take(hub, verifier, code).status_code == 201


def check_page(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    page.add_script_tag(path=find_axe())
    assert list_serious(page.evaluate(RUN)) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
