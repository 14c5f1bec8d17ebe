"""Who vouches for people: the providers of identities, and what they are asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from jupyterhub_platform.core.claims import IdentityRule


class LocalAccounts(StrEnum):
    """Who may log in with a password that the platform keeps."""

    EVERYONE = "everyone"
    ADMINS = "admins"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where a secret is: a variable of the Hub's environment, or a file."""

    env: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """How the platform proves to a provider that it is the client registered there."""

    id: str
    auth: str = "client_secret_basic"
    secret: SecretPlace | None = None
    key: SecretPlace | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of identities.

    ``names`` are claims of which a user name is made; ``assigns_names`` says that an administrator
    of the provider gives them, so that a name which is known already is the same person.
    """

    key: str
    title: str
    kind: str = "oidc"
    issuer: str = ""
    client: Client | None = None
    scopes: tuple[str, ...] = ("openid",)
    names: tuple[str, ...] = ()
    assigns_names: bool = False
    groups: str = "groups"
    trust_email: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """How people prove who they are, and what their claims make of them."""

    local: LocalAccounts = LocalAccounts.EVERYONE
    providers: Mapping[str, Provider] = field(default_factory=dict)
    rules: tuple[IdentityRule, ...] = ()


NO_IDENTITY: Final = Identity()
"""Local accounts alone."""
