"""Local accounts on a real Hub: invited, logged in, slowed down, changed; and what names are."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.support.hub_fixtures import hub_of, token_of
from tests.support.live_hub import Api, LiveHub, Session, hidden_xsrf
from tests.support.store_readers import read_audit

pytestmark = pytest.mark.hub

DEVELOPERS = ("ada", "bob", "carol", "dora", "eve", "kim", "newbie", "rita")
POLICY = f"""\
version: 1
name: Accounts
defaults: {{tier: small}}
users:
  admin: {{level: admin}}
{"".join(f"  {name}: {{level: developer}}{chr(10)}" for name in DEVELOPERS)}
groups:
  vision: {{members: [{", ".join(DEVELOPERS)}, admin], member_quota: {{servers: 1}}}}
images:
  lab: {{title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}}
tiers:
  small: {{title: Small, requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}
"""
WORDS = "four words that nobody guesses"
OTHER_WORDS = "four other words for tomorrow"


hub = hub_of(POLICY)
admin = token_of("admin")


@pytest.fixture
def browser(hub: LiveHub) -> Iterator[Callable[[str], Session]]:
    """Make browsers in which no user has logged in yet."""
    made: list[Session] = []

    def make(name: str) -> Session:
        made.append(Session(hub.url, name))
        return made[-1]

    yield make
    for session in made:
        session.close()


def accept(session: Session, url: str, password: str, again: str = "") -> httpx.Response:
    page = session.get(url)
    assert page.status_code == 200, page.text
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token
    form = {"_xsrf": hidden_xsrf(page.text), "token": token[1]}
    form |= {"password": password, "again": again or password}
    return session.post("/hub/invite/", data=form)


def say(answer: httpx.Response) -> str:
    """Return what the alert on a page says."""
    found = re.search(r'(?:role="alert"|login_error)[^>]*>\s*(.*?)\s*</', answer.text, re.DOTALL)
    assert found, answer.text
    return found[1]


def invite(admin: Api, name: str) -> str:
    answer = admin.post(f"platform/users/{name}/invite")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


def test_invited_person_sets_a_password_once_and_logs_in(
    hub: LiveHub, admin: Api, browser: Callable[[str], Session]
) -> None:
    url, person = invite(admin, "newbie"), browser("newbie")
    for password, again, why in (
        ("short", "", "at least 12 characters"),
        (WORDS, OTHER_WORDS, "not the same"),
        ("newbie1234567890", "", "more than the name"),
        ("a" * 1025, "", "1024 characters at most"),
    ):
        refused = accept(person, url, password, again)
        assert (refused.status_code, why in say(refused)) == (400, True), refused.text
    assert accept(person, url, WORDS).status_code == 200
    assert person.submit_login(WORDS).status_code == 302
    assert person.get("/hub/token").status_code == 200
    assert browser("newbie").submit_login(hub.passwords["newbie"]).status_code == 403
    _assert_gone(browser("newbie").get(url))


def _assert_gone(answer: httpx.Response) -> None:
    assert answer.status_code == 410
    assert say(answer) == "This invite is not valid any more. Ask for a new one."


def test_used_expired_replaced_and_invented_links_are_gone(
    hub: LiveHub, admin: Api, browser: Callable[[str], Session]
) -> None:
    replaced, person = invite(admin, "rita"), browser("rita")
    current = invite(admin, "rita")
    _assert_gone(person.get(replaced))
    assert person.get(current).status_code == 200
    xsrf = hidden_xsrf(person.get(current).text)
    _expire_invites(hub, "rita")
    _assert_gone(person.get(current))
    token = current.partition("token=")[2]
    form = {"_xsrf": xsrf, "token": token, "password": WORDS, "again": WORDS}
    _assert_gone(person.post("/hub/invite/", data=form))
    for garbage in ("", "?token=", "?token=%00", "?token=" + "a" * 4000, "x?token=x"):
        _assert_gone(person.get(f"/hub/invite/{garbage}"))
    assert person.get("/hub/invite/?token=%ff").status_code == 400
    assert person.submit_login(hub.passwords["rita"]).status_code == 302


def _expire_invites(hub: LiveHub, name: str) -> None:
    with sqlite3.connect(hub.state / "platform.sqlite", timeout=10) as store:
        changed = store.execute(
            "UPDATE local_account SET invite_expires_at = '2020-01-01 00:00:00.000000'"
            " WHERE name = ?",
            [name],
        )
        assert changed.rowcount == 1
    store.close()


def test_invite_leaves_its_token_nowhere_but_in_the_answer(
    hub: LiveHub, admin: Api, browser: Callable[[str], Session]
) -> None:
    url, person = invite(admin, "dora"), browser("dora")
    assert accept(person, url, "short").status_code == 400
    assert accept(person, url, WORDS).status_code == 200
    token = url.partition("token=")[2]
    assert len(token) > 40
    for secret in (token, WORDS):
        _assert_written_nowhere(hub, secret)
    assert {"person.invited", "person.password_set"} <= {row.action for row in read_audit(hub)}


def _assert_written_nowhere(hub: LiveHub, secret: str) -> None:
    assert secret not in hub.terminal.read_text()
    for path in hub.state.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_invite_ends_the_sessions_that_began_with_the_old_password(
    hub: LiveHub, admin: Api, browser: Callable[[str], Session]
) -> None:
    thief = hub.login("bob")
    assert thief.get("/hub/token").status_code == 200
    assert accept(browser("bob"), invite(admin, "bob"), WORDS).status_code == 200
    assert thief.get("/hub/token").status_code == 302


def test_wrong_missing_and_overlong_passwords_are_refused_with_a_sentence(
    browser: Callable[[str], Session],
) -> None:
    for password in ("wrong", "", "x" * 5000):
        answer = browser("ada").submit_login(password)
        assert answer.status_code == 403
        assert say(answer) == "Invalid username or password"


def test_guessing_is_slowed_down_but_never_for_a_browser_of_that_person(
    hub: LiveHub, browser: Callable[[str], Session]
) -> None:
    used_before = hub.login("carol")
    device = used_before.cookies["platform-device"]
    stranger, right = browser("carol"), hub.passwords["carol"]
    _guess_until_slowed_down(stranger)
    for sender in ({}, {"X-Forwarded-For": "198.51.100.7"}, {"X-Real-Ip": "198.51.100.8"}):
        stranger.headers.update(sender)
        answer = stranger.submit_login(right)
        assert answer.status_code == 403, sender
        assert say(answer).startswith("Too many wrong passwords from here. Try again in ")
    own = browser("carol")
    own.cookies.set("platform-device", device, path="/hub/")
    assert own.submit_login(right).status_code == 302
    someone_else = browser("eve")
    someone_else.cookies.set("platform-device", device, path="/hub/")
    assert someone_else.submit_login(hub.passwords["eve"]).status_code == 302


def _guess_until_slowed_down(stranger: Session) -> None:
    """Guess until the wait is long enough for what comes next."""
    for _ in range(100):
        said = say(stranger.submit_login("wrong"))
        wait = re.search(r"Try again in (\d+) seconds", said)
        if wait and int(wait[1]) >= 4:
            return
        time.sleep(0.2)
    pytest.fail(f"the guessing was not slowed down: {said}")


def test_changing_a_password_needs_the_current_one_and_ends_other_sessions(hub: LiveHub) -> None:
    mine, other = hub.login("ada"), hub.login("ada")
    _visit_service(other)
    old = hub.passwords["ada"]
    for current, new, why in (
        ("not the current one", WORDS, "The current password is not right."),
        (old, "short", "A password has at least 12 characters."),
        (old, "ada-ada-ada-2026", "A password is more than the name with digits."),
    ):
        refused = _change(mine, current, new)
        assert (refused.status_code, say(refused)) == (400, why)
    assert other.get("/hub/token").status_code == 200
    assert _change(mine, old, WORDS).status_code == 200
    assert mine.get("/hub/token").status_code == 200
    gone = other.get("/hub/token")
    assert (gone.status_code, "/hub/login" in gone.headers["location"]) == (302, True)
    assert other.post_json("/hub/api/platform/decide", {}).status_code == 403
    sessions = mine.get("/hub/api/users/ada/tokens", headers={"X-XSRFToken": mine.xsrf}).json()
    assert [each["oauth_client"] for each in sessions["api_tokens"]] == []
    fresh = Session(hub.url, "ada")
    assert fresh.submit_login(old).status_code == 403
    assert fresh.submit_login(WORDS).status_code == 302
    fresh.close()


def _visit_service(session: Session) -> None:
    answer = session.get("/services/platform/", follow_redirects=True)
    assert answer.status_code == 200, answer.text


def _change(session: Session, current: str, new: str) -> httpx.Response:
    page = session.get("/hub/password")
    form = {"_xsrf": hidden_xsrf(page.text), "current": current, "password": new, "again": new}
    return session.post("/hub/password", data=form)


@pytest.mark.parametrize("page", ["/hub/password", "/hub/invite/"])
def test_forms_without_their_token_are_refused(hub: LiveHub, page: str) -> None:
    session = hub.login("kim")
    form = {"current": hub.passwords["kim"], "password": WORDS, "again": WORDS, "token": "x"}
    assert session.post(page, data=form).status_code == 403
    assert session.get("/hub/token").status_code == 200


@pytest.mark.parametrize(
    "written", ["KIM", " kim", "kim \x00", "\uff4b\uff49\uff4d", "\N{KELVIN SIGN}im"], ids=ascii
)
def test_all_spellings_of_a_name_log_in_one_user(
    hub: LiveHub, admin: Api, browser: Callable[[str], Session], written: str
) -> None:
    session = browser(written)
    assert session.submit_login(hub.passwords["kim"]).status_code == 302
    me = session.get("/hub/api/user", headers={"X-XSRFToken": session.xsrf})
    assert me.json()["name"] == "kim"
    names = [user["name"] for user in admin.get("users").json()]
    assert len(names) == len(set(names)) == len(DEVELOPERS) + 1


def test_unknown_names_are_refused_like_a_wrong_password(
    hub: LiveHub, browser: Callable[[str], Session]
) -> None:
    for written in ("ki\u200bm", "\u202ekim", "k\u0456m", "..", "stranger"):
        answer = browser(written).submit_login(hub.passwords["kim"])
        assert answer.status_code == 403, ascii(written)
        assert say(answer) == "Invalid username or password"
    for written in ("../kim", "kim/", "", "-kim", "level:admin"):
        answer = browser(written).submit_login(hub.passwords["kim"])
        assert answer.status_code == 403, ascii(written)


def test_absurdly_long_names_are_refused_and_not_logged_in_full(
    hub: LiveHub, admin: Api, browser: Callable[[str], Session]
) -> None:
    name = "kimkim" * 50
    assert browser(name).submit_login(WORDS).status_code == 403
    assert admin.post("platform/decide", json={"user": name}).status_code == 404
    assert admin.get("platform/usage", params={"user": name[:64]}).status_code == 404
    assert name not in hub.log
    assert name not in hub.terminal.read_text()


@pytest.mark.parametrize(
    "name", ["ALICE", "al%20%20ice", "al%E2%80%8Bice", "..%2Falice", "x" * 300]
)
def test_admin_cannot_add_a_user_whose_name_is_not_in_its_one_form(admin: Api, name: str) -> None:
    answer = admin.post(f"users/{name}")
    assert answer.status_code == 400, answer.text
    assert name not in [user["name"] for user in admin.get("users").json()]


def test_a_name_alone_logs_no_user_in(browser: Callable[[str], Session]) -> None:
    session = browser("kim")
    xsrf = hidden_xsrf(session.get("/hub/login").text)
    answer = session.post("/hub/login", data={"username": "kim", "_xsrf": xsrf})
    assert answer.status_code == 403
    assert session.post("/hub/login", data={"password": "x", "_xsrf": xsrf}).status_code == 403
