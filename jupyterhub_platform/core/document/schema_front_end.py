"""The schema of a front end in ``platform.yaml``: a proxy that says in headers who people are."""

import ipaddress
import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from jupyterhub_platform.core.document.schema_claims import ClaimName, ClaimNames
from jupyterhub_platform.core.document.schema_secrets import DeclaredSecret
from jupyterhub_platform.core.document.value_types import Declared, Line, refusal

_HEADER: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,98}[A-Za-z0-9])?")
_OF_PROXIES: Final = ("x-forwarded-", "x-scheme", "x-real-ip", "forwarded", "cookie", "host")


def _check_header(value: str) -> str:
    if not _HEADER.fullmatch(value):
        raise refusal(f"“{value[:64]}” is not the name of a header", "use letters, digits and -")
    if value.lower().startswith(_OF_PROXIES):
        raise refusal(
            f"“{value[:64]}” says something else in every request", "have a header of its own set"
        )
    return value


def _check_proxy(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        what = f"“{value[:64]}” is neither an address nor a network"
        raise refusal(what, "write for example 10.1.2.3 or 10.1.2.0/24") from None
    if network.prefixlen < (8 if network.version == 4 else 32):
        raise refusal(
            f"“{value[:64]}” is so wide that many could be the front end",
            "name its address, or the smallest network that it is in",
        )
    return value


HeaderName = Annotated[str, AfterValidator(_check_header)]
ProxyName = Annotated[str, AfterValidator(_check_proxy)]


class DeclaredFrontEndSecret(DeclaredSecret):
    """What the front end sends along, so that no one else can speak for it."""

    header: HeaderName = Field(description="The header that it is in.")


class DeclaredFrontEnd(Declared):
    """A proxy that authenticates people itself, for example by smart card."""

    subject: HeaderName = Field(description="The header with what identifies a person for ever.")
    claims: dict[ClaimName, HeaderName] = Field(
        {}, description="Headers with what else is said of a person, by claim."
    )
    lists: ClaimNames = Field((), description="Claims with several values, such as groups.")
    separator: Line = Field(",", description="What stands between the values of a list.")
    proxies: Annotated[tuple[ProxyName, ...], Strict(strict=False)] = Field(
        description="Addresses or networks of the front end. The headers of others count nothing."
    )
    secret: DeclaredFrontEndSecret | None = Field(
        None, description="What the front end sends along; needed where it is on this machine."
    )

    @model_validator(mode="after")
    def _is_the_only_one(self) -> Self:
        if not self.proxies:
            raise refusal("names no proxy, so that nobody could log in", "name its address")
        for proxy in self.proxies:
            network = ipaddress.ip_network(proxy, strict=False)
            if network.is_loopback and self.secret is None:
                raise refusal(
                    f"“{proxy}” is this machine, whose every user could send that header",
                    "write secret: {header: NAME, file: /path} as well",
                )
        return self
