"""A proxy that authenticates people itself, by smart card for example, and names them in headers.

Any client can send headers. They count only from the proxies that the policy names, and with the
secret that it names, if it does.
"""

import hmac
import ipaddress
import time
from typing import Any, Final

from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.core.identity_providers import FrontEnd, Provider
from jupyterhub_platform.http.peers import read_address
from jupyterhub_platform.hub.auth.providers.errors import AccessEndedError, ProviderSettingError
from jupyterhub_platform.hub.auth.providers.proven import (
    Proven,
    Tokens,
    is_subject,
    unite_claims,
)
from jupyterhub_platform.hub.auth.providers.secrets import read_secret

MAX_LENGTH: Final = 16_384


class FrontEndClient:
    """Reads who a user is from the headers of their request."""

    def __init__(self, provider: Provider, front_end: FrontEnd) -> None:
        self.provider = provider
        self._front_end = front_end
        self._networks = [ipaddress.ip_network(each, strict=False) for each in front_end.proxies]

    def prove(self, request: Any) -> Proven:
        """Return who a request is of.

        Raises
        ------
        AccessEndedError
            Raised if it did not come through the front end, or names nobody.
        ProviderSettingError
            Raised if the front end's secret cannot be read.
        """
        self._check_sender(request)
        subject = self._read(request, self._front_end.subject)
        if not is_subject(subject):
            raise AccessEndedError(f"it sent no usable {self._front_end.subject}")
        claims: dict[str, Any] = {}
        for claim, header in self._front_end.claims.items():
            text = self._read(request, header)
            if text is None:
                continue
            parts = [each.strip() for each in text.split(self._front_end.separator)]
            listed = claim in self._front_end.lists
            claims[claim] = list(filter(None, parts)) if listed else text
        if "email" in claims:
            # Users do not choose what is on a card, or in a directory.
            claims.setdefault("email_verified", True)
        identity = ProviderIdentity(
            self.provider.key, self.provider.issuer, str(subject), unite_claims(claims)
        )
        return Proven(identity, Tokens(), time.time())

    def _check_sender(self, request: Any) -> None:
        """Refuse a request that did not come from the front end.

        The address is the one that the Hub's proxy has seen itself, or that connected to the Hub.
        """
        address = read_address((request.remote_ip,))
        if address is None or not any(address in network for network in self._networks):
            raise AccessEndedError(
                "your request did not come through the proxy that checks who you are"
            )
        if self._front_end.secret is None:
            return
        sent = self._read(request, self._front_end.secret_header) or ""
        expected = read_secret(self._front_end.secret)
        if not hmac.compare_digest(sent.encode(), expected.encode()):
            raise AccessEndedError("your request does not have the proxy's secret")

    def _read(self, request: Any, name: str) -> str | None:
        """Return the value of a header that is there once."""
        values = request.headers.get_list(name)
        if not values:
            return None
        if len(values) > 1:
            raise AccessEndedError(f"the header {name} came twice")
        text = values[0]
        try:
            text = text.encode("latin-1").decode("utf-8")
        except ValueError:
            raise AccessEndedError(f"the header {name} is not UTF-8") from None
        if len(text) > MAX_LENGTH:
            raise AccessEndedError(f"the header {name} is too long")
        return text.strip() or None


def find_front_end(provider: Provider) -> FrontEnd:
    """Return the front end of a provider.

    Raises
    ------
    ProviderSettingError
        Raised if the policy names none.
    """
    if provider.front_end is None:
        raise ProviderSettingError("the policy names no front end for it")
    return provider.front_end
