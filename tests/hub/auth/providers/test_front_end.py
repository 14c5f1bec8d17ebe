"""Whose headers count."""

from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders

from jupyterhub_platform.core.identity_providers import FrontEnd, Provider, SecretPlace
from jupyterhub_platform.hub.auth.providers.errors import AccessEndedError, ProviderSettingError
from jupyterhub_platform.hub.auth.providers.front_end import FrontEndClient, find_front_end

FRONT_END = FrontEnd(
    subject="X-Subject",
    claims={"name": "X-Name", "groups": "X-Groups", "email": "X-Mail"},
    lists=frozenset({"groups"}),
    proxies=("10.1.2.0/24", "fd00::1"),
)
PROVIDER = Provider("card", "Card", "header", "front-end:card", front_end=FRONT_END)


def request_of(address: str, *headers: tuple[str, str]) -> Any:
    sent = HTTPHeaders()
    for name, value in headers:
        sent.add(name, value)
    return SimpleNamespace(remote_ip=address, headers=sent)


def test_the_named_proxy_is_believed() -> None:
    client = FrontEndClient(PROVIDER, FRONT_END)
    for address in ("10.1.2.9", "fd00::1", "::ffff:10.1.2.9"):
        request = request_of(
            address,
            ("X-Subject", "CN=J\u00c3\u00b6rg"),
            ("X-Name", "joerg"),
            ("X-Groups", "a, b,, c"),
            ("X-Mail", "j@example.org"),
        )
        identity = client.prove(request).identity
        assert identity.subject == "CN=Jörg"
        assert identity.issuer == "front-end:card"
        assert identity.claims == {
            "name": "joerg",
            "groups": ["a", "b", "c"],
            "email": "j@example.org",
            "email_verified": True,
        }


@pytest.mark.parametrize("address", ["10.1.3.1", "127.0.0.1", "fd00::2", "", "unix", None])
def test_others_are_not(address: Any) -> None:
    with pytest.raises(AccessEndedError):
        FrontEndClient(PROVIDER, FRONT_END).prove(request_of(address, ("X-Subject", "1")))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Subject", "")],
        [("X-Subject", "1"), ("X-Subject", "2")],
        [("X-Subject", "\xff")],
        [("X-Subject", "1"), ("X-Name", "a"), ("X-Name", "b")],
        [("X-Subject", "1"), ("X-Groups", "x" * 20_000)],
    ],
)
def test_a_header_that_is_missing_twice_or_unreadable_is_refused(
    headers: list[tuple[str, str]],
) -> None:
    with pytest.raises(AccessEndedError):
        FrontEndClient(PROVIDER, FRONT_END).prove(request_of("10.1.2.9", *headers))


def test_a_secret_that_cannot_be_read_lets_nobody_in() -> None:
    place = SecretPlace(env="NO_SUCH_VARIABLE_OF_THIS_TEST")
    front_end = FrontEnd("X-Subject", proxies=("10.1.2.9",), secret_header="X-S", secret=place)
    with pytest.raises(ProviderSettingError):
        FrontEndClient(PROVIDER, front_end).prove(request_of("10.1.2.9", ("X-Subject", "1")))


def test_a_provider_without_a_front_end_has_none() -> None:
    with pytest.raises(ProviderSettingError):
        find_front_end(Provider("card", "Card", "header"))
