"""What an authenticator of a site's own says of a user, as rules read it."""

from typing import Any

import pytest

from jupyterhub_platform.core.identity_providers import AUTHENTICATOR, Provider
from jupyterhub_platform.hub.auth.claimed_logins import read_identity

CAMPUS = Provider("campus", "Campus", AUTHENTICATOR, "authenticator:campus")
TOKENS = {"access_token": "a secret", "id_token": "another", "token_response": {"x": "a third"}}


@pytest.mark.parametrize(
    ("model", "claims"),
    [
        ({}, {}),
        ({"groups": None, "auth_state": None, "user_info": None}, {}),
        ({"groups": []}, {"groups": []}),
        ({"groups": ["b", "a", "a", 5, "level:admin"]}, {"groups": ["a", "b"]}),
        ({"groups": "vision"}, {"groups": []}),
        ({"user_info": {"department": "optics"}}, {"department": "optics"}),
        ({"user_info": ["x"]}, {}),
        ({"auth_state": {**TOKENS, "oauth_user": {"hd": "uni.edu"}}}, {"hd": "uni.edu"}),
        ({"auth_state": {**TOKENS, "oauth_user": "kim"}}, {}),
        ({"auth_state": "x"}, {}),
        (
            {"auth_state": {"oauth_user": {"a": 1, "b": 1}}, "user_info": {"b": 2}},
            {"a": 1, "b": 2},
        ),
        ({"user_info": {"preferred_username": "root", "name": "Kim"}}, {"name": "Kim"}),
        ({"user_info": {"groups": ["theirs"]}, "groups": ["a"]}, {"groups": ["a"]}),
        ({"user_info": {"x": "\ud800", "y": "y" * 100_000, "z": 1}}, {"z": 1}),
    ],
    ids=lambda said: repr(said)[:60],
)
def test_rules_read_what_is_said_of_a_user_and_no_token(
    model: dict[str, Any], claims: dict[str, Any]
) -> None:
    found = read_identity(CAMPUS, {"name": "kim", **model}, "oauth_user")
    assert (found.provider, found.issuer, found.subject) == (
        *("campus", "authenticator:campus"),
        "kim",
    )
    assert found.claims == {"preferred_username": "kim", **claims}


def test_the_state_of_another_kind_of_authenticator_is_not_read() -> None:
    model = {"name": "kim", "auth_state": {"": {"x": 1}, "oauth_user": {"hd": "uni.edu"}}}
    assert read_identity(CAMPUS, model).claims == {"preferred_username": "kim"}
