"""Each hardened setting has its attack: it succeeds where a site turned the setting off."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.canaries import TOKEN_OF_SERVER, Watched
from tests.support.live_hub import Api, LiveHub, running, wait_for

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
users:
  admin: {level: admin}
  kim: {level: developer}
  lee: {level: developer}
  sam: {level: developer}
groups: {vision: {members: [kim, lee, sam, admin], member_quota: {servers: 6}}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers:
  small:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 2, memory: 1Gi}
    images: [lab]
"""
PASSWORD = "the same for all here"
# An identity provider that can refuse people, and can be slow.
PROVIDER = """\
import asyncio
from pathlib import Path

from jupyterhub.auth import DummyAuthenticator

DIRECTORY = Path({directory!r})


class Provider(DummyAuthenticator):
    async def refresh_user(self, user, handler=None):
        await asyncio.sleep(float((DIRECTORY / "seconds").read_text()))
        return user.name not in (DIRECTORY / "refused").read_text().split()


c.JupyterHub.authenticator_class = Provider
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
"""
ON = """\
c.Authenticator.auth_refresh_age = 1
c.Spawner.env_keep.append("JUPYTERHUB_ALLOW_TOKEN_IN_URL")
"""
STALE = "c.Authenticator.auth_refresh_age = 3600\n"
OFF = """\
c.Authenticator.auth_refresh_age = 1
c.Authenticator.auth_refresh_strict = False
c.Authenticator.refresh_pre_spawn = False
c.JupyterHub.token_expires_in_max_seconds = 0
c.JupyterHub.oauth_token_expires_in = 14 * 24 * 3600
c.JupyterHub.named_server_limit_per_user = 0
c.Spawner.server_token_scopes = ["inherit"]
c.Spawner.options_form = ""
c.Spawner.environment = {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}
c.Spawner.args = ["--HubOAuth.cache_max_age=300"]
"""
STALE_AND_UNASKED = STALE + "c.Authenticator.refresh_pre_spawn = False\n"


@dataclass
class Site:
    """A Hub with a provider, and what the provider says."""

    hub: LiveHub
    directory: Path

    def refuse(self, *names: str) -> None:
        (self.directory / "refused").write_text(" ".join(names))

    def answer_after(self, seconds: float) -> None:
        (self.directory / "seconds").write_text(str(seconds))


@pytest.fixture(scope="module")
def make_site(make_directory: Callable[[], Path]) -> Iterator[Callable[[str], Site]]:
    made: dict[str, Site] = {}
    hubs = ExitStack()

    def make(settings: str) -> Site:
        if settings not in made:
            directory = make_directory()
            provider = PROVIDER.format(directory=str(directory), password=PASSWORD)
            # The Hub's own environment is not that of servers, whatever is kept of it.
            environment = {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}
            hub = LiveHub(
                directory, POLICY, site=provider + settings, environment=environment, lab=True
            )
            site = Site(hub, directory)
            site.refuse()
            site.answer_after(0)
            hubs.enter_context(running(hub))
            hub.passwords |= dict.fromkeys(("admin", "kim", "lee", "sam"), PASSWORD)
            made[settings] = site
        site = made[settings]
        site.refuse()
        site.answer_after(0)
        return site

    with hubs:
        yield make


def started(site: Site, name: str) -> Api:
    """Return the API of a user whose server is ready."""
    api = site.hub.token(name)
    if not api.servers(name).get("", {}).get("ready"):
        assert api.start(name, tier="small").status_code in {201, 202}
        api.wait_until_ready(name)
    return api


def token_of_server(hub: LiveHub, name: str) -> str:
    """Read a server's own token, as whatever runs in the server can."""
    for pid in hub.list_marked():
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode()
        mark = f"JUPYTERHUB_PLATFORM_SERVER={name}/\0" in environment
        found = re.search(r"(?:^|\0)JUPYTERHUB_API_TOKEN=([^\0]+)", environment)
        if mark and found:
            hub.canaries.note(TOKEN_OF_SERVER, found[1])
            return found[1]
    raise AssertionError(f"no server of {name} runs")


def use_token_of_refused_user(site: Site) -> bool:
    """auth_refresh_strict: go on with a token, after the provider has refused its owner."""
    api = site.hub.token("kim")
    site.refuse("kim")
    time.sleep(1.5)
    return api.get("user").status_code == 200


def use_session_that_is_not_checked(site: Site) -> bool:
    """auth_refresh_age: go on with a session, after the provider has refused its owner."""
    browser = site.hub.login("kim")
    site.refuse("kim")
    time.sleep(1.5)
    return browser.get("/hub/token").status_code == 200


def start_although_refused(site: Site) -> bool:
    """refresh_pre_spawn: start a server, after the provider has refused its owner."""
    api = site.hub.token("sam")
    site.refuse("sam")
    admitted = api.start("sam", tier="small").status_code in {201, 202}
    site.refuse()
    if admitted:
        wait_for(lambda: "" in api.servers("sam"), "the server")
        api.wait_until_ready("sam")
        api.stop("sam")
    return admitted


def make_token_for_ever(site: Site) -> bool:
    """token_expires_in_max_seconds: make a token that never ends."""
    browser = site.hub.login("kim")
    answer = browser.post_json("/hub/api/users/kim/tokens", {"note": "for ever"})
    return answer.json()["expires_at"] is None


def keep_browser_token_for_days(site: Site) -> bool:
    """oauth_token_expires_in: what a browser got for a server is good for more than a day."""
    started(site, "kim")
    browser = site.hub.login("kim")
    browser.visit("/user/kim/lab")
    tokens = site.hub.token("kim").get("users/kim/tokens").json()["api_tokens"]
    theirs = [each for each in tokens if each["oauth_client"].startswith("Server at /user/kim/")]
    assert theirs, tokens
    return any(each["expires_at"] > _tomorrow() for each in theirs)


def _tomorrow() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 24 * 3600))


def list_servers_that_never_start(site: Site) -> bool:
    """named_server_limit_per_user: fill the Hub's database with servers."""
    api = site.hub.token("lee")
    answers = [api.put(f"users/lee/servers/s{number}") for number in range(25)]
    assert {answer.status_code for answer in answers} <= {201, 400, 409}
    return all(answer.status_code in {201, 409} for answer in answers)


def act_as_owner_from_a_server(site: Site) -> bool:
    """server_token_scopes: make tokens with what stands in a server's environment."""
    started(site, "kim")
    with Api(site.hub.url, token_of_server(site.hub, "kim")) as server:
        return server.post("users/kim/tokens", json={}).status_code == 201


def come_in_with_a_token_in_a_link(site: Site) -> bool:
    """environment: reach a server with a token in the address."""
    api = started(site, "kim")
    with Watched(site.hub.url) as stranger:
        return stranger.get(f"/user/kim/api/contents?token={api.token}").status_code == 200


def stay_a_visitor_after_suspension(site: Site) -> bool:
    """args: stay at another user's server after being suspended."""
    lee, kim, admin = started(site, "lee"), site.hub.token("kim"), site.hub.token("admin")
    assert lee.post("shares/lee/", json={"user": "kim"}).status_code == 200
    with Watched(site.hub.url) as visitor:
        visitor.headers["Authorization"] = f"Bearer {kim.token}"
        assert visitor.get("/user/lee/api/contents").status_code == 200
        reason = {"reason": "an attack"}
        assert admin.post("platform/users/kim/suspend", json=reason).status_code == 200
        time.sleep(6)
        stays = visitor.get("/user/lee/api/contents").status_code == 200
    assert admin.post("platform/users/kim/resume", json=reason).status_code == 200
    return stays


ATTACKS: tuple[tuple[Callable[[Site], bool], str], ...] = (
    (use_token_of_refused_user, OFF),
    (use_session_that_is_not_checked, STALE),
    (start_although_refused, STALE_AND_UNASKED),
    (make_token_for_ever, OFF),
    (keep_browser_token_for_days, OFF),
    (list_servers_that_never_start, OFF),
    (act_as_owner_from_a_server, OFF),
    (come_in_with_a_token_in_a_link, OFF),
    (stay_a_visitor_after_suspension, OFF),
)


def by_name(value: object) -> str:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(("attack", "off"), ATTACKS, ids=by_name)
def test_an_attack_succeeds_only_where_the_setting_is_off(
    make_site: Callable[[str], Site], attack: Callable[[Site], bool], off: str
) -> None:
    assert attack(make_site(off)), "the attack works where nothing stands in its way"
    assert not attack(make_site(STALE if attack is start_although_refused else ON))


def test_weakened_setting_is_reported_at_start_and_on_the_overview(
    make_site: Callable[[str], Site],
) -> None:
    site = make_site(OFF)
    told = site.hub.terminal.read_text()
    page = site.hub.login("admin").get("/services/platform/overview", follow_redirects=True).text
    answer = site.hub.token("admin").get("platform/settings").json()
    assert len(answer["weakened"]) == 8
    for each in answer["weakened"]:
        assert each["setting"] in told
        assert each["setting"] in page
    strong = make_site(ON)
    assert strong.hub.token("admin").get("platform/settings").json()["weakened"] == []
    assert "weaker than" not in strong.hub.terminal.read_text()
    assert strong.hub.token("kim").get("platform/settings").status_code == 403


def test_nothing_starts_from_a_get_even_where_a_site_wants_no_form(
    make_site: Callable[[str], Site],
) -> None:
    hub = make_site(OFF).hub
    headers = {"Sec-Fetch-Site": "cross-site"}
    page = hub.login("sam").get("/hub/spawn/sam/evil?opt-tier=small", headers=headers)
    assert page.status_code in {200, 403}
    assert "evil" not in hub.token("sam").servers("sam")


@pytest.mark.parametrize("by", ["api", "form", "both"])
def test_two_starts_of_one_server_are_one_start_while_the_provider_is_slow(
    make_site: Callable[[str], Site], by: str
) -> None:
    site = make_site(ON)
    api, browser = site.hub.token("sam"), site.hub.login("sam")
    browser.get("/hub/spawn")

    def start(number: int) -> httpx.Response:
        if by == "api" or (by == "both" and number % 2):
            return api.start("sam", tier="small")
        return browser.start(tier="small")

    site.answer_after(0.5)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(start, range(4)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 201, 202, 302, 400}, [a.text[-300:] for a in answers]
    site.answer_after(0)
    api.wait_until_ready("sam")
    assert "RuntimeError" not in site.hub.log
    assert len(api.get("platform/usage").json()["servers"]) == 1
    api.stop("sam")


def test_a_suspension_is_not_outrun_by_a_request_that_waits_for_the_provider(
    make_site: Callable[[str], Site],
) -> None:
    site = make_site(ON)
    hub, reason = site.hub, {"reason": "an attack"}
    kim, browser, admin = hub.token("kim"), hub.login("kim"), hub.token("admin")
    time.sleep(1.1)  # ON has everybody looked at anew after a second
    site.answer_after(2)
    with ThreadPoolExecutor(2) as pool:
        token = pool.submit(kim.post, "users/kim/tokens", json={"note": "mine"})
        page = pool.submit(browser.get, "/hub/login")
        time.sleep(0.5)  # both wait for the provider now
        site.answer_after(0)
        assert admin.post("platform/users/kim/suspend", json=reason).status_code == 200
        assert token.result().status_code == 403
        assert "jupyterhub-hub-login" not in str(page.result().headers.get_list("set-cookie"))
    assert browser.get("/hub/token").status_code != 200
    assert admin.post("platform/users/kim/resume", json=reason).status_code == 200
    assert browser.get("/hub/token").status_code != 200, "sessions are not restored"
