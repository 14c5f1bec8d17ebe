"""Records changes that the service refused itself, as those that the Hub refuses are."""

from datetime import UTC, datetime

from tornado import web

from jupyterhub_platform.http.forwarded_headers import source_of
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.origin import ORIGIN
from jupyterhub_platform.rest.refused_requests import Noted, RefusedRequest
from jupyterhub_platform.usecases.recorded_requests import (
    ANONYMOUS,
    FLOOD,
    REFUSED,
    RecordedRequest,
)

_MAX_PATH = 200


class RefusedRequestHandler(PlatformAPIHandler):
    """Notes refused attempts: of the caller, or of a caller whom the service does not know."""

    async def post(self) -> None:
        """Record an attempt, or count it."""
        is_service = self.current_user.kind == "service"
        if is_service and self.me != roles.SERVICE_NAME:
            raise web.HTTPError(403, "This is for users, and for the platform's own service.")
        tried = self.read(RefusedRequest)
        request = f"{tried.method} {tried.path[:_MAX_PATH]}"
        attempt = RecordedRequest(
            datetime.now(UTC),
            ANONYMOUS if is_service else self.me,
            FLOOD,
            "" if is_service else request,
            ORIGIN.get(),
            result=REFUSED,
            source=source_of(self.request) if is_service else "",
            detail={"reason": tried.reason, "status": tried.status, "request": request},
        )
        self.platform.runtime.requests.refuse(attempt)
        self.answer(Noted(noted=True))
