"""What an ID token must say, beyond what a live provider can be made to send."""

import base64
import hashlib
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from jupyterhub_platform.hub.auth.providers.errors import ProviderAnswerError
from jupyterhub_platform.hub.auth.providers.id_token import (
    LEEWAY_SECONDS,
    Expected,
    UnknownKeyError,
    check_id_token,
)
from jupyterhub_platform.hub.auth.providers.metadata import ALGORITHMS, read_keys

NOW = 1_800_000_000
RSA = RSAKey.generate_key(2048, auto_kid=True)
EC = ECKey.generate_key("P-256", auto_kid=True)
EXPECTED = Expected("https://id.example.org", "hub", ALGORITHMS, "nonce", "the access token")
CLAIMS = {
    "iss": "https://id.example.org",
    "sub": "1",
    "aud": "hub",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "nonce",
}


def sign(key: Any, algorithm: str, claims: dict[str, Any] = CLAIMS, **header: Any) -> str:
    return jwt.encode(
        {"alg": algorithm, "kid": key.kid, **header}, claims, key, algorithms=[algorithm]
    )


def published(*keys: Any, **more: Any) -> Any:
    return read_keys({"keys": [{**key.as_dict(private=False), **more} for key in keys]})


def digest_of(token: str, algorithm: Any) -> str:
    full = algorithm(token.encode()).digest()
    return base64.urlsafe_b64encode(full[: len(full) // 2]).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("key", "algorithm", "digest"),
    [
        (RSA, "RS256", hashlib.sha256),
        (RSA, "RS384", hashlib.sha384),
        (RSA, "PS512", hashlib.sha512),
        (EC, "ES256", hashlib.sha256),
    ],
)
def test_each_algorithm_is_checked_with_its_own_kind_of_key(
    key: Any, algorithm: str, digest: Any
) -> None:
    claims = {**CLAIMS, "at_hash": digest_of("the access token", digest)}
    token = sign(key, algorithm, claims)
    assert check_id_token(token, published(RSA, EC), EXPECTED, NOW)["sub"] == "1"
    changed = sign(key, algorithm, {**claims, "at_hash": digest_of("another", digest)})
    with pytest.raises(ProviderAnswerError, match="another access token"):
        check_id_token(changed, published(RSA, EC), EXPECTED, NOW)
    others = [each for each in (RSA, EC) if each is not key]
    with pytest.raises(UnknownKeyError):
        check_id_token(token, published(*others), EXPECTED, NOW)


def test_an_algorithm_that_the_provider_does_not_name_is_refused() -> None:
    narrow = Expected("https://id.example.org", "hub", ("ES256",), "nonce")
    with pytest.raises(ProviderAnswerError, match="signed in a way"):
        check_id_token(sign(RSA, "RS256"), published(RSA), narrow, NOW)


def test_a_key_for_another_algorithm_does_not_count() -> None:
    keys = published(RSA, alg="RS512")
    with pytest.raises(UnknownKeyError):
        check_id_token(sign(RSA, "RS256"), keys, EXPECTED, NOW)


def test_a_token_that_is_keyed_with_a_secret_is_refused() -> None:
    forged = sign(OctKey.generate_key(256), "HS256", kid=RSA.kid)
    with pytest.raises(ProviderAnswerError, match="signed in a way"):
        check_id_token(forged, published(RSA), EXPECTED, NOW)


def test_keys_without_names_are_all_tried() -> None:
    other = RSAKey.generate_key(2048)
    nameless = [
        {k: v for k, v in key.as_dict(private=False).items() if k != "kid"} for key in (other, RSA)
    ]
    token = sign(RSA, "RS256")
    assert check_id_token(token, read_keys({"keys": nameless}), EXPECTED, NOW)["sub"] == "1"


@pytest.mark.parametrize("age", [-1, 0, LEEWAY_SECONDS - 1])
def test_clocks_may_differ_by_a_minute(age: int) -> None:
    claims = {**CLAIMS, "exp": NOW - age, "iat": NOW + age, "nbf": NOW + age}
    token = sign(RSA, "RS256", claims)
    assert check_id_token(token, published(RSA), EXPECTED, NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - LEEWAY_SECONDS},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"exp": True},
        {"exp": None},
        {"iat": NOW + LEEWAY_SECONDS + 1},
        {"iat": "now"},
        {"nbf": NOW + LEEWAY_SECONDS + 1},
        {"nbf": None},
        {"aud": []},
        {"aud": ["other"]},
        {"aud": {"hub": 1}},
        {"aud": ["hub"], "azp": "other"},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": " 1"},
        {"sub": "1\n"},
        {"sub": None},
        {"iss": ["https://id.example.org"]},
        {"iss": "https://id.example.org/"},
        {"exp": float("nan")},
        {"nonce": ""},
        {"nonce": None},
    ],
)
def test_claims_that_do_not_hold_are_refused(claims: dict[str, Any]) -> None:
    token = sign(RSA, "RS256", {**CLAIMS, **claims})
    with pytest.raises(ProviderAnswerError):
        check_id_token(token, published(RSA), EXPECTED, NOW)


@pytest.mark.parametrize(
    "token",
    [
        None, 7, "", "x", "..", "a.b.c", "é.b.c", "x" * 500_000,
        f"{base64.urlsafe_b64encode(b'[]').decode()}.e30.x",
        f"{base64.urlsafe_b64encode(b'[' * 100_000).decode()}.e30.x",
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_token_is_refused(token: object) -> None:
    with pytest.raises(ProviderAnswerError):
        check_id_token(token, published(RSA), EXPECTED, NOW)


def test_a_header_that_must_be_understood_and_is_not_is_refused() -> None:
    head = {"alg": "RS256", "kid": RSA.kid, "crit": ["exp"], "exp": 1}
    parts = sign(RSA, "RS256").split(".")
    first = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
    with pytest.raises(ProviderAnswerError):
        check_id_token(".".join([first, *parts[1:]]), published(RSA), EXPECTED, NOW)


def test_many_groups_and_headers_of_the_provider_s_own_do_no_harm() -> None:
    claims = {**CLAIMS, "groups": [f"group-{n:05}" for n in range(5_000)]}
    token = sign(RSA, "RS256", claims)
    assert len(check_id_token(token, published(RSA), EXPECTED, NOW)["groups"]) == 5_000


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"keys": {}},
        {"keys": []},
        {"keys": [7, None, {}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "RSA", "n": "x"}]},
        {"keys": [{"kty": "RSA", "e": "AQAB", "n": "w" * 170}]},
        {"keys": [{**RSA.as_dict(private=False), "use": "enc"}]},
        {"keys": [{**RSA.as_dict(private=False), "kid": 7}]},
    ],
)
def test_keys_that_nothing_should_be_signed_with_are_none(document: object) -> None:
    with pytest.raises(ProviderAnswerError):
        read_keys(document)
