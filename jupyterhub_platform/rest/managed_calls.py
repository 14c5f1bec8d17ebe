"""Calls that change what is managed in the Hub: who may make them, and what they answer."""

from typing import Any, Final

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.rest.managed import (
    AdoptRequest,
    Changed,
    LostUpdate,
    Moved,
    PolicyObject,
    PutObjectRequest,
    ReasonRequest,
    ReleaseRequest,
    RollBackRequest,
    RolledBack,
)
from jupyterhub_platform.rest.operations import IDEMPOTENCY_KEY, Argument, Operation
from jupyterhub_platform.rest.response_bodies import (
    Faulty,
    Refusal,
)
from jupyterhub_platform.rest.scopes import ADMIN, MANAGE, READ

PREFIX: Final = "/hub/api/platform"
DRY_RUN: Final = Argument(
    "dry_run", "Check everything, and change nothing.", {"type": "boolean", "default": False}
)
IF_MATCH: Final = Argument(
    "If-Match", "The `ETag` of what the caller saw; `*` for any. Needed to change or retire."
)
IF_NONE_MATCH: Final = Argument("If-None-Match", "`*`: the object must be new. Needed to make one.")
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
