"""One description of each REST call: who may call it, what it takes, what it answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.rest.requests import Body


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a query, which may be left out."""

    name: str
    what: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Operation:
    """A call: ``method`` at ``path``, whose parts in braces are names.

    ``id`` is what generated clients call it. A caller with one of ``scopes`` may; where that is not
    all, ``who`` says it, and the scopes are those without which nothing is answered. ``answers``
    are the types of what is answered, by status, and ``refusals`` those beside the ones that every
    call of its part has.
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
    body: type[Body] | None = None
    refusals: Mapping[int, Any] = field(default_factory=dict)

    @property
    def route(self) -> str:
        """The call as people write it: ``GET /hub/api/platform/decisions/ID``."""
        path = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), self.path)
        return f"{self.method} {path}"

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names of the parts of the path that vary, in order."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def has_required_keys(self) -> bool:
        """Whether nothing is done without a body."""
        fields = self.body.model_fields.values() if self.body is not None else ()
        return any(each.is_required() for each in fields)

    def say_who(self) -> str:
        """Say who may, in Markdown."""
        return self.who or listed([f"`{scope}`" for scope in self.scopes], "or")
