"""What is kept of what a provider says."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.hub.auth.providers.proven import (
    MAX_ENTRIES,
    Proven,
    Tokens,
    is_subject,
    read_state,
    read_tokens,
    unite_claims,
)

PROVEN = Proven(
    ProviderIdentity("company", "https://id.example.org", "1", {"groups": ["a"]}),
    Tokens("access", "refresh", "identity", 1_800_000_000.0),
    1_700_000_000.0,
)


def test_what_the_hub_keeps_is_read_back() -> None:
    assert read_state(json.loads(json.dumps(PROVEN.render_state()))) == PROVEN


@pytest.mark.parametrize("state", [None, {}, [], {"oauth_user": []}, {"access_token": "x"}])
def test_a_state_of_another_origin_is_none(state: object) -> None:
    assert read_state(state) is None


def test_later_claims_win_and_those_of_the_protocol_are_left_out() -> None:
    userinfo = {"sub": "1", "name": "unsigned", "department": "x"}
    token = {"iss": "i", "sub": "1", "aud": "hub", "exp": 1, "nonce": "n", "name": "signed"}
    assert unite_claims(userinfo, token) == {"name": "signed", "department": "x"}


UNREADABLE: dict[str, object] = {
    "long": "x" * 5_000,
    "half a letter": "\ud800",
    "a null": "a\0b",
    "no number": float("nan"),
    "no end": float("inf"),
    "deep lists": [[[[[[[["deep"]]]]]]]],
    "deep mappings": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}},
    "half a letter as a key": {"\ud800": 1},
    "many": ["g"] * (MAX_ENTRIES + 1),
    "many in many": [["g"] * 100] * 101,
    "no JSON": object(),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_claim_is_kept_whole_or_not_at_all(case: str) -> None:
    assert unite_claims({"odd": UNREADABLE[case], "groups": ["a"]}) == {"groups": ["a"]}


def test_five_thousand_groups_are_kept_for_the_policy_to_refuse() -> None:
    groups = [f"g{n}" for n in range(5_000)]
    assert unite_claims({"groups": groups}) == {"groups": groups}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(st.dictionaries(st.text(), _JSON))
def test_whatever_is_said_what_is_kept_is_plain_json(claims: dict[str, Any]) -> None:
    kept = unite_claims(claims)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    json.dumps(kept, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("said", "expires"),
    [
        (300, 1_300.0),
        ("300", 1_300.0),
        (0, 0.0),
        (-5, 0.0),
        (True, 0.0),
        (None, 0.0),
        ("soon", 0.0),
        (10**400, 0.0),
        (float("nan"), 0.0),
    ],
)
def test_when_a_token_ends_is_read_from_whatever_is_said(said: object, expires: float) -> None:
    assert read_tokens({"access_token": "a", "expires_in": said}, 1_000.0).expires_at == expires


def test_newer_tokens_keep_what_they_do_not_replace() -> None:
    newer = read_tokens({"access_token": "b", "refresh_token": None, "id_token": 7}, 0.0)
    assert newer.keep(Tokens("a", "r", "i", 5.0)) == Tokens("b", "r", "i", 0.0)


@pytest.mark.parametrize("value", ["", " 1", "1 ", "a\u200bb", "a\nb", 7, None, "x" * 256])
def test_what_cannot_identify_a_user_is_no_subject(value: object) -> None:
    assert not is_subject(value)
    assert is_subject("auth0|5f7c")
