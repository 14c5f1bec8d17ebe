"""A site's Hub as it runs: on a faked cluster, with the provider that the site has."""

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey
from jupyterhub.utils import url_escape_path

from tests.hub.auth.test_live_login_at_provider import Browser
from tests.hub.kubernetes.live_pods import answering
from tests.sites.folders import SiteFolder, Start, Visitor
from tests.support.fake_github import FakeGitHub, running_github
from tests.support.kubernetes_api import FakeKubernetes
from tests.support.live_hub import Api, LiveHub, running
from tests.support.lti_platform import Launch, running_lti_platform
from tests.support.oidc_provider import running_providers

SECRET: Final = "a-secret-of-the-client-0123456789"
CANVAS: Final = "https://canvas.example.edu"
LogIn = Callable[[Browser, Visitor], httpx.Response]
"""Has a browser log in as a user, and returns what the Hub answers at the end."""


@dataclass(frozen=True)
class RunningSite:
    """One of the sites, while its Hub runs."""

    folder: SiteFolder
    hub: LiveHub
    cluster: FakeKubernetes
    port: int
    log_in: LogIn

    def enter(self, visitor: Visitor) -> tuple[Browser, httpx.Response]:
        """Have a user log in; return their browser, and the answer."""
        browser = Browser(self.hub, visitor.name)
        self.hub.keep(browser)
        return browser, self.log_in(browser, visitor)

    def api_of(self, visitor: Visitor) -> Api:
        """Return the REST API with a token that a user makes, who has logged in."""
        browser, answer = self.enter(visitor)
        assert answer.status_code == 302, answer.text
        path = f"/hub/api/users/{url_escape_path(visitor.name)}/tokens"
        made = browser.post_json(path, {"note": "test"})
        assert made.status_code == 201, made.text
        api = Api(self.hub.url, made.json()["token"])
        self.hub.keep(api)
        return api

    def start(self, api: Api, visitor: Visitor, start: Start) -> httpx.Response:
        """Have a user start a server, and stop it again if it starts."""
        owner = start.owner or visitor.name
        answer = api.start(owner, **start.options)
        if answer.status_code in {201, 202}:
            api.wait_until_ready(owner)
            api.stop(owner)
        return answer


@contextmanager
def run_site(folder: SiteFolder, directory: Path) -> Iterator[RunningSite]:
    """Run the Hub of a site as it is afterwards."""
    with ExitStack() as stack:
        port = stack.enter_context(answering())
        cluster = stack.enter_context(_running_cluster())
        provider = stack.enter_context(PROVIDERS[folder.name](folder, directory))
        settings = [
            f"c.KubeSpawner.k8s_api_host = {cluster.url!r}",
            "c.KubeSpawner.k8s_api_request_timeout = 5",
            "c.KubeSpawner.pod_connect_ip = '127.0.0.1'",
            f"c.KubeSpawner.port = {port}",
            "c.KubeSpawner.events_enabled = False",
            "c.KubeSpawner.delete_grace_period = 0",
        ]
        hub = LiveHub(
            directory,
            provider.policy,
            site="\n".join([*settings, provider.site]),
            environment=provider.environment,
            lab=True,
        )
        stack.enter_context(running(hub))
        provider.register(hub.url)
        yield RunningSite(folder, hub, cluster, port, provider.log_in)


@contextmanager
def _running_cluster() -> Iterator[FakeKubernetes]:
    """Serve a cluster from a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> FakeKubernetes:
        return FakeKubernetes.start()

    cluster = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield cluster
    finally:
        asyncio.run_coroutine_threadsafe(cluster.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@dataclass(frozen=True)
class RunningProvider:
    """Where the people of a site log in, and what of its files differs for it here."""

    policy: str
    site: str
    environment: dict[str, str]
    register: Callable[[str], None]
    log_in: LogIn


@contextmanager
def _openid_connect(folder: SiteFolder, directory: Path) -> Iterator[RunningProvider]:
    """Run a real provider with the client that the site's document names."""
    ((key, declared),) = folder.policy["identity"]["providers"].items()
    client, text = declared["client"], folder.policy_file.read_text()
    method = client.get("auth", "client_secret_basic")
    registered = {"client_id": client["id"], "token_endpoint_auth_method": method}
    if method == "private_key_jwt":
        pem = directory / "client-key.pem"
        text = text.replace(client["key"]["file"], str(pem))
        registered["jwks"] = {"keys": [_make_key(pem)]}
    else:
        registered["client_secret"] = SECRET
    options = {
        "client": registered,
        "path": "/of/a/realm",
        "conform": declared.get("userinfo", True),
    }
    with running_providers({key: options}) as providers:
        provider = providers[key]

        provider.know(**{each.name: each.claims for each in folder.visitors})

        def log_in(browser: Browser, visitor: Visitor) -> httpx.Response:
            return browser.go(provider, visitor.name, "/hub/token")

        secret = client.get("secret", {}).get("env", "")
        yield RunningProvider(
            text.replace(declared["issuer"], provider.issuer),
            folder.after,
            {secret: SECRET} if secret else {},
            lambda url: provider.register(url, key=key),
            log_in,
        )


@contextmanager
def _github(folder: SiteFolder, _directory: Path) -> Iterator[RunningProvider]:
    """Run a GitHub whose only visitor is the one who is there."""
    with running_github() as github:

        def log_in(browser: Browser, visitor: Visitor) -> httpx.Response:
            _be(github, visitor)
            asked = browser.get("/hub/oauth_login/github", params={"next": "/hub/token"})
            assert asked.status_code == 302, asked.text
            return browser.get(httpx.get(asked.headers["Location"]).headers["Location"])

        here = f"kind: github\n      issuer: {github.url}\n"
        yield RunningProvider(
            folder.policy_file.read_text().replace("kind: github\n", here),
            folder.after,
            {"GITHUB_SECRET": SECRET},
            lambda _url: None,
            log_in,
        )


def _be(github: FakeGitHub, visitor: Visitor) -> None:
    login = visitor.claims["login"]
    github.user = {"id": sum(login.encode()), "login": login, "name": login}
    teams = [each.split(":") for each in visitor.claims["groups"]]
    github.lists = {
        "/user/teams": [{"slug": t, "organization": {"login": org}} for org, t in teams],
        "/user/orgs": [{"login": org} for org, _ in teams],
    }


@contextmanager
def _lti(folder: SiteFolder, _directory: Path) -> Iterator[RunningProvider]:
    """Run a learning platform, from whose courses people open the Hub."""
    with running_lti_platform() as lti:

        def log_in(browser: Browser, visitor: Visitor) -> httpx.Response:
            *_, course = (each for each in visitor.claims["groups"] if not each.endswith("::staff"))
            is_staff = f"{course}::staff" in visitor.claims["groups"]
            roles = ("Instructor",) if is_staff else ("Learner",)
            email = visitor.claims["email"]
            return lti.launch(browser, Launch(email, email, course.partition("::")[2], roles))

        yield RunningProvider(
            folder.policy_file.read_text(),
            folder.after.replace(f"{CANVAS}/api/lti/authorize_redirect", f"{lti.url}/authorize")
            .replace(f"{CANVAS}/api/lti/security/jwks", f"{lti.url}/jwks")
            .replace(CANVAS, lti.url)
            .replace("125900000000000042", lti.client),
            {"JUPYTERHUB_CRYPT_KEY": secrets.token_hex(32)},
            lambda _url: None,
            log_in,
        )


def _make_key(place: Path) -> Mapping[str, Any]:
    """Write the private key of a client, and return the public one."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    place.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return RSAKey.import_key(place.read_text()).as_dict(private=False)


PROVIDERS: Final = {
    "keycloak": _openid_connect,
    "company": _openid_connect,
    "agency": _openid_connect,
    "federation": _github,
    "university": _lti,
}
