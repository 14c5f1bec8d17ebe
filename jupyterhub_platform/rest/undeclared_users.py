"""The calls about users whom JupyterHub knows, and no policy."""

from typing import Any, Final

from pydantic import Field

from jupyterhub_platform.rest.operations import CURSOR, Argument, Operation
from jupyterhub_platform.rest.response_bodies import Instant, Refusal, Response
from jupyterhub_platform.rest.scopes import ADMIN, READ
from jupyterhub_platform.usecases.reports.paging import MAX_LIMIT

PREFIX: Final = "/hub/api/platform/undeclared"


class UndeclaredUser(Response):
    """A user who cannot log in or start anything, since no policy knows them."""

    name: str
    created: Instant | None
    last_activity: Instant | None
    servers: int = Field(description="Servers that still run; they go on until they are stopped.")


class UndeclaredUsers(Response):
    """Users whom no policy knows, by name."""

    items: list[UndeclaredUser]
    next: str | None = Field(description="The `cursor` of the next part; null at the end.")


class RemovedUser(Response):
    """Who was removed from JupyterHub."""

    name: str


_REFUSALS: Final[dict[int, Any]] = {404: Refusal, 409: Refusal, 503: Refusal}
LIST_UNDECLARED: Final = Operation(
    "listUndeclared",
    "GET",
    PREFIX,
    "Lists the users whom JupyterHub knows and no policy, by name.",
    {200: UndeclaredUsers},
    scopes=(READ, ADMIN),
    arguments=(
        Argument(
            "limit",
            "How many at most.",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 100},
        ),
        CURSOR,
    ),
    refusals={400: Refusal},
)
REMOVE_UNDECLARED: Final = Operation(
    "removeUndeclared",
    "DELETE",
    f"{PREFIX}/{{name}}",
    "Removes a user whom no policy knows from JupyterHub, with tokens, shares and servers.",
    {200: RemovedUser},
    scopes=(ADMIN,),
    note="Files stay. 409 if the policy knows the user, or a server of theirs does not end.",
    refusals=_REFUSALS,
)
UNDECLARED_CALLS: Final = (LIST_UNDECLARED, REMOVE_UNDECLARED)
