"""Claims are foreign data: what is read of them, and which rule they match."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.claims import (
    MAX_LENGTH,
    MAX_VALUES,
    Condition,
    IdentityRule,
    ProviderIdentity,
    find_rule,
    has_unverified_email,
    matches,
    read_scalar,
    read_values,
)
from jupyterhub_platform.core.errors import ClaimsError
from jupyterhub_platform.core.identity_providers import Identity, Provider

DEEP = {"realm_access": {"roles": ["dev", "ops"]}, "a.b": "whole", "a": {"b": "parts"}}


def identity(provider: str = "company", **claims: Any) -> ProviderIdentity:
    return ProviderIdentity(provider, "https://id.example.org", "1", claims)


def rule(path: str, provider: str | None = None, **when: str) -> IdentityRule:
    conditions = tuple(Condition.of(claim, [each]) for claim, each in when.items())
    return IdentityRule(path, provider=provider, conditions=conditions)


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        ("realm_access.roles", ("dev", "ops")),
        ("a.b", ("whole",)),
        ("realm_access.roles.more", None),
        ("nothing", None),
    ],
)
def test_a_claim_is_found_by_its_name_or_by_the_way_to_it(claim, values):
    assert read_values(DEEP, claim) == values


@pytest.mark.parametrize(
    ("value", "values"),
    [("x", ("x",)), (7, ("7",)), (True, ("true",)), (False, ("false",)), ([], ()), (None, None)],
)
def test_single_values_and_lists_of_them_are_read(value, values):
    assert read_values({"claim": value}, "claim") == values


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"name": "x"}, "no text"),
        ([["x"]], "no text"),
        (1.5, "no text"),
        (10 ** (MAX_LENGTH + 1), "no text"),
        ("x" * (MAX_LENGTH + 1), "256 characters"),
        (["x"] * (MAX_VALUES + 1), "1001 values"),
    ],
)
def test_anything_else_is_refused_and_never_read_as_nothing(value, why):
    with pytest.raises(ClaimsError, match=why):
        read_values({"groups": value}, "groups")


@pytest.mark.parametrize(
    ("said", "trusted", "counts"),
    [
        ({"email_verified": True}, False, True),
        ({"email_verified": "true"}, False, True),
        ({"email_verified": False}, False, False),
        ({"email_verified": 1}, False, False),
        ({}, False, False),
        ({}, True, True),
    ],
)
def test_an_address_counts_only_if_it_is_verified(said, trusted, counts):
    claims = {"email": "kim@example.org", **said}
    found = read_values(claims, "email", trust_email=trusted)
    assert found == (("kim@example.org",) if counts else None)
    assert has_unverified_email(claims, trust_email=trusted) is not counts
    assert not has_unverified_email(said, trust_email=trusted)


def test_the_first_rule_that_matches_decides():
    rules = [
        rule("other", provider="partner"),
        rule("both", groups="vision", hired="true"),
        rule("groups", groups="vision"),
        rule("rest"),
    ]

    def find(**claims: Any) -> str:
        found = find_rule(rules, identity(**claims), trust_email=False)
        return found.path if found else ""

    assert find(groups=["text", "vision"]) == "groups"
    assert find(groups=["vision"], hired=True) == "both"
    assert find(groups=["text"]) == "rest"
    assert find() == "rest"
    assert find_rule(rules[:3], identity(), trust_email=False) is None
    assert find_rule(rules, identity("partner"), trust_email=False) is rules[0]
    with pytest.raises(ClaimsError):
        find(groups={"vision": True})


def test_addresses_are_compared_without_case():
    staff = [rule("staff", email="*@Example.org")]
    claims: dict[str, Any] = {"email": "Kim@EXAMPLE.org", "email_verified": True}
    assert find_rule(staff, identity(**claims), trust_email=False) is staff[0]
    assert find_rule(staff, identity(email=claims["email"]), trust_email=False) is None


@pytest.mark.parametrize(
    ("pattern", "text", "is_one"),
    [
        ("*", "", True),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c", "ac", True),
        ("ab*ba", "aba", False),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "aXYc", False),
        ("[a]", "a", False),
        ("abc", "abcd", False),
    ],
)
def test_a_star_stands_for_any_text(pattern, text, is_one):
    assert matches(text, pattern) is is_one


@given(st.lists(st.text("ab", max_size=3), min_size=1, max_size=4), st.text("ab", max_size=3))
def test_what_a_pattern_is_made_of_matches_it(parts, between):
    assert matches(between.join(parts), "*".join(parts))


def test_no_pattern_takes_long():
    assert not matches("a" * 200_000, "*a" * 500 + "*b")


@pytest.mark.parametrize("value", [None, 1.5, [], {}])
def test_nothing_else_is_a_single_value(value):
    assert read_scalar(value) is None


def test_what_rules_need_of_a_provider_is_what_its_rules_ask_for():
    rules = (
        rule("1", "company", groups="a", email="b"),
        rule("2", "other", x="c"),
        rule("3", y="d"),
    )
    of = Identity(rules=rules)
    assert of.list_needed(Provider("company", "Company")) == ("email", "groups", "y")
    assert of.list_needed(Provider("third", "Third")) == ("y",)
