"""Notices by REST: what became of them, sending one again, and trying the channels."""

import uuid
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from tornado import web

from jupyterhub_platform.core.notices import NoticeState
from jupyterhub_platform.hub.api.handler import CodedError, PlatformAPIHandler
from jupyterhub_platform.rest.notices import (
    LIST_NOTICES,
    RETRY_NOTICE,
    TEST_NOTICES,
    NoticeList,
    NoticeShown,
    TryNoticesRequest,
)
from jupyterhub_platform.usecases.notices import Outbox

_LISTED: Final = 100


class NoticeHandler(PlatformAPIHandler):
    """The common part of all calls about notices."""

    @property
    def outbox(self) -> Outbox:
        """The notices on record."""
        return self.platform.notices.outbox


class NoticesHandler(NoticeHandler):
    """Lists notices."""

    async def get(self) -> None:
        """List the newest notices."""
        self.require(*LIST_NOTICES.scopes)
        state = self.get_query_argument("state", None)
        if state is not None and state not in set(NoticeState):
            raise web.HTTPError(400, f"state is one of {', '.join(NoticeState)}.")
        wanted = NoticeState(state) if state else None
        found = await self.in_thread(self.outbox.list_newest, wanted, _LISTED)
        self.answer(NoticeList(items=[NoticeShown.of(each) for each in found]))


class RetryNoticeHandler(NoticeHandler):
    """Sends a notice again."""

    audit_actions = MappingProxyType({"POST": "notice.retried"})

    async def post(self, id_: str) -> None:
        """Have a notice sent again that was not delivered."""
        self.require(*RETRY_NOTICE.scopes)
        found = await self.in_thread(self.outbox.retry, id_, self.me, datetime.now(UTC))
        if found is None:
            raise web.HTTPError(404, "There is no such notice, or it was delivered.")
        self.answer(NoticeShown.of(found))


class TryNoticesHandler(NoticeHandler):
    """Tries the channels."""

    audit_actions = MappingProxyType({"POST": "notice.tested"})

    async def post(self) -> None:
        """Enter a test for each channel."""
        self.require(*TEST_NOTICES.scopes)
        name = self.read(TryNoticesRequest).user
        if name:
            self.check_person(name)
        notices, notify = self.platform.notices, self.platform.notices.notify
        if not notify.channels:
            raise CodedError(
                409,
                "No notices are sent: set c.Platform.webhook_url or c.Platform.mail_server, and "
                "restart the Hub.",
                "notices.off",
            )
        now, id_ = datetime.now(UTC), uuid.uuid4().hex
        sent = await self.in_thread(notices.outbox.test, notify, id_, name or self.me, self.me, now)
        self.answer(NoticeList(items=[NoticeShown.of(each) for each in sent]), 202)
