"""Models of what the routes of the Hub answer.

Every answer is made from its model, so that the OpenAPI document, which is made from the same
models, is true. A model has no other keys, and leaves out keys that were not set.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from jupyterhub_platform.core.causes import Who
from jupyterhub_platform.usecases.explanations import State

Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Amounts: TypeAlias = Annotated[
    dict[str, int],
    Field(description="By resource, in base units: thousandths of a core, bytes, devices."),
]


class Response(BaseModel):
    """What a route answers: these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_json(self) -> dict[str, Any]:
        """Render as what :func:`json.dumps` takes."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


# -- why -------------------------------------------------------------------------------------------


class CauseOfState(Response):
    """Why a server is in its state: a stable code, a sentence, who can help, and how."""

    code: str
    sentence: str
    who: Who
    fix: str


class Why(Response):
    """What a server is doing, since when, and why."""

    user: str
    server: str
    state: State
    since: Instant
    tier: str
    account: str
    cause: CauseOfState
    decision: str | None = Field(description="The id of the refusal, if it was refused.")
    times: int | None = Field(description="How often it was refused.")
    larger_tier: str | None = Field(
        description="A larger tier that fits, after the server ran out of memory."
    )


# -- people ----------------------------------------------------------------------------------------


class Invite(Response):
    """An invite; its link is in this answer and nowhere else."""

    user: str
    url: str
    expires_at: Instant


class EndedAccess(Response):
    """What a suspension ended."""

    servers: list[str]
    tokens: int
    shares: int


class Suspended(Response):
    """A suspension: what ended, and what is restored later."""

    user: str
    suspended: Literal[True]
    reason: str
    until: Instant | None
    by: str
    ended: EndedAccess
    given_back_on_resume: list[str]
    not_given_back: list[str]
    not_ended: str = Field(
        default="",
        description="Connections that may still be open, and pods that are only counted.",
    )


class Resumed(Response):
    """The end of a suspension, and what was restored."""

    user: str
    suspended: Literal[False]
    reason: str
    by: str
    given_back: list[str]
    shares: int
    not_given_back: list[str]
    message: str


# -- the platform itself ---------------------------------------------------------------------------


class Reloaded(Response):
    """The policy in force now."""

    revision: int
    changed: bool


class WeakenedSetting(Response):
    """A setting of JupyterHub that the site made weaker, and what goes wrong then."""

    setting: str
    sentence: str


class RefusedRole(Response):
    """A role of the site of which a part is refused: what, why, and what to write instead."""

    role: str
    sentence: str


class Settings(Response):
    """How safe the Hub's own settings are, and which roles of the site are not."""

    hard_profile: bool
    weakened: list[WeakenedSetting]
    refused_roles: list[RefusedRole]


class StoreHealth(Response):
    """The state of the store; ``fault`` is empty while it answers."""

    url: str
    fault: str
    waiting: int
    schema_: str | None = Field(alias="schema")
    newest_schema: str


class PolicyHealth(Response):
    """The state of the policy file, beside the policy in force."""

    revision: int
    file: str
    digest: str | None
    file_digest: str | None
    faults: list[str]
    faulty_since: Instant | None
    managed: dict[str, int] = Field(
        description="How many objects of each kind are managed in the Hub beside the file."
    )


class RecordFinding(Response):
    """A part of the record that was changed."""

    part: str
    row: str
    what: str
    fix: str


class AuditHealth(Response):
    """The result of the last check of the record; nulls before the first one."""

    whole: bool | None
    looked_at: Instant | None
    rows: int | None
    head: str | None
    findings: list[RecordFinding]


class MembershipHealth(Response):
    """Whether users and groups follow the policy in force; ``fault`` is why they do not yet."""

    settled: bool
    fault: str
    since: Instant | None


class Drift(Response):
    """A difference between the Hub's record of what is held and what is held."""

    kind: str
    detail: str


class CheckerHealth(Response):
    """The result of the last comparison of book, servers and ledger."""

    seconds: float
    looked_at: Instant | None
    drift: list[Drift]


class ChannelHealth(Response):
    """A channel of notices that is configured: how many are in which state."""

    channel: str
    target: str
    error: str = Field(description="Why the newest one that waits or failed was not delivered.")
    waiting: int
    delivered: int
    failed: int
    skipped: int


class UnassignedPod(Response):
    """An observed pod that is charged to nobody, and why."""

    pod: str
    source: str = Field(description="Its key under observed_pods.")
    reason: str


class ObservedPodsHealth(Response):
    """The result of the last look at pods that users' own controllers make."""

    sources: int = Field(description="Kinds of them that the policy has.")
    seconds: float = Field(description="How often they are listed; 0 if this Hub lists none.")
    looked_at: Instant | None
    fault: str = Field(description="Why they could not be listed since; what they held counts.")
    held: int = Field(description="Pods that count as what they hold.")
    unassigned: int = Field(description="Pods that are charged to nobody.")
    examples: list[UnassignedPod] = Field(description="The first of the unassigned ones.")


class Health(Response):
    """The health of the platform in this Hub."""

    now: Instant
    store: StoreHealth
    policy: PolicyHealth
    memberships: MembershipHealth
    audit: AuditHealth
    checker: CheckerHealth
    notices: list[ChannelHealth] = Field(description="The channels that are configured.")
    observed_pods: ObservedPodsHealth


class Proxies(Response):
    """Addresses and networks of proxies whose ``X-Forwarded-…`` headers are trusted."""

    addresses: list[str]


# -- refusals --------------------------------------------------------------------------------------


CODES: Final[Mapping[int, str]] = {
    400: "request.invalid",
    401: "request.token",
    403: "request.forbidden",
    404: "platform.not_found",
    405: "request.method",
    409: "request.conflict",
    412: "request.changed",
    413: "request.too_large",
    415: "request.media_type",
    428: "request.precondition",
    429: "platform.too_often",
    502: "platform.hub",
    503: "platform.unavailable",
}
"""The code of a refusal that has no more exact one, by status."""
_FAULT: Final = "platform.fault"
PROBLEM: Final = "application/problem+json"
"""The media type of a refusal."""


class Refusal(Response):
    """The body of every refusal: what and why, what to do next, and a stable code (RFC 9457)."""

    title: str = Field(description="What HTTP calls the status.")
    status: int
    detail: str = Field(description="What, why, and what to do next.")
    code: str = Field(description="Stable, for programs: docs/reference/codes.md lists them.")
    message: str = Field(description="The same as `detail`, as JupyterHub calls it.")

    @classmethod
    def of(cls, status: int, sentence: str, code: str = "", **more: Any) -> Self:
        """Return the body of a refusal; ``more`` are the keys of a special one."""
        return cls(
            title=HTTPStatus(status).phrase,
            status=status,
            detail=sentence,
            code=code or CODES.get(status, _FAULT),
            message=sentence,
            **more,
        )


class Faulty(Refusal):
    """Every fault of a policy file, or of an object of the policy; nothing has changed."""

    faults: list[str]
