"""The calls that make, change and retire what is managed in the Hub, with their bodies."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.rest.operations import Argument, Operation
from jupyterhub_platform.rest.request_bodies import Body, MayBe, Reason
from jupyterhub_platform.rest.response_bodies import (
    Faulty,
    Instant,
    Refusal,
    Response,
)
from jupyterhub_platform.rest.scopes import ADMIN, MANAGE, READ

PREFIX: Final = "/hub/api/platform"
MAX_GROUPS: Final = 100
MAX_NAMED: Final = 50
"""How many people, limits and servers the effects of a change name."""
_DOCUMENT: Final = "document is an object, as it would stand below the name in the file."


class PutObjectRequest(Body):
    """What an object says from now on."""

    document: Annotated[dict[str, Any], MayBe(_DOCUMENT)] = Field(
        description="What would stand below its name in the policy file."
    )
    reason: Reason
    groups: Annotated[
        list[str],
        Field(max_length=MAX_GROUPS),
        MayBe(f"groups is a list of {MAX_GROUPS} names of groups at most."),
    ] = Field(default=[], description="Managed groups that a new user joins in the same change.")


class ReasonRequest(Body):
    """Why something is done."""

    reason: Reason


class RollBackRequest(Body):
    """To which revision what is managed goes back."""

    to: Annotated[int, Field(ge=0, le=2**53), MayBe("to is the number of a revision.")] = Field(
        description="What changed after this revision is undone, the newest change first."
    )
    reason: Reason


class ReleaseRequest(Body):
    """Which declared object becomes a managed one."""

    kind: Annotated[
        Literal["user", "group", "image", "tier", "grant"],
        MayBe("kind is user, group, image, tier or grant."),
    ]
    name: Annotated[str, MayBe("name is text.")]
    reason: Reason


class AdoptRequest(ReleaseRequest):
    """Which managed object becomes a declared one."""

    take_file: Annotated[bool, MayBe("take_file is true or false.")] = Field(
        default=False, description="The file may say something else of it, and wins."
    )


class Moved(Response):
    """What is in force after an object was adopted or released."""

    kind: Kind
    name: str
    source: Literal["declared", "managed"]
    revision: int
    dry_run: bool
    file: str
    digest: str = Field(description="Of the file that is in force, for which the Hub looks.")


class PolicyObject(Response):
    """An object of the policy, and where it comes from."""

    kind: Kind
    name: str
    source: Literal["declared", "managed"]
    document: dict[str, Any]
    version: int | None = Field(description="How often it was put, if it is managed.")
    by: str | None = Field(description="Who put it last, if it is managed.")
    at: Instant | None = Field(description="When, if it is managed.")
    declared_at: str | None = Field(description="File and line, if it is declared.")


class Reached(Response):
    """People whom a change lets start a tier, or keeps from it; ``people`` names some of them."""

    tier: str
    count: int
    people: list[str]


class OverLimit(Response):
    """A limit that a change lowers below what is held: nothing stops, and nothing new starts."""

    scope: str = Field(description="Such as `account`, `member` or `platform`.")
    user: str
    account: str
    tier: str
    resource: str
    held: int
    maximum: int
    path: str = Field(description="The rule that says so.")


class RunningServer(Response):
    """A server that goes on, whatever changes."""

    user: str
    server: str


class ChangeEffects(Response):
    """What a change does to people; each list names some, and is as long as it needs to be."""

    gains: list[Reached] = Field(description="Who may start a tier then, and may not now.")
    losses: list[Reached] = Field(description="Who may start a tier now, and may not then.")
    over: list[OverLimit]
    over_count: int
    running: list[RunningServer] = Field(description="Servers that the object is about.")
    running_count: int


class Changed(Response):
    """A change that is in force, or that a dry run would put into force."""

    kind: Kind
    name: str
    version: int | None = Field(description="The version now; null if it is retired.")
    revision: int = Field(description="The revision that is in force with it.")
    previous: int = Field(description="The revision before: to roll back to it undoes the change.")
    dry_run: bool
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    effects: ChangeEffects | None = Field(default=None, description="Of a dry run.")


class RolledBack(Response):
    """What is in force after a rollback."""

    revision: int
    undone: int = Field(description="How many changes were undone.")
    dry_run: bool


class LostUpdate(Refusal):
    """The object was changed meanwhile; ``current`` is how it is now, null if it is gone."""

    current: dict[str, Any] | None


DRY_RUN: Final = Argument(
    "dry_run", "Check everything, and change nothing.", {"type": "boolean", "default": False}
)
IF_MATCH: Final = Argument(
    "If-Match", "The `ETag` of what the caller saw; `*` for any. Needed to change or retire."
)
IF_NONE_MATCH: Final = Argument("If-None-Match", "`*`: the object must be new. Needed to make one.")
IDEMPOTENCY_KEY: Final = Argument(
    "Idempotency-Key", "Any text: the same call with the same key makes one grant only."
)
_WHO_CHANGES: Final[dict[Kind, str]] = {
    Kind.USER: f"`{ADMIN}`, or `{MANAGE}` for people who are only in one's own groups",
    Kind.GROUP: f"`{ADMIN}`, or `{MANAGE}` for the members of one's own groups",
    Kind.IMAGE: f"`{ADMIN}`",
    Kind.TIER: f"`{ADMIN}`",
    Kind.GRANT: f"`{ADMIN}`, or `{MANAGE}` for members of one's own groups, up to what those hold",
}
_CHANGE_REFUSALS: Final[dict[int, Any]] = {
    404: Refusal,
    409: Refusal,
    412: LostUpdate,
    413: Refusal,
    422: Faulty,
    428: Refusal,
    503: Refusal,
}


def _article(kind: Kind) -> str:
    return "an" if kind is Kind.IMAGE else "a"


def _list_calls(kind: Kind) -> tuple[Operation, ...]:
    noun, path = kind.capitalize(), f"{PREFIX}/{kind.section}/{{name}}"
    scopes = (ADMIN,) if kind in {Kind.IMAGE, Kind.TIER} else (ADMIN, MANAGE)
    return (
        Operation(
            f"put{noun}",
            "PUT",
            path,
            f"Makes {_article(kind)} {kind} that is managed in the Hub, or changes it.",
            {200: Changed, 201: Changed},
            scopes=scopes,
            who=_WHO_CHANGES[kind],
            note="409 if the file declares it; 422 lists every fault of what it would say.",
            arguments=(DRY_RUN,),
            headers=(IF_MATCH, IF_NONE_MATCH),
            body=PutObjectRequest,
            refusals=_CHANGE_REFUSALS,
        ),
        Operation(
            f"read{noun}",
            "GET",
            path,
            f"Reads {_article(kind)} {kind}: what it says, and who said it.",
            {200: PolicyObject},
            scopes=(READ, *scopes),
            note="`ETag` is the version, if it is managed in the Hub.",
            refusals={404: Refusal},
        ),
        Operation(
            f"retire{noun}",
            "DELETE",
            path,
            f"Retires {_article(kind)} {kind} that is managed in the Hub. Its revisions stay.",
            {200: Changed},
            scopes=scopes,
            who=_WHO_CHANGES[kind],
            note="422 lists what still names it.",
            arguments=(DRY_RUN,),
            headers=(IF_MATCH,),
            body=ReasonRequest,
            refusals=_CHANGE_REFUSALS,
        ),
    )


MAKE_GRANT: Final = Operation(
    "makeGrant",
    "POST",
    f"{PREFIX}/grants",
    "Makes a grant; the answer has its name.",
    {200: Changed, 201: Changed},
    scopes=(ADMIN, MANAGE),
    who=_WHO_CHANGES[Kind.GRANT],
    note="200 if the same key made it before.",
    arguments=(DRY_RUN,),
    headers=(IDEMPOTENCY_KEY,),
    body=PutObjectRequest,
    refusals=_CHANGE_REFUSALS,
)
ROLL_BACK: Final = Operation(
    "rollBack",
    "POST",
    f"{PREFIX}/policy/rollback",
    "Undoes what changed managed objects since a revision; the file is left alone.",
    {200: RolledBack},
    scopes=(ADMIN,),
    arguments=(DRY_RUN,),
    headers=(Argument("If-Match", "The revision that the caller saw in force."),),
    body=RollBackRequest,
    refusals={409: Refusal, 413: Refusal, 422: Faulty, 428: Refusal, 503: Refusal},
)
_MOVES: Final[dict[int, Any]] = {
    404: Refusal,
    409: Refusal,
    413: Refusal,
    422: Faulty,
    503: Refusal,
}
ADOPT: Final = Operation(
    "adopt",
    "POST",
    f"{PREFIX}/policy/adopt",
    "Retires a managed object that the policy file declares by now, in one change with the file.",
    {200: Moved},
    scopes=(ADMIN,),
    note="409 if the file does not declare it, or says something else of it.",
    arguments=(DRY_RUN,),
    body=AdoptRequest,
    refusals=_MOVES,
)
RELEASE: Final = Operation(
    "release",
    "POST",
    f"{PREFIX}/policy/release",
    "Manages an object that the policy file declares; the file is in force without it at once.",
    {200: Moved},
    scopes=(ADMIN,),
    note="The caller then takes it out of the file; until then the file has that one fault.",
    arguments=(DRY_RUN,),
    body=ReleaseRequest,
    refusals=_MOVES,
)
MANAGED_CALLS: Final = (
    *(call for kind in Kind for call in _list_calls(kind)),
    MAKE_GRANT,
    ROLL_BACK,
    RELEASE,
    ADOPT,
)
