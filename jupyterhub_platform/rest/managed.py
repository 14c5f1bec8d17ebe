"""Bodies and answers of calls about what is managed in the Hub."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field

from jupyterhub_platform.core.effects import Over, Reach
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.rest.request_bodies import Body, MayBe, Reason
from jupyterhub_platform.rest.response_bodies import (
    Instant,
    Refusal,
    Response,
)

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

    @classmethod
    def of(cls, reach: Reach) -> Self:
        """Return it with as many names as an answer has."""
        people = list(reach.people[:MAX_NAMED])
        return cls(tier=reach.tier, count=len(reach.people), people=people)


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

    @classmethod
    def of(cls, over: Over) -> Self:
        """Return a limit that is set below what is held."""
        limit, scope = over.limit, over.limit.scope
        return cls(
            scope=scope.kind,
            user=scope.user,
            account=scope.account,
            tier=scope.tier,
            resource=limit.resource,
            held=over.held,
            maximum=limit.maximum,
            path=limit.path,
        )


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
