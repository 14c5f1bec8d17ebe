"""What rules give to users of a provider becomes part of the policy, one login at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_platform.core.claimed_people import (
    ClaimedLogin,
    ClaimedPerson,
    MergedUsers,
    derive_people,
    say_refused,
)
from jupyterhub_platform.core.claims import Condition, IdentityRule, ProviderIdentity
from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject, Sources
from jupyterhub_platform.core.memberships import list_memberships
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.policy import Policy

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FILE: dict[str, Any] = {
    "version": 1,
    "users": {"root": {"level": "admin"}, "Lee": {"groups": ["text"]}, "ann": None},
    "groups": {
        "vision": {"members": ["lee"], "from": ["/vision"]},
        "text": {"from": ["/text", "/all"], "environment": {"WHERE": {"claim": "department"}}},
        "staff": {},
    },
    "images": {"lab": {"reference": "example/lab:1"}},
    "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
    "identity": {
        "providers": {
            "company": {
                "issuer": "https://id.example.org",
                "client": {"id": "hub", "auth": "none"},
            }
        },
        "rules": [
            {"when": {"kind": "alumni"}, "refuse": "alumni are not let in"},
            {"when": {"kind": "guest"}, "level": "viewer", "for": "7d"},
            {"when": {"groups": ["/staff", "/boss*"]}, "level": "developer", "groups": ["staff"]},
        ],
    },
}
SOURCES = Sources(FILE)


def login(user: str, *groups: str, issuer: str = "https://id.example.org", **said: Any) -> Any:
    claims = {"groups": list(groups), **said}
    return ClaimedLogin(user, ProviderIdentity("company", issuer, user, claims), NOW, NOW)


def log_in(*logins: ClaimedLogin, at: datetime = NOW) -> tuple[Sources, Policy]:
    sources, policy = SOURCES, SOURCES.unite(NOW)
    for each in logins:
        sources, policy = sources.log_in(policy, each, at)
    return sources, policy


def said_of(policy: Policy, name: str) -> tuple[str, set[str]]:
    return str(policy.people[name].level), set(policy.declared_groups(name))


def test_what_is_given_is_part_of_the_policy() -> None:
    sources, policy = log_in(login("kim", "/staff", "/text", name="Kim Lee", department="optics"))
    kim = policy.people["kim"]
    assert said_of(policy, "kim") == ("developer", {"staff", "text"})
    assert (kim.title, kim.is_own, kim.level_path) == ("Kim Lee", False, "identity.rules.2")
    assert kim.claims == {"department": "optics"}
    assert policy.people["root"].level_path == "users.root"
    assert policy.membership_path("kim", "text") == "groups.text.from"
    assert policy.membership_path("kim", "staff") == "identity.rules.2.groups"
    assert policy.membership_path("kim", "vision") == ""
    assert policy.membership_path("lee", "vision") == "groups.vision.members"
    given = {each.group: each for each in list_memberships(policy, "kim", frozenset())}
    assert given["staff"].is_provided
    assert given["text"].is_provided
    assert not list_memberships(policy, "lee", frozenset())[0].is_provided
    assert not sources.is_own("kim")


def test_what_is_said_of_a_user_itself_wins() -> None:
    _, policy = log_in(login("lee", "/staff", "/vision", "/text"), login("ann", "/staff"))
    assert said_of(policy, "lee") == ("developer", {"text", "vision"})
    assert policy.membership_path("lee", "text") == "groups.text.from"
    _, alone = log_in(login("lee", "/staff"))
    assert alone.membership_path("lee", "text") == "users.lee.groups"
    assert said_of(policy, "ann") == ("developer", {"staff"})
    assert policy.people["lee"].is_own
    assert policy.people["lee"].level_rule == "identity.rules.2"
    assert policy.lets_in("lee", NOW)


@pytest.mark.parametrize(
    ("said", "let_in"),
    [
        (login("kim", "/boss/of/all"), True),
        (login("kim", kind="guest"), True),
        (login("kim", "/text"), False),
        (login("kim", "/staff", kind="alumni"), False),
        (login("kim", "/staff", issuer="https://elsewhere.example.org"), False),
    ],
)
def test_a_rule_decides_who_is_let_in(said: ClaimedLogin, let_in: bool) -> None:
    _, policy = log_in(said)
    assert policy.lets_in("kim", NOW) is let_in
    assert policy.lets_in("nobody", NOW) is False
    if not let_in:
        assert said_of(policy, "kim") == ("viewer", set())


def test_what_a_rule_gives_ends() -> None:
    guest = login("kim", kind="guest")
    _, policy = log_in(guest)
    assert policy.lets_in("kim", NOW + timedelta(days=6))
    assert not policy.lets_in("kim", NOW + timedelta(days=8))
    later = NOW + timedelta(days=8)
    _, policy = log_in(guest, at=later)
    assert policy.people["kim"].claimed == ClaimedPerson(
        "kim", "company", rule="identity.rules.1", until=NOW + timedelta(days=7)
    )
    assert not policy.lets_in("kim", later)


def test_what_is_said_again_changes_nothing() -> None:
    sources, policy = log_in(login("kim", "/staff"))
    assert sources.log_in(policy, login("kim", "/staff"), NOW) == (sources, policy)


def test_who_is_forgotten_is_as_before() -> None:
    sources, policy = log_in(login("kim", "/staff"), login("lee", "/vision", "/staff"))
    for name in ("kim", "lee"):
        sources, policy = sources.forget(policy, name, NOW)
    assert policy == SOURCES.unite(NOW)
    sources, policy = log_in(login("kim", "/staff"))
    crew = ManagedObject(Key(Kind.GROUP, "crew"), {"members": ["kim"]}, 1, "root", NOW)
    sources, policy = sources.put(policy, crew, NOW)
    with pytest.raises(PolicyError, match=r"named by groups\.crew"):
        sources.forget(policy, "kim", NOW)


def test_a_managed_user_who_is_retired_is_what_the_rule_makes_of_them() -> None:
    sources, policy = log_in(login("kim", "/staff"))
    key = Key(Kind.USER, "kim")
    sources, policy = sources.put(policy, ManagedObject(key, {"level": "user"}, 1, "", NOW), NOW)
    assert said_of(policy, "kim") == ("user", {"staff"})
    assert policy.people["kim"].level_path == "users.kim"
    sources, policy = sources.retire(policy, key, NOW)
    assert said_of(policy, "kim") == ("developer", {"staff"})
    assert policy == sources.unite(NOW).with_parts(lines=policy.lines)


def test_a_group_is_retired_that_only_providers_feed() -> None:
    key = Key(Kind.GROUP, "crew")
    fed = ManagedObject(key, {"from": ["/crew"]}, 1, "root", NOW)
    sources, policy = SOURCES.put(SOURCES.unite(NOW), fed, NOW)
    sources, policy = sources.log_in(policy, login("kim", "/staff", "/crew"), NOW)
    assert said_of(policy, "kim")[1] == {"staff", "crew"}
    sources, policy = sources.retire(policy, key, NOW)
    assert said_of(policy, "kim")[1] == {"staff"}


def test_claims_of_before_that_cannot_be_read_any_more_give_nothing() -> None:
    broken = login("kim", "/staff", kind={"a": 1})
    policy = SOURCES.unite(NOW)
    found = derive_people([broken], policy.identity, policy.groups_fed_by, NOW)
    assert found == {"kim": ClaimedPerson("kim", "company")}


def test_an_admin_by_a_rule_is_none_to_rely_on() -> None:
    rule = {"when": {"groups": "/root"}, "level": "admin", "allow_elevated": True}
    sources = Sources({**FILE, "identity": {**FILE["identity"], "rules": [rule]}})
    sources, policy = sources.log_in(sources.unite(NOW), login("kim", "/root"), NOW)
    assert policy.people["kim"].level is Level.ADMIN
    assert policy.own_admins() == ("root",)


def test_merged_users_are_a_mapping() -> None:
    kim = ClaimedPerson("kim", "company", rule="r", level=Level.USER)
    users = MergedUsers({"ann": {"title": "Ann"}}, {"kim": kim, "ann": ClaimedPerson("ann", "c")})
    assert dict(users) == {"ann": {"title": "Ann"}, "kim": {"level": "user", "groups": []}}
    assert (len(users), "kim" in users, "lee" in users) == (2, True, False)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (IdentityRule("r"), "logs in"),
        (IdentityRule("r", provider="company"), "logs in at company"),
        (
            IdentityRule("r", conditions=(Condition.of("groups", ["b", "a*"]),)),
            "has groups a* or b",
        ),
    ],
)
def test_a_rule_says_whom_it_is_for(rule: IdentityRule, words: str) -> None:
    assert rule.describe() == words


names = st.sampled_from(["kim", "lee", "ann", "root", "eve"])
provided = st.lists(st.sampled_from(["/staff", "/vision", "/text", "/all", "/other"]), max_size=4)


@settings(max_examples=40)
@given(st.lists(st.tuples(names, provided), max_size=6))
def test_one_login_at_a_time_makes_the_same_as_all_at_once(
    logins: list[tuple[str, list[str]]],
) -> None:
    made = [login(name, *groups) for name, groups in logins]
    sources, policy = log_in(*made)
    assert policy == sources.unite(NOW)
    newest = {each.name: each for each in made}.values()
    whole = derive_people(newest, policy.identity, policy.groups_fed_by, NOW, {"department"})
    assert Sources(FILE, {}, whole).unite(NOW) == policy
    assert policy.identity == compile_policy(FILE, now=NOW).identity


def test_a_front_end_is_a_provider_without_a_client() -> None:
    front_end = {
        "subject": "X-Card",
        "proxies": ["10.1.2.3"],
        "claims": {"cn": "X-Name"},
        "secret": {"header": "X-Secret", "env": "FRONT_END"},
    }
    cards = {"kind": "header", "front_end": front_end}
    policy = compile_policy({**FILE, "identity": {"providers": {"cards": cards}}}, now=NOW)
    provider = policy.identity.providers["cards"]
    assert (provider.issuer, provider.client) == ("front-end:cards", None)
    assert provider.front_end is not None
    assert provider.front_end.secret_header == "X-Secret"


@pytest.mark.parametrize(
    ("claimed", "why"),
    [
        (None, "no rule of this platform lets them in"),
        (ClaimedPerson("kim", "company"), "no rule of this platform lets them in"),
        (ClaimedPerson("kim", "company", refusal="alumni are out"), "alumni are out"),
        (ClaimedPerson("kim", "company", until=NOW), "what this platform gave them has ended"),
        (
            ClaimedPerson("kim", "company", until=NOW + timedelta(days=1)),
            "no rule of this platform lets them in",
        ),
    ],
)
def test_why_a_user_is_not_let_in_is_said(claimed: ClaimedPerson | None, why: str) -> None:
    assert say_refused(claimed, NOW, "them") == why


def test_what_a_rule_lets_in_is_known_without_the_time() -> None:
    given = ClaimedPerson("kim", "company", rule="identity.rules.0")
    for claimed, lets_in in ((given, True), (replace(given, refusal="no"), False), (None, False)):
        assert Person("kim", Level.USER, claimed=claimed).claimed_by_rule is lets_in
