from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.question import Subject
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.spawn_page.render import render_form
from tests.hub.spawn_page.policies import (
    FULL,
    HELD,
    NOW,
    POLICY,
    amounts,
    cards_of,
    make_book,
    make_grant,
    rule,
    view,
    with_tier,
)


@settings(deadline=None, max_examples=50)
@given(HELD)
def test_a_server_said_to_be_enough_makes_the_tier_fit_once_it_is_gone(held):
    book = make_book(POLICY, *held)
    for card in view(POLICY, book).cards:
        if card.state != "full":
            continue
        for own in card.obstacles.own:
            rest = [row for row in held if row[:2] != ("dev1", own.name)]
            after = cards_of(view(POLICY, make_book(POLICY, *rest)))[card.name]
            assert after.may_start == own.enough


def test_own_servers_in_the_way_are_listed_with_what_each_would_free():
    card = cards_of(view(POLICY, make_book(POLICY, *FULL)))["small"]
    assert [reason.code for reason in card.reasons] == ["quota.servers"]
    assert [(own.title, own.tier, own.frees, own.enough) for own in card.obstacles.own] == [
        ("default server", "Small", "1 server", True),
        ("fit", "Medium", "1 server", True),
        ("train-2", "Medium", "1 server", True),
    ]
    assert [own.stop_url for own in card.obstacles.own] == [
        "/hub/api/users/dev1/server",
        "/hub/api/users/dev1/servers/fit",
        "/hub/api/users/dev1/servers/train-2",
    ]


def test_the_smallest_set_of_own_servers_that_makes_room_is_named():
    card = cards_of(view(POLICY, make_book(POLICY, *FULL)))["large"]
    assert not any(own.enough for own in card.obstacles.own)
    assert card.obstacles.hint == "Stopping the default server and fit makes enough room."


def test_user_who_cannot_make_enough_room_alone_is_told_so():
    book = make_book(
        POLICY,
        ("dev1", "a", "vision", "small"),
        *[("dev2", name, "vision", "large") for name in "abc"],
        ("viewer", "", "vision", "medium"),
        ("manager", "", "vision", "medium"),
    )
    card = cards_of(view(POLICY, book))["large"]
    assert card.obstacles.hint == "Stopping your servers alone does not make enough room."
    assert [others.words for others in card.obstacles.others] == [
        "5 servers of other people in vision"
    ]


def test_no_server_is_to_be_stopped_for_a_tier_larger_than_its_limit():
    policy = with_tier(POLICY, "large", requests=Resources.of(amounts(cpu=9)))
    card = cards_of(view(policy, make_book(POLICY, *FULL)))["large"]
    assert card.obstacles.own == ()
    assert card.obstacles.hint == "It asks for more than the limit: stopping servers does not help."


def test_other_people_are_a_count():
    others = [("dev2", name, "vision", "large") for name in "abcd"]
    (found,) = cards_of(view(POLICY, make_book(POLICY, *others)))["large"].obstacles.others
    assert found.words == "4 servers of other people in vision"
    assert found.named == ()


@pytest.mark.parametrize("who", [{"viewer_manages": frozenset({"vision"})}, {"can_read_all": True}])
def test_other_people_are_named_to_those_in_charge(who):
    others = [("dev2", name, "vision", "large") for name in "abcd"]
    page = view(POLICY, make_book(POLICY, *others), **who)
    assert cards_of(page)["large"].obstacles.others[0].named == (
        "dev2: d (Large)",
        "dev2: c (Large)",
        "dev2: b (Large)",
        "dev2: a (Large)",
    )


def test_a_manager_of_another_account_sees_a_count():
    others = [("dev2", name, "vision", "large") for name in "abcd"]
    page = view(POLICY, make_book(POLICY, *others), viewer_manages=frozenset({"language"}))
    assert cards_of(page)["large"].obstacles.others[0].named == ()


def test_on_the_platform_a_manager_sees_names_of_their_own_account_only():
    policy = replace(POLICY, quota=rule("quota", cpu=13))
    held = [("dev2", "a", "vision", "large"), ("dev2", "b", "language", "large")]
    page = view(policy, make_book(POLICY, *held), viewer_manages=frozenset({"vision"}))
    (found,) = cards_of(page)["medium"].obstacles.others
    assert found.words == "2 servers of other people on the platform"
    assert (found.named, found.unnamed) == (("dev2: a (Large)",), 1)


def test_a_tier_that_can_be_asked_for_is_shown_with_whom_to_ask():
    card = cards_of(view(POLICY))["gpu"]
    assert (card.state, card.may_start) == ("on-request", False)
    assert card.remedies == ("Ask a manager of vision (manager) for it.",)
    assert [reason.code for reason in card.reasons] == ["tier.not_granted"]


def test_a_tier_that_cannot_even_be_asked_for_is_not_shown():
    assert "secret" not in cards_of(view(POLICY))


def test_a_grant_that_begins_later_says_when_the_tier_opens():
    grant = make_grant(tier="gpu")
    card = cards_of(view(replace(POLICY, grants=(grant,))))["gpu"]
    assert card.state == "later"
    assert card.later is not None
    assert (card.later.at, card.later.by) == (NOW + timedelta(days=8), "manager")


def test_a_grant_that_adds_enough_says_when_the_tier_fits():
    book = make_book(POLICY, *FULL)
    grant = make_grant(add=Resources.of({"servers": 1}))
    cards = cards_of(view(replace(POLICY, grants=(grant,)), book))
    assert cards["small"].state == "full"
    assert cards["small"].later is not None
    assert cards["large"].later is None, "it lacks CPU as well"


@pytest.mark.parametrize(
    "change", [{"user": "dev2"}, {"account": "language"}, {"starts": NOW - timedelta(days=1)}]
)
def test_a_grant_that_does_not_help_promises_nothing(change):
    grant = make_grant(tier="gpu", **change)
    card = cards_of(view(replace(POLICY, grants=(grant,)))).get("gpu")
    assert card is not None
    assert card.later is None


def live(**changes: Any) -> Grant:
    """Return a grant of the tier gpu that counts now, for two days."""
    two_days = NOW + timedelta(days=2)
    return make_grant(**{"tier": "gpu", "starts": None, "until": two_days} | changes)


def test_a_tier_that_only_a_grant_opens_says_when_that_ends():
    page = view(replace(POLICY, grants=(live(),)))
    card = cards_of(page)["gpu"]
    assert card.until == NOW + timedelta(days=2)
    assert cards_of(page)["small"].until is None
    assert "By a grant that <time" in (html := render_form(page))
    assert "ends in 2 d</time>" in html


@pytest.mark.parametrize(
    ("others", "days"),
    [
        ([{"starts": NOW + timedelta(days=1), "until": NOW + timedelta(days=5)}], 5),
        ([{"starts": NOW + timedelta(days=2), "until": NOW + timedelta(days=5)}], 5),
        ([{"starts": NOW + timedelta(days=3), "until": NOW + timedelta(days=5)}], 2),
        ([{"user": "", "account": "", "group": "vision", "until": NOW + timedelta(days=3)}], 3),
        ([{"user": "dev2", "until": NOW + timedelta(days=5)}], 2),
        ([{"tier": "small", "until": NOW + timedelta(days=5)}], 2),
    ],
)
def test_the_end_is_that_of_the_last_grant_without_a_gap(others, days):
    grants = (live(), *(live(**each) for each in others))
    card = cards_of(view(replace(POLICY, grants=grants)))["gpu"]
    assert card.until == NOW + timedelta(days=days)


def test_a_tier_that_a_lent_level_opens_says_when_that_ends():
    access = replace(POLICY.tiers["secret"].access, levels=frozenset({Level.OPERATOR}))
    lent = live(tier="", account="", level=Level.OPERATOR)
    policy = replace(with_tier(POLICY, "secret", access=access), grants=(lent,)).with_levels(NOW)
    assert cards_of(view(policy))["secret"].until == NOW + timedelta(days=2)


def test_in_a_group_without_managers_an_admin_is_to_be_asked():
    groups = dict(POLICY.groups)
    groups["vision"] = replace(groups["vision"], managers=frozenset())
    card = cards_of(view(replace(POLICY, groups=groups)))["gpu"]
    assert card.remedies == ("Ask an admin (admin) for it.",)


def test_names_of_people_and_servers_are_quoted_in_addresses():
    policy = replace(POLICY, people={**POLICY.people, "a@b+c": Person("a@b+c", Level.USER)})
    book = make_book(POLICY, *[("a@b+c", f"s/{n}", "vision", "small") for n in "abc"])
    page = view(policy, book, subject=Subject("a@b+c", Level.USER, ("vision",)))
    assert cards_of(page)["small"].obstacles.own[0].stop_url == (
        "/hub/api/users/a%40b%2Bc/servers/s%2Fa"
    )


def test_display_names_of_servers_are_used():
    page = view(POLICY, make_book(POLICY, *FULL), titles={"fit": "The long fit"})
    titles = [own.title for own in cards_of(page)["small"].obstacles.own]
    assert titles == ["default server", "The long fit", "train-2"]
