"""Who vouches for people: the providers of identities, and what they are asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from jupyterhub_platform.core.claims import IdentityRule, ProviderIdentity

OIDC: Final = "oidc"
GITHUB: Final = "github"
HEADER: Final = "header"
AUTHENTICATOR: Final = "authenticator"
"""How a provider is spoken to: the kinds that there are."""

OWN_NAME: Final = "preferred_username"
"""The claim that has the name which an authenticator of the site's own gives."""

BASIC: Final = "client_secret_basic"
POST: Final = "client_secret_post"
PRIVATE_KEY: Final = "private_key_jwt"
PUBLIC: Final = "none"
"""How a client proves which one it is."""


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

    def __str__(self) -> str:
        return f"the variable {self.env}" if self.env else f"the file {self.file}"


@dataclass(frozen=True, slots=True)
class Client:
    """How the platform proves to a provider that it is the client registered there."""

    id: str
    auth: str = BASIC
    secret: SecretPlace | None = None
    key: SecretPlace | None = None


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """A proxy that authenticates people itself, and says in headers who they are.

    ``claims`` are the headers of claims; of those in ``lists`` several values are read, which
    ``separator`` divides. Only one of ``proxies`` is believed, and only with the secret, if one is
    named.
    """

    subject: str
    claims: Mapping[str, str] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    separator: str = ","
    proxies: tuple[str, ...] = ()
    secret_header: str = ""
    secret: SecretPlace | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of identities.

    ``names`` are claims of which a user name is made; ``assigns_names`` says that an administrator
    of the provider gives them, so that a name which is known already is the same person.
    ``refresh`` is how old claims may become before they are asked for again, and ``grace`` how old
    while the provider does not answer.
    """

    key: str
    title: str
    kind: str = OIDC
    issuer: str = ""
    client: Client | None = None
    scopes: tuple[str, ...] = ("openid",)
    names: tuple[str, ...] = ()
    assigns_names: bool = False
    groups: tuple[str, ...] = ("groups",)
    trust_email: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    userinfo: bool = True
    logout: bool = True
    logout_hint: bool = True
    refresh: timedelta = timedelta(minutes=5)
    grace: timedelta = timedelta(hours=8)
    front_end: FrontEnd | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """How people prove who they are, and what their claims make of them."""

    local: LocalAccounts = LocalAccounts.EVERYONE
    providers: Mapping[str, Provider] = field(default_factory=dict)
    rules: tuple[IdentityRule, ...] = ()

    @property
    def authenticator(self) -> Provider | None:
        """The provider that stands for an authenticator of the site's own, if one does."""
        found = (each for each in self.providers.values() if each.kind == AUTHENTICATOR)
        return next(found, None)

    def find_provider(self, identity: ProviderIdentity) -> Provider | None:
        """Return the provider that an identity is of; ``None`` if it is not declared any more."""
        found = self.providers.get(identity.provider)
        return found if found is not None and found.issuer == identity.issuer else None

    def list_needed(self, provider: Provider) -> tuple[str, ...]:
        """Return the claims that rules need to know of the users of a provider, by name."""
        rules = (rule for rule in self.rules if rule.provider in {None, provider.key})
        return tuple(sorted({each.claim for rule in rules for each in rule.conditions}))


NO_IDENTITY: Final = Identity()
"""Local accounts alone."""
