"""The call that looks at identity providers, and what it answers."""

from typing import Final

from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.response_bodies import Refusal, Response
from jupyterhub_platform.rest.scopes import ADMIN, OPERATE, READ


class ExaminedProvider(Response):
    """An identity provider, as the Hub finds it now.

    ``fault`` is why nobody can log in by it. ``is_registered`` tells whether it leads users back to
    ``callback``, ``not_offered`` what the policy wants and its discovery document does not list,
    and ``absent_claims`` how many of the last ``logins`` had no such claim; null is unknown.
    """

    key: str
    title: str
    kind: str
    issuer: str
    fault: str
    callback: str
    is_registered: bool | None
    ahead_seconds: float | None
    not_offered: dict[str, list[str]]
    logins: int
    absent_claims: dict[str, int]


class ExaminedProviders(Response):
    """The identity providers of the policy in force."""

    providers: list[ExaminedProvider]


EXAMINE_PROVIDERS: Final = Operation(
    "examineProviders",
    "GET",
    "/hub/api/platform/identity",
    "Looks at each identity provider of the policy, as a login would, without one.",
    {200: ExaminedProviders},
    scopes=(READ, OPERATE, ADMIN),
    note="Each is asked anew, one call at a time. `jhp doctor` explains it.",
    refusals={503: Refusal},
)
IDENTITY_PROVIDER_CALLS: Final = (EXAMINE_PROVIDERS,)
