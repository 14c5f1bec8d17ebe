"""Identity providers: where people come from who log in elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

GITHUB: Final = "https://github.com"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class ProviderKind(StrEnum):
    """How a provider is spoken to."""

    OIDC = "oidc"
    GITHUB = "github"
    HEADER = "header"


class LocalAccounts(StrEnum):
    """Who may log in with a password that the platform keeps."""

    EVERYONE = "everyone"
    ADMINS = "admins"
    OFF = "off"


class ClientAuth(StrEnum):
    """How a client proves to a provider that it is the registered one."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    KEY = "private_key_jwt"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is read: a variable of the Hub's environment, or a file."""

    env: str = ""
    file: str = ""

    def __str__(self) -> str:
        return f"the variable {self.env}" if self.env else f"the file {self.file}"


@dataclass(frozen=True, slots=True)
class Client:
    """What this platform is registered as."""

    id: str = ""
    auth: ClientAuth = ClientAuth.BASIC
    secret: SecretReference | None = None
    key: SecretReference | None = None


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """A proxy that authenticates people itself, and says in headers who they are.

    ``claims`` are headers by claim, ``lists`` those of them that have several values.
    """

    subject: str = ""
    claims: Mapping[str, str] = _NOTHING
    lists: frozenset[str] = frozenset()
    separator: str = ","
    proxies: tuple[str, ...] = ()
    secret_header: str = ""
    secret: SecretReference | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider, as the policy declares it. ``key`` names it there, and in addresses.

    ``name`` are the claims that can be the user name, the first usable one; ``groups`` is the claim
    with the groups. ``refresh`` is how old claims may become before they are asked for again, and
    ``grace`` how old while the provider does not answer.
    """

    key: str
    title: str
    kind: ProviderKind
    issuer: str
    client: Client = Client()
    scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = _NOTHING
    name: tuple[str, ...] = ()
    groups: str = ""
    userinfo: bool = True
    logout: bool = True
    refresh: timedelta = timedelta(minutes=5)
    grace: timedelta = timedelta(hours=8)
    front_end: FrontEnd = field(default=FrontEnd())
