"""Whom a manager may invite: newcomers who are theirs alone, and no other users."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub.auth.test_live_credentials import WORDS, accept
from tests.support.hub_fixtures import token_of
from tests.support.live_hub import Api, LiveHub, Session, running

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
users:
  admin: {{level: admin}}
  boss: {{level: manager}}
  other: {{level: manager}}
  oliver: {{level: operator}}
  audrey: {{level: auditor}}
  member: {{level: developer}}
  newbie: {{level: developer}}
  both: {{level: developer}}
  loner: {{level: developer}}
  stand-in: {{level: developer, groups: [vision]}}
  lowered: {{level: operator, groups: [vision]}}
  extra: {{level: {extra}}}
groups:
  vision: {{managers: [boss], members: [member, newbie, both, oliver, audrey, other{more}]}}
  language: {{managers: [other], members: [both, boss{moved}]}}
  platform: {{managers: [boss], members: [admin]}}
grants:
  - {{user: stand-in, level: operator, from: 2099-01-01T00:00:00Z, until: 2099-01-09T00:00:00Z,
      by: admin, reason: a holiday}}
  - {{user: lowered, level: user, until: 2099-01-01T00:00:00Z, by: admin, reason: a trial}}
images: {{lab: {{reference: "quay.io/jupyter/base-notebook:latest"}}}}
tiers: {{small: {{requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}}}
"""


def policy(*, extra: str = "developer", more: str = "", moved: str = "") -> str:
    return POLICY.format(extra=extra, more=more, moved=moved)


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), policy(more=", extra"))) as hub:
        for name in ("newbie", "both", "loner", "extra", "stand-in", "lowered"):
            forget_password(hub, name)
        yield hub


def forget_password(hub: LiveHub, name: str) -> None:
    """Make a user as they are before they have ever set a password."""
    with sqlite3.connect(hub.state / "platform.sqlite", timeout=10) as store:
        store.execute("DELETE FROM local_account WHERE name = ?", [name])
    store.close()


boss = token_of("boss")


def invite(api: Api, name: str) -> tuple[int, str]:
    answer = api.post(f"platform/users/{name}/invite")
    body = answer.json()
    return answer.status_code, body.get("url") or body["message"]


def reload(hub: LiveHub, text: str) -> None:
    hub.policy.write_text(text)
    assert hub.token("admin").post("platform/reload").status_code == 200


def test_a_manager_invites_a_newcomer(hub: LiveHub, boss: Api) -> None:
    status, url = invite(boss, "newbie")
    assert status == 201
    person = Session(hub.url, "newbie")
    assert accept(person, url, WORDS).status_code == 200
    assert person.submit_login(WORDS).status_code == 302
    person.close()
    # From now on only an admin takes the password away.
    assert invite(boss, "newbie")[0] == 403


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("member", "has a password"),
        ("both", "groups that are not yours"),
        ("loner", "needs the scope"),
        ("oliver", "is operator"),
        ("audrey", "is auditor"),
        ("stand-in", "is to be operator"),
        ("lowered", "is operator"),
        ("other", "is manager"),
        ("boss", "is manager"),
        ("admin", "is admin"),
    ],
)
def test_a_manager_takes_over_no_account(boss: Api, name: str, why: str) -> None:
    status, said = invite(boss, name)
    assert (status, why in said) == (403, True), said


def test_a_group_of_the_hub_alone_is_another_group(hub: LiveHub, boss: Api) -> None:
    admin = hub.token("admin")
    assert admin.post("users/extra").status_code in {201, 409}
    assert admin.post("groups/secret").status_code == 201
    assert admin.post("groups/secret/users", json={"users": ["extra"]}).status_code == 200
    status, said = invite(boss, "extra")
    assert (status, "groups that are not yours" in said) == (403, True), said
    assert admin.delete("groups/secret").status_code == 204
    assert invite(boss, "extra")[0] == 201


def test_an_invite_ends_with_what_it_stood_on(hub: LiveHub, boss: Api) -> None:
    """The person joins another group, gets a higher level, or the manager loses theirs."""
    status, url = invite(boss, "extra")
    assert status == 201
    person = Session(hub.url, "extra")
    try:
        for text in (
            policy(more=", extra", moved=", extra"),
            policy(more=", extra", extra="operator"),
            policy(more=""),
            policy(more=", extra")
            .replace("boss: {level: manager}", "boss: {level: user}")
            .replace("managers: [boss]", "managers: []"),
        ):
            reload(hub, text)
            assert person.get(url).status_code == 410, text
            reload(hub, policy(more=", extra"))
            assert person.get(url).status_code == 200
        admin = hub.token("admin")
        reason = {"reason": "test"}
        assert admin.post("platform/users/boss/suspend", json=reason).status_code == 200
        assert person.get(url).status_code == 410
        assert admin.post("platform/users/boss/resume", json=reason).status_code == 200
        assert admin.post("platform/users/extra/suspend", json=reason).status_code == 200
        assert person.get(url).status_code == 410
        assert admin.post("platform/users/extra/resume", json=reason).status_code == 200
        assert accept(person, url, WORDS).status_code == 200
    finally:
        person.close()


def test_an_admin_resets_any_user_and_the_user_is_told(hub: LiveHub) -> None:
    status, url = invite(hub.token("admin"), "member")
    assert status == 201
    session = hub.login("member")
    page = session.get("/services/platform/", follow_redirects=True)
    assert "admin invited you to set a new password" in page.text
    # Another colour of links is too pale on the banner.
    assert '<a class="alert-link" href="/hub/password">' in page.text
    again = Session(hub.url, "member")
    assert accept(again, url, WORDS).status_code == 200
    assert again.submit_login(WORDS).status_code == 302
    page = again.get("/services/platform/", follow_redirects=True)
    assert "after an invite of admin. If that was not you, tell an admin." in page.text
    again.close()
