"""What a change does: who may start what then, and who holds more than they may."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from jupyterhub_platform.core.effects import Effects, find_effects, find_effects_on
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject, Sources
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.usecases.book import Book
from tests.support.policies import NOW

FILE: Mapping[str, Any] = {
    "version": 1,
    "users": {
        "root": {"level": "admin"},
        "dev": {"level": "developer"},
        "user": {"level": "user"},
        "view": {"level": "viewer"},
        "out": {"level": "user", "suspended": {"reason": "left"}},
        "alone": {"level": "user"},
    },
    "groups": {
        "vision": {"members": ["dev", "user", "view", "out"], "quota": {"servers": 3}},
        "text": {"members": ["root"]},
    },
    "images": {"lab": {"reference": "lab:1"}},
    "tiers": {
        "small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]},
        "big": {
            "requests": {"cpu": 4, "memory": "1Gi"},
            "images": ["lab"],
            "access": {"levels": ["developer"]},
        },
    },
}
SOURCES = Sources(FILE)
TIER = {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}


def held(user: str, number: int, account: str = "vision", tier: str = "small") -> Reservation:
    demand = Resources.of({"servers": 1, "cpu": 1000})
    name = f"s{number}"
    return Reservation(f"{user}{number}", user, name, 1, account, tier, "lab", demand, NOW)


def change(
    kind: Kind,
    name: str,
    document: Mapping[str, Any] | None,
    *before: ManagedObject,
    holding: tuple[Reservation, ...] = (),
) -> Effects:
    sources, policy = SOURCES, SOURCES.unite(NOW)
    for each in before:
        sources, policy = sources.put(policy, each, NOW)
    _, after = sources.change(policy, Key(kind, name), document, "root", NOW)
    book = Book()
    book.refill(holding)
    return find_effects(policy, after, Key(kind, name), book, book, NOW)


def made(kind: Kind, name: str, document: Mapping[str, Any]) -> ManagedObject:
    return ManagedObject(Key(kind, name), document, 1, "root", NOW)


def said(effects: Effects) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    return (
        {each.tier: list(each.people) for each in effects.gains},
        {each.tier: list(each.people) for each in effects.losses},
    )


def test_a_new_tier_is_open_to_each_user_of_a_group_who_may_start() -> None:
    assert said(change(Kind.TIER, "new", TIER)) == ({"new": ["dev", "root", "user"]}, {})
    some = TIER | {"access": {"groups": ["vision"]}}
    assert said(change(Kind.TIER, "new", some)) == ({"new": ["dev", "user"]}, {})


def test_a_tier_that_is_narrowed_or_retired_names_who_loses_it() -> None:
    open_to_all = made(Kind.TIER, "new", TIER)
    some = TIER | {"access": {"users": ["dev"]}}
    assert said(change(Kind.TIER, "new", some, open_to_all)) == ({}, {"new": ["root", "user"]})
    running = (held("dev", 1, tier="new"), held("user", 1))
    effects = change(Kind.TIER, "new", None, open_to_all, holding=running)
    assert said(effects) == ({}, {"new": ["dev", "root", "user"]})
    assert [(each.user, each.server) for each in effects.running] == [("dev", "s1")]


def test_what_a_tier_gives_changes_nobody_s_access() -> None:
    before = made(Kind.TIER, "new", TIER)
    effects = change(Kind.TIER, "new", TIER | {"title": "New"}, before)
    assert said(effects) == ({}, {})


def test_a_member_of_a_group_gains_what_the_group_may_start() -> None:
    group = made(Kind.GROUP, "video", {"members": ["root"]})
    effects = change(Kind.GROUP, "video", {"members": ["alone", "view"]}, group)
    assert said(effects) == ({"small": ["alone"]}, {})
    empty = change(Kind.GROUP, "video", None, group)
    assert said(empty) == ({}, {})


def test_a_lower_quota_names_who_holds_more() -> None:
    group = made(Kind.GROUP, "video", {"members": ["dev", "user"], "quota": {"servers": 3}})
    running = tuple(held(user, n, "video") for user, n in (("dev", 1), ("dev", 2), ("user", 1)))
    lower = {"members": ["dev", "user"], "quota": {"servers": 2}, "member_quota": {"servers": 1}}
    effects = change(Kind.GROUP, "video", lower, group, holding=running)
    over = {(o.limit.scope.kind, o.limit.scope.user, o.held, o.limit.maximum) for o in effects.over}
    assert over == {("account", "", 3, 2), ("member", "dev", 2, 1)}
    assert len(effects.running) == 3
    assert change(Kind.GROUP, "video", lower | {"quota": {"servers": 3}}, group).over == ()


def test_what_is_over_already_is_not_the_change_s_doing() -> None:
    low = {"members": ["dev"], "quota": {"servers": 1}}
    running = tuple(held("dev", number, "video") for number in range(3))
    renamed = low | {"title": "V"}
    same = change(Kind.GROUP, "video", renamed, made(Kind.GROUP, "video", low), holding=running)
    assert same.over == ()
    higher = low | {"quota": {"servers": 2}}
    up = change(Kind.GROUP, "video", higher, made(Kind.GROUP, "video", low), holding=running)
    assert up.over == ()


def test_fewer_at_once_of_a_tier_are_over() -> None:
    before = made(Kind.TIER, "new", TIER | {"at_once": {"user": 2}})
    running = (held("dev", 1, tier="new"), held("dev", 2, tier="new"), held("dev", 3, tier="gone"))
    after = TIER | {"at_once": {"user": 1}}
    effects = change(Kind.TIER, "new", after, before, holding=running)
    assert [(o.limit.scope.kind, o.held, o.limit.maximum) for o in effects.over] == [
        ("tier-user", 2, 1)
    ]


@pytest.mark.parametrize(
    ("gift", "expected"),
    [
        ({"user": "user", "tier": "big"}, {"big": ["user"]}),
        ({"group": "vision", "tier": "big"}, {"big": ["user"]}),
        ({"user": "user", "add": {"servers": 1}}, {}),
    ],
)
def test_a_grant_opens_its_tier(gift: dict[str, Any], expected: dict[str, list[str]]) -> None:
    until = (NOW + timedelta(days=2)).isoformat()
    document = gift | {"until": until, "by": "root", "reason": "paper"}
    effects = change(Kind.GRANT, "g1", document)
    assert said(effects) == (expected, {})
    running = (held("user", 1),)
    ended = change(Kind.GRANT, "g1", None, made(Kind.GRANT, "g1", document), holding=running)
    assert said(ended) == ({}, expected)
    assert ended.running == ()


def test_a_user_s_level_opens_tiers_and_an_image_opens_none() -> None:
    group = made(Kind.GROUP, "video", {"members": ["kim"]})
    kim = made(Kind.USER, "kim", {"level": "viewer"})
    effects = change(
        Kind.USER, "kim", {"level": "developer"}, kim, group, holding=(held("kim", 1),)
    )
    assert said(effects) == ({"big": ["kim"], "small": ["kim"]}, {})
    assert [each.user for each in effects.running] == ["kim"]
    image = change(Kind.IMAGE, "torch", {"reference": "torch:1"}, holding=(held("dev", 1),))
    assert (said(image), image.running) == (({}, {}), ())


def test_the_same_change_of_many_says_what_it_does_to_them_all() -> None:
    policy = SOURCES.unite(NOW)
    video = made(Kind.GROUP, "video", {"members": ["root", "view"], "quota": {"servers": 0}})
    _, before = SOURCES.put(policy, video, NOW)
    joined = made(Kind.GROUP, "video", {"members": ["root", "view", "alone"]})
    _, after = SOURCES.put(before, joined, NOW)
    book = Book()
    book.refill((held("alone", 1, "vision"), held("dev", 2, "vision")))
    people = frozenset({"alone", "view"})
    effects = find_effects_on(before, after, people, book, book, NOW)
    # A viewer starts nothing, whichever group they are in.
    assert said(effects) == ({"small": ["alone"]}, {})
    assert [each.user for each in effects.running] == ["alone"]
    back = find_effects_on(after, before, people, book, book, NOW)
    assert said(back) == ({}, {"small": ["alone"]})


def test_access_of_sizes_and_images_opens_and_closes_a_tier() -> None:
    closed = {"access": {"levels": ["developer"]}}
    sizes = {"one": {"requests": {"cpu": 1}, **closed}}
    sized = ManagedObject(Key(Kind.TIER, "t"), {**TIER, "sizes": sizes}, 1, "root", NOW)
    opened = {**TIER, "sizes": {"one": {"requests": {"cpu": 1}}}}
    (gained,) = change(Kind.TIER, "t", opened, sized).gains
    assert (gained.tier, gained.people) == ("t", ("root", "user"))
    image = ManagedObject(Key(Kind.IMAGE, "own"), {"reference": "own:1"}, 1, "root", NOW)
    tier = ManagedObject(Key(Kind.TIER, "t"), {**TIER, "images": ["own"]}, 1, "root", NOW)
    effects = change(Kind.IMAGE, "own", {"reference": "own:1", **closed}, image, tier)
    assert [(each.tier, each.people) for each in effects.losses] == [("t", ("root", "user"))]
    assert change(Kind.IMAGE, "own", {"reference": "own:2"}, image, tier).losses == ()
