"""The calls of the service's API, below ``/services/platform/api/v1/``."""

from typing import Any, Final

from jupyterhub_platform.core.bulk_changes import Result
from jupyterhub_platform.core.usage import KINDS, PERIODS
from jupyterhub_platform.rest.index import Index
from jupyterhub_platform.rest.operations import CURSOR, Argument, Operation
from jupyterhub_platform.rest.response_bodies import Refusal
from jupyterhub_platform.rest.scopes import ADMIN, AUDIT, MANAGE, READ, SELF
from jupyterhub_platform.rest.service_responses import (
    ListedDecisions,
    StoppedServer,
    WholeDecision,
)
from jupyterhub_platform.usecases.reports.attention import KINDS as CONCERNS
from jupyterhub_platform.usecases.reports.audit import (
    MAX_NUMBER,
    RESULTS,
    AuditEvent,
    AuditEvents,
)
from jupyterhub_platform.usecases.reports.bulk_changes import BulkLines, BulkReport
from jupyterhub_platform.usecases.reports.grants import Grants
from jupyterhub_platform.usecases.reports.groups import GroupReport, Groups
from jupyterhub_platform.usecases.reports.lines import ServerLine
from jupyterhub_platform.usecases.reports.overview import Overview
from jupyterhub_platform.usecases.reports.own import PersonReport
from jupyterhub_platform.usecases.reports.paging import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MAX_OFFSET,
    Page,
)
from jupyterhub_platform.usecases.reports.people import People
from jupyterhub_platform.usecases.reports.policy_differences import PolicyDifference
from jupyterhub_platform.usecases.reports.revisions import Revisions, WholeRevision
from jupyterhub_platform.usecases.reports.tiers import Tiers
from jupyterhub_platform.usecases.reports.usage import UsageHistory
from jupyterhub_platform.usecases.reports.usage_arguments import DEFAULT_SINCE, SORTS
from jupyterhub_platform.usecases.reports.who_can import WhoCan

PREFIX: Final = "/services/platform/api/v1"
REFUSALS: Final[dict[int, Any]] = dict.fromkeys((400, 401, 403, 503), Refusal)
"""Refusals of every call here, its own and those because Hub or store does not answer."""
_NOT_THERE: Final[dict[int, Any]] = {404: Refusal}

_OTHERS: Final = f"`{READ}`, or a manager for their groups"
_OF_GROUPS: Final = "members for their own groups; others as above"
_READS_OTHERS: Final = (READ, ADMIN, MANAGE)
_LIMIT: Final = Argument(
    "limit",
    "How many at most.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
_OFFSET: Final = Argument(
    "offset",
    "How many to skip.",
    {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
)
_SORT: Final = Argument("sort", "The column to sort by; with `-` before it in reverse.")
_PART: Final = (
    _LIMIT,
    _OFFSET,
    CURSOR,
    _SORT,
    Argument("search", "Words that must occur; `column:word` for a word in one column."),
)
_NUMBER: Final = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}

_USAGE: Final = (
    Argument("by", "By what it is added up.", {"enum": list(KINDS), "default": "group"}),
    Argument("per", "The length of a period.", {"enum": list(PERIODS), "default": "day"}),
    Argument(
        "since",
        "A date of UTC, a time, or how long ago, as in `30d`; its whole period counts.",
        {"type": "string", "default": DEFAULT_SINCE},
    ),
    Argument("until", "The same; by default now."),
    *(Argument(kind, f"Only this {kind}.") for kind in KINDS),
    Argument("format", "`csv` has all names, a row for each period.", {"enum": ["json", "csv"]}),
    _LIMIT,
    _OFFSET,
    CURSOR,
    Argument("sort", f"By {', '.join(SORTS)}; with `-` before it in reverse. By default `-cpu`."),
)

SERVICE_CALLS: Final = (
    Operation(
        "listServiceCalls",
        "GET",
        f"{PREFIX}/",
        "Lists the calls of the service, and where the others are.",
        {200: Index},
        who="every logged-in user",
    ),
    Operation(
        "readOwn",
        "GET",
        f"{PREFIX}/me",
        "What I hold, may hold and have left.",
        {200: PersonReport},
        scopes=(SELF,),
    ),
    Operation(
        "readOverview",
        "GET",
        f"{PREFIX}/overview",
        "What needs attention; what runs, what is nearly full, what was refused.",
        {200: Overview},
        who=_OTHERS,
        scopes=_READS_OTHERS,
        arguments=(
            *_PART,
            Argument(
                "show",
                "The kind of what needs attention of which up to 100 are listed, not the first 5.",
                {"enum": list(CONCERNS)},
            ),
        ),
    ),
    Operation(
        "listPeople",
        "GET",
        f"{PREFIX}/people",
        "The people, and what they hold.",
        {200: People},
        who=_OTHERS,
        scopes=_READS_OTHERS,
        arguments=_PART,
    ),
    Operation(
        "readPerson",
        "GET",
        f"{PREFIX}/people/{{name}}",
        "One person.",
        {200: PersonReport},
        who="the caller; others as above",
        refusals=_NOT_THERE,
    ),
    Operation(
        "listTiers",
        "GET",
        f"{PREFIX}/tiers",
        "What the tiers give, and how they are used.",
        {200: Tiers},
        who=_OTHERS,
        scopes=_READS_OTHERS,
    ),
    Operation(
        "listGroups",
        "GET",
        f"{PREFIX}/groups",
        "The groups, who is in charge of them, and what is held in them.",
        {200: Groups},
        who=_OF_GROUPS,
        arguments=_PART,
    ),
    Operation(
        "readGroupReport",
        "GET",
        f"{PREFIX}/groups/{{name}}",
        "One group: members, managers, quotas and grants.",
        {200: GroupReport},
        who=_OF_GROUPS,
        note="Members and servers are listed for those who may see all of it.",
        refusals=_NOT_THERE,
    ),
    Operation(
        "listGrants",
        "GET",
        f"{PREFIX}/grants",
        "The grants, those that end soon first.",
        {200: Grants},
        who="the caller's own and those of their groups; others as above",
        arguments=_PART,
    ),
    Operation(
        "listRevisions",
        "GET",
        f"{PREFIX}/policy",
        "Revisions of the policy file and of managed objects, the newest first.",
        {200: Revisions},
        scopes=(READ, ADMIN),
        arguments=_PART,
    ),
    Operation(
        "readRevision",
        "GET",
        f"{PREFIX}/policy/{{number}}",
        "One revision of the policy: what it changed, before and after.",
        {200: WholeRevision},
        scopes=(READ, ADMIN),
        refusals=_NOT_THERE,
    ),
    Operation(
        "comparePolicies",
        "GET",
        f"{PREFIX}/policy/{{first}}/diff/{{last}}",
        "What differs between two revisions of the policy, object by object.",
        {200: PolicyDifference},
        scopes=(READ, ADMIN),
        note="0 is before the first revision; `first` may be the later one.",
        refusals=_NOT_THERE,
    ),
    Operation(
        "listBulk",
        "GET",
        f"{PREFIX}/bulk",
        "Bulk changes, the newest first, and how far each is.",
        {200: BulkLines},
        who=f"`{READ}`; managers their own",
        scopes=_READS_OTHERS,
        arguments=(_LIMIT, CURSOR),
    ),
    Operation(
        "readBulkReport",
        "GET",
        f"{PREFIX}/bulk/{{id}}",
        "One bulk change, and what became of each name.",
        {200: BulkReport},
        who=f"`{READ}`, or who began it",
        scopes=_READS_OTHERS,
        arguments=(
            _LIMIT,
            CURSOR,
            Argument("result", "Only names that this became of.", {"enum": list(Result)}),
        ),
        refusals=_NOT_THERE,
    ),
    Operation(
        "listServers",
        "GET",
        f"{PREFIX}/servers",
        "What runs, as far as the caller may see it.",
        {200: Page[ServerLine]},
        who="the caller's own; others as above",
        arguments=_PART,
    ),
    *(
        Operation(
            name,
            "DELETE",
            f"{PREFIX}/servers/{{user}}/{server}",
            f"Stops {what}, on behalf of the caller.",
            {200: StoppedServer, 202: StoppedServer},
            who="the Hub decides, by the caller's own token",
            note="202 while it is stopping.",
            refusals=_NOT_THERE | dict.fromkeys((409, 413, 415, 502), Refusal),
        )
        for name, server, what in (
            ("stopServer", "{server}", "a server"),
            ("stopDefaultServer", "", "the default server of a user"),
        )
    ),
    Operation(
        "listWhoCan",
        "GET",
        f"{PREFIX}/who-can/{{verb}}/{{name}}",
        "Who may start a tier, manage a group or charge servers to one, each with the rule.",
        {200: WhoCan},
        who=_OTHERS,
        scopes=_READS_OTHERS,
        note="`verb` is start, manage or charge.",
        arguments=_PART,
        refusals=_NOT_THERE,
    ),
    Operation(
        "listDecisions",
        "GET",
        f"{PREFIX}/decisions",
        "Decisions on starts, newest first.",
        {200: ListedDecisions},
        who="the caller's own; others as above",
        arguments=(
            _LIMIT,
            CURSOR,
            Argument("before", "The id of a decision; lists those that came before it."),
            Argument("admitted", "Only those.", {"type": "boolean"}),
        ),
        refusals=_NOT_THERE,
    ),
    Operation(
        "readWholeDecision",
        "GET",
        f"{PREFIX}/decisions/{{id}}",
        "A recorded decision, with who asked for it and when.",
        {200: WholeDecision},
        who="its owner; others as above",
        refusals=_NOT_THERE,
    ),
    Operation(
        "listAudit",
        "GET",
        f"{PREFIX}/audit",
        "Who did what to whom, newest first; with `after`, oldest first.",
        {200: AuditEvents},
        scopes=(AUDIT, ADMIN),
        arguments=(
            _LIMIT,
            CURSOR,
            Argument("before", "The number of a row; lists those below it.", _NUMBER),
            Argument("after", "The number of a row; lists those beyond it, oldest first.", _NUMBER),
            Argument("actor", "Only what they did."),
            Argument("action", "Only this action, or those that begin so, such as `person.`."),
            Argument("subject", "Only what was done to this user, group or server."),
            Argument("result", "Only what ended so.", {"type": "string", "enum": list(RESULTS)}),
            Argument("since", "Since then: an instant, or how long ago, such as `2d`."),
            Argument("until", "Until then, written in the same way."),
        ),
    ),
    Operation(
        "readAuditRow",
        "GET",
        f"{PREFIX}/audit/{{number}}",
        "One row of the audit.",
        {200: AuditEvent},
        scopes=(AUDIT, ADMIN),
        refusals=_NOT_THERE,
    ),
    Operation(
        "readUsageHistory",
        "GET",
        f"{PREFIX}/usage/history",
        "What was used by person, group, tier or image: CPU, memory and accelerators, times hours.",
        {200: UsageHistory},
        who="the caller's own; others as above",
        arguments=_USAGE,
        other_types=("text/csv",),
    ),
)
