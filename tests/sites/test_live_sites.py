"""Sites that came over: their people log in and start what they may, as the pods of before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from jupyterhub_platform.hub.kubernetes.manifest.metadata import PREFIX
from tests.sites.folders import SHARED, Start, Visitor
from tests.sites.pods import Difference, find_differences, matches, normalise
from tests.sites.running import RunningSite
from tests.sites.stock import make_stock

pytestmark = pytest.mark.hub


@dataclass
class Stay:
    """What a user of a site met: what they are, and what each start was answered."""

    groups: frozenset[str]
    answers: dict[str, httpx.Response] = field(default_factory=dict)
    pods: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def stays(site: RunningSite) -> dict[str, Stay]:
    """Have everybody who is let in log in, and start what their file says."""
    return {each.name: stay(site, each) for each in site.folder.visitors if not each.says}


def stay(site: RunningSite, visitor: Visitor) -> Stay:
    api = site.api_of(visitor)
    found = Stay(frozenset(api.get("user").json()["groups"]))
    for start in visitor.starts:
        before = len(site.cluster.created)
        found.answers[start.name] = site.start(api, visitor, start)
        if len(site.cluster.created) > before:
            (found.pods[start.name],) = site.cluster.created[before:]
    return found


def list_starts(site: RunningSite) -> list[tuple[Visitor, Start]]:
    return [(visitor, start) for visitor in site.folder.visitors for start in visitor.starts]


def test_people_have_the_level_and_the_groups_that_the_site_means(
    site: RunningSite, stays: dict[str, Stay]
) -> None:
    expected = {
        each.name: {f"level:{each.level}", *each.groups}
        for each in site.folder.visitors
        if not each.says
    }
    assert {name: set(each.groups) for name, each in stays.items()} == expected


def test_strangers_are_not_let_in(site: RunningSite, stays: dict[str, Stay]) -> None:
    for visitor in site.folder.visitors:
        if visitor.says:
            browser, answer = site.enter(visitor)
            assert answer.status_code == 403, (visitor.name, answer.text)
            assert visitor.says in answer.text
            assert browser.get("/hub/token").status_code == 302


def test_a_server_of_each_tier_starts_for_whom_it_is_open(
    site: RunningSite, stays: dict[str, Stay]
) -> None:
    found = {
        (visitor.name, start.name): stays[visitor.name].answers[start.name]
        for visitor, start in list_starts(site)
    }
    assert {name: each.status_code for name, each in found.items()} == {
        (visitor.name, start.name): start.status for visitor, start in list_starts(site)
    }, {name: each.text for name, each in found.items() if each.status_code != 201}
    for visitor, start in list_starts(site):
        assert start.says in found[visitor.name, start.name].text
    marks = [pod["metadata"]["annotations"] for pod in site.cluster.created]
    started = {(m[f"{PREFIX}tier"], m.get(f"{PREFIX}size", "")) for m in marks}
    assert started == {
        (name, size)
        for name, tier in site.folder.policy["tiers"].items()
        for size in tier.get("sizes", [""])
    }


def compare(site: RunningSite, visitor: Visitor, start: Start, stay: Stay) -> list[Difference]:
    """Return how what was created differs from what KubeSpawner alone would have created."""
    assert start.before is not None
    owner = site.folder.find_visitor(start.owner or visitor.name)
    stock = make_stock(site.folder.before, owner, start.before, site.port)
    claims = {name: site.cluster.claims.get(name) for name in stock.claims}
    return [
        *find_differences(normalise(stock.pod), normalise(stay.pods[start.name])),
        *find_differences(stock.claims, claims, ("claims",)),
    ]


def test_pods_are_those_of_before_but_for_what_is_listed(
    site: RunningSite, stays: dict[str, Stay]
) -> None:
    used: list[Mapping[str, Any]] = []
    wrong = []
    for visitor, start in list_starts(site):
        if start.before is None:
            continue
        found = compare(site, visitor, start, stays[visitor.name])
        listed = [*SHARED, *start.differences]
        used += [each for each in listed if any(matches(each, one) for one in found)]
        wrong += [
            (visitor.name, start.name, *one)
            for one in found
            if not any(matches(each, one) for each in listed)
        ]
    assert not wrong, "\n".join(map(repr, wrong))
    expected = [*SHARED, *(d for _, start in list_starts(site) for d in start.differences)]
    assert [each for each in expected if each not in used] == [], "listed, and not there"


def test_the_hub_names_no_setting_that_it_does_not_read(site: RunningSite) -> None:
    assert "no effect" not in site.hub.log
    assert "has no members" not in site.hub.log
    assert "Nobody logs in" not in site.hub.log


@pytest.mark.parametrize("site", ["keycloak"], indirect=True)
def test_users_are_led_straight_to_the_only_provider(site: RunningSite) -> None:
    with httpx.Client(base_url=site.hub.url) as browser:
        led = browser.get("/hub/login", params={"next": "/hub/token"})
        assert led.status_code == 302
        assert led.headers["Location"] == "/hub/oauth_login/keycloak?next=%2Fhub%2Ftoken"
        page = browser.get("/hub/login?local")
        assert page.status_code == 200
        assert "Lab login" in page.text
    browser, _ = site.enter(site.folder.find_visitor("kim"))
    assert "/session/end" in browser.get("/hub/logout").headers["Location"]
