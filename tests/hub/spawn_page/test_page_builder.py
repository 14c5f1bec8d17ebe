from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.pods import Device, Pod
from jupyterhub_platform.core.question import Subject, ask, subject_of
from jupyterhub_platform.core.quotas import Rule
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import AtOnce
from tests.hub.spawn_page.policies import (
    FULL,
    HELD,
    NOW,
    POLICY,
    amounts,
    cards_of,
    make_book,
    make_policy,
    rule,
    tier,
    view,
    with_tier,
)


@settings(deadline=None, max_examples=50)
@given(HELD)
def test_each_card_says_what_the_spawn_would_be_told(held):
    book = make_book(POLICY, *held)
    subject = subject_of(POLICY, "dev1", frozenset(), None)
    for card in view(POLICY, book).cards:
        options = Options(tier=card.name, account="vision")
        asked = ask(POLICY, book, subject, "", options, now=NOW, revision=1)
        assert card.decision == decide(asked)
        assert card.may_start == card.decision.admitted


def test_the_page_opens_with_what_is_held_and_what_fits():
    book = make_book(POLICY, ("dev1", "", "vision", "small"))
    assert view(POLICY, book).answer == (
        "You hold 1 of 3 servers, 1 of 8 CPU and 2 of 32 GiB in vision. "
        "What fits now: Small, Medium, Large."
    )


def test_the_sentence_names_the_person_for_another_viewer():
    page = view(POLICY, make_book(POLICY, *FULL), viewer="admin", can_read_all=True)
    assert page.answer == (
        "dev1 holds 3 of 3 servers, 5 of 8 CPU and 18 of 32 GiB in vision. No tier fits now."
    )
    assert page.whose == "dev1"


def test_limits_of_a_person_in_all_accounts_are_said_as_such():
    policy = make_policy()
    groups = dict(policy.groups)
    groups["vision"] = replace(groups["vision"], member_quota=rule("m", cpu=8))
    page = view(replace(policy, groups=groups), make_book(POLICY, *FULL))
    assert page.answer.startswith(
        "You hold 5 of 8 CPU and 18 GiB in vision, and 3 of 4 servers in all accounts."
    )


def test_user_without_servers_and_limits_is_told_so():
    policy = make_policy()
    bare = replace(
        policy,
        quota=Rule("", {}),
        defaults=replace(policy.defaults, user=Rule("", {})),
        groups={
            "vision": replace(
                policy.groups["vision"], quota=Rule("", {}), member_quota=Rule("", {})
            )
        },
    )
    page = view(bare)
    assert page.answer == "You hold nothing in vision. What fits now: Small, Medium, Large."
    assert page.bars == ()
    assert cards_of(page)["small"].left_after == ""


def test_each_resource_has_one_bar_for_its_tightest_limit():
    page = view(POLICY, make_book(POLICY, ("dev1", "", "vision", "small")))
    assert [(bar.figures, bar.place, bar.state) for bar in page.bars] == [
        ("1 of 3 servers", "you in vision", "2 servers left"),
        ("1 of 8 CPU", "you in vision", "7 CPU left"),
        ("2 of 32 GiB", "you in vision", "30 GiB left"),
    ]
    assert len(page.limits) > len(page.bars)


def test_every_limit_in_the_way_has_a_bar():
    others = [("dev2", name, "vision", "large") for name in "ab"]
    page = view(POLICY, make_book(POLICY, *FULL, *others, ("viewer", "", "vision", "medium")))
    assert [(bar.figures, bar.place) for bar in page.bars if bar.title == "CPU"] == [
        ("5 of 8 CPU", "you in vision"),
        ("19 of 24 CPU", "everybody in vision"),
    ]


def test_a_limit_that_was_lowered_says_by_how_much_it_is_exceeded():
    policy = make_policy()
    groups = dict(policy.groups)
    groups["vision"] = replace(groups["vision"], member_quota=rule("m", servers=2))
    page = view(replace(policy, groups=groups), make_book(POLICY, *FULL))
    (bar,) = [bar for bar in page.bars if bar.fullness == "over"]
    assert (bar.figures, bar.state, bar.percent) == ("3 of 2 servers", "over by 1 server", 100)


def test_requests_and_limits_are_both_shown_where_they_differ():
    gives = {
        name: [(each.text, each.maximum) for each in card.gives]
        for name, card in cards_of(view(POLICY)).items()
    }
    assert gives["small"] == [("1 CPU", "up to 2 CPU"), ("2 GiB", "up to 4 GiB")]
    assert gives["medium"] == [("2 CPU", ""), ("8 GiB", "")]


def test_devices_that_come_by_claims_are_shown_like_the_rest():
    pod = Pod(devices=(Device("gpu", "pair", "nvidia.com/gpu", 2),))
    card = cards_of(view(with_tier(POLICY, "medium", pod=pod)))["medium"]
    assert [each.text for each in card.gives] == ["2 CPU", "8 GiB", "2 GPU"]


def test_a_tier_without_a_limit_says_its_request_and_that_there_is_no_limit():
    policy = with_tier(POLICY, "medium", limits=Resources())
    card = cards_of(view(policy))["medium"]
    shown = [(each.text, each.maximum) for each in card.gives]
    assert shown == [("2 CPU", "no limit"), ("8 GiB", "no limit")]


def test_a_card_says_what_is_left_by_the_tightest_limits():
    book = make_book(POLICY, ("dev1", "", "vision", "small"))
    card = cards_of(view(POLICY, book))["medium"]
    assert card.left_after == "1 server, 5 CPU, 22 GiB"


def test_a_card_says_when_no_more_of_its_tier_may_run_afterwards():
    policy = with_tier(POLICY, "medium", at_once=AtOnce(user=1))
    assert cards_of(view(policy))["medium"].left_after.endswith("no more Medium")


def test_an_account_is_chosen_only_where_there_are_several():
    assert view(POLICY, user="dev1").accounts == ()
    choices = view(POLICY, user="dev2").accounts
    assert [(each.name, each.chosen) for each in choices] == [("language", True), ("vision", False)]
    assert choices[1].url == "?opt-account=vision"


def test_links_keep_where_to_go_afterwards_and_nothing_else():
    page = view(POLICY, user="dev2", query="next=%2Fuser%2Fdev2%2Flab&_xsrf=abc&opt-tier=x")
    assert page.accounts[1].url == "?next=%2Fuser%2Fdev2%2Flab&opt-account=vision"


def test_the_account_named_comes_first_then_the_last_one_then_one_where_something_fits():
    both: dict[str, Any] = {
        "preselect": {"account": "vision"},
        "stored_options": {"account": "language"},
    }
    assert view(POLICY, user="dev2", **both).account == "vision"
    assert view(POLICY, user="dev2", stored_options={"account": "vision"}).account == "vision"
    held = make_book(POLICY, *[("manager", n, "language", "large") for n in "ab"])
    policy = replace(
        POLICY,
        groups={
            **POLICY.groups,
            "language": replace(POLICY.groups["language"], quota=rule("q", servers=2)),
        },
    )
    assert view(policy, held, "dev2").account == "vision"


def test_an_account_of_others_cannot_be_chosen_by_a_link():
    assert view(POLICY, user="dev1", preselect={"account": "language"}).account == "vision"


def _checked(page):
    return [card.name for card in page.cards if card.checked]


def test_the_last_choice_is_preselected_with_its_image():
    page = view(POLICY, stored_options={"tier": "medium", "account": "vision", "image": "scipy"})
    assert _checked(page) == ["medium"]
    assert [image.name for image in cards_of(page)["medium"].images if image.chosen] == ["scipy"]


def test_the_default_tier_is_preselected_when_the_last_choice_does_not_fit():
    book = make_book(POLICY, ("dev1", "", "vision", "large"))
    assert _checked(view(POLICY, book, stored_options={"tier": "large"})) == ["small"]


def test_a_link_preselects_and_wins_over_the_last_choice():
    stored = {"tier": "small"}
    assert _checked(view(POLICY, stored_options=stored, preselect={"tier": "large"})) == ["large"]


def test_nothing_is_preselected_when_what_was_asked_for_does_not_fit():
    book = make_book(POLICY, ("dev1", "", "vision", "large"))
    page = view(POLICY, book, preselect={"tier": "large"})
    assert _checked(page) == []
    assert page.may_start
    assert page.closed_cards[0].asked


@pytest.mark.parametrize(
    "stored", [None, [], "small", {"tier": ["small"]}, {"tier": 7, "cpu": "9"}, {"tier": "gone"}]
)
def test_stored_options_of_any_kind_leave_a_usable_page(stored):
    assert _checked(view(POLICY, stored_options=stored)) == ["small"]


def test_a_tier_that_only_observes_may_start_and_says_what_it_exceeds():
    policy = with_tier(POLICY, "small", observe=True)
    card = cards_of(view(policy, make_book(policy, *FULL)))["small"]
    assert (card.state, card.may_start) == ("observed", True)
    assert [reason.code for reason in card.reasons] == ["quota.servers"]


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        (Subject("viewer", Level.VIEWER, ("vision",)), "level.may_not_start"),
        (Subject("auditor", Level.AUDITOR, ()), "level.may_not_start"),
        (Subject("stranger", None, ("vision",)), "person.unknown"),
        (Subject("loner", Level.USER, ()), "account.none"),
    ],
)
def test_user_who_may_start_nothing_is_told_why_and_what_to_do(subject, code):
    page = view(POLICY, user=subject.name, subject=subject)
    assert page.refusals[0].code == code
    assert page.remedies[0].startswith("Ask an admin")
    assert page.cards == ()
    assert not page.may_start
    assert page.ask_url.endswith("new/request?kind=level&level=user") == code.startswith("level")
    assert view(POLICY, user=subject.name, subject=subject, viewer="root").ask_url == ""


def test_user_without_a_tier_is_told_whom_to_ask():
    page = view(replace(POLICY, tiers={"secret": POLICY.tiers["secret"]}))
    assert (
        page.empty == "No tier is open to you in vision. Ask a manager of vision (manager) for one."
    )


def test_a_tier_without_images_still_has_a_card():
    bare = tier("bare", "", "", amounts(cpu=1), images=())
    page = view(replace(POLICY, tiers={"bare": bare}))
    assert cards_of(page)["bare"].images == ()


def test_a_named_server_is_named_by_its_display_name():
    assert view(POLICY).server == ""
    assert view(POLICY, server="fit").server == "fit"
    assert view(POLICY, server="fit", titles={"fit": "The long fit"}).server == "The long fit"
