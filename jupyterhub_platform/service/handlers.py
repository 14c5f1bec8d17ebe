"""The common part of all pages and of the API: the caller, the origin and the query."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urlsplit

from jupyterhub.services.auth import (
    HubOAuth,
    HubOAuthCallbackHandler,
    HubOAuthenticated,
    UserNotAllowed,
)
from tornado.web import HTTPError, StaticFileHandler

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.http.forwarded_headers import FOR, HOST, PROTOCOL
from jupyterhub_platform.origin import SERVICE_AGENT
from jupyterhub_platform.service.errors import RefusalError, translate
from jupyterhub_platform.service.hub_api import read_troubles
from jupyterhub_platform.service.hub_changes import send_change
from jupyterhub_platform.service.response import ResponseHandler
from jupyterhub_platform.service.scopes import read_scopes, view_of
from jupyterhub_platform.usecases.reports.paging import Query, read_query
from jupyterhub_platform.usecases.reports.reader import ReportFacts, StoreReader
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.troubles import Trouble

log = logging.getLogger(__name__)

_HUB_SECONDS: Final = 10
_MAX_TEXT: Final = 500
_NOTING: Final[set[asyncio.Future[None]]] = set()
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FORM: Final = "application/x-www-form-urlencoded"
_FILES: Final = "multipart/form-data"
_JSON: Final = "application/json"
_VIA_PAGE: Final = {"User-Agent": SERVICE_AGENT}
PART_OF_A_LIST: Final = frozenset({"limit", "offset", "cursor", "sort", "search"})
"""The arguments that select a part of a list."""
_Result = TypeVar("_Result")


class AuthenticatedHandler(HubOAuthenticated, ResponseHandler):  # type: ignore[misc]  # the Hub's class is untyped
    """Answers only users whom the Hub knows.

    ``TAKES`` are the arguments of its query; ``TAKES_FILES`` says whether its form may have some.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset()
    TAKES_FILES: ClassVar[bool] = False

    def initialize(self) -> None:
        """Take the application's client of the Hub."""
        self.hub_auth: HubOAuth = self.settings["hub_auth"]
        self.reader: StoreReader = self.settings["reader"]
        self.troubles: tuple[Trouble, ...] = ()
        self._is_known = False
        self.is_passed_on = False
        """Whether the Hub was asked to change something: then it has on record what it refused."""

    def get_current_user(self) -> None:
        """Return ``None``: :meth:`prepare` identifies the caller, without blocking the loop."""

    async def prepare(self) -> None:
        """Identify the caller, and refuse forged requests."""
        self.current_user = None
        model = await ask_hub(self)
        self._is_known = model is not None
        self._refuse_forgery()
        if model is None:
            self.answer_unknown()
            return
        try:
            self.current_user = self.check_hub_user(model)
        except UserNotAllowed:
            raise RefusalError(
                403,
                "You have no access to this service. Ask an admin for a level.",
                "level.no_access",
            ) from None
        self.scopes = read_scopes(model["scopes"])
        self.viewer = view_of(model, self.scopes)

    def on_finish(self) -> None:
        """Have on record what was refused here, without the Hub."""
        super().on_finish()
        refused = HTTPStatus.BAD_REQUEST <= self.get_status() < HTTPStatus.INTERNAL_SERVER_ERROR
        if self.request.method in _UNSAFE and refused and not self.is_passed_on:
            note = asyncio.ensure_future(self._note_refused())
            _NOTING.add(note)
            note.add_done_callback(_NOTING.discard)

    async def _note_refused(self) -> None:
        """Tell the Hub, as the caller; of a caller without a login as the service."""
        status = self.get_status()
        body = {
            "method": self.request.method,
            "path": self.request.path[:_MAX_TEXT],
            "status": status,
            "reason": (self.refusal or HTTPStatus(status).phrase)[:_MAX_TEXT],
        }
        token = self.token if self._is_known else self.hub_auth.api_token
        headers = {**self._caller_headers, "Authorization": f"token {token}"}
        answer = await send_change(self.hub_auth.api_url, token, "POST", "refused", body, headers)
        if not answer.is_done:
            log.warning("A refused request is not in the audit: %s", answer.sentence)

    async def head(self, *names: str) -> None:
        """Answer as for a ``GET``, without its body."""
        answer = self.get(*names)
        if answer is not None:
            await answer

    def answer_unknown(self) -> None:
        """Answer an unknown caller: send a browser to log in, refuse the rest."""
        is_visit = self.request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        if self.request.method not in {"GET", "HEAD"} or not is_visit:
            raise RefusalError(
                403,
                "This form has expired. Reload the page and try again.",
                "request.xsrf",
            )
        self.redirect(self.get_login_url())

    def argument(self, name: str, default: str = "") -> str:
        """Return an argument of the query, if this address takes it."""
        return self._exactly(name, default) if name in self.TAKES else default

    def _exactly(self, name: str, default: str = "") -> str:
        """Return an argument as it was sent: tornado leaves out blanks, which no number has."""
        return str(self.get_query_argument(name, default, strip=False))

    @property
    def token(self) -> str:
        """The caller's own token, used to ask the Hub on their behalf."""
        return str(self.hub_auth.get_token(self))

    @property
    def headers_for_hub(self) -> dict[str, str]:
        """What a change carries that is passed on to the Hub: whose it is, and from where."""
        self.is_passed_on = True
        return {"Authorization": f"token {self.token}", **self._caller_headers}

    @property
    def _caller_headers(self) -> dict[str, str]:
        """Through which door the caller came, from where, and at which address of ours.

        The Hub believes the address, since the service runs as the Hub's own user.
        """
        via_page = {} if getattr(self, "_token_authenticated", False) else _VIA_PAGE
        client = {FOR: str(self.request.remote_ip)} if self.request.remote_ip else {}
        address = {HOST: self.request.host, PROTOCOL: self.request.protocol}
        return {**via_page, **client, **address}

    async def read_in_thread(self, read: Callable[[], _Result]) -> _Result:
        """Run a read of the store in a thread, and answer failures with a sentence."""
        try:
            return await asyncio.to_thread(read)
        except PlatformError as error:
            raise translate(error, in_full=self.viewer.reads_all) from error

    def read_facts(self) -> tuple[ReportFacts, Viewer]:
        """Read the current facts, and what the caller may see; blocks, so run it in a thread."""
        facts = self.reader.read()
        self.viewer = self.viewer.resolve(facts)
        return facts, self.viewer

    async def find_troubles(self) -> tuple[Trouble, ...]:
        """Ask the Hub what is wrong with it; hidden from callers who see only a part."""
        if self.viewer.reads_all:
            self.troubles = await read_troubles(self.hub_auth.api_url, self.token)
        return self.troubles

    def read_list_query(self) -> Query:
        """Read which part of a list is requested."""
        try:
            return read_query({name: self._exactly(name) for name in PART_OF_A_LIST})
        except PlatformError as error:
            raise translate(error) from error

    def _refuse_forgery(self) -> None:
        """Refuse requests that another page may have made a browser send with its cookies.

        The Hub's own check requires an XSRF token where a page could read the answer or change
        something. This one adds: no embedding, no foreign origin, and exact content types.
        """
        if getattr(self, "_token_authenticated", False):
            self._refuse_content_type({_JSON, _FORM})
            return
        headers = self.request.headers
        embedded = headers.get("Sec-Fetch-Dest", "document") in {
            "iframe",
            "frame",
            "embed",
            "object",
        }
        if embedded or headers.get("Sec-Fetch-Mode") == "no-cors":
            raise RefusalError(
                403, "This page cannot be shown inside another one.", "request.embedded"
            )
        if self.request.method in _UNSAFE:
            site = headers.get("Sec-Fetch-Site", "same-origin")
            origin = headers.get("Origin", "")
            foreign = origin and _host_of(origin) != self.request.host
            if site not in {"same-origin", "none"} or foreign:
                raise RefusalError(
                    403,
                    "This request comes from another site, so nothing was done.",
                    "request.origin",
                )
            self.check_xsrf_cookie()
            self._refuse_content_type({_FORM})

    def _refuse_content_type(self, accepted: set[str]) -> None:
        if self.request.method not in _UNSAFE or not self.request.body:
            return
        kind = self.request.headers.get("Content-Type", "")
        if self.TAKES_FILES and kind.partition(";")[0] == _FILES:
            return
        if kind not in accepted:
            raise RefusalError(
                415, f"Send {' or '.join(sorted(accepted))}, exactly.", "request.content_type"
            )


class Callback(ResponseHandler, HubOAuthCallbackHandler):  # type: ignore[misc]  # the Hub's is untyped
    """Where the Hub redirects a browser after a login."""

    def initialize(self) -> None:
        """Take the application's client of the Hub."""
        self.hub_auth: HubOAuth = self.settings["hub_auth"]

    def get_current_user(self) -> None:
        """Return ``None``: :meth:`prepare` finds out who is already logged in."""

    async def prepare(self) -> None:
        """Find out whether a user is already logged in, without blocking the loop."""
        self.current_user = await ask_hub(self)


class Static(StaticFileHandler):
    """The service's style sheet and script."""

    def set_extra_headers(self, path: str) -> None:
        """Keep browsers from guessing types."""
        self.set_header("X-Content-Type-Options", "nosniff")


async def ask_hub(handler: Any) -> dict[str, Any] | None:
    """Ask the Hub for the owner of a request's token, in a header or by its cookie.

    Raises
    ------
    RefusalError
        Raised if the Hub does not answer.
    """
    try:
        async with asyncio.timeout(_HUB_SECONDS):
            model: dict[str, Any] | None = await handler.hub_auth.get_user(handler, sync=False)
    except (HTTPError, TimeoutError):
        raise RefusalError(
            503,
            "The Hub does not answer, so the service cannot identify you. Try again in a moment.",
            "platform.hub",
            retry_after=5,
        ) from None
    return model


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
