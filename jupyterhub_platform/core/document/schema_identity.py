"""The schema of ``identity:``: who vouches for people, and what their claims make of them."""

from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from jupyterhub_platform.core.document.value_types import (
    Declared,
    Duration,
    Instant,
    LevelName,
    Line,
    Names,
    Text,
)
from jupyterhub_platform.core.identity_providers import LocalAccounts


class DeclaredSecret(Declared):
    """Where a secret is: never the secret itself."""

    env: str | None = Field(None, description="The variable of the Hub's environment that has it.")
    file: str | None = Field(None, description="The file that has it, as the Hub sees it.")


class DeclaredClient(Declared):
    """How the platform proves to a provider that it is the client registered there."""

    id: Line = Field(description="The client id.")
    auth: Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] = Field(
        "client_secret_basic", description="How the client authenticates."
    )
    secret: DeclaredSecret | None = Field(None, description="Where the client secret is.")
    key: DeclaredSecret | None = Field(
        None, description="Where the private key is, in PEM or as a JWK, for private_key_jwt."
    )


class DeclaredProvider(Declared):
    """A provider of identities. The key is part of its addresses, such as the redirect address."""

    title: Line = Field("", description="The text of its button on the login page.")
    kind: Literal["oidc", "github", "header"] = Field(
        "oidc", description="OpenID Connect, GitHub, or a header that a trusted proxy sets."
    )
    issuer: Line | None = Field(None, description="The issuer, where discovery begins.")
    client: DeclaredClient | None = Field(None, description="Who the platform is to the provider.")
    scopes: Names = Field(("openid", "profile", "email"), description="What is asked for.")
    name: Names = Field(
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
    groups: Line = Field("groups", description="The claim that lists groups, such as roles.list.")
    trust_email: bool = Field(
        False, description="Whether an e-mail address counts that no claim says to be verified."
    )


class DeclaredRule(Declared):
    """What people are whose claims match. The first rule that matches decides alone."""

    title: Line = Field("", description="What the rule is for.", examples=["Vision team"])
    provider: str | None = Field(None, description="Only people of this provider; absent: all.")
    when: dict[str, Any] = Field(
        {},
        description=(
            "Claims and what they must hold: a value, or a list of values any of which will do. "
            "A * stands for any text. Empty: everybody."
        ),
        examples=[{"groups": "/projects/vision", "email": "*@example.org"}],
    )
    refuse: Text | None = Field(
        None, description="Why people who match are not let in; they are told.", examples=["alumni"]
    )
    level: LevelName | None = Field(None, description="Their level; absent: that of defaults.")
    groups: Names = Field((), description="Groups that they are members of.")
    until: Instant | None = Field(None, description="When what the rule gives ends.")
    within: Duration | None = Field(
        None, alias="for", description="How long after their first login what it gives ends."
    )
    allow_elevated: bool = Field(
        False, description="Must be true where the level is above developer."
    )


class DeclaredIdentity(Declared):
    """Who vouches for people beside the platform itself, and what their claims make of them."""

    local: LocalAccounts = Field(
        LocalAccounts.EVERYONE,
        description="Who may log in with a password that the platform keeps.",
    )
    providers: dict[str, DeclaredProvider] = Field(
        {}, description="Providers of identities, in the order of their buttons."
    )
    rules: Annotated[tuple[DeclaredRule, ...], Strict(strict=False)] = Field(
        (), description="Rules from claims to people; the first that matches decides."
    )
