"""The calls about notices: what became of them, sending one again, and trying the channels."""

from typing import Annotated, Any, Final

from pydantic import Field

from jupyterhub_platform.core.notices import Channel, Event, Notice, NoticeState, say_subject
from jupyterhub_platform.rest.operations import Argument, Operation
from jupyterhub_platform.rest.request_bodies import Body, MayBe
from jupyterhub_platform.rest.response_bodies import Instant, Refusal, Response
from jupyterhub_platform.rest.scopes import ADMIN, OPERATE, READ

PREFIX: Final = "/hub/api/platform/notices"


class TryNoticesRequest(Body):
    """Whom a test is sent to."""

    user: Annotated[str, MayBe("user is the name of a user.")] = Field(
        default="", description="Whom the e-mail is for; by default the caller."
    )


class NoticeShown(Response):
    """A notice, and what has become of it."""

    id: str
    event: Event
    channel: Channel
    recipients: list[str]
    subject: str
    at: Instant
    state: NoticeState
    attempts: int
    next_at: Instant | None = Field(description="When it is sent again, while it waits.")
    error: str = Field(description="Why the last attempt failed; empty if it did not.")
    done_at: Instant | None

    @classmethod
    def of(cls, notice: Notice) -> "NoticeShown":
        """Return the answer that shows a notice."""
        waits = notice.state is NoticeState.WAITING and notice.next_at is not None
        return cls(
            id=notice.id,
            event=notice.event,
            channel=notice.channel,
            recipients=list(notice.recipients),
            subject=say_subject(notice),
            at=notice.at.isoformat(),
            state=notice.state,
            attempts=notice.attempts,
            next_at=notice.next_at.isoformat() if waits and notice.next_at else None,
            error=notice.error,
            done_at=notice.done_at.isoformat() if notice.done_at else None,
        )


class NoticeList(Response):
    """Notices, the newest first."""

    items: list[NoticeShown]


_STORE: Final[dict[int, Any]] = {503: Refusal}
LIST_NOTICES: Final = Operation(
    "listNotices",
    "GET",
    PREFIX,
    "Lists notices with what has become of them, the newest first; 100 at most.",
    {200: NoticeList},
    scopes=(READ, OPERATE, ADMIN),
    arguments=(
        Argument(
            "state", "Only those in this state.", {"type": "string", "enum": list(NoticeState)}
        ),
    ),
    refusals=_STORE,
)
RETRY_NOTICE: Final = Operation(
    "retryNotice",
    "POST",
    f"{PREFIX}/{{id}}/retry",
    "Sends a notice again at once that was not delivered.",
    {200: NoticeShown},
    scopes=(OPERATE, ADMIN),
    note="404 if it was delivered, or is none.",
    refusals={404: Refusal} | _STORE,
)
TEST_NOTICES: Final = Operation(
    "testNotices",
    "POST",
    f"{PREFIX}/test",
    "Sends a test by each channel that is configured, and answers with its notices.",
    {202: NoticeList},
    scopes=(OPERATE, ADMIN),
    note="409 `notices.off` if none is configured.",
    body=TryNoticesRequest,
    refusals={404: Refusal, 409: Refusal, 413: Refusal} | _STORE,
)

NOTICE_CALLS: Final = (LIST_NOTICES, RETRY_NOTICE, TEST_NOTICES)
