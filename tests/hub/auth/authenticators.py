"""Authenticators of sites, each with its settings, its remote end and how a user logs in by it.

All of them can say the same: that a user called kim is in some groups.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import httpx

from tests.support.fake_github import FakeGitHub, running_github
from tests.support.fake_provider import FakeProvider, running_provider
from tests.support.live_hub import Session
from tests.support.lti_platform import CLAIM, Launch, LtiPlatform, running_lti_platform

PASSWORD = "the same for all here"
PAGE = "/hub/token"


class Authenticator(ABC):
    """One kind of authenticator; ``say`` changes what its remote end says of kim."""

    title: ClassVar[str]
    gives_groups: ClassVar[bool] = True
    """Whether it can return groups of its provider."""
    asks_again: ClassVar[bool] = True
    """Whether it asks its provider again while a user is logged in."""

    @abstractmethod
    def configure(self) -> str:
        """Return its settings, before those of the row."""

    def configure_groups(self) -> str:
        """Return the setting that says where its groups are; empty if it knows."""
        return ""

    @abstractmethod
    def say(self, groups: Sequence[str]) -> None:
        """Change the groups that it gives."""

    def log_in(self, session: Session) -> httpx.Response:
        """Open a page of the Hub as kim, who logs in on the way."""
        return session.get("/hub/oauth_login", params={"next": PAGE}, follow_redirects=True)


class _AtProvider(Authenticator):
    """A class of oauthenticator's, whose provider is one of the tests."""

    name: ClassVar[str]
    kind: ClassVar[str]
    groups: ClassVar[str] = ""

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider

    def configure(self) -> str:
        settings = {
            "client_id": "hub",
            "client_secret": "not a secret of a user",
            "authorize_url": f"{self.provider.url}/authorize",
            "token_url": f"{self.provider.url}/token",
            "userdata_url": f"{self.provider.url}/userinfo",
        }
        lines = [f"c.{self.kind}.{key} = {value!r}" for key, value in settings.items()]
        return "\n".join([f"c.JupyterHub.authenticator_class = {self.name!r}", *lines, ""])

    def configure_groups(self) -> str:
        return f"c.{self.kind}.auth_state_groups_key = {self.groups!r}\n"


class Google(_AtProvider):
    """Google, whose directory says the groups: only what asks it with Google's keys is replaced."""

    title = "Google"
    name = "google"
    kind = "GoogleOAuthenticator"
    groups = "google_user.google_groups"

    def configure(self) -> str:
        return f"""{super().configure()}
from oauthenticator.google import GoogleOAuthenticator


class OfDirectory(GoogleOAuthenticator):
    async def _fetch_member_groups(self, *_):
        answer = await self.httpfetch({self.provider.url + "/directory"!r}, method="GET")
        return set(answer["of_directory"])


c.JupyterHub.authenticator_class = OfDirectory
c.GoogleOAuthenticator.hosted_domain = ["uni.edu"]
c.GoogleOAuthenticator.allowed_google_groups = {{"uni.edu": {{"org:team"}}}}
"""

    def say(self, groups: Sequence[str]) -> None:
        self.provider.person = {
            "email": "Kim@uni.edu",
            "verified_email": True,
            "hd": "uni.edu",
            "of_directory": list(groups),
        }


class CILogon(_AtProvider):
    """CILogon, where a university logs users in."""

    title = "CILogon"
    name = "cilogon"
    kind = "CILogonOAuthenticator"
    groups = "cilogon_user.isMemberOf"

    def configure(self) -> str:
        return f"""{super().configure()}
c.CILogonOAuthenticator.idps = {{
    "https://idp.uni.edu/shibboleth": {{
        "username_derivation": {{
            "username_claim": "eppn", "action": "strip_idp_domain", "domain": "uni.edu"
        }},
    }},
}}
"""

    def say(self, groups: Sequence[str]) -> None:
        self.provider.person = {
            "idp": "https://idp.uni.edu/shibboleth",
            "eppn": "Kim@uni.edu",
            "isMemberOf": list(groups),
        }


class AzureAd(_AtProvider):
    """Entra ID, which says everything in the ID token of the login."""

    title = "Azure AD"
    name = "azuread"
    kind = "AzureAdOAuthenticator"
    groups = "user.groups"
    asks_again = False

    def configure(self) -> str:
        settings = 'c.AzureAdOAuthenticator.username_claim = "preferred_username"'
        return f"{super().configure()}\n{settings}\n"

    def say(self, groups: Sequence[str]) -> None:
        self.provider.person = {"preferred_username": "Kim", "groups": list(groups)}


class GitHub(_AtProvider):
    """GitHub, with its teams."""

    title = "GitHub"
    name = "github"
    kind = "GitHubOAuthenticator"

    def __init__(self, github: FakeGitHub) -> None:
        self.github = github

    def configure(self) -> str:
        return f"""
c.JupyterHub.authenticator_class = "github"
c.GitHubOAuthenticator.github_url = {self.github.url!r}
c.GitHubOAuthenticator.client_id = "hub"
c.GitHubOAuthenticator.client_secret = "not a secret of a user"
c.GitHubOAuthenticator.scope = ["read:org"]
c.GitHubOAuthenticator.populate_teams_in_auth_state = True
"""

    def configure_groups(self) -> str:
        return """
c.GitHubOAuthenticator.auth_state_groups_key = lambda state: [
    f"{team['organization']['login']}:{team['slug']}" for team in state["teams"]
]
"""

    def say(self, groups: Sequence[str]) -> None:
        self.github.user = {"id": 77, "login": "Kim", "name": "Kim", "email": "kim@uni.edu"}
        teams = [each.partition(":") for each in groups]
        self.github.lists["/user/teams"] = [
            {"organization": {"login": organization}, "slug": team}
            for organization, _, team in teams
        ]


class Lti(Authenticator):
    """LTI 1.3, where a subclass of the site's reads groups out of the launch."""

    title = "LTI 1.3"
    asks_again = False

    def __init__(self, platform: LtiPlatform) -> None:
        self.platform = platform
        self._groups: Sequence[str] = ()

    def configure(self) -> str:
        return f"""{self.platform.configure()}
from ltiauthenticator.lti13.auth import LTI13Authenticator

CUSTOM = {CLAIM + "custom"!r}


class OfCourses(LTI13Authenticator):
    async def authenticate(self, handler, data=None):
        model = await super().authenticate(handler, data)
        if not self.manage_groups:
            return model
        return {{**model, "groups": data[CUSTOM]["groups"].split(",")}}


c.JupyterHub.authenticator_class = OfCourses
c.LTI13Authenticator.username_key = "custom_login"
"""

    def say(self, groups: Sequence[str]) -> None:
        self._groups = groups

    def log_in(self, session: Session) -> httpx.Response:
        said = {CLAIM + "custom": {"login": "Kim", "groups": ",".join(self._groups)}}
        launch = Launch("77", "kim@uni.edu", target=PAGE, claims=said)
        answer = self.platform.launch(session, launch)
        assert answer.status_code == 302, answer.text
        return session.get(answer.headers["Location"])


class Dummy(Authenticator):
    """JupyterHub's own, with one password for all."""

    title = "dummy"
    gives_groups = False
    asks_again = False

    def configure(self) -> str:
        return f"""
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {PASSWORD!r}
"""

    def say(self, groups: Sequence[str]) -> None:
        """Say nothing: it asks nobody."""

    def log_in(self, session: Session) -> httpx.Response:
        session.name = "kim"
        assert session.submit_login(PASSWORD).status_code == 302
        return session.get(PAGE)


class Own(Dummy):
    """A class of a site's own that asks a file for groups and roles, at login and refresh."""

    title = "a class of your own"
    gives_groups = True
    asks_again = True

    def __init__(self, file: Path) -> None:
        self.file = file

    def configure(self) -> str:
        return f"""
import json
from pathlib import Path

from jupyterhub.auth import DummyAuthenticator


class OfFile(DummyAuthenticator):
    def said(self):
        groups = json.loads(Path({str(self.file)!r}).read_text())
        own = {{"name": "of-" + groups[0].replace(":", "-"), "scopes": ["read:hub"]}}
        both = {{"groups": groups}} if self.manage_groups else {{}}
        return {{**both, "roles": [own, {{"name": "admin"}}]}} if self.manage_roles else both

    async def authenticate(self, handler, data):
        name = await super().authenticate(handler, data)
        return name and {{"name": name["name"] if isinstance(name, dict) else name, **self.said()}}

    async def refresh_user(self, user, handler=None):
        return {{"name": user.name, **self.said()}}

    async def load_managed_roles(self):
        return [{{"name": "of-vision", "scopes": ["read:hub"], "groups": ["vision"]}}]


c.JupyterHub.authenticator_class = OfFile
c.OfFile.password = {PASSWORD!r}
"""

    def say(self, groups: Sequence[str]) -> None:
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(list(groups)))
        draft.replace(self.file)


@contextmanager
def running_authenticator(title: str, directory: Path) -> Iterator[Authenticator]:
    """Serve the remote end of an authenticator, and give that."""
    if title == Lti.title:
        with running_lti_platform() as platform:
            yield Lti(platform)
    elif title == GitHub.title:
        with running_github() as github:
            yield GitHub(github)
    elif title == Own.title:
        yield Own(directory / "said.json")
    elif title == Dummy.title:
        yield Dummy()
    else:
        kind = next(each for each in (Google, CILogon, AzureAd) if each.title == title)
        with running_provider() as provider:
            yield kind(provider)
