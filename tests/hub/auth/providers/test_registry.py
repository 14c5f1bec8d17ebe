"""Which providers of the policy users can choose, and what one lacks."""

import pytest

from jupyterhub_platform.core.identity_providers import (
    AUTHENTICATOR,
    HEADER,
    FrontEnd,
    Identity,
    Provider,
)
from jupyterhub_platform.hub.auth.providers.registry import Providers, find_missing

CAMPUS = Provider("campus", "Campus", AUTHENTICATOR, "authenticator:campus")
CARD = Provider("card", "Card", HEADER, "front-end:card", front_end=FrontEnd("X-Card"))


def test_what_stands_for_another_authenticator_is_no_way_to_log_in_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    identity = Identity(providers={"campus": CAMPUS, "card": CARD})
    providers = Providers(lambda: identity, None, lambda: None)
    assert providers.list_declared() == (CARD,)
    assert providers.find("campus") is None
    assert providers.find("card") is not None
    assert "Nobody can log in by the identity provider campus" in caplog.text
    assert find_missing(CARD) == ""
