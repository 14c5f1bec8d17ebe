"""Requests for access, by REST: made, listed, approved, refused and withdrawn."""

import contextlib
from collections.abc import Collection
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from tornado import web

from jupyterhub_platform.core.access_requests import AccessRequest, RequestState
from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.hub.api.change_handler import ChangeHandler
from jupyterhub_platform.hub.api.handler import CodedError
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.rest.access_requests import (
    AnswerRequest,
    ApproveRequest,
    Asked,
    AskedList,
    AskRequest,
)
from jupyterhub_platform.usecases.access_requests import (
    AccessRequestError,
    AccessRequests,
    Approve,
    Ask,
    Decline,
    why_not_decide,
)
from jupyterhub_platform.usecases.changes import Change
from jupyterhub_platform.usecases.managed import Authority
from jupyterhub_platform.usecases.notices import Notify
from jupyterhub_platform.usecases.reports.cursors import (
    QueryError,
    explain_cursor,
    parse_cursor,
    render_cursor,
)
from jupyterhub_platform.usecases.reports.paging import read_query
from jupyterhub_platform.usecases.snapshot import Snapshot

_STATUS: Final = {"request.own": 403, "request.not_yours": 403, "request.more": 400}
_LISTED: Final = 100
_NO_USER: Final = (
    "{} is no user, and a grant names the user who decided on it. Log in with jhp login, and "
    "approve it with a token of yours."
)


class AccessRequestHandler(ChangeHandler):
    """The common part of all calls about requests."""

    @property
    def notify(self) -> Notify:
        """What tells people of requests."""
        return self.platform.notices.notify

    @property
    def requests(self) -> AccessRequests:
        """The record of requests."""
        return self.platform.runtime.access_requests

    async def change(self, change: Change) -> Snapshot | None:
        """Make a change; a request that cannot be made or answered is a refusal with its code."""
        try:
            after = await super().change(change)
        except AccessRequestError as error:
            raise CodedError(_STATUS.get(error.code, 409), str(error), error.code) from None
        with contextlib.suppress(StoreError):  # It is done: they are noted again soon.
            await self.in_thread(self.requests.note_askers)
        return after

    async def find(self, id_: str) -> AccessRequest:
        """Return a request.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 404 if there is none that the caller may know of.
        """
        found = await self.in_thread(self.requests.find, id_)
        if found is None or not (found.user == self.me or self._may_see(found)):
            raise web.HTTPError(404, "There is no such request, or it is not yours to see.")
        return found

    def _may_see(self, request: AccessRequest) -> bool:
        everything = self.has_scope(roles.READ) or self.has_scope(roles.ADMIN)
        return everything or self.in_charge_of(request.account)

    async def show(self, id_: str) -> None:
        """Answer with a request as it is now."""
        self.answer(Asked.of(await self.find(id_)))


class RequestsHandler(AccessRequestHandler):
    """Makes requests, and lists them."""

    audit_actions = MappingProxyType({"POST": "request.made"})

    async def post(self) -> None:
        """Make a request of the caller; one with the same ``Idempotency-Key`` is made once."""
        self.require(roles.SELF)
        id_, may_repeat = self.choose_id("request"), self.read_idempotency_key() is not None
        body = self.read(AskRequest)
        try:
            kind, wish = body.read_wish()
        except ValueError as error:
            raise web.HTTPError(400, str(error)) from None
        now = datetime.now(UTC)
        if may_repeat and (made := await self.in_thread(self.requests.find, id_)) is not None:
            self.answer(Asked.of(made), 201)
            return
        asked = AccessRequest(id_, self.me, body.account, kind, wish, body.lasts, body.reason, now)
        if await self.change(Ask(asked, self.memberships_of(self.me), self.notify)) is not None:
            self.answer(Asked.of(asked), 201)

    async def get(self) -> None:
        """List the caller's requests, and those that they may see."""
        self.require(roles.SELF, roles.READ, roles.MANAGE, roles.ADMIN)
        state = self.get_query_argument("state", None)
        if state is not None and state not in set(RequestState):
            raise web.HTTPError(400, f"state is one of {', '.join(RequestState)}.")
        limit, after = self._read_part()
        found = await self.in_thread(
            self.requests.list_for,
            self.me,
            self._groups(),
            RequestState(state) if state else None,
            limit + 1,
            after,
        )
        items, further = found[:limit], None
        if len(found) > limit:
            further = render_cursor(items[-1].at, items[-1].id)
            asked = {**({"state": state} if state else {}), "limit": limit, "cursor": further}
            self.set_header("Link", f'<{self.request.path}?{urlencode(asked)}>; rel="next"')
        self.answer(AskedList(items=[Asked.of(each) for each in items], next=further))

    def _read_part(self) -> tuple[int, tuple[datetime, str] | None]:
        """Return how many are asked for at most, and which one they come after."""
        names = ("limit", "cursor")
        sent = {name: self.get_query_argument(name, "", strip=False) for name in names}
        try:
            query = read_query({"limit": str(_LISTED), **{k: v for k, v in sent.items() if v}})
            if not query.cursor:
                return query.limit, None
            at, id_ = parse_cursor(query.cursor, (datetime, str))
        except QueryError as error:
            raise CodedError(400, str(error), error.code) from None
        if at.tzinfo is None:
            raise CodedError(400, str(explain_cursor()), QueryError.code)
        return query.limit, (at, id_)

    def _groups(self) -> Collection[str] | None:
        """Return the groups whose requests the caller sees; None for all."""
        if self.has_scope(roles.READ) or self.has_scope(roles.ADMIN):
            return None
        managed = self.platform.snapshot.policy.managed_groups(self.me)
        return managed if self.has_scope(roles.MANAGE) else ()


class ApproveHandler(AccessRequestHandler):
    """Approves a request."""

    audit_actions = MappingProxyType({"POST": "request.approved"})

    async def post(self, id_: str) -> None:
        """Put a grant into force, and answer with the request."""
        authority = self._authority_over(request := await self.find(id_))
        if self.current_user.kind != "user":
            raise CodedError(403, _NO_USER.format(self.me), "managed.not_allowed")
        body = self.read(ApproveRequest)
        approval = Approve(
            request, self.me, body.reason, authority, body.lasts, body.add, self.notify
        )
        if await self.change(approval) is not None:
            await self.show(id_)

    def _authority_over(self, request: AccessRequest) -> Authority:
        if self.has_scope(roles.ADMIN):
            return Authority()
        why_not = (
            why_not_decide(self.platform.snapshot.policy, self.me, request)
            if self.has_scope(roles.MANAGE)
            else f"This needs the scope {roles.ADMIN} or {roles.MANAGE}."
        )
        if why_not:
            raise CodedError(403, why_not, "managed.not_allowed")
        return Authority(self.me, self.memberships_of(request.user))


class RefuseHandler(ApproveHandler):
    """Refuses a request."""

    audit_actions = MappingProxyType({"POST": "request.refused"})

    async def post(self, id_: str) -> None:
        """End a request, with the reason as its answer."""
        self._authority_over(request := await self.find(id_))
        reason = self.read(AnswerRequest).reason
        end = Decline(request, RequestState.REFUSED, self.me, reason, self.notify)
        if await self.change(end) is not None:
            await self.show(id_)


class WithdrawHandler(AccessRequestHandler):
    """Withdraws a request of one's own."""

    audit_actions = MappingProxyType({"POST": "request.withdrawn"})

    async def post(self, id_: str) -> None:
        """End a request of the caller."""
        self.require(roles.SELF)
        request = await self.find(id_)
        if request.user != self.me:
            raise web.HTTPError(403, "This request is not yours. Refuse it, if you may.")
        reason = self.read(AnswerRequest).reason
        end = Decline(request, RequestState.WITHDRAWN, self.me, reason, self.notify)
        if await self.change(end) is not None:
            await self.show(id_)
