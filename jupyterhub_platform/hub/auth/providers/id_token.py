"""Checks an ID token: who signed it, for whom, when, and that it answers this very login."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from jupyterhub_platform.hub.auth.providers.errors import ProviderAnswerError
from jupyterhub_platform.hub.auth.providers.metadata import SigningKey
from jupyterhub_platform.hub.auth.providers.proven import is_subject

LEEWAY_SECONDS: Final = 60
MAX_LENGTH: Final = 400_000
_MAX_TRIED: Final = 5
_HASHES: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "256": hashlib.sha256,
    "384": hashlib.sha384,
    "512": hashlib.sha512,
}
"""By the end of the algorithm's name."""


class UnknownKeyError(ProviderAnswerError):
    """Raised if a token names a key that is not published; it may be newer than what is known."""


class _LargeTokens(JWSRegistry):
    """Groups make tokens long, and some providers have headers of their own."""

    max_header_length = 8_192
    max_payload_length = MAX_LENGTH

    def __init__(self, algorithms: Sequence[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say. ``nonce`` is ``None`` at a refresh, where there may be none."""

    issuer: str
    client_id: str
    algorithms: Sequence[str]
    nonce: str | None = None
    access_token: str = ""
    subject: str = ""


def check_id_token(
    token: object, keys: Iterable[SigningKey], expected: Expected, now: float
) -> dict[str, Any]:
    """Return what an ID token says.

    Raises
    ------
    UnknownKeyError
        Raised if none of the keys is the one that it names.
    ProviderAnswerError
        Raised if anything of it does not hold.
    """
    if not isinstance(token, str) or not token:
        raise ProviderAnswerError("it gave no ID token")
    if not token.isascii() or len(token) > MAX_LENGTH:
        raise ProviderAnswerError("its ID token cannot be read")
    header = _read_header(token)
    algorithm = str(header.get("alg"))
    if algorithm not in expected.algorithms:
        raise ProviderAnswerError("its ID token is signed in a way that is not accepted")
    if str(header.get("typ", "JWT")).lower() not in {"jwt", "id_token+jwt"}:
        raise ProviderAnswerError("it sent a token of another kind for an ID token")
    claims = _verify(token, header, keys, expected)
    _check_whom(claims, expected)
    _check_when(claims, now)
    _check_which(claims, algorithm, expected)
    return claims


def _read_header(token: str) -> Mapping[str, Any]:
    first = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise ProviderAnswerError("its ID token cannot be read")
    return header


def _verify(
    token: str, header: Mapping[str, Any], keys: Iterable[SigningKey], expected: Expected
) -> dict[str, Any]:
    algorithm, name = str(header["alg"]), header.get("kid")
    fitting = [
        each
        for each in keys
        if each.fits(algorithm) and (name is None or each.id == name or not each.id)
    ]
    if not fitting:
        raise UnknownKeyError("its ID token is signed with a key that it does not publish")
    for each in fitting[:_MAX_TRIED]:
        try:
            claims = jwt.decode(token, each.key, registry=_LargeTokens([algorithm])).claims
        except (JoseError, ValueError, RecursionError):
            continue
        return dict(claims)
    # Where keys have no names, a new one looks like a wrong signature.
    kind = UnknownKeyError if name is None else ProviderAnswerError
    raise kind("the signature of its ID token is wrong")


def _check_whom(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise ProviderAnswerError("its ID token is of another issuer")
    subject = claims.get("sub")
    if not is_subject(subject):
        raise ProviderAnswerError("its ID token names no subject")
    if expected.subject and subject != expected.subject:
        raise ProviderAnswerError("its ID token is of another user")
    audience, party = claims.get("aud"), claims.get("azp")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.client_id not in audiences:
        raise ProviderAnswerError("its ID token is for another client")
    if party is not None and party != expected.client_id:
        raise ProviderAnswerError("its ID token was asked for by another client")
    if len(audiences) > 1 and party is None:
        raise ProviderAnswerError("its ID token is for several clients, and does not say whose")


def _check_when(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = _read_time(claims, "exp"), _read_time(claims, "iat")
    if expires <= now - LEEWAY_SECONDS:
        raise ProviderAnswerError(
            f"its ID token expired {round(now - expires)} s ago by the Hub's clock"
        )
    if issued > now + LEEWAY_SECONDS:
        raise ProviderAnswerError(
            f"its ID token is made {round(issued - now)} s from now by the Hub's clock"
        )
    if "nbf" in claims and _read_time(claims, "nbf") > now + LEEWAY_SECONDS:
        raise ProviderAnswerError("its ID token does not hold yet by the Hub's clock")


def _read_time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_near(value):
        raise ProviderAnswerError(f"its ID token has no usable {name}")
    return float(value)


def _is_near(value: float) -> bool:
    # Neither is NaN, with which nothing is too old, nor an integer that is no float.
    return -1e12 < value < 1e12


def _check_which(claims: Mapping[str, Any], algorithm: str, expected: Expected) -> None:
    nonce = claims.get("nonce")
    if expected.nonce is not None and not (
        isinstance(nonce, str)
        and hmac.compare_digest(nonce.encode(errors="replace"), expected.nonce.encode())
    ):
        raise ProviderAnswerError("its ID token answers another login than this one")
    digest = claims.get("at_hash")
    if digest is not None and expected.access_token:
        full = _HASHES[algorithm[-3:]](expected.access_token.encode()).digest()
        half = base64.urlsafe_b64encode(full[: len(full) // 2]).rstrip(b"=").decode()
        if digest != half:
            raise ProviderAnswerError("its ID token belongs to another access token")
