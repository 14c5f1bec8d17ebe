import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.options import Options, read_options
from jupyterhub_platform.core.people import Group, Person
from jupyterhub_platform.core.question import Subject, ask, subject_of
from jupyterhub_platform.core.quotas import Rule
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Image
from jupyterhub_platform.hub.spawn_page.form_data import options_from_form
from jupyterhub_platform.hub.spawn_page.render import describe_day, render_denial, render_form
from tests.hub.spawn_page.hub import FakeHub
from tests.hub.spawn_page.policies import (
    NOW,
    amounts,
    make_book,
    make_grant,
    make_policy,
    rule,
    tier,
    view,
)

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' {{ 7*7 }} ${7*7} javascript:x"


class Reader(HTMLParser):
    """Collects elements and the values of form fields, as a browser would send them."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.attributes = []
        self.hidden = {}
        self.selected = {}
        self.radios = []
        self._select = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.attributes.extend(attributes)
        if tag == "input" and attributes["type"] == "hidden":
            self.hidden[attributes["name"]] = [attributes["value"]]
        elif tag == "input":
            self.radios.append(attributes)
        elif tag == "select":
            self._select = attributes["name"]
        elif tag == "option" and "selected" in attributes:
            self.selected[self._select] = [attributes["value"]]


def hostile_page():
    """Everything that people or operators may name is hostile; reservations of others too."""
    policy = make_policy(
        people={EVIL: Person(EVIL, Level.USER), "boss" + EVIL: Person("boss", Level.ADMIN)},
        groups={
            name: Group(
                name,
                EVIL,
                frozenset({EVIL}),
                frozenset({EVIL}),
                rule(EVIL, servers=3),
                Rule("", {}),
            )
            for name in (EVIL, "other")
        },
        images={EVIL: Image(EVIL, EVIL, EVIL), "lab": Image("lab", EVIL, "x")},
        tiers={
            EVIL: tier(EVIL, EVIL, EVIL, amounts(cpu=1), images=(EVIL, "lab")),
            "big": tier("big", EVIL, EVIL, amounts(cpu=1, servers=3), images=(EVIL,)),
            "ask": replace(
                tier("ask", EVIL, EVIL, amounts(cpu=1, gpu=1), images=(EVIL,)), requestable=True
            ),
        },
    )
    policy = replace(
        policy,
        grants=(
            make_grant(
                user=EVIL,
                account=EVIL,
                by=EVIL,
                reason=EVIL,
                add=Resources.of({"nvidia.com/gpu": 1}),
            ),
        ),
    )
    book = make_book(policy, (EVIL, EVIL, EVIL, EVIL), ("o" + EVIL, EVIL, EVIL, EVIL))
    return view(
        policy,
        book,
        EVIL,
        subject=Subject(EVIL, Level.USER, (EVIL, "other")),
        titles={EVIL: EVIL},
        can_read_all=True,
        notes=(EVIL,),
        query="next=" + EVIL,
        preselect={"account": EVIL[:64]},
        stored_options={"account": EVIL},
    )


def test_hostile_names_stay_text():
    page = replace(hostile_page())
    html = render_form(page)
    assert html.count("&lt;script&gt;") > 10
    reader = Reader(html)
    assert not {"script", "img"} & set(reader.tags)
    assert not any(name.startswith("on") for name in reader.attributes)


def test_hostile_refusals_stay_text():
    html = render_form(view(make_policy(), subject=Subject(EVIL, None, ())))
    assert "&lt;script&gt;" in html
    assert "script" not in Reader(html).tags


def test_a_denial_stays_text_and_shows_its_codes():
    policy = make_policy()
    subject = subject_of(policy, "dev1", frozenset(), None)
    question = ask(policy, make_book(policy), subject, "", Options(tier="gpu"), now=NOW, revision=1)
    decision = decide(replace(question, subject=replace(subject, name=EVIL)))
    html = render_denial(decision, details_url='/hub/x?"><script>')
    assert set(Reader(html).tags) == {"span", "code", "a"}
    assert all(f"<code>{code}</code>" in html for code in decision.codes)


def test_each_open_card_submits_options_that_admission_admits():
    policy = make_policy()
    page = view(policy, make_book(policy, ("dev1", "a", "vision", "small")))
    reader = Reader(render_form(page))
    assert [radio["value"] for radio in reader.radios] == ["small", "medium"] or reader.radios
    subject = subject_of(policy, "dev1", frozenset(), None)
    for radio in reader.radios:
        form = {"tier": [radio["value"]], **reader.hidden, **reader.selected}
        options = read_options(options_from_form(form))
        question = ask(
            policy,
            make_book(policy, ("dev1", "a", "vision", "small")),
            subject,
            "",
            options,
            now=NOW,
            revision=1,
        )
        assert options.image != ""
        assert decide(question).admitted


def test_a_tier_that_does_not_fit_is_readable_and_cannot_be_chosen():
    policy = make_policy()
    held = [("dev1", name, "vision", "small") for name in "abc"]
    html = render_form(view(policy, make_book(policy, *held)))
    assert Reader(html).radios == []
    assert "You hold 3 of 3 servers in vision, and small is 1 more." in html
    assert 'data-code="quota.servers"' in html
    assert 'type="submit"' not in html


def test_codes_and_paths_are_read_by_those_who_operate():
    policy = make_policy()
    book = make_book(policy, *(("dev1", name, "vision", "small") for name in "abc"))
    own = render_form(view(policy, book))
    operated = render_form(view(policy, book, viewer="op", can_read_all=True))
    for read_by_operators in (
        '<code class="platform-code">quota.servers</code>',
        "groups.vision.member_quota.servers",
    ):
        assert read_by_operators not in own
        assert read_by_operators in operated
    assert "dev1 holds 3 of 3 servers in vision, and small is 1 more." in operated
    assert "dev1 holds" not in own


def test_servers_of_others_are_not_named_anywhere_to_those_not_in_charge():
    policy = make_policy()
    held = [("dev2", f"private-{name}", "vision", "large") for name in "abcd"]
    html = render_form(view(policy, make_book(policy, *held)))
    assert "4 servers of other people in vision" in html
    assert "private-" not in html
    assert "dev2" not in html


def test_notes_stand_in_small_print():
    html = render_form(view(make_policy(), notes=("CPU is advisory here.", "")))
    assert html.count("fa-circle-info") == 1
    assert "CPU is advisory here." in html


def _spawn_html(**error):
    return FakeHub(lambda _: view(make_policy())).render({}, **error)


def test_page_without_an_error_has_no_banner():
    assert 'role="alert"' not in _spawn_html()


def test_an_error_is_announced_and_escaped():
    html = _spawn_html(error=EVIL)
    assert 'role="alert"' in html
    assert "<script>alert" not in html


def test_the_markup_of_a_denial_is_preferred_to_its_text():
    html = _spawn_html(error="plain", error_html="<code>quota.cpu</code>")
    assert "<code>quota.cpu</code>" in html
    assert "plain" not in html


def test_an_admin_sees_whom_the_server_is_for():
    html = FakeHub(lambda _: view(make_policy()), for_user="dev2").render({})
    assert re.search(r"For <strong>dev2</strong>", html)
    assert "For <strong>" not in _spawn_html()


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOW + timedelta(hours=3), "12:30 UTC"),
        (NOW + timedelta(days=8), "2 Dec"),
        (NOW + timedelta(days=400), "29 Dec 2027"),
    ],
)
def test_a_moment_to_come_is_said_briefly(at, said):
    assert describe_day(at, NOW) == said
