"""What ``jhp doctor`` says of identity providers: a Hub asks real ones, without a login."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.auth.test_live_login_at_provider import Browser, Site
from tests.support.live_hub import LiveHub, running, wait_for
from tests.support.oidc_provider import running_providers

pytestmark = pytest.mark.hub

SECRET = "a-secret-of-the-client-0123456789"
POLICY = """\
version: 1
users:
  admin: {{level: admin}}
groups: {{vision: {{from: [/projects/vision]}}}}
images: {{lab: {{reference: "quay.io/jupyter/base-notebook:latest"}}}}
tiers: {{small: {{requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}}}
identity:
  providers:
    company:
      title: Company
      issuer: {company}
      client: {{id: {client}, secret: {{env: COMPANY_SECRET}}}}
      scopes: {scopes}
      groups: groups
    broken:
      title: Broken
      issuer: {company}
      client: {{id: hub, secret: {{env: NO_SUCH_VARIABLE}}}}
    away:
      title: Away
      issuer: http://127.0.0.1:9/nothing
      client: {{id: hub, auth: none}}
    cards:
      kind: header
      front_end: {{subject: X-Card, proxies: [10.9.8.7]}}
  rules:
    - {{provider: company, when: {{cost_center: research}}, level: user}}
    - {{provider: company, level: user}}
"""
SAID = {"client": "hub", "scopes": "[openid, profile, email]"}


@pytest.fixture(scope="module")
def site(make_directory: Callable[[], Path]) -> Iterator[Site]:
    client = {"client_id": "hub", "client_secret": SECRET}
    with running_providers({"company": {"client": client}}) as providers:
        company = providers["company"]
        said = {"company": company.issuer, **SAID}
        hub = LiveHub(
            make_directory(), POLICY.format(**said), environment={"COMPANY_SECRET": SECRET}
        )
        with running(hub):
            company.register(hub.url, key="company")
            yield Site(hub, company, company, said)


def change(site: Site, **said: str) -> None:
    site.hub.policy.write_text(POLICY.format(**site.said | SAID | said))
    assert site.hub.token("admin").post("platform/reload").status_code == 200


def look(site: Site, key: str = "company") -> dict[str, Any]:
    """Return what the Hub finds at one provider."""
    answer = site.hub.token("admin").get("platform/identity")
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    (found,) = (each for each in answer.json()["providers"] if each["key"] == key)
    return dict(found)


def test_a_provider_that_is_well_is_said_to_be(site: Site) -> None:
    found = look(site)
    assert (found["fault"], found["is_registered"]) == ("", True)
    assert found["callback"] == f"{site.hub.url}/hub/oauth_callback/company"
    assert abs(found["ahead_seconds"]) < 5


def test_what_keeps_users_out_is_named(site: Site) -> None:
    assert "NO_SUCH_VARIABLE" in look(site, "broken")["fault"]
    assert "does not answer" in look(site, "away")["fault"]
    cards = look(site, "cards")
    assert (cards["fault"], cards["is_registered"], cards["ahead_seconds"]) == ("", None, None)


def test_an_address_that_the_provider_does_not_know_is_found(site: Site) -> None:
    site.company.register("http://hub.invalid", key="company")
    assert look(site)["is_registered"] is False
    site.company.register(site.hub.url, key="company")
    assert look(site)["is_registered"] is True
    change(site, client="nobody")
    assert look(site)["is_registered"] is False


def test_what_it_does_not_offer_is_found(site: Site) -> None:
    change(site, scopes="[openid, everything]")
    missing = look(site)["not_offered"]
    assert missing["scopes"] == ["everything"]
    assert "cost_center" in missing["claims"]
    change(site)


def test_claims_that_nobody_came_with_are_counted(site: Site) -> None:
    site.company.know(**{"1": {"preferred_username": "kim", "cost_center": "research"}, "2": {}})
    for account in ("1", "2"):
        browser = Browser(site.hub, "")
        site.hub.keep(browser)
        browser.go(site.company, account)
    found = look(site)
    assert found["logins"] == 1, "nobody can be called by a number alone"
    assert found["absent_claims"]["groups"] == found["logins"]


def test_the_doctor_says_it_with_what_to_do(site: Site) -> None:
    site.company.register("http://hub.invalid", key="company")
    command = [sys.executable, "-m", "jupyterhub_platform", "doctor", "--json"]
    done = subprocess.run(
        [*command, "--state", str(site.hub.state)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ},
    )
    site.company.register(site.hub.url, key="company")
    assert done.stderr == ""
    assert done.returncode == 1
    checks = {each["code"]: each for each in json.loads(done.stdout)["checks"]}
    (away, broken) = sorted(each["what"] for each in checks["doctor.identity"]["findings"])
    assert "away: it does not answer" in away
    assert "NO_SUCH_VARIABLE" in broken
    (callback,) = checks["doctor.identity.callback"]["findings"]
    assert callback["status"] == "failed"
    assert f"Register {site.hub.url}/hub/oauth_callback/company" in callback["fix"]
    assert checks["doctor.identity.clock"]["status"] == "ok"
    assert checks["doctor.identity.claims"]["status"] == "warning"


def test_only_operators_auditors_and_admins_are_told(site: Site) -> None:
    browser = Browser(site.hub, "")
    site.hub.keep(browser)
    site.company.know(**{"1": {"preferred_username": "kim"}})
    browser.go(site.company, "1")
    wait_for(lambda: browser.is_in, "the login")
    assert browser.get("/hub/api/platform/identity").status_code == 403
