"""A site with an authenticator, services, roles, scopes and templates of its own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.hub_fixtures import SMALL_TIER
from tests.support.live_hub import Api, LiveHub, Session, running
from tests.support.store_readers import read_audit

pytestmark = pytest.mark.hub

POLICY = (
    """\
version: 1
name: Foreign
defaults: {tier: small}
users:
  admin: {level: admin}
  dev1: {level: developer}
  viewer: {level: viewer}
groups:
  vision: {members: [dev1, admin, viewer], member_quota: {servers: 1}}
"""
    + SMALL_TIER
    + "identity: {rules: [{level: user}]}\n"
)
WITHOUT_DEV1 = POLICY.replace("  dev1: {level: developer}\n", "").replace("[dev1, ", "[")
SITE = """\
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.handlers.login import LogoutHandler

class SiteLogout(LogoutHandler):
    def set_default_headers(self):
        super().set_default_headers()
        self.set_header("X-Site", "logout")

class SiteAuthenticator(DummyAuthenticator):
    def get_handlers(self, app):
        return [("/logout", SiteLogout), *super().get_handlers(app)]

c.JupyterHub.authenticator_class = SiteAuthenticator
c.DummyAuthenticator.password = "the same for all here"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": "reader", "api_token": "0123456789abcdef0123456789abcdef"}]
c.JupyterHub.load_roles = [
    {"name": "reader", "services": ["reader"], "scopes": ["custom:platform:read", "custom:site:x"]},
    {"name": "site", "groups": ["vision"], "scopes": ["custom:site:x"]},
]
c.JupyterHub.custom_scopes = {"custom:site:x": {"description": "A right of the site"}}
c.JupyterHub.template_vars = {"announcement": "The site says hello"}
"""
PASSWORD = "the same for all here"


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY, site=SITE)) as hub:
        for name in ("admin", "dev1", "viewer"):
            hub.passwords[name] = PASSWORD
        yield hub


def test_no_user_is_told_passwords_that_are_not_theirs(hub: LiveHub) -> None:
    told = json.loads(hub.ready_file.read_text())["people"]
    assert told == {"admin": None, "dev1": None, "viewer": None}
    assert "person.password_set" not in {row.action for row in read_audit(hub)}


def test_site_proves_who_people_are_and_the_policy_who_comes_in(hub: LiveHub) -> None:
    with Session(hub.url, "DEV1") as session:
        assert session.submit_login("wrong").status_code == 403
        assert session.submit_login(PASSWORD).status_code == 302
        assert "The site says hello" in session.get("/hub/token").text
    with Session(hub.url, "stranger") as session:
        answer = session.submit_login(PASSWORD)
        assert answer.status_code == 403
        assert "stranger is not declared on this platform." in answer.text
    for page in ("/hub/password", "/hub/invite/?token=x"):
        assert hub.login("dev1").get(page).status_code == 404


def test_rules_that_nothing_reads_let_nobody_in_and_are_named(hub: LiveHub) -> None:
    assert "identity.rules has no effect: c.JupyterHub.authenticator_class is " in hub.log


def test_pages_of_a_site_and_its_authenticator_stay_its_own(hub: LiveHub) -> None:
    with Session(hub.url, "dev1") as session:
        assert session.submit_login(PASSWORD).status_code == 302
        assert session.get("/hub/logout").headers["X-Site"] == "logout"


def test_levels_come_from_the_policy(hub: LiveHub) -> None:
    admin = hub.token("admin")
    assert admin.get("user").json()["admin"]
    groups = admin.get("users/dev1").json()["groups"]
    assert set(groups) == {"vision", "level:developer"}
    assert hub.token("dev1").get("users").status_code == 403


def test_services_roles_and_scopes_of_the_site_are_there_beside_ours(hub: LiveHub) -> None:
    with Api(hub.url, "0123456789abcdef0123456789abcdef") as reader:
        assert reader.get("platform/usage?user=dev1").json()["level"] == "developer"
        assert reader.post("platform/decide", json={"user": "dev1"}).json()["admitted"]
        assert reader.post("platform/reload").status_code == 403
    dev1 = hub.token("dev1", scopes=["custom:site:x"])
    assert dev1.get("platform/usage").status_code == 403, "this token has a right of the site only"


def test_invites_make_no_sense_where_passwords_are_elsewhere(hub: LiveHub) -> None:
    answer = hub.token("admin").post("platform/users/dev1/invite")
    assert answer.status_code == 404
    assert "through an identity provider" in answer.json()["message"]


def test_starts_pass_admission_and_keep_their_status(hub: LiveHub) -> None:
    viewer, dev1 = hub.token("viewer"), hub.token("dev1")
    refused = viewer.start("viewer", tier="small")
    assert refused.status_code == 403
    assert "You have the level viewer" in refused.json()["message"]
    assert dev1.start("dev1", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1")
    full = dev1.start("dev1", "more", tier="small")
    assert full.status_code == 409
    assert full.headers["X-Platform-Decision"]
    assert "You hold 1 of 1 server in vision" in full.json()["message"]
    dev1.stop("dev1")


def test_dropped_person_is_refused_with_what_they_have(hub: LiveHub) -> None:
    dev1, admin, browser = hub.token("dev1"), hub.token("admin"), hub.login("dev1")
    draft = hub.policy.with_suffix(".draft")
    draft.write_text(WITHOUT_DEV1)
    draft.replace(hub.policy)
    assert admin.post("platform/reload").json()["changed"]
    assert dev1.start("dev1", "more", tier="small").status_code == 403
    assert browser.post_json("/hub/api/users/dev1/servers/more", {}).status_code == 403
    with Session(hub.url, "dev1") as again:
        assert again.submit_login(PASSWORD).status_code == 403
    assert admin.get("users/dev1").json()["groups"] == []
