"""Notices of a real Hub reach a mail server and a webhook, whatever is killed meanwhile."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hub.api.test_live_access_requests import POLICY, answer, ask
from tests.support.live_hub import LiveHub, running, wait_for
from tests.support.receivers import (
    MailReceiver,
    WebhookReceiver,
    free_port,
    receiving_mail,
    receiving_webhook,
)

pytestmark = pytest.mark.hub

SECRET = "a secret of some length"
SITE = """\
c.Platform.webhook_url = {url!r}
c.Platform.mail_server = "127.0.0.1:{port}"
c.Platform.mail_security = "none"
c.Platform.mail_from = "hub@example.org"
c.Platform.mail_domain = "example.org"
"""


@dataclass
class Site:
    """A Hub and both receivers, which can be taken away and brought back."""

    hub: LiveHub
    webhook: WebhookReceiver
    mail: MailReceiver

    def receive(self) -> ExitStack:
        """Bring the receivers up, until the stack is closed."""
        stack = ExitStack()
        stack.enter_context(receiving_webhook(self.webhook))
        stack.enter_context(receiving_mail(self.mail))
        return stack


@pytest.fixture(scope="module")
def site(make_directory: Callable[[], Path]) -> Iterator[Site]:
    webhook, mail = WebhookReceiver(free_port()), MailReceiver(free_port())
    hub = LiveHub(
        make_directory(),
        POLICY,
        site=SITE.format(url=webhook.url, port=mail.port),
        environment={"PLATFORM_WEBHOOK_SECRET": SECRET},
    )
    with running(hub):
        yield Site(hub, webhook, mail)


def wait_for_event(site: Site, event: str, **facts: Any) -> dict[str, Any]:
    def find() -> dict[str, Any] | None:
        for each in site.webhook.posted:
            said = each.json
            part = said["request"] or said["grant"] or {}
            if said["event"] == event and facts.items() <= part.items():
                return said
        return None

    wait_for(lambda: find() is not None, f"{event} to arrive")
    found = find()
    assert found is not None
    return found


def test_a_request_is_announced_answered_and_its_grant_ends(site: Site) -> None:
    dev1, boss = site.hub.token("dev1"), site.hub.token("boss")
    with site.receive():
        id_ = ask(dev1, tier="big").json()["id"]
        made = wait_for_event(site, "request.made", id=id_)
        assert made["recipients"] == ["boss"]
        assert made["link"] == f"{site.hub.url}/services/platform/requests/{id_}"
        answer(boss, id_, "approve", **{"for": "20s"}, reason="one run")
        approved = wait_for_event(site, "request.approved", id=id_)
        assert (approved["recipients"], approved["request"]["answer"]) == (["dev1"], "one run")
        assert approved["request"]["given"]["seconds"] == 20
        wait_for_event(site, "grant.ends", user="dev1", tier="big")
        ended = wait_for_event(site, "grant.ended", user="dev1", tier="big")
        assert ended["grant"]["early"] is False
        wait_for(lambda: len(site.mail.subjects_to("dev1@example.org")) == 3, "3 e-mails")
    assert site.mail.subjects_to("boss@example.org") == [
        "[Requests] dev1 asks for the tier big for 2 d in vision"
    ]
    assert site.mail.subjects_to("dev1@example.org") == [
        "[Requests] Request of dev1 approved, for less: the tier big for 2 d in vision",
        "[Requests] Grant of the tier big for dev1 ends soon",
        "[Requests] Grant of the tier big for dev1 has ended",
    ]
    text = site.mail.letters[0].get_content()
    assert "Why: training" in text
    assert made["link"] in text
    posted = site.webhook.posted[0]
    expected = hmac.new(
        SECRET.encode(),
        posted.headers["X-Platform-Timestamp"].encode() + b"." + posted.body,
        hashlib.sha256,
    ).hexdigest()
    assert posted.headers["X-Platform-Signature"] == f"sha256={expected}"
    assert posted.headers["X-Platform-Notice"] == posted.json["id"]
