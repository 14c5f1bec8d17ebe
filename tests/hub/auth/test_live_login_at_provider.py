"""Logins at a real OpenID Connect provider, beside local accounts."""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.live_hub import LiveHub, Session, running
from tests.support.oidc_provider import OidcProvider, running_providers

pytestmark = pytest.mark.hub

SECRET = "a-secret-of-the-client-0123456789"
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
  local: admins
  providers:
    company:
      title: Company <login>
      issuer: {company}
      client: {{id: hub, secret: {{env: COMPANY_SECRET}}}}
      refresh: 1s
    partner:
      title: Partner
      issuer: {partner}
      client: {{id: hub, auth: private_key_jwt, key: {{file: {key}}}}}
      refresh: 1s
  rules: [{{level: user}}]
"""


@dataclass
class Site:
    """A Hub with two providers."""

    hub: LiveHub
    company: OidcProvider
    partner: OidcProvider

    def open(self) -> "Browser":
        """Open a browser at the Hub."""
        browser = Browser(self.hub.url, "")
        self.hub.keep(browser)
        return browser


@pytest.fixture(scope="module")
def site(make_directory: Callable[[], Path]) -> Iterator[Site]:
    directory = make_directory()
    key = directory / "key.pem"
    options = {
        "company": {"client": {"client_id": "hub", "client_secret": SECRET}},
        "partner": {"client": {"client_id": "hub", "client_secret": SECRET}},
    }
    with running_providers(options) as providers:
        company, partner = providers["company"], providers["partner"]
        policy = POLICY.format(company=company.issuer, partner=partner.issuer, key=key)
        hub = LiveHub(directory, policy, environment={"COMPANY_SECRET": SECRET})
        with running(hub):
            company.register(hub.url, key="company")
            partner.register(hub.url, key="partner")
            yield Site(hub, company, partner)


class Browser(Session):
    """A browser that goes to a provider, and logs in there."""

    def go(self, provider: OidcProvider, key: str, account: str, page: str = "") -> httpx.Response:
        """Click the button, log in, and return what the Hub answers to the way back."""
        asked = self.get(f"/hub/oauth_login/{key}", params={"next": page} if page else {})
        assert asked.status_code == 302, asked.text
        return self.get(log_in(provider, asked.headers["Location"], account))


def log_in(provider: OidcProvider, address: str, account: str) -> str:
    """Log in at a provider, and return where that sends the browser back."""
    with httpx.Client(follow_redirects=False) as there:
        answer = there.get(address)
        for _ in range(10):
            if answer.status_code in {302, 303}:
                location = str(httpx.URL(address).join(answer.headers["Location"]))
                if not location.startswith(provider.issuer):
                    return location
                answer = there.get(location)
            else:
                assert "Account" in answer.text, answer.text
                answer = there.post(str(answer.url), data={"login": account})
    raise AssertionError("the provider leads nowhere")


def test_a_user_of_the_provider_logs_in(site: Site) -> None:
    site.company.know(**{"1": {"preferred_username": "kim"}})
    browser = site.open()
    page = browser.get("/hub/login")
    assert "Company &lt;login&gt;" in page.text
    answer = browser.go(site.company, "company", "1", "/hub/token")
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"] == "/hub/token"
    assert browser.get("/hub/token").status_code == 200
