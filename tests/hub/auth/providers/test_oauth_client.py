"""How a client proves which one it is."""

import json
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from jupyterhub_platform.core.identity_providers import SecretPlace
from jupyterhub_platform.hub.auth.providers.errors import ProviderSettingError
from jupyterhub_platform.hub.auth.providers.oauth_client import sign_assertion
from jupyterhub_platform.hub.auth.providers.secrets import read_secret

RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-384")


@pytest.mark.parametrize(
    ("key", "text", "algorithm"),
    [
        (RSA, RSA.as_pem(private=True).decode(), "RS256"),
        (EC, EC.as_pem(private=True).decode(), "ES384"),
        (RSA, json.dumps({**RSA.as_dict(private=True), "kid": "mine"}), "RS256"),
    ],
    ids=["PEM of RSA", "PEM of EC", "JWK"],
)
def test_a_client_signs_who_it_is_for_some_minutes_and_once(
    key: RSAKey | ECKey, text: str, algorithm: str
) -> None:
    tokens = [
        jwt.decode(sign_assertion("hub", "https://id/token", text), key, algorithms=[algorithm])
        for _ in range(2)
    ]
    one, other = (token.claims for token in tokens)
    assert (one["iss"], one["sub"], one["aud"]) == ("hub", "hub", "https://id/token")
    assert 0 < one["exp"] - one["iat"] <= 300
    assert one["jti"] != other["jti"]
    assert tokens[0].header.get("kid") == ("mine" if text.startswith("{") else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        "{}",
        "{",
        RSA.as_pem(private=False).decode(),
        json.dumps(RSA.as_dict(private=False)),
        json.dumps(OctKey.generate_key(256).as_dict(private=True)),
    ],
    ids=range(7),
)
def test_what_is_no_private_key_signs_nothing(text: str) -> None:
    with pytest.raises(ProviderSettingError) as refused:
        sign_assertion("hub", "https://id/token", text)
    assert text[:20] not in str(refused.value) or not text


def test_a_secret_is_read_anew_without_blanks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    for text in ("one", "two"):
        file.write_text(f" {text}\n")
        assert read_secret(SecretPlace(file=str(file))) == text
    monkeypatch.setenv("A_SECRET_OF_THIS_TEST", "three")
    assert read_secret(SecretPlace(env="A_SECRET_OF_THIS_TEST")) == "three"


def test_a_secret_that_is_missing_is_named_by_its_place(tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text(" \n")
    binary.write_bytes(b"\xff\xfe")
    for place, what in (
        (SecretPlace(file=str(tmp_path / "none")), "No such file"),
        (SecretPlace(file=str(empty)), "is empty"),
        (SecretPlace(file=str(binary)), "not text"),
        (SecretPlace(env="NO_SUCH_VARIABLE_OF_THIS_TEST"), "is empty"),
    ):
        with pytest.raises(ProviderSettingError, match=what) as refused:
            read_secret(place)
        assert str(place) in str(refused.value)
