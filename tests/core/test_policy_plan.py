"""What another policy does to people: who gains, who loses, who is over, what is destructive."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from jupyterhub_platform.core.managed import Sources
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.policy_plan import PolicyPlan, plan_policy
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.usecases.book import Book
from tests.support.policies import NOW, make_policy

SUSPENDED = {"suspended": {"reason": "left"}}


def held(
    user: str, account: str = "vision", tier: str = "small", image: str = "lab"
) -> Reservation:
    demand = Resources.of({"servers": 1, "cpu": 1000})
    return Reservation(f"{user}-{tier}", user, tier, 1, account, tier, image, demand, NOW)


def plan(before: Policy, after: Policy, *holding: Reservation) -> PolicyPlan:
    book = Book()
    book.refill(holding)
    return plan_policy(before, after, book, book, NOW)


def without(*path: str, **changes: Any) -> Policy:
    """Compile the support's document without what is at a path."""
    from tests.support.policies import DOCUMENT

    document: dict[str, Any] = {**DOCUMENT, **changes}
    section = {k: v for k, v in document[path[0]].items() if k != path[1]}
    return Sources({**document, path[0]: section}).unite(NOW)


def reached(plan: PolicyPlan) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    return {e.tier: e.people for e in plan.gains}, {e.tier: e.people for e in plan.losses}


def test_the_same_policy_does_nothing() -> None:
    assert plan(make_policy(), make_policy(), held("dev")) == PolicyPlan()


def test_says_who_comes_who_goes_and_whose_level_changes() -> None:
    new = make_policy({"users": {"new": {"level": "user"}, "eve": {"level": "developer"}}})
    found = plan(make_policy(), new)
    assert (found.added, found.removed) == (("new",), ())
    assert [(e.user, e.before, e.after) for e in found.levels] == [("eve", "user", "developer")]
    assert plan(new, make_policy()).removed == ("new",)


def test_says_who_joins_and_leaves_which_group() -> None:
    after = make_policy(
        {"groups": {"vision": {"members": ["eve", "lone"]}, "new": {"members": ["eve"]}}}
    )
    found = plan(make_policy(), after)
    assert [(e.group, e.people) for e in found.joins] == [("new", ("eve",)), ("vision", ("lone",))]
    assert [(e.group, e.people) for e in found.leaves] == [("vision", ("aud", "dev", "vic"))]


@pytest.mark.parametrize(
    ("access", "losers"),
    [
        ({"levels": ["developer"]}, ("eve", "mia", "root")),
        ({"groups": ["text"]}, ("eve", "mia")),
        ({"users": ["eve"]}, ("dev", "mia", "root")),
        ({"rules": [{"users": ["eve"], "groups": ["vision"]}]}, ("dev", "mia", "root")),
    ],
)
def test_says_who_loses_and_gains_a_tier(
    access: Mapping[str, Any], losers: tuple[str, ...]
) -> None:
    small = make_policy({"tiers": {"small": {"access": access}}})
    assert reached(plan(make_policy(), small)) == ({}, {"small": losers})
    assert reached(plan(small, make_policy())) == ({"small": losers}, {})


def test_a_grant_opens_a_tier_to_one_of_many_who_are_alike() -> None:
    text = {"tiers": {"large": {"access": {"groups": ["text"]}}}}
    until = (NOW + timedelta(days=1)).isoformat()
    grant = {"user": "eve", "tier": "large", "until": until, "by": "root", "reason": "paper"}
    found = plan(make_policy(text), make_policy(text, {"grants": [grant]}))
    assert reached(found) == ({"large": ("eve",)}, {})


@pytest.mark.parametrize(
    "rule", [{"users": ["lou"]}, {"rules": [{"users": ["lou"], "groups": ["vision"]}]}]
)
@pytest.mark.parametrize("named", ["tier", "image", "size"])
def test_whom_a_rule_names_is_not_taken_for_others_who_are_alike(
    rule: Mapping[str, Any], named: str
) -> None:
    alike = ["ina", "lou", "max"]
    twins = {
        "users": {name: {"level": "user"} for name in alike},
        "groups": {"vision": {"members": alike}},
    }
    requests = {"cpu": 1, "memory": "1Gi"}
    rules: dict[str, dict[str, Any]] = {
        "tier": {"tiers": {"large": {"access": rule}}},
        "image": {"images": {"lab": {"access": rule}}, "tiers": {"large": {"images": ["lab"]}}},
        "size": {"tiers": {"large": {"sizes": {"one": {"requests": requests, "access": rule}}}}},
    }
    gone = {"tiers": {"large": {"access": {"groups": ["text"]}}}}
    found = plan(make_policy(twins, gone), make_policy(twins, rules[named]))
    assert [each.people for each in found.gains if each.tier == "large"] == [("lou",)]


def test_who_is_suspended_loses_all_tiers_and_their_servers() -> None:
    after = make_policy({"users": {"eve": SUSPENDED}})
    found = plan(make_policy(), after, held("eve"), held("dev"))
    assert found.suspended == ("eve",)
    assert reached(found)[1] == dict.fromkeys(("gpu", "large", "small"), ("eve",))
    assert [(e.held.user, e.code) for e in found.servers] == [("eve", "suspended")]
    assert found.is_destructive
    back = plan(after, make_policy(), held("dev"))
    assert (back.resumed, back.is_destructive) == (("eve",), False)


def test_a_suspension_that_is_over_suspends_nobody() -> None:
    ended = {"suspended": {"reason": "x", "until": (NOW - timedelta(days=1)).isoformat()}}
    assert plan(make_policy(), make_policy({"users": {"eve": ended}})).suspended == ()


def test_says_which_limits_would_be_below_what_is_held() -> None:
    after = make_policy(
        {"groups": {"vision": {"quota": {"servers": 1}, "member_quota": {"cpu": "500m"}}}}
    )
    found = plan(make_policy(), after, held("eve"), held("dev"))
    assert [(*e.limit.scope, e.limit.resource, e.limit.maximum, e.held) for e in found.over] == [
        ("account", "vision", "", "", "servers", 1, 2),
        ("member", "vision", "dev", "", "cpu", 500, 1000),
        ("member", "vision", "eve", "", "cpu", 500, 1000),
    ]
    assert (found.is_destructive, found.concerned) == (False, 2)


@pytest.mark.parametrize(
    ("after", "code", "sentence"),
    [
        (without("users", "lone"), "removed", "1 server belongs to people who are removed: lone"),
        (without("tiers", "large"), "tier", "1 server runs in tiers that are removed, of dev"),
        (
            without("groups", "text"),
            "group",
            "1 server is charged to groups that are removed, by dev",
        ),
    ],
)
def test_taking_away_what_runs_is_destructive(after: Policy, code: str, sentence: str) -> None:
    running = held("lone"), held("dev", "text", "small"), held("dev", "vision", "large")
    found = plan(make_policy(), after, *running)
    assert [each.code for each in found.servers if each.code != "changed"] == [code]
    assert [(e.code, e.sentence, e.destructive) for e in found.risks] == [(code, sentence, True)]
    assert not plan(make_policy(), after).is_destructive


def test_servers_whose_image_or_tier_changes_go_on() -> None:
    tiers = {"tiers": {"small": {"images": ["lab"]}, "large": {"title": "L"}}}
    after = without("images", "sci", **make_document(tiers))
    found = plan(make_policy(), after, held("eve", image="sci"), held("dev", tier="large"))
    assert [(e.held.user, e.code) for e in found.servers] == [("dev", "changed"), ("eve", "image")]
    assert found.risks == ()


def make_document(change: Mapping[str, Any]) -> dict[str, Any]:
    from tests.support.policies import DOCUMENT

    return {
        section: {name: {**each, **names.get(name, {})} for name, each in DOCUMENT[section].items()}
        for section, names in change.items()
    }


def test_losing_an_admin_is_destructive() -> None:
    two = make_policy({"users": {"boss": {"level": "admin"}}})
    (risk,) = plan(two, make_policy()).risks
    assert (risk.code, risk.sentence, risk.destructive) == (
        "admins",
        "No admin any more: boss",
        True,
    )


def test_of_many_people_some_are_named_and_the_others_counted() -> None:
    many = [f"p{number}" for number in range(7)]
    people = {name: {"level": "user"} for name in many}
    before = make_policy({"users": people, "groups": {"vision": {"members": many}}})
    (risk,) = plan(before, make_policy(), *(held(name) for name in many)).risks
    assert (
        risk.sentence == "7 servers belong to people who are removed: p0, p1, p2, p3, p4 and 2 more"
    )


def test_a_cut_is_a_warning() -> None:
    before = make_policy({"quota": {"cpu": 10}})
    (risk,) = plan(before, make_policy({"quota": {"cpu": 5}})).risks
    assert (risk.code, risk.destructive) == ("cut", False)
    assert risk.sentence == "quota is cut by 50 %: 10 CPU to 5 CPU"
