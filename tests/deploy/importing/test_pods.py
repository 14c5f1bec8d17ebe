"""Sites that are imported: who comes in, and pods that are those of before."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyterhub_platform.core.errors import ClaimsError
from jupyterhub_platform.deploy.importing.findings import Kind, Outcome
from tests.deploy.importing.imports import ImportedSite
from tests.deploy.importing.pods import Guest, make_pod
from tests.sites.folders import NAMES, SHARED, SiteFolder, Start, Visitor
from tests.sites.pods import Difference, find_differences, matches, normalise
from tests.sites.stock import make_stock

LISTED: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "differences.yaml").read_text())
PORT = 8888
ALL = [(name, kind) for name in NAMES for kind in (Kind.CONFIG, Kind.VALUES)]
CLOSED = {("federation", Kind.CONFIG), ("agency", Kind.CONFIG)}
"""Where code decides for whom a profile is: only admins have the tiers until it is written."""
NOT_LET_IN_BEFORE = {("company", "lee@example.com")}
"""Who came in only by a rule that the site has written since."""


@cache
def find_site(name: str, kind: Kind) -> ImportedSite:
    return ImportedSite(SiteFolder(name), kind)


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_those_come_in_who_came_in_before(name: str, kind: Kind) -> None:
    site = find_site(name, kind)
    let_in = {each.name for each in site.site.visitors if is_let_in(site, each)}
    before = {each.name for each in site.site.visitors if not each.says}
    before -= {who for at, who in NOT_LET_IN_BEFORE if at == name}
    suspended = {"mallory@agency.example.gov"} & {each.name for each in site.site.visitors}
    everybody = {"mallory@elsewhere.example"} if name == "university" else set()
    assert let_in == before | suspended | everybody
    for each in suspended:
        assert site.imported.document["users"][each]["suspended"]


def is_let_in(site: ImportedSite, visitor: Visitor) -> bool:
    try:
        return Guest.of(site.read, visitor).is_let_in
    except ClaimsError:
        return False


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_pods_are_those_of_before_but_for_what_is_listed(name: str, kind: Kind) -> None:
    site = find_site(name, kind)
    extra = [each for each in LISTED.get(name, ()) if kind in each["kinds"]]
    used, wrong = [], []
    for visitor, start in list_starts(site):
        found = compare(site, visitor, start)
        listed = [*SHARED, *start.differences, *extra]
        used += [each for each in extra if any(matches(each, one) for one in found)]
        unlisted = [one for one in found if not any(matches(each, one) for each in listed)]
        wrong += [(visitor.name, start.name, *one) for one in unlisted]
    assert not wrong, "\n".join(map(repr, wrong))
    assert [each for each in extra if each not in used] == [], "listed, and not there"


def list_starts(site: ImportedSite) -> list[tuple[Visitor, Start]]:
    """Return the starts of users who came in, in tiers that could be imported."""
    return [
        (visitor, start)
        for visitor in site.site.visitors
        if (site.site.name, visitor.name) not in NOT_LET_IN_BEFORE
        for start in visitor.starts
        if start.before is not None and not start.owner
        if start.options.get("tier", "") in {"", *site.imported.document["tiers"]}
    ]


def compare(site: ImportedSite, visitor: Visitor, start: Start) -> list[Difference]:
    guest = Guest.of(site.read, visitor)
    options = {key: start.options[key] for key in start.options if key != "account"}
    decision = guest.decide(options)
    if (site.site.name, site.kind) in CLOSED and not visitor.is_admin:
        assert [each.code for each in decision.denials] == ["tier.not_granted"]
        guest = guest.as_admin()
        decision = guest.decide(options)
    assert decision.admitted, decision.sentence
    assert start.before is not None
    stock = make_stock(site.site.before, visitor, start.before, PORT)
    made = make_pod(site.kept(), visitor, guest.admit(decision), PORT)
    claims = {each: made.claims.get(each) for each in stock.claims}
    return [
        *find_differences(normalise(stock.pod), normalise(made.pod)),
        *find_differences(stock.claims, claims, ("claims",)),
    ]


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_every_tier_of_a_site_is_there_or_its_profiles_are_reported(name: str, kind: Kind) -> None:
    site = find_site(name, kind)
    starts = {
        start.options["tier"]
        for visitor in site.site.visitors
        for start in visitor.starts
        if "tier" in start.options
    }
    missing = starts - site.imported.document["tiers"].keys()
    lost = [each.key for each in site.imported.findings if each.outcome is Outcome.IMPOSSIBLE]
    assert not missing or "c.KubeSpawner.profile_list" in lost
    assert bool(missing) == ((name, kind) == ("keycloak", Kind.CONFIG))


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_every_setting_of_a_site_is_in_the_report(name: str, kind: Kind) -> None:
    site = find_site(name, kind)
    keys = [each.key for each in site.imported.findings]
    for key in list_settings(site):
        assert any(each == key or each.startswith(f"{key}.") for each in keys), key


def list_settings(site: ImportedSite) -> list[str]:
    """Return each setting of a configuration, and each value that a chart is given."""
    if site.kind is Kind.CONFIG:
        before = site.site.before
        return [f"c.{section}.{trait}" for section, traits in before.items() for trait in traits]
    values = yaml.safe_load(site.source.read_text())
    hub, singleuser = values["hub"], values["singleuser"]
    return [
        *(f"hub.config.{s}.{t}" for s, traits in hub["config"].items() for t in traits),
        *(f"singleuser.{each}" for each in singleuser if singleuser[each] != EMPTY),
        *(f"hub.extraConfig.{each}" for each in hub.get("extraConfig", ())),
        "cull",
    ]


EMPTY = {"limit": None, "guarantee": None}
