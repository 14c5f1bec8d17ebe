"""What notices say, whom they reach once, and when one is sent again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.access_requests import AccessRequest, Wish
from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.notices import (
    MAX_AGE,
    MAX_ATTEMPTS,
    MAX_SUBJECT,
    Channel,
    Event,
    Notice,
    announce_at,
    gives_the_same,
    grant_facts,
    make_notices,
    name_grant,
    next_attempt,
    one_line,
    request_facts,
    say_subject,
    say_text,
)
from jupyterhub_platform.core.resources import Resources
from tests.support.policies import NOW

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
BOTH = (Channel.MAIL, Channel.WEBHOOK)


def asked(wish: dict[str, Any], kind: Wish = Wish.TIER, **more: Any) -> AccessRequest:
    said: dict[str, Any] = {"account": "vision", "lasts": 2 * DAY, "reason": "training"} | more
    return AccessRequest(id="r1", user="dev", kind=kind, wish=wish, at=NOW, **said)


def told(event: Event, facts: dict[str, Any]) -> Notice:
    return make_notices(event, "r1", facts, ["boss"], [Channel.MAIL], NOW)[0]


def granted(**more: Any) -> Grant:
    said: dict[str, Any] = {
        "path": "grants.g1",
        "user": "dev",
        "group": "",
        "account": "vision",
        "add": Resources.of({"memory": 2**30, "servers": 1}),
        "tier": "",
        "starts": None,
        "until": NOW + DAY,
        "by": "boss",
        "reason": "a paper",
    }
    return Grant(**(said | more))


@pytest.mark.parametrize(
    ("wish", "more", "subject"),
    [
        ({"tier": "gpu"}, {}, "dev asks for the tier gpu for 2 d in vision"),
        (
            {"add": {"memory": "2Gi", "servers": 1}},
            {},
            "dev asks for 2 GiB and 1 server more for 2 d in vision",
        ),
        ({"add": {"cpu": "much"}}, {}, "dev asks for cpu much more for 2 d in vision"),
        ({"grant": "g1"}, {}, "dev asks for a longer grant for 2 d in vision"),
        (
            {"level": "manager"},
            {"account": "", "lasts": None},
            "dev asks for the level manager",
        ),
    ],
)
def test_a_request_is_said_in_a_line(
    wish: dict[str, Any], more: dict[str, Any], subject: str
) -> None:
    facts = request_facts(asked(wish, **more), "dev", "")
    assert say_subject(told(Event.REQUEST_MADE, facts)) == subject
    text = say_text(told(Event.REQUEST_MADE, facts))
    assert text.splitlines()[1:] == ["Why: training", "Approve or refuse it: one answer is enough."]


def test_an_answer_says_who_gave_it_and_why() -> None:
    facts = request_facts(asked({"tier": "gpu"}), "boss", "no GPU\r\nis free")
    refused = told(Event.REQUEST_REFUSED, facts)
    assert say_subject(refused) == "Request of dev refused: the tier gpu for 2 d in vision"
    assert say_text(refused).splitlines() == [
        "dev asked for the tier gpu for 2 d in vision.",
        "Why: training",
        "The request is refused, by boss.",
        "Answer: no GPU is free",
    ]
    level = request_facts(asked({"level": "manager"}, account="", lasts=None), "boss", "ok")
    assert say_text(told(Event.REQUEST_APPROVED, level)).startswith(
        "dev asked for the level manager.\n"
    )


def test_an_approval_of_less_says_what_was_approved() -> None:
    given_instead = {"wish": {"tier": "gpu"}, "seconds": 3600}
    facts = request_facts(asked({"tier": "gpu"}), "boss", "ok", given_instead)
    approved = told(Event.REQUEST_APPROVED, facts)
    assert say_subject(approved).startswith("Request of dev approved, for less: ")
    assert "Approved was less: the tier gpu for 1 h." in say_text(approved)


def test_the_end_of_a_grant_is_said_before_and_after() -> None:
    facts = grant_facts(granted())
    soon = told(Event.GRANT_ENDS, facts)
    assert say_subject(soon) == "Grant of 1 GiB and 1 server for dev ends soon"
    assert "in vision for dev ends at 03 Mar 2026 09:30 UTC. Ask for a longer" in say_text(soon)
    ended = told(Event.GRANT_ENDED, facts)
    assert say_subject(ended) == "Grant of 1 GiB and 1 server for dev has ended"
    assert "for dev has ended at 03 Mar 2026 09:30 UTC." in say_text(ended)
    early = told(Event.GRANT_ENDED, {"grant": {**facts["grant"], "early": True}})
    assert "has ended before its time" in say_text(early)
    group = granted(user="", group="text", account="", tier="gpu", add=Resources())
    assert say_subject(told(Event.GRANT_ENDS, grant_facts(group))) == (
        "Grant of the tier gpu for text ends soon"
    )
    assert "The grant of the tier gpu for text ends at" in say_text(
        told(Event.GRANT_ENDS, grant_facts(group))
    )


def test_a_test_tells_of_nothing() -> None:
    assert say_subject(told(Event.TEST, {})) == "Test of notices"
    assert say_text(told(Event.TEST, {})) == "This is a test of notices. Nothing has happened."


@given(st.text())
def test_no_text_of_users_leaves_its_line(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not any(ord(each) < 32 for each in line)
    facts = request_facts(asked({"tier": text}, reason=text, account=text), text, text)
    notice = told(Event.REQUEST_REFUSED, facts)
    assert len(say_subject(notice)) <= MAX_SUBJECT
    assert len(say_subject(notice).splitlines()) == 1
    assert len(say_text(notice).splitlines()) == 4


def test_text_that_is_turned_around_or_hidden_is_shown_plainly() -> None:
    assert one_line("a\u202egpj.exe\r\nBcc: x\x00\u200b\ud800b") == "a gpj.exe Bcc: x b"


def test_each_recipient_gets_an_e_mail_and_the_webhook_one_message() -> None:
    made = make_notices(Event.REQUEST_MADE, "r1", {}, ["boss", "ada", "boss"], BOTH, NOW)
    assert [(each.channel, each.recipients) for each in made] == [
        (Channel.MAIL, ("ada",)),
        (Channel.MAIL, ("boss",)),
        (Channel.WEBHOOK, ("ada", "boss")),
    ]
    assert len({each.id for each in made}) == 3
    assert make_notices(Event.REQUEST_MADE, "r1", {}, ["boss"], (), NOW) == []
    again = make_notices(Event.REQUEST_MADE, "r1", {}, ["ada", "boss"], BOTH, NOW + DAY)
    assert [each.id for each in again] == [each.id for each in made]
    other = make_notices(Event.REQUEST_VOID, "r1", {}, ["ada", "boss"], BOTH, NOW)
    assert not {each.id for each in other} & {each.id for each in made}


def test_attempts_come_later_each_time_and_have_an_end() -> None:
    new = told(Event.TEST, {})
    delays = []
    for attempts in range(1, MAX_ATTEMPTS):
        at = next_attempt(replace(new, attempts=attempts), NOW)
        assert at is not None
        delays.append((at - NOW).total_seconds())
    assert delays[:4] == [5, 10, 20, 40]
    assert delays == sorted(delays)
    assert delays[-1] == 3600
    assert next_attempt(replace(new, attempts=MAX_ATTEMPTS), NOW) is None
    assert next_attempt(replace(new, attempts=1), NOW + MAX_AGE) is None
    assert next_attempt(replace(new, attempts=1), NOW + MAX_AGE - MINUTE) is not None


def test_a_grant_keeps_its_name_while_the_file_changes() -> None:
    declared = name_grant(granted(), is_managed=False)
    assert name_grant(granted(path="grants.7", by="root", reason="b"), is_managed=False) == declared
    assert name_grant(granted(until=NOW + 2 * DAY), is_managed=False) == declared
    assert name_grant(granted(user="eve"), is_managed=False) != declared
    assert name_grant(granted(), is_managed=True) == "grants.g1"
    assert gives_the_same(grant_facts(granted()), grant_facts(granted(path="grants.7")))
    assert not gives_the_same(grant_facts(granted()), grant_facts(granted(tier="gpu")))


def test_a_short_grant_is_not_announced_as_it_begins() -> None:
    assert announce_at(NOW + 10 * DAY, NOW, DAY) == NOW + 9 * DAY
    assert announce_at(NOW + DAY, NOW, DAY) == NOW + DAY / 2
