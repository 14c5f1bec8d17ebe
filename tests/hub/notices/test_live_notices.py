"""Notices of a real Hub reach a mail server and a webhook, whatever is killed meanwhile."""

import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_live_objects import Terminal
from tests.hub.api.test_live_access_requests import POLICY, answer, ask
from tests.hub.api.test_live_managed import refused
from tests.support.live_hub import LiveHub, running, wait_for
from tests.support.receivers import (
    MailReceiver,
    WebhookReceiver,
    free_port,
    receiving_mail,
    receiving_webhook,
)
from tests.support.store_readers import read_audit

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


def test_a_level_is_approved_for_a_while_announced_and_reverts_by_itself(site: Site) -> None:
    hub, jhp = site.hub, Terminal(site.hub.state)
    dev2, admin = hub.token("dev2"), hub.token("admin")
    asked = ask(dev2, level="operator", account=None, **{"for": None}).json()
    refused(
        answer(hub.token("boss"), asked["id"], "approve", **{"for": "1h"}),
        404,
        "platform.not_found",
    )

    def groups() -> set[str]:
        return {each for each in admin.get("users/dev2").json()["groups"] if ":" in each}

    with site.receive():
        approved = answer(admin, asked["id"], "approve", **{"for": "30s"})
        assert approved.status_code == 200, approved.text
        assert groups() == {"level:operator"}
        person = admin.get(f"{hub.url}/services/platform/api/v1/people/dev2").json()
        assert (person["level"], person["granted_level"]["then"]) == ("operator", "developer")
        page = hub.login("admin").visit("services/platform/people/dev2").text
        assert person["granted_level"]["until"] in page
        assert "then developer again" in page
        explained = jhp.done("explain dev2").stdout
        assert explained.startswith("dev2 is operator until ")
        assert f"by grants.{asked['id']}; then developer again, as said by users.dev2" in explained
        ends = wait_for_event(site, "grant.ends", user="dev2", level="operator")
        assert ends["recipients"] == ["dev2"]
        wait_for(lambda: groups() == {"level:developer"}, "the level to revert")
        wait_for_event(site, "grant.ended", user="dev2", level="operator")
        wait_for(lambda: jhp.json("notices list --only waiting") == [], "its e-mail too")
    assert jhp.done("explain dev2").stdout.startswith("dev2 is developer: users.dev2, ")


def test_what_is_told_while_receivers_are_away_and_the_hub_is_killed_arrives_once(
    site: Site,
) -> None:
    before = len(site.webhook.posted), len(site.mail.letters)
    dev2 = site.hub.token("dev2")
    hostile = "paper Bcc: eve@example.org <b>Log in</b> at https://evil.example"
    id_ = ask(dev2, tier="big", reason=hostile).json()["id"]
    jhp = Terminal(site.hub.state)

    def is_tried() -> bool:
        lines = jhp.json("notices list --only waiting")
        return sorted((e["channel"], bool(e["error"])) for e in lines) == [
            ("mail", True),
            ("webhook", True),
        ]

    wait_for(is_tried, "both channels to be tried")
    doctor = jhp.run("doctor").output
    assert "Notices do not arrive by webhook at 127.0.0.1: The webhook does not answer" in doctor
    assert "very-secret" not in doctor
    site.hub.kill_hub()
    site.hub.start()
    with site.receive():
        wait_for_event(site, "request.made", id=id_)
        wait_for(lambda: len(site.mail.letters) > before[1], "the e-mail", 60)
        time.sleep(3)
    assert (len(site.webhook.posted), len(site.mail.letters)) == (before[0] + 1, before[1] + 1)
    letter = site.mail.letters[-1]
    assert letter["To"] == "boss@example.org"
    assert letter["Bcc"] is None
    assert f"Why: {hostile}" in letter.get_content()
    assert letter.get_content_type() == "text/plain"
    assert jhp.json("notices list --only waiting") == []


def test_a_hub_that_is_killed_while_it_sends_sends_again_under_the_same_id(site: Site) -> None:
    """The receiver has it, and the Hub could not note that: it comes once more, as the same."""
    site.webhook.posted.clear()
    site.webhook.hold.set()
    admin = site.hub.token("admin")
    with site.receive():
        sent = admin.post("platform/notices/test", json={"user": "dev1"}).json()["items"]
        wait_for(lambda: site.webhook.posted, "the test to arrive")
        site.hub.kill_hub()
        site.webhook.hold.clear()
        site.hub.start()
        (id_,) = [each["id"] for each in sent if each["channel"] == "webhook"]
        assert [each.json["id"] for each in site.webhook.posted] == [id_]
        make_due(site.hub)
        wait_for(lambda: len(site.webhook.posted) == 2, "the second attempt")
        assert [each.json["id"] for each in site.webhook.posted] == [id_, id_]
        assert site.webhook.posted[0].json == site.webhook.posted[1].json
    states = {each["id"]: each["state"] for each in Terminal(site.hub.state).json("notices list")}
    assert {states[each["id"]] for each in sent} == {"delivered"}


def make_due(hub: LiveHub) -> None:
    """Let the time pass for which a killed Hub's attempt is waited for."""
    with sqlite3.connect(hub.state / "platform.sqlite", timeout=10) as store:
        store.execute("UPDATE notice SET next_at = at WHERE state = 'waiting'")
    store.close()


def test_operators_list_try_and_send_again(site: Site) -> None:
    jhp = Terminal(site.hub.state)
    site.mail.letters.clear()
    with site.receive():
        tried = jhp.run("notices test --to dev1")
        assert tried.exit_code == 0, tried.output
        assert tried.stdout.count("delivered") == 2
        assert site.mail.subjects_to("dev1@example.org") == ["[Requests] Test of notices"]
        site.mail.refused["dev2@example.org"] = "550 no such user"
        failed = jhp.run("notices test --to dev2 --json")
        assert failed.exit_code == 1
        lines = {each["channel"]: each for each in json.loads(failed.stdout)}
        assert lines["webhook"]["state"] == "delivered"
        assert lines["mail"]["state"] == "failed"
        assert lines["mail"]["error"] == "The mail server refuses the recipient (550)."
        site.mail.refused.clear()
        jhp.done(f"notices retry {lines['mail']['id']}")
        wait_for(lambda: site.mail.subjects_to("dev2@example.org"), "the e-mail")
    health = site.hub.token("admin").get("platform/health").json()["notices"]
    assert [(each["channel"], each["error"]) for each in health] == [("webhook", ""), ("mail", "")]
    assert health[0]["target"] == "127.0.0.1"
    metrics = site.hub.token("admin").get("metrics").text
    assert 'notices_total{channel="mail",outcome="failed"}' in metrics
    assert "very-secret" not in site.hub.log
    assert SECRET not in site.hub.log


@pytest.mark.parametrize("name", ["dev1", "boss"])
def test_users_and_managers_neither_read_nor_send_notices(site: Site, name: str) -> None:
    api = site.hub.token(name)
    refused(api.get("platform/notices"), 403, "request.forbidden")
    refused(api.post("platform/notices/test", json={}), 403, "request.forbidden")
    refused(api.post("platform/notices/x/retry", json={}), 403, "request.forbidden")


# Last, since these grants have notices of their own, whenever they end.
@pytest.mark.parametrize(("seconds", "starts_at_once"), [(6, False), (9, True)])
def test_a_level_that_ends_while_the_hub_is_down_is_gone_with_the_first_request(
    site: Site, seconds: int, starts_at_once: bool
) -> None:
    hub = site.hub
    admin, dev1 = hub.token("admin"), hub.token("dev1")
    server = f"cover-{seconds}"
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    document = {"user": "dev1", "level": "manager", "until": until.isoformat(), "reason": "cover"}
    body = {"document": document | {"by": "admin"}, "reason": "boss is away"}
    made = admin.post("platform/grants", json=body)
    assert made.status_code == 201, made.text
    # Only managers may do this, or start that.
    assert dev1.get("platform/bulk/none").status_code == 404
    started = dev1.start("dev1", server, tier="big", account="vision")
    assert started.status_code in {201, 202}, started.text
    dev1.wait_until_ready("dev1", server)
    hub.kill_hub()
    if not starts_at_once:
        time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()))
    hub.start()
    # Where it ends as the Hub starts, it may have been settled just before.
    wait = (until - datetime.now(UTC)).total_seconds() + 2 * starts_at_once
    time.sleep(max(0.0, wait))
    refused(dev1.get("platform/bulk/none"), 403, "request.forbidden")
    groups = admin.get("users/dev1").json()["groups"]
    assert [each for each in groups if ":" in each] == ["level:developer"]
    # What runs goes on, and nothing of the kind starts again.
    assert server in dev1.servers("dev1")
    options = {"user_options": {"tier": "big", "account": "vision"}}
    assert not dev1.post("platform/decide", json=options).json()["admitted"]
    (row,) = [r for r in read_audit(hub) if made.json()["name"] in r.detail_json]
    assert (row.action, json.loads(row.detail_json)["after"]["until"]) == (
        "grant.made",
        made.json()["after"]["until"],
    )
    dev1.stop("dev1", server)
