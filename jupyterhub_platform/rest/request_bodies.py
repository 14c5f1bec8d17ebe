"""Models of the bodies that the routes of the Hub take, with a sentence for each fault.

A body is read completely: every wrong key is named at once, with what it may be.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.times import EXAMPLE, parse_instant
from jupyterhub_platform.usecases.suspensions import MAX_REASON_LENGTH

MAX_INVITE_HOURS: Final = 24 * 30
NO_OBJECT: Final = "The body is a JSON object."
_FAULT_WORDS: Final = "said"
_MAX_SHOWN: Final = 200


class BodyError(ValueError):
    """Raised if a body is not what its route takes; the message lists every fault."""


@dataclass(frozen=True, slots=True)
class MayBe:
    """A sentence about what a key may be, which is the answer if it is anything else."""

    sentence: str


class Body(BaseModel):
    """A body: a JSON object with no other keys than these. No body counts as an empty one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def read(cls, sent: object) -> Self:
        """Read a parsed JSON body; ``None`` stands for no body.

        Raises
        ------
        BodyError
            Raised if it is anything else, with every fault in a sentence of ours.
        """
        sent = {} if sent is None else sent
        if not isinstance(sent, dict):
            raise BodyError(NO_OBJECT)
        try:
            return cls.model_validate(sent)
        except ValidationError as error:
            faults = error.errors(include_url=False)
        unknown = sorted(str(each["loc"][0]) for each in faults if _is_unknown(each))
        sentences = [cls._say_unknown(unknown)] if unknown else []
        sentences += [cls._say_fault(each) for each in faults if not _is_unknown(each)]
        raise BodyError(" ".join(dict.fromkeys(sentences)))

    @classmethod
    def _list_keys(cls) -> dict[str, FieldInfo]:
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    @classmethod
    def _say_unknown(cls, unknown: list[str]) -> str:
        known = ", ".join(cls._list_keys())
        rest = f"Known are {known}." if known else "This takes no keys."
        return f"Unknown keys: {', '.join(unknown)[:_MAX_SHOWN]!a}. {rest}"

    @classmethod
    def _say_fault(cls, fault: ErrorDetails) -> str:
        if fault["type"] == _FAULT_WORDS:
            return fault["msg"]
        field = cls._list_keys()[str(fault["loc"][0])]
        return next(each.sentence for each in field.metadata if isinstance(each, MayBe))


def _is_unknown(fault: ErrorDetails) -> bool:
    return fault["type"] == "extra_forbidden"


def refuse(sentence: str) -> PydanticCustomError:
    """Return what a validator raises to have a sentence of ours in the answer."""
    return PydanticCustomError(_FAULT_WORDS, "{sentence}", {"sentence": sentence})


def _read_reason(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise refuse(_SAY_WHY)
    if len(value) > MAX_REASON_LENGTH:
        raise refuse(f"reason has {MAX_REASON_LENGTH} characters at most.")
    return value.strip()


def read_end(value: object) -> datetime | None:
    """Read the end of a suspension; ``None`` if it has none."""
    if value is None:
        return None
    try:
        return parse_instant(value)
    except QuantityError as error:
        raise refuse(f"{_UNTIL.removesuffix('.')}: {error}.") from None


_SAY_WHY: Final = "Say why: reason is one line of text."
_UNTIL: Final = "until is a time with its zone, or left out."
_Name = Annotated[str, MayBe("user and server are names.")]
Reason = Annotated[
    str,
    BeforeValidator(_read_reason),
    MayBe(_SAY_WHY),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_REASON_LENGTH,
            "description": "Why, on one line. The audit records it.",
        }
    ),
]


class Nothing(Body):
    """No body, or an empty object."""


class DryRunRequest(Body):
    """Which start to decide on."""

    user_options: Any = Field(
        default=None,
        description=(
            "The options of the start: `tier`, `size`, `account` and `image`, each optional. The "
            "decision answers anything else with `options.invalid`."
        ),
        examples=[{"tier": "small", "account": "vision", "image": "lab"}],
    )
    # The default is the caller, whom a schema cannot name.
    user: _Name = Field(
        default_factory=str, description="Who would start it; the caller by default."
    )
    server: _Name = Field(default="", description="Its name; empty for the default server.")


class InviteRequest(Body):
    """How long an invite is valid."""

    # The default is the configuration of the Hub, which a schema cannot know.
    expires_in_hours: Annotated[
        int,
        Field(ge=1, le=MAX_INVITE_HOURS),
        MayBe(f"expires_in_hours is a whole number from 1 to {MAX_INVITE_HOURS}."),
    ] = Field(
        default_factory=int,
        description="Hours until the link expires; by default as the Hub is configured.",
    )


class SuspendRequest(Body):
    """Why a user is suspended, and until when."""

    reason: Reason
    until: Annotated[
        datetime | None,
        BeforeValidator(read_end),
        MayBe(_UNTIL),
        WithJsonSchema(
            {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "When it ends by itself, with a time zone; by default never.",
                "examples": [EXAMPLE],
            }
        ),
    ] = None


class ResumeRequest(Body):
    """Why a suspension is lifted."""

    reason: Reason


class ServerChange(Body):
    """What can be changed of a stopped server, by JupyterHub's own call."""

    name: Annotated[str | None, MayBe("name is text.")] = None
    display_name: Annotated[str | None, MayBe("display_name is text.")] = None
    user_options: Any = None
