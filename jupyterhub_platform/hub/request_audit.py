"""Records what requests change on JupyterHub's own routes, and what is refused on any route.

The platform's own routes record their changes themselves, in the transaction of the change. The Hub
changes another database, so that such a change is recorded once the Hub has made it, and before the
caller is answered.
"""

import asyncio
import inspect
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from jupyterhub.apihandlers.users import ActivityAPIHandler, UserServerAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler
from tornado import web

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.http.forwarded_headers import source_of
from jupyterhub_platform.hub.audit.callers import find_request_origin, name_caller
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.stock_api.changes import (
    StockChange,
    find_change,
    keep_differences,
    read_made,
    read_wanted,
)
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.hub.upstream.database_errors import REFUSED_VALUES
from jupyterhub_platform.hub.upstream.handler_state import read_unsent
from jupyterhub_platform.origin import ORIGIN
from jupyterhub_platform.usecases.recorded_requests import (
    ANONYMOUS,
    DONE,
    FAILED,
    FLOOD,
    REFUSED,
    RecordedRequest,
)

ROW_BATCH: Final = 20
"""The number of rows entered before the caller is answered; more are entered in a thread."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORBIDDEN: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_MAX_REASON: Final = 500
_ENTERING: Final[set[asyncio.Future[None]]] = set()
_LOGIN: Final = "person.logged_in"


def audit_routes(routes: Sequence[Any]) -> list[Any]:
    """Return routes whose requests are recorded, except for those that answer with a file."""
    return [
        (pattern, _audited(handler) if issubclass(handler, BaseHandler) else handler, *more)
        for pattern, handler, *more in routes
    ]


def _audited(handler: type[Any]) -> type[Any]:
    # Metrics distinguish handlers by these two names.
    members = {"__module__": handler.__module__, "__doc__": handler.__doc__}
    return type(handler.__name__, (AuditedRequest, handler), members)


class AuditedRequest(BaseHandler):  # type: ignore[misc]
    """A mixin that records what a handler changed or refused."""

    _stock_change: StockChange | None = None
    _names: tuple[str, ...] = ()
    _before: tuple[Mapping[str, Any] | None, ...] = ()
    _error: BaseException | None = None
    _is_recorded = False
    path_args: Sequence[str] = ()
    """Empty if the address is malformed, which is refused before the handler runs."""

    async def prepare(self) -> None:
        """Note where the request comes from, and the state of what it changes."""
        ORIGIN.set(find_request_origin(self.request))
        self._stock_change = find_change(self)
        waiting = super().prepare()
        if inspect.isawaitable(waiting):
            await waiting
        change = self._stock_change
        if change is not None and name_caller(self) != ANONYMOUS:
            self._names = tuple(change.list_names(self))
            self._before = tuple(self._read_state(change, name) for name in self._names)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Note why the request is refused."""
        self._error = (kwargs.get("exc_info") or (None, None))[1]
        super().write_error(status_code, **kwargs)

    def finish(self, *chunks: Any, **named: Any) -> Any:
        """Record the request, then answer it."""
        if not self._is_recorded:
            self._is_recorded = True
            try:
                self._record(b"".join(map(_as_bytes, chunks)))
            except Exception:
                self.log.exception("A request could not be recorded in the audit")
        return super().finish(*chunks, **named)

    def _record(self, answer: bytes) -> None:
        status = self.get_status()
        if status < HTTPStatus.BAD_REQUEST:
            self._record_change(answer, DONE)
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            if self._stock_change is not None and status != HTTPStatus.SERVICE_UNAVAILABLE:
                self._record_change(answer, FAILED)
        else:
            self._record_refusal(status)

    def _record_change(self, answer: bytes, result: str) -> None:
        change = self._stock_change
        if change is None:
            return
        changed = self._list_changed(change, answer, result)
        refusal = {"status": self.get_status(), "reason": self._find_reason()}
        detail = refusal if result == FAILED else {}
        rows = [
            self._make_record(change.action, name, result, {**detail, **difference})
            for name, difference in changed
        ]
        requests = platform_of(self.settings).runtime.requests
        if len(rows) <= ROW_BATCH:
            requests.record(rows)
            return
        for first in range(0, len(rows), ROW_BATCH):
            part = rows[first : first + ROW_BATCH]
            task = asyncio.ensure_future(in_store_thread(requests.record, part))
            _ENTERING.add(task)
            task.add_done_callback(_ENTERING.discard)

    def _list_changed(
        self, change: StockChange, answer: bytes, result: str
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the name of each object that was changed, with its state before and after."""
        if change.read_made is not None and result == DONE:
            for name, made in read_made(change, self, read_unsent(self) + answer):
                yield name, {"before": None, "after": made}
            return
        names = self._names or tuple(change.list_names(self))
        states_before = self._before or (None,) * len(names)
        for name, state in zip(names, states_before, strict=True):
            before, after = keep_differences(state, self._read_state(change, name))
            is_own = change.is_only_for_others and name.partition("/")[0] == name_caller(self)
            is_changed = before != after or change.is_always_recorded
            if (is_changed and not is_own) or result == FAILED:
                yield name, {"before": before, "after": after} if before != after else {}

    def _read_state(self, change: StockChange, name: str) -> Mapping[str, Any] | None:
        """Return the state of the object of this name; ``None`` for a name no database accepts."""
        try:
            return change.read(self, name)
        except REFUSED_VALUES:
            # The Hub's handler tells the sender what is wrong, and needs a usable session for it.
            self.db.rollback()
            return None

    def _record_refusal(self, status: int) -> None:
        action, subject = self._name_attempt(status)
        if not action:
            return
        detail = {
            "reason": self._find_reason(),
            "status": status,
            "request": f"{self.request.method} {self.request.path[:200]}",
        }
        is_known = self._stock_change is not None or hasattr(self, "audit_actions")
        if is_known and (wanted := read_wanted(self)):
            detail["wanted"] = wanted
        attempt = self._make_record(action, subject, REFUSED, detail)
        platform_of(self.settings).runtime.requests.refuse(attempt)

    def _name_attempt(self, status: int) -> tuple[str, str]:
        """Return the action that was tried, and on whom; empty if none is to be recorded."""
        method, error = str(self.request.method), self._error
        if isinstance(error, AdmissionDenied) or isinstance(self, ActivityAPIHandler):
            return "", ""
        # A page at which a provider's answer comes in, the platform's own or another's.
        is_answer = hasattr(self, "is_login") or self.request.path.endswith("/oauth_callback")
        if isinstance(self, LoginHandler) or is_answer:
            is_login = method == "POST" or is_answer
            return (_LOGIN, self._find_known()) if is_login else ("", "")
        if method in _SAFE:
            return "", ""
        change = self._stock_change
        if change is not None:
            names = self._names or tuple(change.list_names(self))
            return change.action, ", ".join(names)
        own = getattr(self, "audit_actions", {}).get(method)
        if own is not None:
            return own, (*self.path_args, "")[0]
        if isinstance(self, UserServerAPIHandler):
            # Denials are recorded with their decision: here the caller may not start it at all.
            owner, server = (*self.path_args, "", "")[:2]
            return "server.started", f"{owner}/{server}"
        if error is None or status not in _FORBIDDEN:
            return "", ""
        request = f"{method} {self.request.path[:200]}"
        return FLOOD, "" if name_caller(self) == ANONYMOUS else request

    def _find_known(self) -> str:
        """Return the user who was named at a login; any other text may be a password."""
        try:
            name = normalise_user(self.get_body_argument("username", ""))
        except (IdentityError, ValueError):
            return ""
        return name if name in platform_of(self.settings).snapshot.policy.people else ""

    def _make_record(
        self, action: str, subject: str, result: str, detail: Mapping[str, Any]
    ) -> RecordedRequest:
        actor = name_caller(self)
        source = source_of(self.request) if actor == ANONYMOUS else ""
        now = datetime.now(UTC)
        return RecordedRequest(
            now, actor, action, subject, ORIGIN.get(), result=result, source=source, detail=detail
        )

    def _find_reason(self) -> str:
        error = self._error
        reason = getattr(error, "jupyterhub_message", "") or getattr(self, "refusal", "")
        if not reason and isinstance(error, web.HTTPError):
            reason = error.get_message()
        if not reason and self._error is None and isinstance(self, LoginHandler):
            reason = "wrong user name or password"
        return str(reason or HTTPStatus(self.get_status()).phrase)[:_MAX_REASON]


def _as_bytes(chunk: Any) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else chunk if isinstance(chunk, bytes) else b""
