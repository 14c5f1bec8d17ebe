"""What a provider with OpenID Connect says of a user again, while they are logged in."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.core.identity_providers import Client, Provider
from jupyterhub_platform.hub.auth.providers.oidc import OidcClient
from jupyterhub_platform.hub.auth.providers.proven import Proven, Tokens, read_state
from tests.support.fake_provider import FakeProvider, running_provider


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with running_provider() as found:
        found.person = {
            "issuer": found.url,
            "authorization_endpoint": f"{found.url}/authorize",
            "token_endpoint": f"{found.url}/token",
            "userinfo_endpoint": f"{found.url}/userinfo",
            "jwks_uri": f"{found.url}/keys",
        }
        yield found


def client_of(fake: FakeProvider) -> OidcClient:
    provider = Provider("company", "Company", issuer=fake.url, groups=("groups", "realm.roles"))
    return OidcClient(provider, Client("hub", auth="none"))


def log_in(client: OidcClient, userinfo: dict[str, Any], token: dict[str, Any]) -> Proven:
    """Return a login as the Hub has kept it."""
    tokens = Tokens(access="of-a-person", identity="the-id-token")
    proven = client._prove("s1", tokens, userinfo, token, token.keys() - userinfo.keys())
    kept = read_state(replace(proven, at=1.0).render_state())
    assert kept is not None
    return kept


async def test_what_the_id_token_alone_said_of_a_login_holds_until_there_is_a_newer_one(
    fake: FakeProvider,
) -> None:
    client = client_of(fake)
    token = {"acr": "verified", "email": "kim@example.org", "groups": ["a"], "realm": {}}
    known = log_in(client, {"email": "kim@example.org", "team": "a"}, token)
    assert known.signed_only == {"acr", "groups", "realm"}
    fake.person |= {"sub": "s1", "email": "lee@example.org"}
    for _ in range(2):
        again = await client.ask_again(known, known.tokens)
        assert again is not None
        claims = again.identity.claims
        assert (claims["acr"], claims["email"]) == ("verified", "lee@example.org")
        assert not {"team", "groups", "realm"} & claims.keys(), "what is said no more is gone"
        kept = read_state(again.render_state())
        assert kept is not None
        known = kept
