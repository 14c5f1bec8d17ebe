"""Calls that change many people at once: who may make them, and what they answer."""

from typing import Any, Final

from jupyterhub_platform.rest.bulk_changes import (
    Bulk,
    BulkPreview,
    BulkRefused,
    BulkRequest,
    UndoRequest,
)
from jupyterhub_platform.rest.managed_calls import DRY_RUN
from jupyterhub_platform.rest.operations import IDEMPOTENCY_KEY, Operation
from jupyterhub_platform.rest.request_bodies import Nothing
from jupyterhub_platform.rest.response_bodies import Refusal
from jupyterhub_platform.rest.scopes import ADMIN, MANAGE

PREFIX: Final = "/hub/api/platform/bulk"
_SCOPES: Final = (ADMIN, MANAGE)
_WHO: Final = f"`{ADMIN}`, or `{MANAGE}` for what a manager may change one by one"
_OWN: Final = f"`{ADMIN}`, or who began it"
_REFUSALS: Final[dict[int, Any]] = {404: Refusal, 409: Refusal, 413: Refusal, 503: Refusal}

BULK_CALLS: Final = (
    Operation(
        "startBulk",
        "POST",
        PREFIX,
        "Changes many people in the background, each as a single change of them would be.",
        {200: BulkPreview, 202: Bulk},
        scopes=_SCOPES,
        who=_WHO,
        note="Each name is done, was so already, or is refused with its reason; 200 is a dry run. "
        "add-people is done whole or not at all: 422 if one of them is refused.",
        arguments=(DRY_RUN,),
        headers=(IDEMPOTENCY_KEY,),
        body=BulkRequest,
        refusals={413: Refusal, 422: BulkRefused, 503: Refusal},
    ),
    Operation(
        "readBulk",
        "GET",
        f"{PREFIX}/{{id}}",
        "How far a bulk change is.",
        {200: Bulk},
        scopes=_SCOPES,
        who=_OWN,
        refusals={404: Refusal, 503: Refusal},
    ),
    Operation(
        "stopBulk",
        "DELETE",
        f"{PREFIX}/{{id}}",
        "Stops a bulk change. What it did stays; it can be resumed or undone.",
        {200: Bulk},
        scopes=_SCOPES,
        who=_OWN,
        note="409 if it does not run.",
        body=Nothing,
        refusals=_REFUSALS,
    ),
    Operation(
        "resumeBulk",
        "POST",
        f"{PREFIX}/{{id}}/resume",
        "Has a stopped bulk change go on where it was.",
        {202: Bulk},
        scopes=_SCOPES,
        who=_OWN,
        note="409 if it is not stopped.",
        body=Nothing,
        refusals=_REFUSALS,
    ),
    Operation(
        "undoBulk",
        "POST",
        f"{PREFIX}/{{id}}/undo",
        "Undoes the revisions that a bulk change made, as a bulk change of its own.",
        {202: Bulk},
        scopes=(ADMIN,),
        note="What was changed again since then is refused; 409 if it runs or made none.",
        headers=(IDEMPOTENCY_KEY,),
        body=UndoRequest,
        refusals=_REFUSALS,
    ),
)
