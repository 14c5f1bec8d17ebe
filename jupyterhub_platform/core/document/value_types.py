"""The types of the values in a declaration: amounts, names, levels, texts, instants.

Each says in its own words what is wrong with a value, and brings its part of the JSON Schema.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from jupyterhub_platform.core.document.faults import quote, split_message
from jupyterhub_platform.core.document.notations import find_ambiguity
from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.levels import LEVELS, Level
from jupyterhub_platform.core.times import EXAMPLE, parse_duration, parse_instant

UNLIMITED: Final = "unlimited"
MAX_PROVIDED: Final = 255
"""The size of a column of the Hub's database, which keeps a provider's groups."""
_NO_LIMIT: Final = frozenset({"", "none", "no", "no limit", "null", "inf", "infinite", "max"})
FAULT: Final = "platform_fault"
"""Type of the validation errors that bring their own words."""

_REFERENCE: Final = re.compile(
    r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_CLOCK: Final = re.compile(r"\d{1,3}:[0-5]?\d", re.ASCII)
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


class Declared(BaseModel):
    """Whatever may stand in the document: immutable, exact about its types, no unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=False
    )

    @model_validator(mode="before")
    @classmethod
    def _give_way(cls, value: Any) -> Any:
        """Let other threads run: only in Python does the interpreter switch between them.

        What reads the document is compiled, and would keep the Hub's loop waiting for all of it.
        """
        return value


def refusal(what: str, fix: str) -> PydanticCustomError:
    """Make the validation error that says ``what`` is wrong, and the ``fix``."""
    return PydanticCustomError(FAULT, "{what}; {fix}", {"what": what, "fix": fix})


def describe_kind(value: object) -> str:
    """Say in a message what kind of value was written."""
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    kinds |= {list: "a list", dict: "a mapping", type(None): "empty"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "something else")


def describe_value(value: object) -> str:
    """Show in a message what was written, or its kind if it is not a single value."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return quote(value)
    return describe_kind(value)


def _check_whole(value: Any) -> Any:
    if ambiguity := find_ambiguity(value):
        raise refusal(*ambiguity)
    return value


def _check_amount(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refusal(f"is {describe_kind(value)}, not an amount", "write for example 2 or 8Gi")
    return value


def _check_limit(value: Any) -> Any:
    return None if value is None else _check_amount(value)


def _check_bound(value: Any) -> Any:
    if value is None or (isinstance(value, str) and value.strip().lower() in _NO_LIMIT):
        what = "is empty" if value is None else f"is {quote(value)}"
        raise refusal(what, f"write {UNLIMITED} if no limit is meant, else an amount")
    return _check_amount(value)


def _check_version(value: Any) -> Any:
    _check_whole(value)
    if isinstance(value, bool) or value != 1:
        raise refusal(
            f"is {describe_value(value)}, and only version 1 is known here", "write version: 1"
        )
    return 1


def _check_text(value: str) -> str:
    if not value.strip():
        raise refusal("is empty", "write a few words, or remove the key")
    if any(not (c.isprintable() or c in "\n\t") for c in value):
        raise refusal("has characters that cannot be seen", "remove them")
    return value.strip()


def _check_line(value: str) -> str:
    if "\n" in _check_text(value):
        raise refusal("has more than one line", "write one line")
    return value.strip()


def _check_provided(value: str) -> str:
    if not value:
        raise refusal("is empty", "write what the identity provider calls the group")
    if not value.isprintable():
        raise refusal("has characters that cannot be seen", "remove them")
    if value != value.strip():
        raise refusal("begins or ends with a space", "write the name exactly as the provider does")
    return value


def _check_level(value: Any) -> Level:
    if not isinstance(value, str) or value not in list(Level):
        raise refusal(f"is {describe_value(value)}, not a level", f"use one of {', '.join(Level)}")
    return Level(value)


def _check_reference(value: str) -> str:
    # What was written is not repeated: it may have a password in front of the host.
    if len(value) > 500 or not _REFERENCE.fullmatch(value):
        raise refusal(
            "is not an image reference",
            "write NAME:TAG or NAME@sha256:DIGEST, such as quay.io/jupyter/scipy-notebook:2025-03",
        )
    return value


def _check_label_value(value: str) -> str:
    if not _LABEL_VALUE.fullmatch(value):
        raise refusal(
            f"“{value[:64]}” is not the value of a Kubernetes label",
            "use letters, digits and . _ -, 63 characters at most",
        )
    return value


def _check_instant(value: Any) -> datetime:
    if not isinstance(value, str):
        fault = f"is {describe_value(value)}, not a date and time"
        raise refusal(fault, f"write for example {EXAMPLE}")
    try:
        return parse_instant(value)
    except QuantityError as error:
        raise refusal(*split_message(str(error), f"write for example {EXAMPLE}")) from None


def _check_duration(value: Any) -> timedelta:
    if isinstance(value, str) and _CLOCK.fullmatch(value):
        hours, minutes = value.split(":")
        what = f"{quote(value)} is not a duration"
        raise refusal(what, f"write {hours}h{minutes}m, or {hours}m{minutes}s")
    try:
        return parse_duration(value)
    except QuantityError as error:
        raise refusal(*split_message(str(error), "write for example 8h")) from None


_AMOUNT_SCHEMA: Final[dict[str, Any]] = {
    "type": ["string", "number"],
    "pattern": r"^\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$",
    "minimum": 0,
    "description": "A Kubernetes quantity: 500m or 2 for CPU, 8Gi (2^30) or 8G (10^9) for memory.",
}
_RESOURCES: Final = {
    "cpu": "CPU cores: 500m is half of one, 2 is two.",
    "memory": "Memory: 8Gi is 8 x 2^30 bytes, 8G is 8 x 10^9.",
    "ephemeral-storage": "Local disk of the node, such as 10Gi.",
    "nvidia.com/gpu": "GPUs, by the name that Kubernetes gives them; any extended resource works.",
}
_LIMITED: Final = {"servers": "How many servers may run at once.", **_RESOURCES}


def _render_amounts(entry: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {**entry, "description": text} for name, text in names.items()},
        "additionalProperties": entry,
    }


_LIMIT_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"const": UNLIMITED}, {"type": "null"}, _AMOUNT_SCHEMA],
    "description": "An amount, “unlimited”, or null: whatever the next rule says.",
}
_BOUND_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"const": UNLIMITED}, _AMOUNT_SCHEMA],
    "description": "An amount, or “unlimited”.",
}
Amount = Annotated[Any, AfterValidator(_check_amount)]
Bound = Annotated[Any, AfterValidator(_check_bound)]
LimitValue = Annotated[Any, AfterValidator(_check_limit)]
Amounts = TypeAliasType(
    "Amounts",
    Annotated[dict[str, Amount], WithJsonSchema(_render_amounts(_AMOUNT_SCHEMA, _RESOURCES))],
)
Bounds = TypeAliasType(
    "Bounds",
    Annotated[dict[str, Bound], WithJsonSchema(_render_amounts(_BOUND_SCHEMA, _RESOURCES))],
)
Limits = TypeAliasType(
    "Limits",
    Annotated[dict[str, LimitValue], WithJsonSchema(_render_amounts(_LIMIT_SCHEMA, _LIMITED))],
)
Line = Annotated[str, Field(max_length=200), AfterValidator(_check_line)]
Text = Annotated[str, Field(max_length=2000), AfterValidator(_check_text)]
LevelName = TypeAliasType(
    "LevelName",
    Annotated[
        Level,
        BeforeValidator(_check_level),
        WithJsonSchema(
            {"oneOf": [{"const": n, "description": rule.summary} for n, rule in LEVELS.items()]}
        ),
    ],
)
Names = Annotated[tuple[str, ...], Strict(strict=False)]
ProvidedName = Annotated[str, Field(max_length=MAX_PROVIDED), AfterValidator(_check_provided)]
ProvidedNames = Annotated[tuple[ProvidedName, ...], Strict(strict=False)]
Instant = Annotated[
    datetime,
    BeforeValidator(_check_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_check_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(?!$)(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"}),
]
Levels = Annotated[tuple[LevelName, ...], Strict(strict=False)]
Reference = Annotated[str, AfterValidator(_check_reference)]
LabelValue = Annotated[str, AfterValidator(_check_label_value)]
Version = Annotated[Literal[1], BeforeValidator(_check_version)]
Whole = BeforeValidator(_check_whole)
"""Refuses a whole number that other programs read as another one."""
Count = Annotated[Annotated[int, Field(ge=1)] | None, Whole]
