"""The call that lists a user's own servers as the Hub has them, and those shared with them."""

from typing import Any, Final

from pydantic import Field

from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.response_bodies import Refusal, Response, Why
from jupyterhub_platform.rest.scopes import SELF


class OwnServer(Response):
    """One server of the caller, whether it runs or not."""

    server: str = Field(description="Its name; empty for the default server.")
    title: str = Field(description="What its owner calls it.")
    url: str = Field(description="Where it is opened.")
    tier: str = Field(description="Of this run, or of the last one.")
    account: str
    why: Why | None = Field(description="Its state and why; null if it was never started.")
    unwanted: bool = Field(description="Whether it ended without being stopped.")


class SharedServer(Response):
    """A server of another user that is shared with the caller."""

    user: str
    server: str
    title: str
    url: str
    running: bool


class OwnServers(Response):
    """The servers of the caller, the default one first, and those shared with them."""

    servers: list[OwnServer]
    shared: list[SharedServer]


_REFUSALS: Final[dict[int, Any]] = {400: Refusal, 403: Refusal}

OWN_SERVERS: Final = Operation(
    "listOwnServers",
    "GET",
    "/hub/api/platform/servers",
    "All servers of the caller, running or stopped, and those that are shared with them.",
    {200: OwnServers},
    scopes=(SELF,),
    who=f"a user with `{SELF}`, for themselves",
)
