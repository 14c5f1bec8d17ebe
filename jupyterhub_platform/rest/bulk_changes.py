"""Bodies and answers of the calls that change many people at once."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError, WithJsonSchema

from jupyterhub_platform.core.bulk_changes import MAX_NAMES, Act, BulkState, Outcome, Progress
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.rest.managed import ChangeEffects
from jupyterhub_platform.rest.request_bodies import Body, MayBe, Reason, read_end, refuse
from jupyterhub_platform.rest.response_bodies import Instant, Refusal, Response

ACTS: Final = tuple(each for each in Act if each not in {Act.UNDO, Act.ADD_PEOPLE})
"""What is done to names alone."""
_ACTS: Final = f"act is one of {', '.join((*ACTS, Act.ADD_PEOPLE))}."
_NAMES: Final = f"names is a list of 1 to {MAX_NAMES} names, each once."
_PEOPLE: Final = (
    f"people is a list of 1 to {MAX_NAMES} objects with name, document and groups, each name once."
)
_UNTIL: Final = "until is a time with its zone, or left out."


def _read_names(value: object) -> list[str]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_NAMES:
        raise refuse(_NAMES)
    names = [each for each in value if isinstance(each, str) and 0 < len(each) <= 255]
    if len(names) < len(value) or not all(map(str.isprintable, names)):
        raise refuse(_NAMES)
    return list(dict.fromkeys(map(fold_user, names)))


class NewPerson(Body):
    """A user to be added."""

    name: Annotated[str, MayBe(_PEOPLE)] = Field(min_length=1, max_length=255)
    document: Annotated[dict[str, Any], MayBe(_PEOPLE)] = Field(
        default_factory=dict, description="What would stand below the name in the policy file."
    )
    groups: Annotated[list[str], MayBe(_PEOPLE)] = Field(
        default_factory=list, max_length=100, description="Managed groups that the user joins."
    )


def _read_people(value: object) -> list[NewPerson]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_NAMES:
        raise refuse(_PEOPLE)
    try:
        people = [NewPerson.model_validate(each) for each in value]
        found = [each.model_copy(update={"name": fold_user(each.name)}) for each in people]
    except ValidationError:
        raise refuse(_PEOPLE) from None
    if len({each.name for each in found}) < len(found):
        raise refuse(_PEOPLE)
    return found


class BulkRequest(Body):
    """What is done to whom; which of the other keys it needs, the act says."""

    act: Annotated[
        Literal[
            "add-to-group",
            "remove-from-group",
            "set-level",
            "suspend",
            "resume",
            "retire",
            "grant",
            "end-grant",
            "add-people",
        ],
        MayBe(_ACTS),
    ]
    names: Annotated[
        list[str],
        BeforeValidator(_read_names),
        MayBe(_NAMES),
        WithJsonSchema(
            {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 255},
                "minItems": 1,
                "maxItems": MAX_NAMES,
                "description": "Users; for end-grant the names of grants; not for add-people.",
            }
        ),
    ] = Field(default_factory=list)
    people: Annotated[
        list[NewPerson], BeforeValidator(_read_people), MayBe(_PEOPLE), Field(max_length=MAX_NAMES)
    ] = Field(
        default_factory=list,
        description="For add-people: who is added. All of them, or nobody if one is refused.",
    )
    reason: Reason
    group: Annotated[str, MayBe("group is the name of a group.")] = Field(
        default="", description="For add-to-group and remove-from-group: the group."
    )
    level: Annotated[
        str | None,
        Field(pattern=f"^({'|'.join(Level)})$"),
        MayBe(f"level is one of {', '.join(Level)}."),
    ] = Field(default=None, description="For set-level.")
    until: Annotated[
        datetime | None,
        BeforeValidator(read_end),
        MayBe(_UNTIL),
        WithJsonSchema({"type": ["string", "null"], "format": "date-time"}),
    ] = Field(default=None, description="For suspend: when it ends by itself.")
    document: Annotated[
        dict[str, Any] | None, MayBe("document is an object: what each grant says, without user.")
    ] = Field(default=None, description="For grant: what each grant says, without its user.")

    def read_arguments(self) -> dict[str, Any]:
        """Return what the act needs to know.

        Raises
        ------
        ValueError
            Raised with what is missing.
        """
        wanted, other = (
            ("people", "names") if Act(self.act) is Act.ADD_PEOPLE else ("names", "people")
        )
        if not getattr(self, wanted) or getattr(self, other):
            raise ValueError(f"{self.act} needs the key {wanted}, and not {other}.")
        match Act(self.act):
            case Act.ADD | Act.REMOVE:
                needed = {"group": self.group}
            case Act.LEVEL:
                needed = {"level": self.level or ""}
            case Act.GRANT:
                return {"document": self._read_grant()}
            case Act.SUSPEND:
                return {"until": self.until.isoformat() if self.until else None}
            case _:
                needed = {}
        missing = [key for key, value in needed.items() if not value]
        if missing:
            raise ValueError(f"{self.act} needs the key {missing[0]}.")
        return dict(needed)

    def list_items(self) -> list[Outcome]:
        """Return whom it is about, with what is said of each alone."""
        if not self.people:
            return [Outcome(position, name, None) for position, name in enumerate(self.names)]
        return [
            Outcome(
                position,
                each.name,
                None,
                arguments={"document": each.document, "groups": list(dict.fromkeys(each.groups))},
            )
            for position, each in enumerate(self.people)
        ]

    def _read_grant(self) -> dict[str, Any]:
        if not self.document:
            raise ValueError(f"{self.act} needs the key document: what each grant says.")
        return self.document


class UndoRequest(Body):
    """Why a bulk change is undone."""

    reason: Reason


class BulkOutcome(Response):
    """What became of one name."""

    name: str
    result: Literal["done", "same", "refused"] | None = Field(
        description="`same` was so already; null waits for its turn."
    )
    code: str
    reason: str = Field(description="Why it was refused, and what to do next.")

    @classmethod
    def of(cls, outcome: Outcome) -> "BulkOutcome":
        """Return the answer about an outcome."""
        return cls(
            name=outcome.name, result=outcome.result, code=outcome.code, reason=outcome.sentence
        )


class BulkRefused(Refusal):
    """A bulk change that is made whole or not at all, and nothing was changed."""

    refusals: list[BulkOutcome] = Field(description="Some of what is refused, and why.")


class BulkPreview(Response):
    """What a bulk change would do. ``checked`` may be fewer than all: the rest is checked later."""

    act: Act
    total: int
    checked: int
    done: int
    same: int
    refused: int
    touched: list[str] = Field(description="Some of whom it would change.")
    in_place: list[str] = Field(description="Who is so already: all for add-people, else some.")
    refusals: list[BulkOutcome] = Field(description="Some of what would be refused, and why.")
    effects: ChangeEffects


class Bulk(Response):
    """A bulk change, and how far it is."""

    id: str
    act: Act
    said: dict[str, Any] = Field(description="The group, level, end or grant that it is about.")
    reason: str
    by: str
    at: Instant
    state: BulkState
    why: str = Field(description="Why it was stopped.")
    ended_at: Instant | None
    total: int
    done: int
    same: int = Field(description="How many were so already.")
    refused: int
    left: int
    revisions: int = Field(description="How many revisions of the policy it made.")
    first_revision: int | None
    last_revision: int | None

    @classmethod
    def of(cls, progress: Progress) -> "Bulk":
        """Return the answer about a job."""
        job = progress.job
        return cls(
            id=job.id,
            act=job.act,
            said=dict(job.arguments),
            reason=job.reason,
            by=job.by,
            at=job.at.isoformat(),
            state=job.state,
            why=job.why,
            ended_at=job.ended_at.isoformat() if job.ended_at else None,
            total=job.total,
            done=progress.done,
            same=progress.same,
            refused=progress.refused,
            left=progress.left,
            revisions=progress.revisions,
            first_revision=progress.first,
            last_revision=progress.last,
        )
