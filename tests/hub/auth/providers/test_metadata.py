"""What a discovery document may say."""

from typing import Any

import pytest

from jupyterhub_platform.hub.auth.providers.errors import ProviderAnswerError
from jupyterhub_platform.hub.auth.providers.metadata import read_metadata

ISSUER = "https://id.example.org/realms/staff"
DOCUMENT: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": "https://id.example.org/auth?tenant=1",
    "token_endpoint": "https://id.example.org/token",
    "jwks_uri": "https://keys.example.org/keys",
}


def test_what_is_needed_is_enough() -> None:
    metadata = read_metadata(DOCUMENT, ISSUER)
    assert metadata.authorization.endswith("?tenant=1")
    assert (metadata.userinfo, metadata.end_session, metadata.names_itself) == ("", "", False)
    assert metadata.algorithms == ("RS256",)


def test_only_safe_algorithms_of_the_provider_are_accepted() -> None:
    named = ["none", "HS256", "ES256", "RS256", "made-up"]
    document = {**DOCUMENT, "id_token_signing_alg_values_supported": named}
    assert read_metadata(document, ISSUER).algorithms == ("RS256", "ES256")


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://id.example.org/token"},
        {"token_endpoint": "https://user:password@id.example.org/token"},
        {"token_endpoint": "https://"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"token_endpoint": "https://id.example.org:port/"},
        {"token_endpoint": "https://id.example.org/\n"},
        {"jwks_uri": "http://127.0.0.1/keys"},
        {"jwks_uri": "https://127.0.0.1/keys"},
        {"jwks_uri": "https://localhost/keys"},
        {"userinfo_endpoint": "http://localhost:8081/"},
        {"userinfo_endpoint": 7},
        {"end_session_endpoint": "javascript:alert(1)"},
    ],
)
def test_addresses_that_may_not_be_asked_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProviderAnswerError):
        read_metadata({**DOCUMENT, **change}, ISSUER)
