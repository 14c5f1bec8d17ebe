"""Logins by GitHub, and by a header of a proxy in front that reads smart cards."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fake_github import FakeGitHub, running_github
from tests.support.live_hub import LiveHub, Session, running

pytestmark = pytest.mark.hub

SECRET = "a-secret-of-the-client-0123456789"
PROXY_SECRET = "a-secret-of-the-proxy-0123456789"
POLICY = """\
version: 1
users:
  admin: {{level: admin}}
  kim: {{level: user}}
  lee: {{level: user}}
groups: {{vision: {{members: [kim, lee, admin]}}}}
images: {{lab: {{reference: "quay.io/jupyter/base-notebook:latest"}}}}
tiers: {{small: {{requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}}}
identity:
  providers:
    git:
      kind: github
      issuer: {github}
      client: {{id: hub, secret: {{env: GITHUB_SECRET}}}}
      name: [login]
      names: assigned
      refresh: 1s
    card:
      kind: header
      title: Smart card
      name: [name]
      names: assigned
      refresh: 1s
      front_end:
        subject: X-Card-Subject
        claims: {{name: X-Card-Name, groups: X-Card-Groups}}
        lists: [groups]
        separator: ";"
        proxies: [127.0.0.2]
        secret: {{header: X-Card-Secret, env: PROXY_SECRET}}
"""
SUBJECT = "CN=Kim.1234567890,O=Example"
CARD = {
    "X-Card-Subject": SUBJECT,
    "X-Card-Name": "lee",
    "X-Card-Groups": "a; b;;c",
    "X-Card-Secret": PROXY_SECRET,
}


@dataclass
class Site:
    """A Hub, and a GitHub."""

    hub: LiveHub
    github: FakeGitHub

    def open(self) -> Session:
        """Open a browser at the Hub."""
        session = Session(self.hub.url, "")
        self.hub.keep(session)
        return session


@pytest.fixture(scope="module")
def site(make_directory: Callable[[], Path]) -> Iterator[Site]:
    directory = make_directory()
    with running_github() as github:
        hub = LiveHub(
            directory,
            POLICY.format(github=github.url),
            site="c.Authenticator.auth_refresh_age = 1",
            environment={"GITHUB_SECRET": SECRET, "PROXY_SECRET": PROXY_SECRET},
        )
        with running(hub):
            yield Site(hub, github)


@pytest.fixture(autouse=True)
def well_behaved(site: Site) -> None:
    site.github.user = {"id": 77, "login": "Kim", "name": "Kim"}
    site.github.lists = {}
    site.github.statuses = {}
    site.github.revoked = False


def is_in(session: Session) -> bool:
    return session.get("/hub/token").status_code == 200


def log_in_at_github(session: Session, page: str = "/hub/token") -> httpx.Response:
    asked = session.get("/hub/oauth_login/git", params={"next": page})
    assert asked.status_code == 302, asked.text
    return session.get(httpx.get(asked.headers["Location"]).headers["Location"])


# -- GitHub -------------------------------------------------------------------------------------


def test_a_user_of_github_logs_in(site: Site) -> None:
    session = site.open()
    answer = log_in_at_github(session)
    assert answer.headers["Location"] == "/hub/token"
    assert "kim" in session.get("/hub/token").text
    given = site.github.given[-1]
    assert given["client_secret"] == SECRET
    assert len(given["code_verifier"]) == 43


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"user": {"login": "Kim"}}, 502, "does not say who you are"),
        ({"user": {"id": "77", "login": "Kim"}}, 502, "does not say who you are"),
        ({"user": {"id": True, "login": "Kim"}}, 502, "does not say who you are"),
        ({"user": []}, 502, "does not say who you are"),
        ({"revoked": True}, 403, "does not let you in"),
        ({"statuses": {"/user": 403}}, 503, "answered 403"),
        ({"statuses": {"/user/teams": 500}}, 503, "answered 500"),
    ],
)
def test_nobody_is_let_in_whom_github_does_not_name(
    site: Site, change: dict[str, Any], status: int, sentence: str
) -> None:
    for name, value in change.items():
        setattr(site.github, name, value)
    session = site.open()
    answer = log_in_at_github(session)
    assert answer.status_code == status, answer.text
    assert sentence in answer.text
    assert not is_in(session)


def test_a_made_up_code_lets_nobody_in(site: Site) -> None:
    session = site.open()
    asked = session.get("/hub/oauth_login/git")
    back = httpx.URL(httpx.get(asked.headers["Location"]).headers["Location"])
    answer = session.get(str(back.copy_set_param("code", "made-up")))
    assert answer.status_code == 403
    assert "expired" not in answer.text
    assert not is_in(session)


def test_a_user_who_revoked_the_token_is_out_and_another_account_is_not_them(site: Site) -> None:
    session = site.open()
    log_in_at_github(session)
    time.sleep(1.1)
    assert is_in(session)
    site.github.user = {"id": 78, "login": "Kim", "name": "Kim"}
    time.sleep(1.1)
    assert is_in(session), "what is wrong at GitHub takes nothing at once"
    assert "git says nothing of users: it answered with another user" in site.hub.log
    site.github.user = {"id": 77, "login": "Kim", "name": "Kim"}
    other = site.open()
    log_in_at_github(other)
    site.github.revoked = True
    time.sleep(1.1)
    assert not is_in(other)


def test_a_source_gets_so_many_made_up_codes_looked_at(site: Site) -> None:
    session = site.open()
    statuses = []
    site.github.given.clear()
    for _ in range(40):
        asked = session.get("/hub/oauth_login/git")
        back = httpx.URL(httpx.get(asked.headers["Location"]).headers["Location"])
        statuses.append(session.get(str(back.copy_set_param("code", "made-up"))).status_code)
    assert statuses[:20] == [403] * 20
    # One more is looked at every two seconds.
    assert statuses.count(400) > 3
    assert len(site.github.given) == statuses.count(403) < 40


# -- a proxy in front ---------------------------------------------------------------------------


def by_proxy(site: Site, address: str = "127.0.0.2", **headers: str) -> httpx.Response:
    """Log in through something at an address, which sends headers."""
    transport = httpx.HTTPTransport(local_address=address)
    sent = [(name, value) for name, value in headers.items() if value]
    with httpx.Client(base_url=site.hub.url, transport=transport, headers=sent) as client:
        answer = client.get("/hub/oauth_login/card?next=/hub/token")
        if answer.status_code == 302:
            assert client.get("/hub/token").status_code == 200
        else:
            assert client.get("/hub/token").status_code == 302
        return answer


def test_a_user_logs_in_by_the_header_of_the_named_proxy(site: Site) -> None:
    assert "Smart card" in site.open().get("/hub/login").text
    answer = by_proxy(site, **CARD)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"] == "/hub/token"


@pytest.mark.parametrize(
    ("address", "change", "sentence"),
    [
        ("127.0.0.1", {}, "did not come through the proxy"),
        ("127.0.0.3", {"X-Forwarded-For": "127.0.0.2"}, "did not come through the proxy"),
        ("127.0.0.2", {"X-Card-Secret": ""}, "proxy&#39;s secret"),
        ("127.0.0.2", {"X-Card-Secret": "wrong"}, "proxy&#39;s secret"),
        ("127.0.0.2", {"X-Card-Subject": ""}, "no usable X-Card-Subject"),
        ("127.0.0.2", {"X-Card-Subject": "x" * 256}, "no usable X-Card-Subject"),
    ],
)
def test_a_header_of_others_counts_nothing(
    site: Site, address: str, change: dict[str, str], sentence: str
) -> None:
    answer = by_proxy(site, address, **{**CARD, **change})
    assert answer.status_code == 403
    assert sentence in answer.text


def test_a_session_ends_when_another_card_is_in_the_reader(site: Site) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=site.hub.url, transport=transport, headers=CARD) as client:
        client.get("/hub/oauth_login/card")
        time.sleep(1.1)
        assert client.get("/hub/token").status_code == 200
        # Without a card, and past the proxy, nothing is known anew, and nothing is lost.
        del client.headers["X-Card-Subject"]
        time.sleep(1.1)
        assert client.get("/hub/token").status_code == 200
        client.headers["X-Card-Subject"] = "CN=Lee.99"
        time.sleep(1.1)
        assert client.get("/hub/token").status_code == 302


def test_a_provider_with_a_header_has_no_way_back(site: Site) -> None:
    assert site.open().get("/hub/oauth_callback/card?code=x&state=y").status_code == 404
