"""Which certificates of a Hub ``jhp`` trusts, and what is said about one that it does not."""

import os
import ssl
from pathlib import Path
from typing import Final

import httpx

from jupyterhub_platform.core.errors import PlatformError

VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""What other programs read as well; each names a file of certificates, or a folder of them."""
_OTHER_NAME: Final = frozenset({62, 64})
_OTHER_TIME: Final = frozenset({9, 10})
"""OpenSSL's codes of a certificate for another name or address, and for another time."""


def make_context() -> ssl.SSLContext:
    """Return what checks certificates: by the variables alone, where one of them is set.

    Otherwise the authorities of this machine count, and the public ones that come with Python.

    Raises
    ------
    PlatformError
        Raised if a variable names what cannot be read.
    """
    named = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if not named:
        context = httpx.create_ssl_context(trust_env=False)
        context.load_default_certs()
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name, place in named.items():
        try:
            if Path(place).is_dir():
                context.load_verify_locations(capath=place)
            else:
                context.load_verify_locations(cafile=place)
        except OSError as error:
            raise PlatformError(
                f"{name} names {place}, which holds no certificates that can be read: "
                f"{error.strerror or error}.\nSet it to a file of certificates in PEM, or unset it."
            ) from None
    return context


def explain_certificate(error: BaseException, address: str) -> str:
    """Explain why a certificate is not trusted, if that is the cause of an error; else nothing."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return ""
    if cause.verify_code in _OTHER_NAME:
        remedy = "Call it by a name that the certificate has, or have it made for this one."
    elif cause.verify_code in _OTHER_TIME:
        remedy = "Have it renewed, or set the clock of this machine."
    else:
        remedy = f"If it is of your own authority, set {VARIABLES[0]} to the file of that in PEM."
    why = str(cause.verify_message).rstrip(".")
    return f"The certificate of {address} is not trusted, so nothing was sent.\n{why}.\n{remedy}"
