"""The schema of identity providers in ``platform.yaml``."""

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, Strict, model_validator

from jupyterhub_platform.core.document.schema_claims import ClaimNames, OneOrMoreClaims
from jupyterhub_platform.core.document.schema_front_end import DeclaredFrontEnd
from jupyterhub_platform.core.document.schema_secrets import DeclaredSecret
from jupyterhub_platform.core.document.value_types import (
    Declared,
    Duration,
    Line,
    refusal,
)
from jupyterhub_platform.core.identity_providers import (
    AUTHENTICATOR,
    BASIC,
    HEADER,
    OIDC,
    POST,
    PRIVATE_KEY,
)

_SCOPE: Final = re.compile(r"[!#-\[\]-~]{1,255}", re.ASCII)
_VISIBLE: Final = re.compile(r"[ -~]{1,1000}", re.ASCII)
_OURS: Final = frozenset(
    {
        *("client_id", "client_secret", "redirect_uri", "response_type", "response_mode", "scope"),
        *("state", "nonce", "code_challenge", "code_challenge_method", "request", "request_uri"),
    }
)
_OF_AUTHENTICATORS: Final = frozenset({"kind", "title", "groups", "trust_email"})


def _check_issuer(value: str) -> str:
    if why_not := why_no_address(value):
        raise refusal(
            f"“{value[:200]}” {why_not}",
            "write the issuer as the provider's discovery document names it, such as "
            "https://id.example.org/realms/staff",
        )
    return value


def why_no_address(value: str) -> str:
    """Say why a provider cannot be spoken to at this address; empty if it can.

    Without TLS a stranger in between could be the provider. Loopback is this machine.
    """
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        return "is not an address"
    if not value.isascii() or not value.isprintable() or " " in value or not url.hostname:
        return "is not an address"
    if url.username or url.password or url.query or url.fragment:
        return "has more than host and path"
    if url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname)):
        return ""
    return "does not begin with https://"


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_scope(value: str) -> str:
    if not _SCOPE.fullmatch(value):
        raise refusal(f"“{value[:64]}” is not a scope", "write it as the provider does, in a list")
    return value


def _check_parameters(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if name in _OURS:
            raise refusal(f"“{name}” is set by the Hub itself", "remove it")
        if not _VISIBLE.fullmatch(name) or not _VISIBLE.fullmatch(text):
            raise refusal(
                f"“{name[:64]}” has characters that cannot be seen, or is too long", "correct it"
            )
    return value


Issuer = Annotated[str, Field(max_length=500), AfterValidator(_check_issuer)]
Scope = Annotated[str, AfterValidator(_check_scope)]
Parameters = Annotated[dict[str, str], AfterValidator(_check_parameters)]


class DeclaredClient(Declared):
    """What the platform is registered as at a provider."""

    id: Line = Field(description="Client id, as the provider shows it.")
    auth: Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] = Field(
        "client_secret_basic", description="How it proves which client it is."
    )
    secret: DeclaredSecret | None = Field(
        None, description="The client's secret, by reference: {env: NAME} or {file: /path}."
    )
    key: DeclaredSecret | None = Field(
        None, description="With private_key_jwt: the private key, as a PEM file or a JWK."
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.auth in {BASIC, POST} and self.secret is None:
            raise refusal(
                f"has no secret, which {self.auth} needs",
                "write secret: {env: NAME} or {file: /path}, or auth: none for a public client",
            )
        if self.auth == PRIVATE_KEY and self.key is None:
            raise refusal(f"has no key, which {self.auth} needs", "write key: {file: /path}")
        return self


class DeclaredProvider(Declared):
    """One identity provider. The key is a part of the address at which people come back."""

    title: Line = Field("", description="The text of its button on the login page.")
    kind: Literal["oidc", "github", "header", "authenticator"] = Field(
        "oidc",
        description=(
            "OpenID Connect, GitHub, a header that a trusted proxy sets, or what "
            "c.JupyterHub.authenticator_class says."
        ),
    )
    issuer: Issuer | None = Field(
        None,
        description="The provider's issuer, exactly; with a subject of it a person is identified.",
        examples=["https://id.example.org/realms/staff"],
    )
    client: DeclaredClient | None = Field(
        None,
        description="What the platform is registered as; with the kinds oidc and github.",
    )
    scopes: Annotated[tuple[Scope, ...], Strict(strict=False)] | None = Field(
        None, description="What is asked for; absent: openid, profile and email."
    )
    parameters: Parameters = Field(
        {}, description="What else the provider wants to be told when a login begins."
    )
    name: ClaimNames = Field(
        ("preferred_username", "email"),
        description="Claims of which the user name is made, once: the first that can be one.",
    )
    names: Literal["assigned", "chosen"] = Field(
        "chosen",
        description=(
            "assigned: an administrator of the provider gives names, so that a name which the "
            "platform knows already is the same person. chosen: users choose theirs."
        ),
    )
    groups: OneOrMoreClaims = Field(
        ("groups",), description="The claims that list groups, such as realm_access.roles."
    )
    trust_email: bool = Field(
        False, description="Whether an e-mail address counts that no claim says to be verified."
    )
    userinfo: bool = Field(
        True, description="Whether the provider's userinfo is asked beside the ID token."
    )
    logout: bool = Field(
        True, description="Whether logging out here ends the session at the provider, too."
    )
    logout_hint: bool = Field(
        True, description="Whether the ID token goes along then; Login.gov refuses it."
    )
    refresh: Duration = Field(
        timedelta(minutes=5),
        description="How old claims may become before they are asked for again.",
    )
    grace: Duration = Field(
        timedelta(hours=8),
        description="How old claims may become while the provider does not answer.",
    )
    front_end: DeclaredFrontEnd | None = Field(
        None, description="With kind header: the proxy, and its headers."
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind == AUTHENTICATOR:
            for key in sorted(self.model_fields_set - _OF_AUTHENTICATORS):
                raise refusal(
                    f"has {key}, which is set in the Hub's configuration for its authenticator",
                    "remove it; title, groups and trust_email are what can stand here",
                )
            return self
        is_header = self.kind == HEADER
        if is_header != (self.front_end is not None):
            if is_header:
                raise refusal("has no front_end", "write which proxy it is, and its headers")
            raise refusal("has a front_end", "write kind: header, or remove it")
        if not is_header and self.client is None:
            raise refusal("has no client", "write client: {id: …, secret: {env: NAME}}")
        if is_header and self.client is not None:
            raise refusal("has a client, which a header does not need", "remove it")
        if self.kind == OIDC:
            if self.issuer is None:
                raise refusal("has no issuer", "write issuer: https://…")
            if self.scopes is not None and "openid" not in self.scopes:
                raise refusal("does not ask for the scope openid", "add it to scopes")
        return self
