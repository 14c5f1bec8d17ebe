"""A learning management system as an LTI 1.3 platform: it launches the Hub with signed messages."""

import html
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.json_answers import JsonAnswers, serving

CLAIM: Final = "https://purl.imsglobal.org/spec/lti/claim/"
MEMBERSHIP: Final = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
LOGIN: Final = "/hub/lti13/oauth_login"
CALLBACK: Final = "/hub/lti13/oauth_callback"


@dataclass
class Launch:
    """What a user does in the system: opens the Hub from a course, with a role there."""

    subject: str
    email: str
    course: str = "1535590"
    roles: tuple[str, ...] = ("Learner",)
    target: str = "/hub/token"
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims instead of those that the system would send; without those that are ``None``."""


class LtiPlatform:
    """Knows one tool, the Hub, and signs what it says of users.

    ``asked`` are the requests for authentication that it got. ``signs_with`` can be another key
    than the published one.
    """

    def __init__(self) -> None:
        self.url = ""
        self.client = "10000000000001"
        self.deployment = "1:course-hub"
        self.key = RSAKey.generate_key(2048, {"kid": "of-the-platform", "use": "sig"})
        self.signs_with = self.key
        self.asked: list[dict[str, str]] = []
        self._launches: dict[str, Launch] = {}

    def configure(self, kind: str = "ltiauthenticator.lti13.auth.LTI13Authenticator") -> str:
        """Return the settings of a Hub whose people come from here."""
        return f"""
c.JupyterHub.authenticator_class = {kind!r}
c.LTI13Authenticator.issuer = {self.url!r}
c.LTI13Authenticator.authorize_url = {self.url + "/authorize"!r}
c.LTI13Authenticator.jwks_endpoint = {self.url + "/jwks"!r}
c.LTI13Authenticator.client_id = {{{self.client!r}}}
"""

    def begin(self, browser: httpx.Client, launch: Launch) -> tuple[str, dict[str, str]]:
        """Open the Hub from a course; return where the answer goes, and its fields."""
        self._launches[launch.subject] = launch
        asked = browser.post(
            LOGIN,
            data={
                "iss": self.url,
                "login_hint": launch.subject,
                "target_link_uri": f"{browser.base_url}".rstrip("/") + launch.target,
                "client_id": self.client,
                "lti_deployment_id": self.deployment,
                "lti_message_hint": launch.course,
            },
        )
        assert asked.status_code == 302, asked.text
        page = httpx.get(asked.headers["Location"])
        assert page.status_code == 200, page.text
        return read_form(page.text)

    def launch(self, browser: httpx.Client, launch: Launch) -> httpx.Response:
        """Open the Hub from a course, and return what it answers to the signed launch."""
        where, fields = self.begin(browser, launch)
        return browser.post(where, data=fields)

    def sign(self, launch: Launch, nonce: str) -> str:
        """Return the message that says who has opened the Hub."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": self.client,
            "sub": launch.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "email": launch.email,
            "name": launch.email.partition("@")[0].title(),
            CLAIM + "version": "1.3.0",
            CLAIM + "message_type": "LtiResourceLinkRequest",
            CLAIM + "deployment_id": self.deployment,
            CLAIM + "target_link_uri": launch.target,
            CLAIM + "resource_link": {"id": f"link-of-{launch.course}"},
            CLAIM + "roles": [MEMBERSHIP + role for role in launch.roles],
            CLAIM + "context": {"id": launch.course, "label": "DATA8", "type": ["CourseSection"]},
            **launch.claims,
        }
        said = {name: each for name, each in claims.items() if each is not None}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, said, self.signs_with)

    def authorize(self, asked: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Return where a request for authentication is answered, and with what."""
        assert asked["client_id"] == self.client
        assert asked["redirect_uri"].endswith(CALLBACK)
        wanted = {"scope": "openid", "response_type": "id_token", "response_mode": "form_post"}
        assert (wanted | {"prompt": "none"}).items() <= asked.items(), asked
        self.asked.append(asked)
        launch = self._launches[asked["login_hint"]]
        assert asked["lti_message_hint"] == launch.course
        token = self.sign(launch, asked["nonce"])
        return asked["redirect_uri"], {"id_token": token, "state": asked["state"]}


def render_form(where: str, fields: dict[str, str]) -> str:
    """Return a page that sends fields at once, as these systems do."""
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in fields.items()
    )
    form = f'<form method="post" action="{html.escape(where)}">{hidden}</form>'
    return f"<!doctype html><title>Launch</title>{form}<script>document.forms[0].submit()</script>"


def read_form(page: str) -> tuple[str, dict[str, str]]:
    """Return where such a page sends its fields, and the fields."""
    where = re.search(r'action="([^"]+)"', page)
    assert where, page
    found = re.findall(r'name="([^"]+)" value="([^"]*)"', page)
    return html.unescape(where[1]), {name: html.unescape(value) for name, value in found}


@contextmanager
def running_lti_platform() -> Iterator[LtiPlatform]:
    """Serve one on a port of its own."""
    platform = LtiPlatform()

    class Answers(JsonAnswers):
        def get(self) -> None:
            if self.read_path() == "/authorize":
                self.answer_page(render_form(*platform.authorize(self.read_query())))
            elif self.read_path() == "/jwks":
                self.answer({"keys": [platform.key.as_dict(private=False)]})
            else:
                self.answer({}, 404)

    with serving(Answers) as platform.url:
        yield platform
