"""Models of limits, of what is held against them, and of decisions on starts."""

from typing import Literal, TypeAlias

from pydantic import ConfigDict, Field

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.rest.response_bodies import Amounts, Instant, Response


class LimitScope(Response):
    """Where a limit applies; it does not depend on names that are left out."""

    kind: Literal["platform", "account", "member", "user", "tier", "tier-account", "tier-user"]
    account: str = ""
    user: str = ""
    tier: str = ""


class Limit(Response):
    """A limit, what is held against it now, and who can raise it."""

    scope: LimitScope
    resource: str
    limit: int
    held: int
    left: int
    path: str = Field(description="The key of the policy that sets it.")
    granted: int = Field(description="The part of it that grants add for a time.")
    raised_by: list[str]
    raised_by_managers: bool = Field(
        description="Whether they are managers of the account rather than admins."
    )
    by_pods: int = Field(0, description="The part of what is held that observed pods hold.")


class HeldServer(Response):
    """A server that holds something, from its admission until its backend is gone."""

    id: str = Field(description="The id of the decision that admitted it.")
    user: str
    server: str
    spawner_id: int
    account: str
    tier: str
    size: str = ""
    image: str
    demand: Amounts
    opened_at: Instant
    ends_at: Instant | None
    idle_seconds: float | None


class AccountUsage(Response):
    """The limits that hold in one account, and the tiers that fit now."""

    account: str
    limits: list[Limit]
    fits: list[str]


class GroupMembership(Response):
    """A group that the user is in, and what says so: a key path, groups of the provider, or none.

    With neither, the Hub alone has it.
    """

    group: str
    path: str
    provided_by: list[str]


class DefaultAccount(Response):
    """The account of a start that names none, and what says so; both empty without one."""

    name: str
    rule: str


class Usage(Response):
    """What a user holds, may hold and has left."""

    user: str
    level: Level | None
    revision: int
    memberships: list[GroupMembership]
    default_account: DefaultAccount
    accounts: list[AccountUsage]
    servers: list[HeldServer]


# -- decisions -------------------------------------------------------------------------------------


class Denial(Response):
    """One reason for a denial: a stable code, the reason in words, and the remedy."""

    code: str
    reason: str
    remedy: str


class LimitDenial(Limit, Denial):
    """A limit that would be exceeded."""

    asked: int
    missing: int


_Scope: TypeAlias = tuple[str, str, str, str]
_LimitRow: TypeAlias = (
    tuple[_Scope, str, int, int, str, int, list[str], bool]
    | tuple[_Scope, str, int, int, str, int, list[str], bool, int]
)


class AskedOptions(Response):
    """What the start named."""

    tier: str
    size: str = ""
    account: str
    image: str
    faults: list[str]
    remembered: bool = False


class AskedTier(Response):
    """A tier, as this user may ask for it in this account."""

    name: str
    demand: Amounts
    images: list[str]
    granted: bool
    requestable: bool
    observe: bool
    limits: list[_LimitRow]
    size: str = Field("", description="One of the sizes of the tier, if it has some.")
    patterns: list[str] = Field(
        default_factory=list, description="Within these, an image can be named by its reference."
    )
    closed_images: list[str] = Field(default_factory=list)
    closed_size: bool = False


class AskedQuestion(Response):
    """All facts of a decision, for programs that replay it; limits are rows without names."""

    model_config = ConfigDict(extra="allow")

    at: Instant
    revision: int
    user: str
    level: Level | None
    accounts: list[str]
    suspended: bool
    suspended_until: Instant | None
    server: str
    options: AskedOptions
    tier: str
    size: str = ""
    account: str
    image: str
    candidates: list[AskedTier]
    limits: list[_LimitRow]
    opened_by: list[str]
    opened_by_managers: bool
    passed_over: list[str] = Field(default_factory=list)


class Decision(Response):
    """The answer to a start: admitted, or every reason for a denial and what would fit instead."""

    admitted: bool
    observed: bool = Field(description="Whether it was admitted only because its tier observes.")
    sentence: str
    codes: list[str]
    denials: list[LimitDenial | Denial]
    fits: list[str]
    user: str
    server: str
    tier: str
    size: str = ""
    account: str
    image: str
    demand: Amounts
    question: AskedQuestion


class DryRun(Decision):
    """A decision that was not recorded."""

    status: int = Field(description="The status that a start would get.")
    id: None


class RecordedDecision(Decision):
    """A decision of the ledger; another version of the platform may have recorded more keys."""

    model_config = ConfigDict(extra="allow")

    id: str
    times: int = Field(description="How often it was given.")
