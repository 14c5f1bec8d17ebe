"""The calls of the platform's own API within the Hub, below ``/hub/api/platform/``."""

from typing import Any, Final

from jupyterhub_platform.rest.access_requests import ACCESS_REQUEST_CALLS
from jupyterhub_platform.rest.bulk_calls import BULK_CALLS
from jupyterhub_platform.rest.decisions import DryRun, RecordedDecision, Usage
from jupyterhub_platform.rest.identity_providers import IDENTITY_PROVIDER_CALLS
from jupyterhub_platform.rest.index import Index
from jupyterhub_platform.rest.managed_calls import MANAGED_CALLS
from jupyterhub_platform.rest.notices import NOTICE_CALLS
from jupyterhub_platform.rest.operations import Argument, Operation
from jupyterhub_platform.rest.own_servers import OWN_SERVERS
from jupyterhub_platform.rest.policy_plans import Plan, PlanRequest
from jupyterhub_platform.rest.provider_logins import PROVIDER_LOGIN_CALLS
from jupyterhub_platform.rest.refused_requests import NOTE_REFUSED
from jupyterhub_platform.rest.request_bodies import (
    MAX_INVITE_HOURS,
    DryRunRequest,
    InviteRequest,
    Nothing,
    ResumeRequest,
    SuspendRequest,
)
from jupyterhub_platform.rest.response_bodies import (
    Faulty,
    Health,
    Invite,
    Proxies,
    Refusal,
    Reloaded,
    Resumed,
    Settings,
    Suspended,
    Why,
)
from jupyterhub_platform.rest.scopes import ADMIN, MANAGE, OPERATE, READ, SELF
from jupyterhub_platform.rest.terminal_logins import TERMINAL_LOGIN_CALLS
from jupyterhub_platform.rest.undeclared_users import UNDECLARED_CALLS

PREFIX: Final = "/hub/api/platform"
REFUSALS: Final[dict[int, Any]] = {400: Refusal, 403: Refusal}
"""Refusals of every call here: an unreadable body, or a caller without permission."""
_NOT_THERE: Final[dict[int, Any]] = {404: Refusal}
_STORE: Final[dict[int, Any]] = {503: Refusal}
_WITH_BODY: Final[dict[int, Any]] = {413: Refusal}

USAGE: Final = Operation(
    "readUsage",
    "GET",
    f"{PREFIX}/usage",
    "What a user holds, may hold and has left, in each of their accounts.",
    {200: Usage},
    who=f"`{SELF}`; for others `{READ}`, `{ADMIN}`, or their manager",
    scopes=(SELF, READ, MANAGE, ADMIN),
    arguments=(Argument("user", "Another user than the caller."),),
    refusals=_NOT_THERE,
)
DECIDE: Final = Operation(
    "decide",
    "POST",
    f"{PREFIX}/decide",
    "A dry run of a start: the whole decision. Nothing is recorded.",
    {200: DryRun},
    who=f"`{SELF}`; for others `{READ}` or `start:servers`",
    scopes=(SELF, READ, "start:servers"),
    note="Always 200; `status` is the status that a start would get.",
    body=DryRunRequest,
    refusals=_NOT_THERE | _WITH_BODY,
)
DECISION: Final = Operation(
    "readDecision",
    "GET",
    f"{PREFIX}/decisions/{{id}}",
    "A recorded decision.",
    {200: RecordedDecision},
    who=f"its owner, a manager of its account, or `{READ}`",
    note=(
        "The id comes with a denial, in `X-Platform-Decision`; a denial that was only counted has "
        "none."
    ),
    refusals=_NOT_THERE | _STORE,
)
WHY: Final = Operation(
    "explainServer",
    "GET",
    f"{PREFIX}/why",
    "The state of a server and why it is in it, who can help, and how.",
    {200: Why},
    who=f"its owner, a manager of its account, `{READ}` or `{ADMIN}`",
    note="404 if it was never started.",
    arguments=(
        Argument("user", "Its owner; the caller by default."),
        Argument("server", "Its name; the default server by default."),
    ),
    refusals=_NOT_THERE | _STORE,
)
RELOAD: Final = Operation(
    "reload",
    "POST",
    f"{PREFIX}/reload",
    "Puts the current policy file into force.",
    {200: Reloaded},
    scopes=(OPERATE, ADMIN),
    note="422 lists every fault of the file; the last good policy stays in force.",
    body=Nothing,
    refusals={422: Faulty} | _STORE | _WITH_BODY,
)
PLAN: Final = Operation(
    "planPolicy",
    "POST",
    f"{PREFIX}/policy/plan",
    "What it would do to put other policy files into force; nothing is changed.",
    {200: Plan},
    scopes=(ADMIN,),
    note="422 lists every fault of the files. What users added to groups in the Hub is left out.",
    body=PlanRequest,
    refusals={422: Faulty} | _STORE | _WITH_BODY,
)
SETTINGS: Final = Operation(
    "readSettings",
    "GET",
    f"{PREFIX}/settings",
    "The settings of JupyterHub that the site made weaker than the platform's, and what follows.",
    {200: Settings},
    scopes=(READ, OPERATE, ADMIN),
)
HEALTH: Final = Operation(
    "readHealth",
    "GET",
    f"{PREFIX}/health",
    "The health of store, policy file, audit and ledger; 200 even if something is unhealthy.",
    {200: Health},
    scopes=(READ, OPERATE, ADMIN),
    note="`jhp doctor` explains it.",
    refusals=_STORE,
)
PROXIES: Final = Operation(
    "readProxies",
    "GET",
    f"{PREFIX}/proxies",
    "The addresses of proxies, so that the service trusts the same forwarded headers.",
    {200: Proxies},
    who="none: for the platform's own service",
)
DOCUMENT: Final = Operation(
    "readDocument",
    "GET",
    f"{PREFIX}/openapi.json",
    "This document: all calls of the platform, as OpenAPI 3.1.",
    {200: dict[str, Any]},
    who="every logged-in user",
)
INDEX: Final = Operation(
    "listHubCalls",
    "GET",
    f"{PREFIX}/",
    "Lists the calls of the Hub, and where the others are.",
    {200: Index},
    who="every logged-in user",
)
INVITE: Final = Operation(
    "invite",
    "POST",
    f"{PREFIX}/users/{{name}}/invite",
    "Makes an invite, with which a user sets a password.",
    {201: Invite},
    who=(
        f"`{ADMIN}`, or `{MANAGE}` for people of one's own groups whose level reads or manages "
        "nothing"
    ),
    scopes=(ADMIN, MANAGE),
    note=f"It is valid for as long as the Hub is configured, or up to {MAX_INVITE_HOURS} hours.",
    body=InviteRequest,
    refusals={429: Refusal} | _NOT_THERE | _STORE | _WITH_BODY,
)
SUSPEND: Final = Operation(
    "suspend",
    "POST",
    f"{PREFIX}/users/{{name}}/suspend",
    "Suspends a user at once, and says what ended.",
    {200: Suspended},
    scopes=(ADMIN,),
    note="409 with a code `suspension.…` if that is not possible.",
    body=SuspendRequest,
    refusals={409: Refusal} | _NOT_THERE | _STORE | _WITH_BODY,
)
RESUME: Final = Operation(
    "resume",
    "POST",
    f"{PREFIX}/users/{{name}}/resume",
    "Lifts a suspension, and says what is restored.",
    {200: Resumed},
    scopes=(ADMIN,),
    note="409 with a code `suspension.…` if that is not possible.",
    body=ResumeRequest,
    refusals={409: Refusal} | _NOT_THERE | _STORE | _WITH_BODY,
)

HUB_CALLS: Final = (
    *(
        USAGE,
        DECIDE,
        DECISION,
        WHY,
        OWN_SERVERS,
        RELOAD,
        PLAN,
        SETTINGS,
        HEALTH,
        PROXIES,
        DOCUMENT,
        INDEX,
    ),
    *(INVITE, SUSPEND, RESUME),
    NOTE_REFUSED,
    *MANAGED_CALLS,
    *UNDECLARED_CALLS,
    *IDENTITY_PROVIDER_CALLS,
    *PROVIDER_LOGIN_CALLS,
    *BULK_CALLS,
    *ACCESS_REQUEST_CALLS,
    *TERMINAL_LOGIN_CALLS,
    *NOTICE_CALLS,
)
