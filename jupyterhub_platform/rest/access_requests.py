"""The calls by which people ask for access and are answered, with their bodies."""

from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from jupyterhub_platform.core.access_requests import (
    MAX_DAYS,
    AccessRequest,
    RequestState,
    Wish,
)
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.times import parse_duration
from jupyterhub_platform.rest.operations import CURSOR, IDEMPOTENCY_KEY, Argument, Operation
from jupyterhub_platform.rest.request_bodies import Body, MayBe, Reason, refuse
from jupyterhub_platform.rest.response_bodies import Faulty, Instant, Refusal, Response
from jupyterhub_platform.rest.scopes import ADMIN, MANAGE, READ, SELF
from jupyterhub_platform.usecases.reports.paging import MAX_LIMIT

PREFIX: Final = "/hub/api/platform/requests"
_HOW_LONG: Final = f"for is a duration such as 8h or 2d, of {MAX_DAYS} days at most."
_ADD: Final = 'add has amounts by resource, such as {"servers": 1}.'


def _read_lasts(value: object) -> timedelta | None:
    if value is None:
        return None
    try:
        lasts = parse_duration(value) if isinstance(value, str) else timedelta()
    except QuantityError:
        lasts = timedelta()
    if not timedelta() < lasts <= timedelta(days=MAX_DAYS):
        raise refuse(_HOW_LONG)
    return lasts


Lasts = Annotated[
    timedelta | None,
    BeforeValidator(_read_lasts),
    MayBe(_HOW_LONG),
    WithJsonSchema(
        {"type": ["string", "null"], "description": "For how long.", "examples": ["8h", "2d"]}
    ),
]
Add = Annotated[dict[str, str | int | float] | None, MayBe(_ADD)]


class AskRequest(Body):
    """What a user asks for: one of tier, add, grant and level."""

    reason: Reason
    account: Annotated[str, MayBe("account is the name of a group.")] = Field(
        default="", description="The group in which it counts; not for a level."
    )
    tier: Annotated[str | None, MayBe("tier is the name of a tier.")] = Field(
        default=None, description="A tier to be opened."
    )
    add: Add = Field(default=None, description="Amounts by resource to be added to the quota.")
    grant: Annotated[str | None, MayBe("grant is the name of a grant.")] = Field(
        default=None, description="A grant of one's own that shall last longer."
    )
    level: Annotated[
        str | None,
        Field(pattern=f"^({'|'.join(Level)})$"),
        MayBe(f"level is one of {', '.join(Level)}."),
    ] = Field(default=None, description="Another permission level.")
    lasts: Lasts = Field(default=None, alias="for")

    def read_wish(self) -> tuple[Wish, dict[str, Any]]:
        """Return what kind of wish it is, and what a grant would say.

        Raises
        ------
        ValueError
            Raised if it is none, more than one, or lacks a duration.
        """
        named: dict[Wish, dict[str, Any]] = {
            Wish.TIER: {"tier": self.tier},
            Wish.QUOTA: {"add": self.add},
            Wish.EXTENSION: {"grant": self.grant},
            Wish.LEVEL: {"level": self.level},
        }
        wishes = [(kind, wish) for kind, wish in named.items() if all(wish.values())]
        if len(wishes) != 1:
            raise ValueError("Ask for one of tier, add, grant and level.")
        if self.lasts is None and wishes[0][0] is not Wish.LEVEL:
            raise ValueError("Say for how long, such as 2d; only a level may have no end.")
        return wishes[0]


class ApproveRequest(Body):
    """What is approved: all that was asked for, or less."""

    reason: Reason
    lasts: Lasts = Field(default=None, alias="for")
    add: Add = Field(default=None, description="Smaller amounts than were asked for.")


class AnswerRequest(Body):
    """Why a request is refused or withdrawn."""

    reason: Reason


class Asked(Response):
    """A request, and its answer."""

    id: str
    user: str
    account: str
    kind: Wish
    wish: dict[str, Any] = Field(description="What a grant would say.")
    seconds: int | None = Field(description="For how long it was asked for.")
    reason: str
    at: Instant
    state: RequestState
    decided_by: str | None
    decided_at: Instant | None
    answer: str | None

    @classmethod
    def of(cls, request: AccessRequest) -> "Asked":
        """Return the answer that shows a request."""
        return cls(
            id=request.id,
            user=request.user,
            account=request.account,
            kind=request.kind,
            wish=dict(request.wish),
            seconds=int(request.lasts.total_seconds()) if request.lasts else None,
            reason=request.reason,
            at=request.at.isoformat(),
            state=request.state,
            decided_by=request.decided_by,
            decided_at=request.decided_at.isoformat() if request.decided_at else None,
            answer=request.answer,
        )


class AskedList(Response):
    """Requests, the newest first."""

    items: list[Asked]
    next: str | None = Field(description="The `cursor` of the next part; null at the end.")


_OF_STORE: Final[dict[int, Any]] = {503: Refusal}
_ANSWERED: Final[dict[int, Any]] = {
    404: Refusal,
    409: Refusal,
    413: Refusal,
    422: Faulty,
    **_OF_STORE,
}
_WHO_ANSWERS: Final = f"`{ADMIN}`, or `{MANAGE}` for the groups that one is in charge of"
MAKE_REQUEST: Final = Operation(
    "makeRequest",
    "POST",
    PREFIX,
    "Asks for a tier, more quota, a longer grant, or a level.",
    {201: Asked},
    scopes=(SELF,),
    note="422 lists why the grant that it asks for is impossible.",
    body=AskRequest,
    headers=(IDEMPOTENCY_KEY,),
    refusals=_ANSWERED,
)
LIST_REQUESTS: Final = Operation(
    "listRequests",
    "GET",
    PREFIX,
    "Lists requests, newest first: one's own, and those that one may answer or see.",
    {200: AskedList},
    scopes=(SELF, READ, MANAGE, ADMIN),
    who=f"`{SELF}` for one's own; `{MANAGE}` for one's groups; `{READ}` or `{ADMIN}` for all",
    arguments=(
        Argument(
            "state", "Only those in this state.", {"type": "string", "enum": list(RequestState)}
        ),
        Argument(
            "limit",
            "How many at most.",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 100},
        ),
        CURSOR,
    ),
    refusals=_OF_STORE,
)


def _call(verb: str, what: str, who: str, body: type[Body]) -> Operation:
    return Operation(
        f"{verb}Request",
        "POST",
        f"{PREFIX}/{{id}}/{verb}",
        what,
        {200: Asked},
        scopes=(SELF,) if verb == "withdraw" else (ADMIN, MANAGE),
        who=who,
        note="409 if it is not open any more.",
        body=body,
        refusals=_ANSWERED,
    )


ACCESS_REQUEST_CALLS: Final = (
    MAKE_REQUEST,
    LIST_REQUESTS,
    _call(
        "approve",
        "Approves a request, or less than it asks for: a grant comes into force.",
        _WHO_ANSWERS,
        ApproveRequest,
    ),
    _call("refuse", "Refuses a request, with a reason.", _WHO_ANSWERS, AnswerRequest),
    _call("withdraw", "Withdraws a request of one's own.", f"`{SELF}`", AnswerRequest),
)
