"""Rules for what an authenticator of the site's own says: nobody but the admin is declared."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.auth.test_live_provider import PASSWORD, Provided, groups_of
from tests.support.live_hub import Session, running, wait_for

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
users:
  root: {level: admin}
  lee: {level: user, groups: [staff]}
groups:
  vision: {from: ["org:vision"]}
  staff: {}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
identity:
  providers:
    campus: {kind: authenticator, title: Campus}
  rules:
    - {when: {status: alumni}, refuse: alumni are not let in}
    - {title: Staff, when: {groups: "org:staff"}, level: developer, groups: [staff]}
    - {when: {groups: "org:vision", status: student}, level: user}
"""
STUDENT = {"groups": ["org:vision"], "user_info": {"status": "student", "name": "Vera Lin"}}


@pytest.fixture(scope="module")
def site(make_directory: Callable[[], Path]) -> Iterator[Provided]:
    site = Provided(make_directory(), "", POLICY)
    with running(site.hub):
        site.hub.passwords = dict.fromkeys(("root", "lee"), PASSWORD)
        yield site


def refused(site: Provided, name: str) -> str:
    """Return the page that a user gets who is not let in."""
    with Session(site.hub.url, name) as session:
        page = session.submit_login(PASSWORD)
        assert page.status_code == 403
        return page.text


def test_a_rule_lets_a_user_in_whom_nobody_declared(site: Provided) -> None:
    site.say({"vera": {"login": STUDENT}})
    vera, root = site.token("vera"), site.token("root")
    assert groups_of(vera) == {"level:user", "vision"}
    address = f"{site.hub.url}/services/platform/api/v1/people/vera"
    page = root.get(address).raise_for_status().json()
    assert (page["title"], page["provider"]) == ("Vera Lin", "campus")
    assert page["level_path"] == "identity.rules.2"
    assert {each["path"] for each in page["memberships"]} == {"groups.vision.from"}


def test_what_the_site_says_at_a_refresh_counts_without_a_login(site: Provided) -> None:
    site.say({"otto": {"login": STUDENT}})
    otto = site.token("otto")
    site.say({"otto": {"refresh": {"groups": ["org:staff", "org:vision"]}}})
    wait_for(lambda: groups_of(otto) == {"level:developer", "staff", "vision"}, "a refresh")
    site.say({"otto": {"refresh": {"groups": ["org:vision"]}}})
    wait_for(lambda: groups_of(otto) == {"level:user", "vision"}, "a status that nobody took back")
    site.say({"otto": {"refresh": {"groups": ["org:vision"], "user_info": {}}}})
    time.sleep(1.1)
    assert otto.get("user").status_code == 403
    site.say({"otto": {"login": {"groups": []}}})
    assert "Campus: no rule of this platform lets you in. Ask an admin." in refused(site, "otto")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "no rule of this platform lets you in"),
        ({"groups": ["level:admin", "org:vision"]}, "no rule of this platform lets you in"),
        ({**STUDENT, "user_info": {"status": "alumni"}}, "alumni are not let in"),
        ({**STUDENT, "user_info": {"status": {"a": "student"}}}, "holds something that is no text"),
        ({"groups": ["org:staff"], "admin": True, "name": "r00t\u200b"}, "not a user name"),
    ],
    ids=repr,
)
def test_others_are_told_why_they_are_not_let_in(
    site: Provided, said: dict[str, Any], why: str
) -> None:
    site.say({"xena": {"login": said}})
    if why == "not a user name":
        refused(site, "xena")
    else:
        assert why in refused(site, "xena")
    assert site.token("root").get("users/xena").status_code == 404


def test_what_is_declared_of_a_user_wins(site: Provided) -> None:
    site.say({name: {"login": {"groups": ["org:staff"]}} for name in ("lee", "root")})
    assert groups_of(site.token("lee")) == {"level:user", "staff"}
    assert groups_of(site.token("root")) == {"level:admin", "staff"}
    site.say({"lee": {"login": {}}})
    assert groups_of(site.token("lee")) == {"level:user", "staff"}


def test_a_login_from_before_the_rules_goes_on(site: Provided) -> None:
    policy = site.hub.policy.read_text()
    site.hub.policy.write_text(policy.partition("identity:")[0])
    site.say({})
    root, lee = site.token("root"), site.token("lee")
    assert root.post("platform/reload").status_code == 200
    assert "is not declared on this platform" in refused(site, "zoe")
    site.hub.policy.write_text(policy)
    assert root.post("platform/reload").status_code == 200
    site.say({"lee": {"refresh": {"groups": ["org:vision"]}}})
    time.sleep(1.1)
    assert groups_of(lee) == {"level:user", "staff", "vision"}
