"""The spawn page, My resources and the REST API say the same of the same facts."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any, TypeAlias

import pytest

from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.question import Question, ask
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.hub.spawn_page.page import SpawnPage
from jupyterhub_platform.hub.spawn_page.page_builder import build_page
from jupyterhub_platform.hub.spawn_page.page_context import PageLinks, PageViewer
from jupyterhub_platform.hub.spawn_page.render import render_form
from jupyterhub_platform.service.rendering import make_environment
from jupyterhub_platform.usecases.holdings import LimitLine, holdings_to_json
from jupyterhub_platform.usecases.reports.as_json import render_json
from jupyterhub_platform.usecases.reports.own import PersonReport, report_own
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.snapshot import Snapshot
from tests.hub.spawn_page.policies import NOW, make_book

POLICY = """\
version: 1
quota: {servers: 40, memory: 64Gi}
defaults: {user_quota: USER}
users: {kim: {level: LEVEL}, root: {level: admin}, mia: {level: manager}, other: {level: user}}
groups:
  vision: {members: [kim, other], managers: [mia], quota: {cpu: 8}, member_quota: MEMBER}
  text: {members: MEMBERS}
images: {lab: {reference: "lab:1"}}
tiers:
  small:
    title: Small
    requests: {cpu: 500m, memory: 1Gi}
    limits: {cpu: 1, memory: 2Gi}
    images: [lab]
    access: {users: ACCESS}
  large:
    title: Large
    requests: {cpu: 2, memory: 4Gi}
    images: [lab]
    at_once: {user: 2}
    access: {users: ACCESS}
  gpu:
    requests: {cpu: 1, memory: 1Gi, nvidia.com/gpu: 1}
    images: [lab]
    access: {users: ACCESS}
grants: GRANTS
"""
GRANT = """
- user: kim
  account: vision
  add: {nvidia.com/gpu: 2, memory: 2Gi}
  until: 2030-01-01T00:00:00Z
  by: mia
  reason: paper
"""
SMALL, LARGE, GPU = (("kim", name, "vision", name) for name in ("small", "large", "gpu"))
OTHERS = tuple(("other", str(number), "vision", "large") for number in range(2))


@dataclass(frozen=True)
class Shape:
    """What is declared and held, and the sentence with which both pages open."""

    held: tuple[tuple[str, str, str, str], ...]
    opens: str
    member: str = "{servers: 3, memory: 8Gi}"
    user: str = "{}"
    grants: str = "[]"
    level: str = "developer"
    members: str = "[other]"
    access: str = "[kim, other]"


SHAPES = {
    "nothing held": Shape((), "You hold nothing in vision. What fits now: Small, Large."),
    "some held": Shape(
        (SMALL,),
        "You hold 1 of 3 servers, 0.5 CPU and 1 of 8 GiB in vision. What fits now: Small, Large.",
    ),
    "full": Shape(
        (SMALL, LARGE),
        "You hold 2 of 2 servers, 2.5 CPU and 5 of 5 GiB in vision. No tier fits now.",
        member="{servers: 2, memory: 5Gi}",
    ),
    "nearly full": Shape(
        (SMALL, LARGE),
        "You hold 2 of 9 servers, 2.5 CPU and 5 of 6 GiB in vision. What fits now: Small.",
        member="{servers: 9, memory: 6Gi}",
    ),
    "over a lowered limit": Shape(
        (SMALL, LARGE),
        "You hold 2 of 1 server, 2.5 CPU and 5 of 3 GiB in vision. No tier fits now.",
        member="{servers: 1, memory: 3Gi}",
    ),
    "over a limit of nothing": Shape(
        (SMALL,),
        "You hold 1 of 0 servers, 0.5 CPU and 1 of 0 GiB in vision. No tier fits now.",
        member="{servers: 0, memory: 0}",
    ),
    "none granted": Shape(
        (),
        "You hold nothing in vision. No tier fits now.",
        member="{servers: 0}",
    ),
    "unlimited": Shape(
        (SMALL,),
        "You hold 1 server, 0.5 CPU and 1 GiB in vision. What fits now: Small, Large.",
        member="{}",
    ),
    "GPU": Shape(
        (SMALL, GPU),
        "You hold 2 of 3 servers, 1.5 CPU, 2 of 10 GiB and 1 of 2 GPU in vision. "
        "What fits now: Small, Large, gpu.",
        grants=GRANT,
    ),
    "GPU whose grant has ended": Shape(
        (GPU,),
        "You hold 1 of 3 servers, 1 CPU, 1 of 8 GiB and 1 of 0 GPU in vision. "
        "What fits now: Small, Large.",
    ),
    "in all accounts": Shape(
        (SMALL,),
        "You hold 0.5 CPU and 1 of 8 GiB in vision, and 1 of 4 servers in all accounts. "
        "What fits now: Small, Large.",
        member="{memory: 8Gi}",
        user="{servers: 4}",
    ),
    "others in the way": Shape(
        (SMALL, *OTHERS, *(("other", f"s{n}", "vision", "large") for n in range(1))),
        "You hold 1 of 3 servers, 0.5 CPU and 1 of 8 GiB in vision. What fits now: Small.",
    ),
}


@dataclass(frozen=True)
class Said:
    """What each door says of one shape."""

    page: SpawnPage
    report: PersonReport
    question: Question


def say(shape: Shape) -> Said:
    words = {
        "MEMBERS": shape.members,
        "MEMBER": shape.member,
        "USER": shape.user,
        "LEVEL": shape.level,
        "GRANTS": shape.grants,
        "ACCESS": shape.access,
    }
    text = re.sub("MEMBERS|MEMBER|USER|LEVEL|GRANTS|ACCESS", lambda found: words[found[0]], POLICY)
    policy = parse_policy(text.encode(), "platform.yaml").policy
    book, snapshot = make_book(policy, *shape.held), Snapshot(policy, 1)
    subject = snapshot.subject("kim", frozenset(), NOW)
    page = build_page(
        policy,
        book,
        subject,
        "",
        now=NOW,
        revision=1,
        stored_options={},
        preselect={"account": "vision"},
        viewer=PageViewer("kim"),
        links=PageLinks("/hub/", "/services/platform/"),
    )
    facts = ReportFacts(snapshot, "platform.yaml", NOW, book, NOW)
    options = Options(account="vision")
    question = ask(policy, book, subject, "", options, now=NOW, revision=1)
    return Said(page, report_own(facts, Viewer("kim", reads_own=True)), question)


Key: TypeAlias = tuple[Scope, str]


def by_scope(lines: tuple[LimitLine, ...]) -> Mapping[Key, LimitLine]:
    return {(line.limit.scope, line.limit.resource): line for line in lines}


def by_scope_in_json(limits: list[dict[str, Any]]) -> Mapping[Key, dict[str, Any]]:
    return {(Scope(**each["scope"]), each["resource"]): each for each in limits}


def read(html: str) -> str:
    """Return what can be read of a page, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def render_own(report: PersonReport) -> str:
    parts: Any = make_environment().get_template("platform/parts.html").module
    return str(parts.accounts(report, "/hub/", "/services/platform/", True, False))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_both_pages_open_with_the_same_sentence(shape: Shape) -> None:
    said = say(shape)
    assert said.page.answer == said.report.sentence == shape.opens
    assert shape.opens in read(render_form(said.page))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_limit_is_said_in_the_same_words_and_sizes_everywhere(shape: Shape) -> None:
    said = say(shape)
    (vision,) = said.report.accounts
    mine = by_scope((*vision.limits, *said.report.limits))
    shown = by_scope(said.page.limits)
    assert shown
    assert shown == {key: mine[key] for key in shown}
    form, own = read(render_form(said.page)), read(render_own(said.report))
    data = json.loads(json.dumps(render_json(said.report)))
    in_json = by_scope_in_json([*data["accounts"][0]["limits"], *data["limits"]])
    usage = by_scope_in_json(holdings_to_json(said.question)["limits"])
    for key, line in shown.items():
        # All are in a table, unless they are the same as the bars.
        assert len(said.page.bars) == len(shown) or f"{line.title}, {line.place}" in form
        for words in (line.figures, line.state):
            assert words in form
            assert words in own
        assert f"{line.title}, {line.place}" in own
        assert (in_json[key]["figures"], in_json[key]["state"]) == (line.figures, line.state)
        sizes = ("held", "limit", "left", "granted")
        assert [usage[key][name] for name in sizes] == [in_json[key][name] for name in sizes]
    assert vision.meters == said.page.bars
    for line in said.page.bars:
        assert f"{line.state} · {line.place}" in form
        assert f"{line.state} · {line.place}" in own


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_tier_gives_the_same_and_fits_alike_on_both_pages(shape: Shape) -> None:
    said = say(shape)
    (vision,) = said.report.accounts
    offers = {each.tier: each for each in vision.offers}
    cards = {each.name: each for each in said.page.cards}
    assert offers.keys() == cards.keys()
    form, own = read(render_form(said.page)), read(render_own(said.report))
    for name, card in cards.items():
        assert (offers[name].title, offers[name].fits) == (card.title, card.may_start)
        assert offers[name].sentence == card.decision.sentence
        assert offers[name].gives in own
        assert offers[name].gives.replace(",", "") in form
    fits = [name for name, offer in offers.items() if offer.fits]
    assert holdings_to_json(said.question)["fits"] == fits


STATES = {
    "full": "full",
    "over a lowered limit": "over by 2 GiB",
    "none granted": "none granted",
    "over a limit of nothing": "over by 1 GiB",
    "nearly full": "1 GiB left",
}


@pytest.mark.parametrize("name", STATES)
def test_remaining_amount_is_worded_alike_on_both_pages(name: str) -> None:
    said = say(SHAPES[name])
    states = [line.state for line in said.page.limits if line.limit.scope.kind == "member"]
    assert STATES[name] in states
    assert STATES[name] in read(render_own(said.report))
    assert STATES[name] in read(render_form(said.page))


MARKS = {
    "full": {"full", "free"},
    "nearly full": {"nearly", "free"},
    "over a lowered limit": {"over", "free"},
    "none granted": {"free"},
}


@pytest.mark.parametrize("name", MARKS)
def test_a_bar_is_marked_alike_on_both_pages(name: str) -> None:
    said = say(SHAPES[name])
    shown = set(re.findall(r'platform-fill is-(\w+)"', render_form(said.page)))
    assert shown == MARKS[name]
    assert shown <= set(re.findall(r'rect class="is-(\w+)"', render_own(said.report)))


REFUSED = {
    "viewer": ("viewer", "You have the level viewer, which opens what is shared with you."),
    "suspended": ("developer, suspended: {reason: away}", "You are suspended."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_user_who_can_start_nothing_gets_the_same_reason_on_both_pages(name: str) -> None:
    level, reason = REFUSED[name]
    said = say(Shape((), "", level=level))
    assert [each.text for each in said.page.refusals] == [reason]
    assert said.report.sentence == f"You hold nothing in vision. {reason}"


def test_an_account_without_a_tier_is_told_alike() -> None:
    said = say(Shape((SMALL,), "", access="[root]"))
    (vision,) = said.report.accounts
    assert said.page.empty == vision.empty
    assert vision.empty == (
        "No tier is open to you in vision. Ask a manager of vision (mia) for one."
    )
    assert said.page.answer == said.report.sentence
    assert vision.empty in read(render_own(said.report))


def test_several_accounts_are_said_in_turn_with_what_counts_in_all_of_them() -> None:
    held = (SMALL, ("kim", "notes", "text", "small"))
    said = say(Shape(held, "", user="{servers: 4}", members="[kim]"))
    assert said.report.sentence == (
        "You hold 0.5 CPU and 1 GiB in text; 1 of 3 servers, 0.5 CPU and 1 of 8 GiB in vision; "
        "and 2 of 4 servers in all accounts. What fits now: Small, Large."
    )
