"""The call by which the service has on record what it refused itself."""

from typing import Annotated, Final

from pydantic import Field

from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.request_bodies import Body, MayBe
from jupyterhub_platform.rest.response_bodies import Refusal, Response

_MAX_TEXT: Final = 500


class RefusedRequest(Body):
    """What the caller tried on a page, and why it was refused there."""

    method: Annotated[
        str,
        Field(pattern="^(POST|PUT|PATCH|DELETE)$"),
        MayBe("method is POST, PUT, PATCH or DELETE."),
    ]
    path: Annotated[str, Field(max_length=_MAX_TEXT), MayBe("path is text of 500 letters at most.")]
    status: Annotated[int, Field(ge=400, le=499), MayBe("status is a number from 400 to 499.")]
    reason: Annotated[
        str, Field(max_length=_MAX_TEXT), MayBe("reason is text of 500 letters at most.")
    ]


class Noted(Response):
    """That it is on record, or counted there."""

    noted: bool


NOTE_REFUSED: Final = Operation(
    "noteRefused",
    "POST",
    "/hub/api/platform/refused",
    "Notes in the audit that a page of the service refused the caller a change.",
    {200: Noted},
    who="every user, about themselves; the platform's own service, about callers without a login",
    note="The service makes this call. Attempts that are repeated are counted.",
    body=RefusedRequest,
    refusals={413: Refusal},
)
