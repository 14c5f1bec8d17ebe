"""Launches by LTI 1.3: what a signed message of a course makes of a user, and which are refused."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from tests.support.live_hub import Api, LiveHub, Session, running
from tests.support.lti_platform import CLAIM, Launch, LtiPlatform, running_lti_platform

pytestmark = pytest.mark.hub

PAGE = (Path(__file__).resolve().parents[3] / "docs/authenticators.md").read_text()
SITE, RULES = (
    next(
        each for each in re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) if "course::" in each
    )
    for kind in ("python", "yaml")
)
"""What the documentation says that a site with courses writes."""
POLICY = f"""\
version: 1
users:
  root@uni.edu: {{level: admin}}
  prof@uni.edu: {{level: developer}}
{RULES}
images: {{lab: {{reference: "quay.io/jupyter/base-notebook:latest"}}}}
tiers: {{small: {{requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}}}
"""
ADA = Launch("1001", "Ada@uni.edu")
PROF = Launch("1002", "prof@uni.edu", roles=("Instructor",))


@dataclass
class Site:
    """A Hub that is opened from courses."""

    hub: LiveHub
    lti: LtiPlatform

    def open(self) -> Session:
        """Open a browser at the Hub."""
        session = Session(self.hub.url, "")
        self.hub.keep(session)
        return session

    def log_in(self, launch: Launch) -> Session:
        """Open the Hub from a course, which lets the user in."""
        session = self.open()
        answer = self.lti.launch(session, launch)
        assert answer.status_code == 302, answer.text
        assert answer.headers["Location"] == launch.target
        assert is_in(session)
        return session

    def groups_of(self, session: Session, name: str) -> set[str]:
        """Return the Hub's groups of the user of a session, who is called so."""
        path = f"/hub/api/users/{name}/tokens"
        made = session.post_json(path, {"note": "test"})
        assert made.status_code == 201, made.text
        with Api(self.hub.url, made.json()["token"]) as api:
            return set(api.get("user").json()["groups"])


def is_in(session: Session) -> bool:
    return session.get("/hub/token").status_code == 200


@pytest.fixture(scope="module")
def site(make_directory: Callable[[], Path]) -> Iterator[Site]:
    with running_lti_platform() as lti:
        settings = lti.configure() + SITE
        with running(LiveHub(make_directory(), POLICY, site=settings)) as hub:
            yield Site(hub, lti)


@pytest.fixture(autouse=True)
def well_behaved(site: Site) -> None:
    site.lti.signs_with = site.lti.key


def test_a_launch_gives_a_level_and_the_groups_of_the_course(site: Site) -> None:
    ada, prof = site.log_in(ADA), site.log_in(PROF)
    assert site.groups_of(ada, "ada@uni.edu") == {
        *("level:user", "data8", "course::1535590", "course::1535590::learner")
    }
    assert site.groups_of(prof, "prof@uni.edu") == {
        *("level:developer", "data8", "data8-staff"),
        *("course::1535590", "course::1535590::instructor"),
    }


def test_the_next_launch_says_which_course_counts(site: Site) -> None:
    site.log_in(ADA)
    other = site.log_in(Launch(ADA.subject, ADA.email, course="77"))
    assert site.groups_of(other, "ada@uni.edu") == {
        *("level:user", "physics", "course::77", "course::77::learner")
    }


def test_a_role_of_a_course_makes_nobody_an_admin(site: Site) -> None:
    names = ("Learner", "Administrator", "level:admin", "http://purl.imsglobal.org/vocab#Mentor")
    ada = site.log_in(Launch(ADA.subject, ADA.email, course="level:admin", roles=names))
    groups = site.groups_of(ada, "ada@uni.edu")
    assert {each for each in groups if each.startswith("level:")} == {"level:user"}
    assert ada.get("/hub/admin").status_code == 403


def test_a_user_whom_no_rule_lets_in_is_told_so(site: Site) -> None:
    session = site.open()
    answer = site.lti.launch(session, Launch("1003", "bob@uni.edu", roles=("Observer",)))
    assert answer.status_code == 403
    assert "Campus: no rule of this platform lets you in." in answer.text
    assert not is_in(session)


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "of-another-tool"}, 401),
        ({"iss": "https://canvas.example.org"}, 400),
        ({"nonce": "of-another-launch"}, 400),
        ({"exp": 1_600_000_000}, 400),
        ({"iat": 1_600_000_000}, 400),
        ({CLAIM + "version": "1.1"}, 400),
        ({CLAIM + "message_type": "LtiSubmissionReviewRequest"}, 400),
        ({CLAIM + "deployment_id": "2:another-hub"}, 403),
        ({CLAIM + "deployment_id": None}, 400),
    ],
    ids=repr,
)
def test_a_message_that_is_not_for_this_launch_is_refused(
    site: Site, claims: dict[str, Any], status: int
) -> None:
    session = site.open()
    answer = site.lti.launch(session, Launch(ADA.subject, ADA.email, claims=claims))
    assert answer.status_code == status, answer.text
    assert not is_in(session)


def test_a_message_that_another_key_has_signed_is_refused(site: Site) -> None:
    site.lti.signs_with = RSAKey.generate_key(2048, {"kid": "of-the-platform"})
    session = site.open()
    assert site.lti.launch(session, ADA).status_code == 400
    assert not is_in(session)


def test_a_message_without_a_signature_is_refused(site: Site) -> None:
    session = site.open()
    where, fields = site.lti.begin(session, PROF)
    head, claims, _ = fields["id_token"].split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["alg"] == "RS256"
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode().rstrip("=")
    answer = session.post(where, data={**fields, "id_token": f"{head}.{claims}."})
    assert answer.status_code == 400
    assert not is_in(session)


def test_a_launch_counts_once_and_in_the_browser_that_began_it(site: Site) -> None:
    session = site.open()
    where, fields = site.lti.begin(session, PROF)
    stranger = site.open()
    assert stranger.post(where, data=fields).status_code == 400
    assert not is_in(stranger)
    other = site.open()
    _, theirs = site.lti.begin(other, ADA)
    assert other.post(where, data={**theirs, "id_token": fields["id_token"]}).status_code == 400
    assert other.post(where, data={**fields, "state": theirs["state"]}).status_code == 400
    assert not is_in(other)
    assert session.post(where, data=fields).status_code == 302
    assert is_in(session)
    session.get("/hub/logout")
    assert session.post(where, data=fields).status_code == 400
    assert not is_in(session)


def test_a_launch_leads_to_no_other_host(site: Site) -> None:
    session = site.open()
    site.lti.launch(session, Launch(PROF.subject, PROF.email, target="//evil.example/hub/token"))
    for hint in ("https://evil.example/x", "//evil.example/x", "/\\evil.example/x"):
        other = site.open()
        launch = Launch(PROF.subject, PROF.email, target=f"/hub?next={hint}")
        answer = site.lti.launch(other, launch)
        assert httpx.URL(answer.headers["Location"]).host in {"", httpx.URL(site.hub.url).host}
