"""One description of each REST call: who may call it, what it takes, what it answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.rest.request_bodies import Body


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a query, or a header, which may be left out."""

    name: str
    what: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


CURSOR: Final = Argument(
    "cursor",
    "The `next` of the part before, also in its `Link` header; with the same other arguments.",
)
IDEMPOTENCY_KEY: Final = Argument(
    "Idempotency-Key", "Any text: the same call with the same key makes one only."
)


@dataclass(frozen=True, slots=True)
class Operation:
    """A call: ``method`` at ``path``, whose parts in braces are names.

    ``id`` is its name in generated clients. A caller with one of ``scopes`` may call it. If that is
    not the whole rule, ``who`` says it, and the scopes are required anyway. ``answers`` are the
    types of its answers, by status. ``refusals`` are added to those of every call of its part.
    ``other_types`` are content types in which it answers beside JSON, if they are asked for.
    """

    id: str
    method: str
    path: str
    summary: str
    answers: Mapping[int, Any]
    scopes: tuple[str, ...] = ()
    who: str = ""
    note: str = ""
    arguments: tuple[Argument, ...] = ()
    headers: tuple[Argument, ...] = ()
    body: type[Body] | None = None
    refusals: Mapping[int, Any] = field(default_factory=dict)
    other_types: tuple[str, ...] = ()

    @property
    def route(self) -> str:
        """The call in its usual notation: ``GET /hub/api/platform/decisions/ID``."""
        path = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), self.path)
        return f"{self.method} {path}"

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names of the parts of the path that vary, in order."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def has_required_keys(self) -> bool:
        """Whether the call needs a body."""
        fields = self.body.model_fields.values() if self.body is not None else ()
        return any(each.is_required() for each in fields)

    def say_who(self) -> str:
        """Say who may call it, in Markdown."""
        return self.who or listed([f"`{scope}`" for scope in self.scopes], "or")
