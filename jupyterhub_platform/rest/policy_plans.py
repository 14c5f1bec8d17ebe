"""The body and the answer of a plan: what it does to put other policy files into force."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.policy_plan import Joined
from jupyterhub_platform.rest.managed import MAX_NAMED, OverLimit, Reached
from jupyterhub_platform.rest.request_bodies import Body, MayBe
from jupyterhub_platform.rest.response_bodies import Instant, Response
from jupyterhub_platform.usecases.policy_plans import PlannedPolicy

MAX_FILE_NAME: Final = 1_000
MAX_OBJECTS: Final = 200
"""How many objects an answer has."""
_TEXT: Final = "text is that of the policy file."
_PACKED: Final = "packed is the text, compressed by zlib, as base64."


class PlanRequest(Body):
    """The files that could be put into force."""

    text: Annotated[str, MayBe(_TEXT)] = Field(
        default="", description="The text of the file, or of all as a revision keeps them."
    )
    packed: Annotated[str, MayBe(_PACKED)] = Field(
        default="",
        description="The same, compressed by zlib and as base64: a body has 1 MiB at most.",
    )
    file: Annotated[
        str,
        Field(min_length=1, max_length=MAX_FILE_NAME),
        MayBe(f"file is a name of 1 to {MAX_FILE_NAME} characters."),
    ] = Field(default="platform.yaml", description="What its faults call the file.")


class Names(Response):
    """How many people, and some of their names."""

    count: int
    people: list[str]


class ReachedGroup(Names):
    """People who come into a group, or leave it."""

    group: str


class MovedUser(Response):
    """A user whose level changes."""

    user: str
    before: str
    after: str


class MetServer(Response):
    """A running server that the change is about. Only one of a suspended user is stopped."""

    user: str
    server: str
    account: str
    tier: str
    code: Literal["suspended", "removed", "group", "tier", "image", "changed"] = Field(
        description=(
            "`suspended`: it is stopped. `removed`: its user is. `group`, `tier`, `image`: what it "
            "runs with is removed. `changed`: its tier says something else of the next start."
        )
    )


class PlannedRisk(Response):
    """What must not be overlooked."""

    code: str
    sentence: str
    destructive: bool = Field(description="Whether it needs to be allowed by name.")


class PlannedValue(Response):
    """A value that differs; an empty side says that it was not there."""

    path: str
    before: str
    after: str


class PlannedObject(Response):
    """An object of the files that differs; `settings` is what they say beside objects."""

    kind: str
    name: str
    change: Literal["added", "changed", "removed"]
    values: list[PlannedValue]


class Conflict(Response):
    """A managed object that the files declare as well: adopt or retire it first."""

    kind: Kind
    name: str
    by: str
    at: Instant


class Plan(Response):
    """What it does to put files into force; each list names some, and has its count beside it."""

    revision: int = Field(description="What is in force now: files and managed objects.")
    digest: str | None = Field(description="Of the files in force now.")
    proposed: str = Field(description="Of the planned files.")
    changes: bool = Field(description="Whether the files differ from those in force.")
    destructive: bool = Field(description="Whether anything of it needs to be allowed by name.")
    risks: list[PlannedRisk]
    risks_count: int
    conflicts: list[Conflict]
    conflicts_count: int
    concerned: int = Field(description="How many people gain or lose something.")
    added: Names
    removed: Names
    suspended: Names
    resumed: Names
    levels: list[MovedUser]
    levels_count: int
    joins: list[ReachedGroup]
    joins_count: int
    leaves: list[ReachedGroup]
    leaves_count: int
    gains: list[Reached] = Field(description="Who may start a tier then, and may not now.")
    losses: list[Reached] = Field(description="Who may start a tier now, and may not then.")
    over: list[OverLimit] = Field(description="Limits set below what is held now.")
    over_count: int
    servers: list[MetServer]
    servers_count: int
    objects: list[PlannedObject] = Field(description="What differs in the files, by object.")
    objects_count: int
    lines: list[str] | None = Field(
        description="The same as `diff -u` shows it, without secrets; null if that is too long."
    )
    warnings: list[str] = Field(description="What is valid and probably a mistake.")


def render_plan(planned: PlannedPolicy) -> Plan:
    """Render a plan with as many names as an answer has."""
    effects = planned.effects
    return Plan(
        revision=planned.revision,
        digest=planned.digest,
        proposed=planned.proposed,
        changes=planned.proposed != planned.digest,
        destructive=effects.is_destructive,
        risks=[
            PlannedRisk(code=each.code, sentence=each.sentence, destructive=each.destructive)
            for each in effects.risks[:MAX_NAMED]
        ],
        risks_count=len(effects.risks),
        conflicts=[
            Conflict(kind=each.key.kind, name=each.key.name, by=each.by, at=each.at.isoformat())
            for each in planned.conflicts[:MAX_NAMED]
        ],
        conflicts_count=len(planned.conflicts),
        concerned=effects.concerned,
        added=_name(effects.added),
        removed=_name(effects.removed),
        suspended=_name(effects.suspended),
        resumed=_name(effects.resumed),
        levels=[
            MovedUser(user=each.user, before=str(each.before), after=str(each.after))
            for each in effects.levels[:MAX_NAMED]
        ],
        levels_count=len(effects.levels),
        joins=_reach_groups(effects.joins),
        joins_count=len(effects.joins),
        leaves=_reach_groups(effects.leaves),
        leaves_count=len(effects.leaves),
        gains=[Reached.of(each) for each in effects.gains],
        losses=[Reached.of(each) for each in effects.losses],
        over=[OverLimit.of(each) for each in effects.over[:MAX_NAMED]],
        over_count=len(effects.over),
        servers=[
            MetServer(
                user=each.held.user,
                server=each.held.server,
                account=each.held.account,
                tier=each.held.tier,
                code=each.code,
            )
            for each in effects.servers[:MAX_NAMED]
        ],
        servers_count=len(effects.servers),
        **_render_difference(planned),
    )


def _render_difference(planned: PlannedPolicy) -> dict[str, Any]:
    return {
        "objects": [
            PlannedObject(
                kind=each.kind,
                name=each.name,
                change=each.change,
                values=[
                    PlannedValue(path=line.path, before=line.before, after=line.after)
                    for line in each.differences
                ],
            )
            for each in planned.objects[:MAX_OBJECTS]
        ],
        "objects_count": len(planned.objects),
        "lines": None if planned.lines is None else list(planned.lines),
        "warnings": list(planned.warnings[:MAX_NAMED]),
    }


def _name(people: tuple[str, ...]) -> Names:
    return Names(count=len(people), people=list(people[:MAX_NAMED]))


def _reach_groups(found: tuple[Joined, ...]) -> list[ReachedGroup]:
    return [
        ReachedGroup(group=each.group, count=len(each.people), people=list(each.people[:MAX_NAMED]))
        for each in found[:MAX_NAMED]
    ]
