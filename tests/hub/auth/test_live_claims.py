"""Rules from claims to people, at a real provider: nobody but the admin is declared."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.cli.test_live_objects import Terminal
from tests.hub.auth.test_live_login_at_provider import SECRET, Browser
from tests.support.chromium import launch_chromium
from tests.support.live_hub import LiveHub, running, wait_for
from tests.support.oidc_provider import OidcProvider, running_providers
from tests.support.store_readers import read_open, read_releases

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
users:
  admin: {{level: admin}}
  pat: {{level: user, groups: [staff]}}
groups:
  vision: {{from: [/projects/vision]}}
  staff: {{}}
images: {{lab: {{reference: "quay.io/jupyter/base-notebook:latest"}}}}
tiers: {{small: {{requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}}}
identity:
  providers:
    company: {{title: Company, issuer: {company}, refresh: 1s, client: {client}}}
    partner: {{title: Partner, issuer: {partner}, refresh: 1s, client: {client}, names: assigned}}
  rules:
    - {{when: {{department: alumni}}, refuse: alumni are not let in}}
    - {{title: Staff, when: {{groups: /staff}}, level: developer, groups: [staff]}}
    - {{when: {{groups: /projects/vision}}, level: user}}
"""
SITE = """\
c.Authenticator.auth_refresh_age = 1
c.Platform.lifetime_seconds = 1
c.Platform.leaving_seconds = 3
"""
VISION = ["/projects/vision"]


class Guest(Browser):
    """A browser, and what the Hub answered to the user who came back from a provider."""

    answer: httpx.Response


@dataclass
class Site:
    """A Hub, and providers whose users rules let in."""

    hub: LiveHub
    company: OidcProvider
    partner: OidcProvider
    known: dict[str, dict[str, Any]]

    def know(self, subject: str, **claims: Any) -> None:
        """Have both providers say something of a user, from now on."""
        self.known[subject] = claims
        self.company.know(**self.known)
        self.partner.know(**self.known)

    def log_in(self, subject: str, provider: OidcProvider | None = None) -> Guest:
        """Log a user in, who may be refused."""
        browser = Guest(self.hub, "")
        self.hub.keep(browser)
        browser.answer = browser.go(provider or self.company, subject)
        return browser

    def read(self, path: str) -> Any:
        """Read a report of the service as the admin."""
        address = f"{self.hub.url}/services/platform/api/v1/{path}"
        return self.hub.token("admin").get(address).raise_for_status().json()

    def groups_of(self, name: str) -> set[str]:
        answer = self.hub.token("admin").get(f"users/{name}")
        return set(answer.json()["groups"]) if answer.status_code == 200 else set()


@pytest.fixture(scope="module")
def site(make_directory: Callable[[], Path]) -> Iterator[Site]:
    client = {"client": {"client_id": "hub", "client_secret": SECRET}}
    with running_providers({"company": client, "partner": client}) as providers:
        company, partner = providers["company"], providers["partner"]
        policy = POLICY.format(
            company=company.issuer,
            partner=partner.issuer,
            client="{id: hub, secret: {env: COMPANY_SECRET}}",
        )
        hub = LiveHub(
            make_directory(),
            policy,
            site=SITE,
            environment={"COMPANY_SECRET": SECRET},
        )
        with running(hub):
            for provider in (company, partner):
                provider.register(hub.url, key=provider.name)
            yield Site(hub, company, partner, {})


def test_a_rule_lets_a_user_in_whom_nobody_declared(site: Site) -> None:
    site.know("v1", preferred_username="Vera", name="Vera Lin", groups=[*VISION, "/staff"])
    browser = site.log_in("v1")
    assert browser.is_in
    assert site.groups_of("vera") == {"level:developer", "vision", "staff"}
    page = site.read("people/vera")
    assert (page["title"], page["level_path"]) == ("Vera Lin", "identity.rules.1")
    assert page["provider"] == "company"
    said = {each["group"]: each["path"] for each in page["memberships"]}
    assert said == {"vision": "groups.vision.from", "staff": "identity.rules.1.groups"}


def test_what_changes_at_the_provider_changes_here_without_a_login(site: Site) -> None:
    site.know("v2", preferred_username="otto", groups=VISION)
    browser = site.log_in("v2")
    assert site.groups_of("otto") == {"level:user", "vision"}
    site.know("v2", preferred_username="root", groups=[*VISION, "/staff"])
    wait_for(
        lambda: browser.is_in and site.groups_of("otto") == {"level:developer", "vision", "staff"},
        "a group that the provider gave",
    )
    site.know("v2", preferred_username="otto", groups=[])
    wait_for(lambda: not browser.is_in, "the end of a session")
    assert site.groups_of("otto") == {"level:viewer"}
    again = site.log_in("v2")
    assert again.answer.status_code == 403
    assert "no rule of this platform lets you in" in again.answer.text


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"groups": []}, "no rule of this platform lets you in"),
        ({"groups": ["level:admin"]}, "no rule of this platform lets you in"),
        ({"groups": VISION, "department": "alumni"}, "alumni are not let in"),
        ({"groups": [f"g{n}" for n in range(5_000)]}, "5000 values"),
        ({"groups": {"vision": VISION}}, "no text"),
        ({"groups": [VISION]}, "no text"),
        ({"groups": VISION, "preferred_username": "admin"}, "known here already"),
        ({"groups": VISION, "preferred_username": "\u0430dmin"}, "not a user name"),
        ({"groups": VISION, "preferred_username": None, "email": "x@example.org"}, "has a name"),
    ],
)
def test_who_is_not_let_in_is_told_why(site: Site, claims: dict[str, Any], why: str) -> None:
    subject = f"x{len(site.known)}"
    site.know(subject, **{"preferred_username": "xena", **claims})
    browser = site.log_in(subject)
    assert browser.answer.status_code == 403
    assert why in browser.answer.text
    assert "Traceback" not in browser.answer.text
    assert not browser.is_in
    assert not site.groups_of("xena")


def test_the_same_address_at_another_provider_is_another_user(site: Site) -> None:
    site.know("m1", email="mia@example.org", email_verified=True, groups=VISION)
    assert site.log_in("m1").is_in
    other = site.log_in("m1", site.partner)
    assert other.answer.status_code == 403
    assert "mia@example.org belongs to another user of company" in other.answer.text


def test_a_user_of_a_rule_starts_a_server_and_is_charged_like_others(site: Site) -> None:
    site.know("s1", preferred_username="sam", groups=VISION)
    site.log_in("s1")
    admin = site.hub.token("admin")
    options = {"tier": "small", "account": "vision"}
    asked = {"user": "sam", "user_options": options}
    decision = admin.post("platform/decide", json=asked)
    assert (decision.status_code, decision.json()["admitted"]) == (200, True)
    assert admin.post("users/sam/server", json={"user_options": options}).status_code in {201, 202}
    assert site.read("people/sam")["servers"][0]["account"] == "vision"
    assert admin.delete("users/sam/server").status_code in {202, 204}
    people = admin.get(f"{site.hub.url}/services/platform/people").text
    assert "claimed by the rule at" in people


def test_servers_end_of_a_user_whom_no_rule_lets_in_any_more(site: Site) -> None:
    site.know("l1", preferred_username="lena", groups=VISION)
    browser = site.log_in("l1")
    admin = site.hub.token("admin")
    assert admin.start("lena", "", tier="small", account="vision").status_code in {201, 202}
    admin.wait_until_ready("lena", "")
    (held,) = (each for each in read_open(site.hub) if each.user == "lena")
    site.know("l1", preferred_username="lena", groups=[])
    wait_for(lambda: not browser.is_in, "the end of a session")
    assert not read_releases(site.hub).get(held.id)
    found = site.read("people/lena")
    assert (found["source"], found["level_path"]) == ("claimed", "users.lena")
    said = "lena is not let in: no rule of this platform lets them in."
    assert found["sentence"].startswith(said)
    pages = f"{site.hub.url}/services/platform/people"
    person, people = (admin.get(place).text for place in (f"{pages}/lena", pages))
    assert "Claimed, and not declared" in person
    assert "Declared at" not in person
    assert "(not a member: a server is still charged to it)" in person
    assert "not let in</span>" in people
    told = Terminal(site.hub.state).done("explain lena").stdout
    assert told.startswith(said)
    assert "not a member: a server is still charged to it" in told
    wait_for(lambda: read_releases(site.hub).get(held.id) == "not_let_in", "the server to end", 12)
    why = admin.get("platform/why?user=lena").json()
    assert why["cause"]["code"] == "server.not_let_in"


def test_what_was_opened_with_a_password_ends_with_it_whatever_it_is_called(site: Site) -> None:
    session = site.hub.login("pat")
    made = session.post_json("/hub/api/users/pat/tokens", {"note": "Server at /user/pat/"})
    headers = {"Authorization": f"token {made.json()['token']}"}
    asked = f"{site.hub.url}/hub/api/user"
    assert httpx.get(asked, headers=headers).status_code == 200
    site.know("p1", preferred_username="pat", groups=[])
    assert site.log_in("p1", site.partner).is_in
    assert httpx.get(asked, headers=headers).status_code == 403
    assert session.get("/hub/token").status_code == 302


@pytest.mark.browser
def test_in_a_browser_groups_come_and_go_and_a_removal_ends_it(site: Site) -> None:
    known = {"preferred_username": "bea", "name": "Bea Sato"}
    site.know("b1", **known, groups=VISION)
    own = f"{site.hub.url}/services/platform/people/bea"
    with sync_playwright() as playwright:
        chromium = launch_chromium(playwright)
        page = chromium.new_page()
        page.goto(f"{site.hub.url}/hub/login?next=/services/platform/people/bea")
        page.locator(".platform-login a.btn").first.click()
        page.get_by_label("Account").fill("b1")
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url(own)
        groups = page.locator("dt:text-is('Groups') + dd")
        expect(groups).to_contain_text("vision (by groups.vision.from)")
        site.know("b1", **known, groups=[*VISION, "/staff"])
        for _ in range(20):
            # Claims are a second old at most by the next request to the Hub.
            page.goto(f"{site.hub.url}/hub/home")
            page.goto(own)
            if "staff" in groups.inner_text():
                break
            page.wait_for_timeout(300)
        expect(groups).to_contain_text("staff")
        site.known.pop("b1")
        site.company.know(**site.known)
        for place in (f"{site.hub.url}/hub/home", own):
            for _ in range(20):
                # The service asks the Hub about its caller every few seconds.
                page.wait_for_timeout(1_000)
                page.goto(place)
                if "/hub/login" in page.url:
                    break
            assert "/hub/login" in page.url
        chromium.close()


@pytest.mark.browser
def test_an_admin_forgets_a_login_on_the_page_of_the_user(site: Site) -> None:
    site.know("c1", preferred_username="cleo", groups=VISION)
    cleo = site.log_in("c1")
    with sync_playwright() as playwright:
        chromium = launch_chromium(playwright)
        page = chromium.new_page()
        page.goto(f"{site.hub.url}/hub/login?next=/services/platform/people/cleo")
        page.get_by_text("With a password of this platform").click()
        page.get_by_label("Username").fill("admin")
        page.locator("#password_input").fill(site.hub.passwords["admin"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Forget the login").click()
        page.get_by_label("Why").fill("a new identity")
        page.get_by_role("button", name="Forget the login of cleo").click()
        expect(page.get_by_text("The login of cleo is forgotten.")).to_be_visible()
        expect(page.get_by_text("Who logs in as cleo next begins anew")).to_be_visible()
        chromium.close()
    wait_for(lambda: not cleo.is_in, "the end of a session")


def test_it_is_on_record(site: Site) -> None:
    rows = site.read("audit?subject=vera")
    found = {each["action"]: each for each in rows["items"]}
    assert found["person.claimed"]["actor"] == "vera"


def test_a_login_is_forgotten_and_the_name_begins_anew(site: Site) -> None:
    site.know("f1", preferred_username="fay", groups=VISION)
    browser = site.log_in("f1")
    done = Terminal(site.hub.state).done("identity forget fay --reason left --yes")
    assert "Who logs in as fay next begins anew" in done.stdout
    wait_for(lambda: not browser.is_in, "the end of a session")
    again = site.hub.token("admin").post("platform/users/fay/forget-login", json={"reason": "x"})
    assert again.status_code in {404, 409}
    site.know("f2", preferred_username="fay", groups=VISION)
    other = site.log_in("f2")
    assert "the name fay is known here already" in other.answer.text
