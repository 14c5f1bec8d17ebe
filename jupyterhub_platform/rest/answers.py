"""What the routes of the Hub answer, key by key.

An answer is made from its model, so that the document that is made from the models is true. A
model takes no key that it does not name, and shows no key that was not given.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from jupyterhub_platform.core.causes import Who
from jupyterhub_platform.usecases.explanations import State

Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Amounts: TypeAlias = Annotated[
    dict[str, int],
    Field(description="By resource, in base units: thousandths of a core, bytes, devices."),
]


class Answer(BaseModel):
    """What a route answers: these keys, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_json(self) -> dict[str, Any]:
        """Render as what :func:`json.dumps` takes."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


# -- why -------------------------------------------------------------------------------------------


class Cause(Answer):
    """Why a server does what it does: a stable code, a sentence, who can help, and how."""

    code: str
    sentence: str
    who: Who
    fix: str


class Why(Answer):
    """What a server is doing, since when, and why."""

    user: str
    server: str
    state: State
    since: Instant
    tier: str
    account: str
    cause: Cause
    decision: str | None = Field(description="The id of the refusal, if it was refused.")
    times: int | None = Field(description="How often it was refused.")
    larger_tier: str | None = Field(description="One that fits, after memory ran out.")


# -- people ----------------------------------------------------------------------------------------


class Invite(Answer):
    """An invite; its link is in this answer and nowhere else."""

    user: str
    url: str
    expires_at: Instant


class Ended(Answer):
    """What a suspension ended."""

    servers: list[str]
    tokens: int
    shares: int


class Suspended(Answer):
    """A suspension: what ended, and what is restored later."""

    user: str
    suspended: Literal[True]
    reason: str
    until: Instant | None
    by: str
    ended: Ended
    given_back_on_resume: list[str]
    not_given_back: list[str]
    not_ended: str = Field(default="", description="Connections that may be open still.")


class Resumed(Answer):
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


class Reloaded(Answer):
    """The policy in force now."""

    revision: int
    changed: bool


class WeakenedSetting(Answer):
    """A setting of JupyterHub that the site made weaker, and what goes wrong then."""

    setting: str
    sentence: str


class Settings(Answer):
    """How safe the Hub's own settings are."""

    hard_profile: bool
    weakened: list[WeakenedSetting]


class StoreHealth(Answer):
    """How the store is; ``fault`` is empty while it answers."""

    url: str
    fault: str
    waiting: int
    schema_: str | None = Field(alias="schema")
    newest_schema: str


class PolicyHealth(Answer):
    """How the policy file is, beside the policy in force."""

    revision: int
    file: str
    digest: str | None
    file_digest: str | None
    faults: list[str]
    faulty_since: Instant | None


class RecordFinding(Answer):
    """Something in the record that is not as it was written."""

    part: str
    row: str
    what: str
    fix: str


class AuditHealth(Answer):
    """What the last look at the record found; nulls before the first one."""

    whole: bool | None
    looked_at: Instant | None
    rows: int | None
    head: str | None
    findings: list[RecordFinding]


class Drift(Answer):
    """A difference between what the Hub believes to be held and what is."""

    kind: str
    detail: str


class CheckerHealth(Answer):
    """What the last comparison of book, servers and ledger found."""

    seconds: float
    looked_at: Instant | None
    drift: list[Drift]


class Health(Answer):
    """How the platform in this Hub is."""

    now: Instant
    store: StoreHealth
    policy: PolicyHealth
    audit: AuditHealth
    checker: CheckerHealth


class Proxies(Answer):
    """Addresses and networks of proxies whose ``X-Forwarded-…`` are believed."""

    addresses: list[str]


# -- refusals --------------------------------------------------------------------------------------


class Refusal(Answer):
    """What every refusal of the Hub says."""

    status: int
    message: str


class CodedRefusal(Refusal):
    """A refusal with a stable code."""

    code: str


class FaultyPolicy(Refusal):
    """Every fault of the policy file; the last good policy stays in force."""

    faults: list[str]
