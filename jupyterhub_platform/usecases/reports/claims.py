"""Whether what rules need to know of users is said of those who log in."""

from collections.abc import Iterable
from typing import Final

from jupyterhub_platform.core.claims import read_values
from jupyterhub_platform.core.errors import ClaimsError
from jupyterhub_platform.core.identity_providers import Provider
from jupyterhub_platform.store import claimed_people
from jupyterhub_platform.store.store import Store

LATEST: Final = 1000
"""How many logins are looked at."""


def count_absent_claims(
    store: Store, provider: Provider, claims: Iterable[str]
) -> tuple[int, dict[str, int]]:
    """Return how many of the latest logins were looked at, and how many lacked which claim.

    An e-mail address that is not verified is absent, unless the provider is trusted.
    """
    with store.read() as transaction:
        logins = claimed_people.list_latest(transaction, provider.issuer, LATEST)
    absent = dict.fromkeys(claims, 0)
    for login in logins:
        for claim in absent:
            try:
                found = read_values(login.identity.claims, claim, trust_email=provider.trust_email)
            except ClaimsError:
                # It is there, in another shape, and the login said so.
                continue
            absent[claim] += found is None
    return len(logins), {claim: count for claim, count in absent.items() if count}
