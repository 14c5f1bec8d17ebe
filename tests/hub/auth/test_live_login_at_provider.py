"""Logins at real OpenID Connect providers, beside local accounts: who is let in, and who is not."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey
from playwright.sync_api import expect, sync_playwright

from tests.support.axe import RUN, find_axe, list_serious
from tests.support.chromium import launch_chromium
from tests.support.live_hub import LiveHub, Session, hidden_xsrf, running, wait_for
from tests.support.oidc_provider import OidcProvider, running_providers

pytestmark = pytest.mark.hub

SECRET = "a-secret-of-the-client-0123456789"
POLICY = """\
version: 1
users:
  admin: {{level: admin}}
  kim: {{level: user}}
  lee: {{level: user}}
  pat: {{level: user}}
groups: {{vision: {{members: [kim, lee, pat, admin]}}}}
images: {{lab: {{reference: "quay.io/jupyter/base-notebook:latest"}}}}
tiers: {{small: {{requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}}}
identity:
  local: {local}
  providers:
    company:
      title: {title}
      names: assigned
      issuer: {company}
      client: {{id: hub, secret: {{env: COMPANY_SECRET}}}}
      refresh: 1s
      grace: {grace}
    partner:
      title: Partner
      names: assigned
      issuer: {partner}
      client: {{id: hub, auth: private_key_jwt, key: {{file: {key}}}}}
      refresh: 1s
      parameters: {{acr_values: "urn:high"}}
    broken:
      title: Broken
      issuer: {partner}
      client: {{id: hub, secret: {{env: NO_SUCH_VARIABLE}}}}
"""
SITE = """\
# To none of several providers.
c.Authenticator.auto_login = True
c.Authenticator.auth_refresh_age = 1
c.PlatformAuthenticator.tries_per_source = 10_000
"""
PEOPLE: dict[str, dict[str, Any]] = {
    "1": {"preferred_username": "kim", "email": "kim@example.org", "email_verified": True},
    "2": {"preferred_username": "lee"},
    "9": {"preferred_username": "admin"},
}


@dataclass
class Site:
    """A Hub with providers, and what of its policy is changed by tests."""

    hub: LiveHub
    company: OidcProvider
    partner: OidcProvider
    said: dict[str, Any]

    def open(self) -> "Browser":
        """Open a browser at the Hub."""
        browser = Browser(self.hub, "")
        self.hub.keep(browser)
        return browser

    def change(self, **said: str) -> None:
        """Change the policy, and wait until it is in force."""
        admin = self.hub.token("admin")
        self.said |= said
        self.hub.policy.write_text(POLICY.format(**self.said))
        answer = admin.post("platform/reload")
        assert answer.status_code == 200, answer.text

    def forget_company(self) -> None:
        """Have the Hub forget what it knows of the provider, which is asked again."""
        self.change(title=f"Company {int(self.said['title'].split()[1]) + 1}")


class Browser(Session):
    """A browser that goes to a provider, and logs in there."""

    def __init__(self, hub: LiveHub, name: str) -> None:
        super().__init__(hub.url, name)
        self._canaries = hub.canaries

    def begin(self, provider: OidcProvider, account: str, page: str = "") -> str:
        """Click a button and log in at the provider; return where that sends the browser back."""
        asked = self.get(f"/hub/oauth_login/{provider.name}", params={"next": page} if page else {})
        assert asked.status_code == 302, asked.text
        back = log_in(provider, asked.headers["Location"], account)
        self._canaries.note("code of a provider", *parse_qs(urlsplit(back).query).get("code", ()))
        return back

    def go(self, provider: OidcProvider, account: str, page: str = "") -> httpx.Response:
        """Log in at a provider, come back, and return what the Hub answers."""
        return self.get(self.begin(provider, account, page))

    @property
    def is_in(self) -> bool:
        """Whether the Hub knows who this is."""
        return self.get("/hub/token").status_code == 200


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


@pytest.fixture(scope="module")
def site(make_directory: Callable[[], Path]) -> Iterator[Site]:
    directory = make_directory()
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = directory / "key.pem"
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public = RSAKey.import_key(key.read_text()).as_dict(private=False)
    signed = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}}
    options: dict[str, dict[str, Any]] = {
        "company": {"client": {"client_id": "hub", "client_secret": SECRET}, "path": "/realms/a"},
        "partner": {
            "client": {"client_id": "hub", **signed},
            "refresh": False,
            "conform": False,
            "slash": True,
        },
    }
    with running_providers(options) as providers:
        company, partner = providers["company"], providers["partner"]
        said = {
            "company": company.issuer,
            "partner": partner.issuer,
            "key": str(key),
            "title": "Company 1",
            "local": "admins",
            "grace": "8h",
        }
        hub = LiveHub(
            directory,
            POLICY.format(**said),
            site=SITE,
            environment={"COMPANY_SECRET": SECRET},
        )
        with running(hub):
            for provider in (company, partner):
                provider.register(hub.url, key=provider.name)
            yield Site(hub, company, partner, said)


@pytest.fixture(autouse=True)
def well_behaved(site: Site) -> None:
    for provider in (site.company, site.partner):
        provider.do_wrong()
        provider.know(**PEOPLE)


def assert_refused(browser: Browser, answer: httpx.Response, status: int, *words: str) -> None:
    """Assert that nobody was let in, and that the page says why."""
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.text, answer.text
    assert "Traceback" not in answer.text
    assert "To the login page" in answer.text or status == 404 or "/oauth_" not in str(answer.url)
    assert not browser.is_in


# -- what is let in ---------------------------------------------------------------------------


def test_a_user_of_a_provider_logs_in_and_gets_the_page_that_they_wanted(site: Site) -> None:
    browser = site.open()
    assert "Company 1" in browser.get("/hub/login?next=/hub/token").text
    answer = browser.go(site.company, "1", "/hub/token")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/token")
    page = browser.get("/hub/token")
    assert page.status_code == 200
    assert "kim" in page.text


@pytest.mark.parametrize("page", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_a_login_leads_to_no_other_site(site: Site, page: str) -> None:
    answer = site.open().go(site.company, "1", page)
    assert answer.status_code == 302
    location = answer.headers["Location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_the_request_has_all_that_binds_the_answer_to_it(site: Site) -> None:
    browser = site.open()
    address = browser.get("/hub/oauth_login/company?next=/hub/token").headers["Location"]
    asked = dict(parse_qsl(urlsplit(address).query))
    assert address.startswith(f"{site.company.issuer}/auth?")
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{site.hub.url}/hub/oauth_callback/company"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    again = browser.get("/hub/oauth_login/company").headers["Location"]
    others = dict(parse_qsl(urlsplit(again).query))
    assert not {asked["state"], asked["nonce"], asked["code_challenge"]} & set(others.values())
    cookies = [c for c in browser.cookies.jar if c.name.startswith("platform-attempt-")]
    assert len(cookies) == 2
    assert all(c.has_nonstandard_attr("HttpOnly") and c.path == "/hub/" for c in cookies)


def test_logins_in_several_tabs_are_finished_in_any_order(site: Site) -> None:
    browser = site.open()
    backs = [browser.begin(site.company, "1", f"/hub/token?{n}") for n in range(7)]
    answers = [browser.get(back) for back in reversed(backs)]
    assert [each.status_code for each in answers] == [302] * 5 + [400] * 2
    assert answers[0].headers["Location"] == "/hub/token?6"
    assert not [c for c in browser.cookies.jar if c.name.startswith("platform-attempt-")]


def test_a_key_proves_which_client_asks_where_the_provider_wants_that(site: Site) -> None:
    assert site.partner.issuer.endswith("/"), "as Login.gov's does, which wants a key, too"
    browser = site.open()
    address = browser.get("/hub/oauth_login/partner").headers["Location"]
    assert dict(parse_qsl(urlsplit(address).query))["acr_values"] == "urn:high"
    assert browser.go(site.partner, "2").status_code == 302
    assert "lee" in browser.get("/hub/token").text


def test_keys_that_changed_are_asked_for_once(site: Site) -> None:
    assert site.open().go(site.company, "1").status_code == 302
    site.forget_company()
    assert site.open().go(site.company, "1").status_code == 302
    site.company.rotate_keys(keep=False)
    site.company.count_requests()
    # Asked for a moment ago: not again within half a minute, by whomever.
    browser = site.open()
    assert_refused(browser, browser.go(site.company, "1"), 502, "a key that it does not publish")
    for _ in range(3):
        site.open().go(site.company, "1")
    assert site.company.count_requests().get("/jwks", 0) == 0
    site.forget_company()
    assert site.open().go(site.company, "1").status_code == 302


# -- what is not let in -------------------------------------------------------------------------


WRONG_TOKENS = {
    "the nonce of another login": ({"claims": {"nonce": "another"}}, "another login"),
    "no nonce": ({"drop": ["nonce"]}, "another login"),
    "a nonce that is no text": ({"claims": {"nonce": ["x"]}}, "another login"),
    "another issuer": ({"claims": {"iss": "https://evil.example"}}, "another issuer"),
    "no issuer": ({"drop": ["iss"]}, "another issuer"),
    "for another client": ({"claims": {"aud": "other"}}, "another client"),
    "for nobody": ({"drop": ["aud"]}, "another client"),
    "for several clients": ({"claims": {"aud": ["hub", "other"]}}, "several clients"),
    "asked for by another": (
        {"claims": {"aud": ["hub", "other"], "azp": "other"}},
        "asked for by another",
    ),
    "expired": ({"claims": {"exp": 1_000_000_000}}, "expired"),
    "never expires": ({"drop": ["exp"]}, "no usable exp"),
    "expires as text": ({"claims": {"exp": "9999999999"}}, "no usable exp"),
    "made in the future": ({"claims": {"iat": 4_000_000_000}}, "s from now"),
    "not valid yet": ({"claims": {"nbf": 4_000_000_000}}, "does not hold yet"),
    "no subject": ({"drop": ["sub"]}, "no subject"),
    "a number as subject": ({"claims": {"sub": 1}}, "no subject"),
    "a subject that cannot be seen": ({"claims": {"sub": "1\u200b"}}, "no subject"),
    "another user": ({"claims": {"sub": "9"}}, "another user"),
    "another access token": ({"claims": {"at_hash": "AAAA"}}, "another access token"),
    "another key": ({"sign": "foreign"}, "signature"),
    "a cut signature": ({"sign": "cut"}, "signature"),
    "no signature": ({"sign": "none"}, "signed in a way"),
    "the public key as a secret": ({"sign": "hs256"}, "signed in a way"),
    "the client's secret": ({"sign": "hs256", "secret": SECRET}, "signed in a way"),
    "a key that nobody knows": ({"header": {"kid": "other"}}, "does not publish"),
    "a key that is no name": ({"header": {"kid": ["first"]}}, "does not publish"),
    "another kind of token": ({"header": {"typ": "at+jwt"}}, "another kind"),
}


@pytest.mark.parametrize("case", WRONG_TOKENS)
def test_an_id_token_that_does_not_hold_lets_nobody_in(site: Site, case: str) -> None:
    how, sentence = WRONG_TOKENS[case]
    site.company.do_wrong(id_token=how)
    browser = site.open()
    assert_refused(browser, browser.go(site.company, "1"), 502, "cannot be trusted", sentence)


def test_a_token_for_several_clients_counts_if_it_was_asked_for_by_this_one(site: Site) -> None:
    site.company.do_wrong(id_token={"claims": {"aud": ["other", "hub"], "azp": "hub"}})
    assert site.open().go(site.company, "1").status_code == 302


@pytest.mark.parametrize(
    ("misdeed", "status", "sentence"),
    [
        ({"userinfo": {"sub": "9"}}, 502, "another user"),
        ({"userinfo_status": 401}, 502, "does not take the access token"),
        ({"token": {"id_token": None}}, 502, "gave no ID token"),
        ({"token": {"token_type": "mac"}}, 502, "of a kind that is not known"),
        ({"token": {"access_token": 7}}, 502, "no access token"),
        ({"callback": {"iss": "https://evil.example"}}, 502, "another provider answered"),
        ({"callback": {"iss": None}}, 502, "another provider answered"),
        ({"callback": {"code": None}}, 502, "no code"),
        ({"callback": {"state": "x"}}, 400, "did not begin it"),
        ({"callback": {"state": "00000000.x"}}, 400, "did not begin it"),
        ({"callback": {"code": "made-up-code"}}, 403, "does not let you in"),
        ({"redirect": {"path": "/token", "to": "/elsewhere"}}, 502, "leads to another address"),
        ({"body": {"path": "/token", "size": 2_000_000}}, 503, "does not answer"),
        ({"body": {"path": "/token", "text": "<h1>no</h1>"}}, 503, "not JSON"),
        ({"body": {"path": "/token", "text": "[" * 100_000}}, 503, "not JSON"),
        ({"body": {"path": "/token", "text": "[]"}}, 502, "no access token"),
        ({"body": {"path": "/me", "text": "[]"}}, 502, "cannot be read"),
    ],
)
def test_an_answer_that_does_not_hold_lets_nobody_in(
    site: Site, misdeed: dict[str, Any], status: int, sentence: str
) -> None:
    browser = site.open()
    if "callback" in misdeed:
        site.company.do_wrong(**misdeed)
    back = browser.begin(site.company, "1")
    site.company.do_wrong(**misdeed)
    assert_refused(browser, browser.get(back), status, sentence)


def test_an_answer_counts_once_and_in_its_own_browser_alone(site: Site) -> None:
    one, other = site.open(), site.open()
    back = one.begin(site.company, "1")
    assert_refused(other, other.get(back), 400, "did not begin it")
    kept = [(c.name, c.value or "", c.path) for c in one.cookies.jar]
    assert one.get(back).status_code == 302
    # As a thief of the browser's cookies, with the same address.
    for name, value, path in kept:
        other.cookies.set(name, value, path=path)
    assert_refused(other, other.get(back), 400, "finished already")


def test_a_code_that_was_used_lets_nobody_in(site: Site) -> None:
    one, other = site.open(), site.open()
    used = dict(parse_qsl(urlsplit(one.begin(site.company, "1")).query))
    address = httpx.URL(other.begin(site.company, "2"))
    swapped = address.copy_set_param("code", used["code"])
    assert_refused(other, other.get(str(swapped)), 403, "does not let you in")


def test_an_answer_of_one_provider_does_not_count_at_another(site: Site) -> None:
    browser = site.open()
    back = browser.begin(site.company, "1").replace("/company?", "/partner?")
    assert_refused(browser, browser.get(back), 400, "not the one that this browser began")


def test_what_a_provider_refuses_is_said_in_words_of_the_platform(site: Site) -> None:
    browser = site.open()
    answer = browser.go(site.company, "nobody")
    assert_refused(browser, answer, 403, "you or it refused")
    assert "secret-of-nobody" not in answer.text
    back = browser.begin(site.company, "nobody")
    made_up = str(httpx.URL(back).copy_set_param("error", "<script>alert(1)</script>"))
    assert_refused(browser, browser.get(made_up), 403, "no reason that is known here")


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/hub/oauth_callback/company", 400, "did not begin it"),
        ("/hub/oauth_callback/company?code=x&state=" + "x" * 5000, 400, "not one that a provider"),
        ("/hub/oauth_callback/company?state=a&state=b", 400, "not one that a provider"),
        ("/hub/oauth_callback/nowhere?code=x", 404, "no login of this name"),
        ("/hub/oauth_login/nowhere", 404, "no login of this name"),
    ],
)
def test_made_up_addresses_are_refused(site: Site, path: str, status: int, sentence: str) -> None:
    site.company.count_requests()
    browser = site.open()
    assert_refused(browser, browser.get(path), status, sentence)
    assert site.company.count_requests() == {}, "a stranger had the provider asked"


@pytest.mark.parametrize(
    ("misdeed", "status", "sentence"),
    [
        ({"down": "closed"}, 503, "does not answer"),
        ({"down": 500}, 503, "answered 500"),
        ({"down": 404}, 503, "no discovery document"),
        ({"down": 429}, 503, "answered 429"),
        ({"discovery": {"issuer": "https://evil.example"}}, 502, "another issuer"),
        ({"discovery": {"token_endpoint": "http://evil.example/"}}, 502, "usable token_endpoint"),
        ({"discovery": {"jwks_uri": 7}}, 502, "no usable jwks_uri"),
        ({"redirect": {"path": "/.well-known/openid-configuration", "to": "/x"}}, 502, "leads to"),
        ({"body": {"path": "/.well-known/openid-configuration", "text": "[]"}}, 502, "is not one"),
    ],
)
def test_a_provider_that_cannot_be_read_is_named_and_asked_again_later(
    site: Site, misdeed: dict[str, Any], status: int, sentence: str
) -> None:
    site.forget_company()
    site.company.do_wrong(**misdeed)
    site.company.count_requests()
    browser = site.open()
    answer = browser.get("/hub/oauth_login/company")
    assert_refused(browser, answer, status, sentence)
    assert ("Retry-After" in answer.headers) == (status == 503)
    for _ in range(3):
        assert browser.get("/hub/oauth_login/company").status_code == status
    assert sum(site.company.count_requests().values()) == 1
    site.company.do_wrong()
    site.forget_company()
    assert browser.get("/hub/oauth_login/company").status_code == 302


def test_a_provider_without_its_secret_is_named(site: Site) -> None:
    assert "Nobody can log in by the identity provider broken: the variable" in site.hub.log
    site.partner.register(site.hub.url, key="broken")
    try:
        browser = site.open()
        asked = browser.get("/hub/oauth_login/broken")
        back = log_in(site.partner, asked.headers["Location"], "1")
        assert_refused(browser, browser.get(back), 503, "NO_SUCH_VARIABLE", "Ask an admin")
    finally:
        site.partner.register(site.hub.url, key="partner")


def test_a_program_that_only_looks_does_not_log_in(site: Site) -> None:
    browser = site.open()
    assert browser.head("/hub/oauth_login/company").status_code == 405
    back = browser.begin(site.company, "1")
    assert browser.head(back).status_code == 405
    assert browser.get(back).status_code == 302


# -- local accounts -----------------------------------------------------------------------------


def test_passwords_are_for_admins_alone_where_the_policy_says_so(site: Site) -> None:
    assert site.hub.login("admin").get("/hub/password").status_code == 200
    # Not a user who has logged in by a provider, and has no password since.
    browser = Browser(site.hub, "pat")
    site.hub.keep(browser)
    answer = browser.submit_login(site.hub.passwords["pat"])
    assert_refused(browser, answer, 403, "Only admins log in with a password")
    # With a wrong one nothing is said of who is an admin.
    assert "Only admins" not in browser.submit_login("not the password of pat").text
    login = {"username": "pat", "password": site.hub.passwords["pat"]}
    made = browser.post("/hub/api/users/pat/tokens", json={"auth": login})
    assert made.status_code == 403
    assert "Only admins" in made.text
    assert browser.go(site.company, "1").status_code == 302
    page = browser.get("/hub/password")
    assert page.status_code == 403
    invited = site.hub.token("admin").post("platform/users/kim/invite", json={})
    assert invited.status_code == 403
    assert "Only admins" in invited.text


def test_an_invite_of_before_sets_no_password_where_there_are_none(site: Site) -> None:
    site.change(local="everyone")
    invite = site.hub.token("admin").post("platform/users/kim/invite", json={}).json()["url"]
    path = urlsplit(invite).path + "?" + urlsplit(invite).query
    browser = site.open()
    page = browser.get(path)
    assert page.status_code == 200
    form = {
        "token": dict(parse_qsl(urlsplit(invite).query))["token"],
        "password": "another password of kim",
        "again": "another password of kim",
        "_xsrf": hidden_xsrf(page.text),
    }
    site.change(local="admins")
    answer = browser.post(urlsplit(invite).path, data=form)
    assert answer.status_code == 403
    assert "Only admins" in answer.text


def test_without_local_accounts_there_is_no_form_and_no_password(site: Site) -> None:
    admin = site.hub.token("admin")
    page = site.open().get("/hub/login").text
    assert 'name="password"' in page
    try:
        site.change(local='"off"')
        browser = site.open()
        page = browser.get("/hub/login").text
        assert 'name="password"' not in page
        assert "Company" in page
        login = {"username": "admin", "password": site.hub.passwords["admin"]}
        refused = browser.post("/hub/api/users/admin/tokens", json={"auth": login})
        assert refused.status_code == 403
        assert "Nobody logs in with a password" in refused.text
        assert browser.go(site.company, "9").status_code == 302
    finally:
        site.said["local"] = "admins"
        site.hub.policy.write_text(POLICY.format(**site.said))
        assert admin.post("platform/reload").status_code == 200


# -- while they are logged in -------------------------------------------------------------------


def logged_in(site: Site, provider: OidcProvider, account: str) -> Browser:
    browser = site.open()
    assert browser.go(provider, account).status_code == 302
    assert browser.is_in
    return browser


def pass_refresh_age() -> None:
    time.sleep(1.1)


def test_a_user_whom_the_provider_removed_is_out_within_the_refresh_age(site: Site) -> None:
    browser = logged_in(site, site.company, "1")
    made = browser.post_json("/hub/api/users/kim/tokens", {"note": "x"})
    token = {"Authorization": f"token {made.json()['token']}"}
    assert browser.get("/hub/api/user", headers=token).status_code == 200
    site.company.know(**{"2": PEOPLE["2"]})
    wait_for(lambda: not browser.is_in, "the user to be out", 10)
    assert browser.get("/hub/api/user", headers=token).status_code == 403
    site.company.count_requests()
    site.company.know(**PEOPLE)
    pass_refresh_age()
    assert not browser.is_in
    assert site.company.count_requests() == {}, "what is void was asked about again"
    assert browser.go(site.company, "1").status_code == 302
    assert browser.is_in


def test_a_user_without_a_refresh_token_is_asked_about_by_userinfo(site: Site) -> None:
    browser = logged_in(site, site.partner, "2")
    site.partner.count_requests()
    pass_refresh_age()
    assert browser.is_in
    assert site.partner.count_requests() == {"/me": 1}
    site.partner.know(**{"1": PEOPLE["1"]})
    pass_refresh_age()
    assert not browser.is_in


def test_many_requests_at_once_use_a_refresh_token_once(site: Site) -> None:
    browser = logged_in(site, site.company, "1")
    for _ in range(3):
        pass_refresh_age()
        site.company.count_requests()
        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(lambda _: browser.get("/hub/token").status_code, range(16)))
        assert statuses == [200] * 16
        assert site.company.count_requests() == {"/token": 1, "/me": 1}


@pytest.mark.parametrize(
    "misdeed",
    [
        {"down": "closed"},
        {"down": 503},
        {"down": 429},
        {"body": {"path": "/token", "text": "<h1>Maintenance</h1>"}},
        {"body": {"path": "/token", "text": "{}"}},
        {"redirect": {"path": "/token", "to": "/login"}},
        {"id_token": {"sign": "foreign"}},
        {"id_token": {"claims": {"sub": "9"}}},
        {"userinfo": {"sub": "9"}},
        {"body": {"path": "/me", "text": "<h1>Maintenance</h1>"}},
    ],
)
def test_a_provider_without_a_usable_answer_takes_nothing(
    site: Site, misdeed: dict[str, Any]
) -> None:
    browser = logged_in(site, site.company, "1")
    site.company.do_wrong(**misdeed)
    pass_refresh_age()
    began = time.monotonic()
    assert browser.is_in
    # Not asked again at once, by whomever.
    site.company.count_requests()
    pass_refresh_age()
    assert browser.is_in
    assert site.company.count_requests() == {}
    assert time.monotonic() - began < 5
    site.company.do_wrong()
    site.forget_company()


def test_a_slow_provider_keeps_nobody_waiting_for_long(site: Site) -> None:
    browser = logged_in(site, site.company, "1")
    site.company.do_wrong(slow=4_000)
    pass_refresh_age()
    began = time.monotonic()
    assert browser.is_in
    assert time.monotonic() - began < 6.5
    site.company.do_wrong()
    # What came late counts: otherwise its tokens, of which older ones are void, would be lost.
    time.sleep(4)
    site.forget_company()
    pass_refresh_age()
    assert browser.is_in


def test_without_a_word_for_too_long_users_log_in_again(site: Site) -> None:
    site.change(grace="2s")
    try:
        browser = logged_in(site, site.company, "1")
        site.company.do_wrong(down=503)
        pass_refresh_age()
        assert browser.is_in
        wait_for(lambda: not browser.is_in, "the user to be out", 5)
    finally:
        site.company.do_wrong()
        site.change(grace="8h")


def test_a_provider_that_the_policy_dropped_lets_nobody_stay(site: Site) -> None:
    browser = logged_in(site, site.company, "1")
    site.change(company=f"{site.company.issuer}/other")
    try:
        pass_refresh_age()
        assert not browser.is_in
    finally:
        site.change(company=site.company.issuer)


def test_logging_out_here_ends_the_session_there(site: Site) -> None:
    browser = logged_in(site, site.company, "1")
    answer = browser.get("/hub/logout")
    assert answer.status_code == 302
    address = urlsplit(answer.headers["Location"])
    asked = dict(parse_qsl(address.query))
    assert f"{address.scheme}://{address.netloc}{address.path}" == (
        f"{site.company.issuer}/session/end"
    )
    assert asked["post_logout_redirect_uri"] == f"{site.hub.url}/hub/login"
    assert asked["client_id"] == "hub"
    assert asked["id_token_hint"].count(".") == 2
    assert not browser.is_in
    local = site.hub.login("admin").get("/hub/logout")
    assert local.headers["Location"] == "/hub/login"


def test_a_logout_does_not_wait_for_a_provider_that_is_down(site: Site) -> None:
    browser = logged_in(site, site.company, "1")
    site.forget_company()
    site.company.do_wrong(down=503)
    assert browser.get("/hub/logout").headers["Location"] == "/hub/login"
    site.company.do_wrong()
    site.forget_company()


def test_users_stay_logged_in_when_the_hub_restarts(site: Site) -> None:
    browser = logged_in(site, site.company, "1")
    back = browser.begin(site.company, "1", "/hub/token")
    assert (site.hub.state / "auth-state-key").stat().st_mode & 0o077 == 0
    site.hub.stop()
    site.hub.ready_file.unlink(missing_ok=True)
    site.hub.start()
    pass_refresh_age()
    assert browser.is_in
    # A login that had begun before is finished after.
    assert browser.get(back).headers["Location"] == "/hub/token"


def test_what_providers_gave_is_nowhere_in_clear(site: Site) -> None:
    """The Hub's database has it encrypted, and its log has none of it."""
    browser = logged_in(site, site.company, "1")
    token = dict(parse_qsl(urlsplit(browser.get("/hub/logout").headers["Location"]).query))
    hint = token["id_token_hint"]
    assert hint not in site.hub.log
    assert hint.partition(".")[2][:40] not in site.hub.log
    database = b"".join(path.read_bytes() for path in site.hub.state.glob("jupyterhub.sqlite*"))
    assert hint.encode()[:60] not in database
    assert b"access_token" not in database


# -- in a browser -------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_browser_logs_in_by_a_button_and_out_at_the_provider(site: Site) -> None:
    with sync_playwright() as playwright:
        chromium = launch_chromium(playwright)
        page = chromium.new_page()
        page.goto(f"{site.hub.url}/hub/login?next=/hub/token")
        buttons = page.locator(".platform-login a.btn")
        assert buttons.all_inner_texts() == [site.said["title"], "Partner", "Broken"]
        password = page.get_by_label("Password")
        expect(password).to_be_hidden()
        page.add_script_tag(path=find_axe())
        assert list_serious(page.evaluate(RUN)) == []
        page.get_by_text("With a password of this platform").click()
        expect(password).to_be_visible()
        assert list_serious(page.evaluate(RUN)) == []
        buttons.first.click()
        page.get_by_label("Account").fill("1")
        page.get_by_role("button", name="Go on").click()
        page.wait_for_url("**/hub/token")
        page.locator(".platform-account summary").click()
        expect(page.get_by_role("link", name="Password")).to_have_count(0)
        page.get_by_role("link", name="Log out").click()
        page.get_by_role("button", name="Yes, sign me out").click()
        page.wait_for_url("**/hub/login*")
        # The session there is over, too: it asks for a user.
        page.locator(".platform-login a.btn").first.click()
        expect(page.get_by_label("Account")).to_be_visible()
        chromium.close()


@pytest.mark.browser
def test_an_admin_logs_in_by_password_beside_the_buttons(site: Site) -> None:
    with sync_playwright() as playwright:
        chromium = launch_chromium(playwright)
        page = chromium.new_page()
        page.goto(f"{site.hub.url}/hub/login?next=/hub/token")
        page.get_by_text("With a password of this platform").click()
        page.get_by_label("Username").fill("admin")
        page.locator("#password_input").fill("not the password")
        page.get_by_role("button", name="Sign in").click()
        # Open again, with what was wrong.
        expect(page.get_by_text("Invalid username or password")).to_be_visible()
        page.locator("#password_input").fill(site.hub.passwords["admin"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/hub/token")
        page.locator(".platform-account summary").click()
        expect(page.get_by_role("link", name="Password")).to_be_visible()
        chromium.close()
