"""What an OpenID Connect provider says of itself: its discovery document, and its keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from jupyterhub_platform.core.document.schema_providers import is_loopback, why_no_address
from jupyterhub_platform.hub.auth.providers.errors import ProviderAnswerError

WELL_KNOWN: Final = "/.well-known/openid-configuration"
MAX_KEYS: Final = 100
_MIN_MODULUS: Final = 2048 * 4 // 3 // 8
"""Characters of the modulus of an RSA key of 2048 bits, in base64; smaller ones can be broken."""
_KEYS: Final = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey}
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"),
)
"""How an ID token may be signed. What is keyed with a shared secret is left out, and `none`: a
token could choose how it is checked."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where a provider is asked for what. ``names_itself`` says that it does so in callbacks."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    end_session: str
    algorithms: tuple[str, ...]
    names_itself: bool


def read_metadata(document: object, issuer: str) -> Metadata:
    """Return what a discovery document says.

    Raises
    ------
    ProviderAnswerError
        Raised if it is another provider's, or has addresses that may not be asked.
    """
    if not isinstance(document, Mapping):
        raise ProviderAnswerError("its discovery document is not one")
    if document.get("issuer") != issuer:
        raise ProviderAnswerError("its discovery document is that of another issuer")
    signed = document.get("id_token_signing_alg_values_supported")
    offered = signed if isinstance(signed, list) else ["RS256"]
    return Metadata(
        authorization=_read_endpoint(document, "authorization_endpoint", issuer),
        token=_read_endpoint(document, "token_endpoint", issuer),
        keys=_read_endpoint(document, "jwks_uri", issuer),
        userinfo=_read_endpoint(document, "userinfo_endpoint", issuer, needed=False),
        end_session=_read_endpoint(document, "end_session_endpoint", issuer, needed=False),
        algorithms=tuple(each for each in ALGORITHMS if each in offered),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _read_endpoint(
    document: Mapping[str, Any], name: str, issuer: str, *, needed: bool = True
) -> str:
    value = document.get(name)
    if value is None and not needed:
        return ""
    # Queries belong to some providers' addresses.
    if not isinstance(value, str) or why_no_address(value.partition("?")[0]):
        raise ProviderAnswerError(f"its discovery document has no usable {name}")
    # Only a provider on this machine may lead to this machine.
    if is_loopback(urlsplit(value).hostname or "") and not is_loopback(
        urlsplit(issuer).hostname or ""
    ):
        raise ProviderAnswerError(f"its {name} is on the Hub's own machine")
    return value


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that a provider signs with; ``id`` and ``algorithm`` may be empty."""

    id: str
    algorithm: str
    key: RSAKey | ECKey

    def fits(self, algorithm: str) -> bool:
        """Tell whether it can have signed with this algorithm."""
        kind = _KEYS.get(algorithm[:2])
        return kind is not None and isinstance(self.key, kind) and self.algorithm in {"", algorithm}


def read_keys(document: object) -> tuple[SigningKey, ...]:
    """Return the keys of a provider that it may have signed with; others are passed over.

    Raises
    ------
    ProviderAnswerError
        Raised if there is none.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise ProviderAnswerError("its keys cannot be read")
    found = tuple(key for each in listed[:MAX_KEYS] if (key := _read_key(each)) is not None)
    if not found:
        raise ProviderAnswerError("it publishes no key that it could have signed with")
    return found


def _read_key(entry: object) -> SigningKey | None:
    if not isinstance(entry, Mapping) or entry.get("use", "sig") != "sig":
        return None
    if entry.get("kty") == "RSA" and len(str(entry.get("n", ""))) < _MIN_MODULUS:
        return None
    # Nothing private: it would not be a provider's to publish, and nothing here needs it.
    public = {name: entry[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in entry}
    try:
        key = JWKRegistry.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if not isinstance(key, RSAKey | ECKey):
        return None
    name, algorithm = entry.get("kid", ""), entry.get("alg", "")
    if not isinstance(name, str) or not isinstance(algorithm, str):
        return None
    return SigningKey(name, algorithm, key)
