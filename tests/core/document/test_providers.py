"""Identity providers as a document declares them."""

from datetime import timedelta
from typing import Any

import pytest

from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.document.schema_providers import why_no_address
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.identity_providers import (
    AUTHENTICATOR,
    GITHUB,
    HEADER,
    OIDC,
    Client,
    FrontEnd,
    Identity,
    LocalAccounts,
    SecretPlace,
)
from jupyterhub_platform.core.local_accounts import ADMINS, OFF, why_no_password
from jupyterhub_platform.core.policy import Policy

CLIENT = {"id": "hub", "secret": {"env": "SECRET"}}
OPENID = {"issuer": "https://id.example.org/realms/staff", "client": CLIENT}
FRONT_END = {"subject": "X-Subject", "proxies": ["10.1.2.0/24"]}


def compile_identity(**identity: Any) -> Policy:
    return compile_policy(
        {
            "version": 1,
            "users": {"root": {"level": "admin"}, "kim": None},
            "images": {"lab": {"reference": "example/lab:1"}},
            "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
            "identity": identity,
        }
    )


def compile_provider(**declared: Any) -> Identity:
    return compile_identity(providers={"p": declared}).identity


def test_an_openid_provider_needs_an_issuer_and_a_client() -> None:
    provider = compile_provider(**OPENID).providers["p"]
    assert (provider.key, provider.title, provider.kind) == ("p", "p", OIDC)
    assert provider.issuer == "https://id.example.org/realms/staff"
    assert provider.client == Client("hub", secret=SecretPlace(env="SECRET"))
    assert str(provider.client.secret) == "the variable SECRET"
    assert provider.scopes == ("openid", "profile", "email")
    assert (provider.userinfo, provider.logout, provider.logout_hint) == (True, True, True)
    assert provider.refresh == timedelta(minutes=5)
    assert provider.grace == timedelta(hours=8)


def test_a_client_may_sign_with_a_key_or_be_public() -> None:
    key = {"id": "hub", "auth": "private_key_jwt", "key": {"file": "/etc/key.pem"}}
    client = compile_provider(**{**OPENID, "client": key}).providers["p"].client
    assert client is not None
    assert client.key == SecretPlace(file="/etc/key.pem")
    assert str(client.key) == "the file /etc/key.pem"
    public = compile_provider(**{**OPENID, "client": {"id": "hub", "auth": "none"}})
    assert public.providers["p"].client == Client("hub", "none")


def test_a_provider_may_want_to_be_told_more() -> None:
    told = {"acr_values": "urn:high", "hd": "example.org"}
    assert compile_provider(**OPENID, parameters=told).providers["p"].parameters == told


def test_github_needs_a_client_alone() -> None:
    provider = compile_provider(kind="github", client=CLIENT).providers["p"]
    assert (provider.kind, provider.issuer) == (GITHUB, "https://github.com")
    assert provider.scopes == ("read:user", "user:email", "read:org")


def test_a_front_end_is_a_proxy_and_its_headers() -> None:
    front_end = {
        **FRONT_END,
        "claims": {"groups": "X-Groups"},
        "lists": ["groups"],
        "separator": ";",
        "proxies": ["127.0.0.1"],
        "secret": {"header": "X-Secret", "file": "/etc/secret"},
    }
    provider = compile_provider(kind="header", front_end=front_end).providers["p"]
    assert (provider.kind, provider.issuer, provider.scopes) == (HEADER, "front-end:p", ())
    assert provider.front_end == FrontEnd(
        "X-Subject",
        {"groups": "X-Groups"},
        frozenset({"groups"}),
        ";",
        ("127.0.0.1",),
        "X-Secret",
        SecretPlace(file="/etc/secret"),
    )
    plain = compile_provider(kind="header", front_end=FRONT_END).providers["p"].front_end
    assert plain is not None
    assert (plain.secret_header, plain.secret) == ("", None)


def test_one_provider_can_stand_for_the_authenticator_of_the_site() -> None:
    identity = compile_provider(kind="authenticator", title="Campus", groups="isMemberOf")
    provider = identity.providers["p"]
    assert identity.authenticator is provider
    assert (provider.kind, provider.issuer) == (AUTHENTICATOR, "authenticator:p")
    assert (provider.names, provider.assigns_names) == (("preferred_username",), True)
    assert (provider.client, provider.scopes, provider.groups) == (None, (), ("isMemberOf",))
    assert compile_provider(**OPENID).authenticator is None
    two = {"p": {"kind": "authenticator"}, "q": {"kind": "authenticator"}}
    with pytest.raises(PolicyError, match=r"as “p” does, and it has one"):
        compile_identity(providers=two)


@pytest.mark.parametrize(
    ("declared", "key", "what"),
    [
        ({"client": CLIENT}, "identity.providers.p", "has no issuer"),
        ({"issuer": "https://a.example"}, "identity.providers.p", "has no client"),
        ({"kind": "github"}, "identity.providers.p", "has no client"),
        ({"kind": "header"}, "identity.providers.p", "has no front_end"),
        (
            {"kind": "header", "front_end": FRONT_END, "client": CLIENT},
            "identity.providers.p",
            "has a client",
        ),
        ({**OPENID, "front_end": FRONT_END}, "identity.providers.p", "has a front_end"),
        *(
            ({"kind": "authenticator", key: value}, "identity.providers.p", f"has {key}, which")
            for key, value in (
                ("client", CLIENT),
                ("issuer", "https://a.example"),
                ("name", ["email"]),
                ("names", "chosen"),
                ("refresh", "5m"),
            )
        ),
        ({**OPENID, "scopes": ["profile"]}, "identity.providers.p", "the scope openid"),
        ({**OPENID, "scopes": ["open id"]}, "identity.providers.p.scopes", "is not a scope"),
        ({**OPENID, "issuer": "http://id.example"}, "identity.providers.p.issuer", "https://"),
        ({**OPENID, "kind": "saml"}, "identity.providers.p.kind", ""),
        ({**OPENID, "refresh": "0s"}, "identity.providers.p.refresh", "is zero"),
        ({**OPENID, "name": [" "]}, "identity.providers.p.name", "not the name of a claim"),
        ({**OPENID, "parameters": {"nonce": "1"}}, "identity.providers.p.parameters", "itself"),
        ({**OPENID, "parameters": {"a": "é"}}, "identity.providers.p.parameters", "seen"),
        ({**OPENID, "client": {"id": "hub"}}, "identity.providers.p.client", "has no secret"),
        (
            {**OPENID, "client": {"id": "hub", "auth": "private_key_jwt"}},
            "identity.providers.p.client",
            "has no key",
        ),
        (
            {**OPENID, "client": {"id": "hub", "secret": "plain text"}},
            "identity.providers.p.client.secret",
            "does not say where",
        ),
        (
            {**OPENID, "client": {"id": "hub", "secret": {}}},
            "identity.providers.p.client.secret",
            "neither",
        ),
        (
            {**OPENID, "client": {"id": "hub", "secret": {"env": "A", "file": "/b"}}},
            "identity.providers.p.client.secret",
            "names both",
        ),
        (
            {**OPENID, "client": {"id": "hub", "secret": {"env": "a secret itself"}}},
            "identity.providers.p.client.secret.env",
            "name of an environment variable",
        ),
        (
            {**OPENID, "client": {"id": "hub", "secret": {"file": "here.txt"}}},
            "identity.providers.p.client.secret.file",
            "path of a file",
        ),
    ],
)
def test_what_could_not_work_or_would_not_be_safe_is_refused(
    declared: dict[str, Any], key: str, what: str
) -> None:
    with pytest.raises(PolicyError) as refused:
        compile_provider(**declared)
    faults = refused.value.faults
    assert any(fault.key.startswith(key) and what in fault.what for fault in faults), faults
    assert "plain text" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"proxies": []}, "names no proxy"),
        ({"proxies": ["everywhere"]}, "neither an address nor a network"),
        ({"proxies": ["0.0.0.0/0"]}, "so wide"),
        ({"proxies": ["::/0"]}, "so wide"),
        ({"proxies": ["127.0.0.1"]}, "this machine"),
        ({"proxies": ["::1"]}, "this machine"),
        ({"subject": "X Subject"}, "not the name of a header"),
        ({"subject": "X-Forwarded-For"}, "says something else"),
        ({"subject": "Cookie"}, "says something else"),
        ({"secret": {"header": "X-S"}}, "neither"),
    ],
)
def test_a_front_end_that_others_could_be_is_refused(change: dict[str, Any], what: str) -> None:
    with pytest.raises(PolicyError, match=what):
        compile_provider(kind="header", front_end={**FRONT_END, **change})


@pytest.mark.parametrize(
    "address",
    [
        "https://id.example.org",
        "https://id.example.org:8443/a/b/",
        "http://127.0.0.1:80/",
        "http://[::1]/",
        "http://localhost",
    ],
)
def test_a_provider_is_spoken_to_with_tls_or_on_this_machine(address: str) -> None:
    assert why_no_address(address) == ""


@pytest.mark.parametrize(
    "address",
    [
        "",
        "id.example.org",
        "http://id.example.org",
        "http://127.0.0.1.example.org",
        "https://",
        "https://user@id.example.org",
        "https://id.example.org?x",
        "https://id.example.org#x",
        "https://id.example.org:port",
        "https://id.example.org/\n",
        "https://id.exämple.org",
        "https://id.example.org/ x",
        "https://[::1",
        "ftp://id.example.org",
    ],
)
def test_other_addresses_are_not_asked(address: str) -> None:
    assert why_no_address(address)


def test_local_accounts_may_be_for_all_for_admins_or_off() -> None:
    assert why_no_password(compile_identity(), "kim") == ""
    admins = compile_identity(local="admins", providers={"p": OPENID})
    assert admins.identity.local is LocalAccounts.ADMINS
    assert why_no_password(admins, "root") == ""
    assert why_no_password(admins, "kim") == ADMINS
    off = compile_identity(local="off", providers={"p": OPENID})
    assert why_no_password(off, "root") == OFF


def test_somewhere_users_must_be_able_to_log_in() -> None:
    with pytest.raises(PolicyError, match="nobody could log in"):
        compile_identity(local="off")
    assert compile_identity(local="admins").identity.local is LocalAccounts.ADMINS


@pytest.mark.parametrize(
    ("written", "names"),
    [("roles", ("roles",)), (["groups", "realm_access.roles"], ("groups", "realm_access.roles"))],
)
def test_groups_are_in_one_claim_or_in_several(written: Any, names: tuple[str, ...]) -> None:
    assert compile_provider(**OPENID, groups=written).providers["p"].groups == names
