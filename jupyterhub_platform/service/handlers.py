"""What all pages and all of the API have in common: who asks, from where, and for what."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Final, Generic, TypeVar
from urllib.parse import urlsplit

from jupyterhub.services.auth import (
    HubOAuth,
    HubOAuthCallbackHandler,
    HubOAuthenticated,
    UserNotAllowed,
)
from tornado.web import HTTPError, StaticFileHandler

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.service.answers import Answers
from jupyterhub_platform.service.errors import RefusalError, beyond, translate
from jupyterhub_platform.service.hub_api import read_troubles
from jupyterhub_platform.service.scopes import read_scopes, view_of
from jupyterhub_platform.usecases.reports.as_json import render_json
from jupyterhub_platform.usecases.reports.paging import Query, read_query
from jupyterhub_platform.usecases.reports.reader import Facts, StoreReader
from jupyterhub_platform.usecases.reports.viewer import Viewer
from jupyterhub_platform.usecases.troubles import Trouble

_HUB_SECONDS: Final = 10
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"
PART_OF_A_LIST: Final = frozenset({"limit", "offset", "sort", "search"})
"""The arguments that say which part of a list is asked for."""
_Result = TypeVar("_Result")
_Report = TypeVar("_Report")


class Identified(HubOAuthenticated, Answers):  # type: ignore[misc]  # the Hub's class is untyped
    """Whatever may be asked by people whom the Hub knows, and by nobody else.

    ``TAKES`` are the arguments of its query.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset()

    def initialize(self) -> None:
        """Take the Hub's client that the application has."""
        self.hub_auth: HubOAuth = self.settings["hub_auth"]
        self.reader: StoreReader = self.settings["reader"]
        self.troubles: tuple[Trouble, ...] = ()

    def get_current_user(self) -> None:
        """Return nobody: who asks is settled in :meth:`prepare`, without blocking the loop."""

    async def prepare(self) -> None:
        """Find out who asks, and whether their browser was made to ask."""
        self.current_user = None
        model = await ask_hub(self)
        self._refuse_forgery()
        if model is None:
            self.answer_unknown()
            return
        try:
            self.current_user = self.check_hub_user(model)
        except UserNotAllowed:
            raise RefusalError(
                403,
                f"{model['name']} has no access to this service. Ask an admin for a level.",
                "level.no_access",
            ) from None
        self.scopes = read_scopes(model["scopes"])
        self.viewer = view_of(model, self.scopes)

    async def head(self, *names: str) -> None:
        """Answer what a ``GET`` would be answered, without its body."""
        answer = self.get(*names)
        if answer is not None:
            await answer

    def answer_unknown(self) -> None:
        """Answer somebody whom the Hub does not know: send a browser to log in, refuse the rest."""
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
        return str(self.get_query_argument(name, default)) if name in self.TAKES else default

    @property
    def token(self) -> str:
        """The caller's own token, with which the Hub is asked in their name."""
        return str(self.hub_auth.get_token(self))

    async def look_up(self, read: Callable[[], _Result]) -> _Result:
        """Run what reads the store in a thread, and refuse what goes wrong with a sentence."""
        try:
            return await asyncio.get_running_loop().run_in_executor(None, read)
        except PlatformError as error:
            raise translate(error) from error

    def read_facts(self) -> tuple[Facts, Viewer]:
        """Read what is so now, and what of it the caller may see; blocks, so run it in a thread."""
        facts = self.reader.read()
        self.viewer = self.viewer.resolve(facts)
        return facts, self.viewer

    async def find_troubles(self) -> tuple[Trouble, ...]:
        """Ask the Hub what is wrong with it; nothing of it is for those who see only a part."""
        if self.viewer.reads_all:
            self.troubles = await read_troubles(self.hub_auth.api_url, self.token)
        return self.troubles

    def read_list_query(self) -> Query:
        """Read which part of a list is asked for."""
        try:
            return read_query({name: self.get_query_argument(name, "") for name in PART_OF_A_LIST})
        except PlatformError as error:
            raise translate(error) from error

    def _refuse_forgery(self) -> None:
        """Refuse what another page may have made a browser send with its cookies.

        The Hub's own check asks for an XSRF token wherever a page could read the answer or change
        something. Beyond it: no embedding, no foreign origin, and exact content types.
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
            raise RefusalError(403, "This page is not shown inside of others.", "request.embedded")
        if self.request.method in _UNSAFE:
            site = headers.get("Sec-Fetch-Site", "same-origin")
            origin = headers.get("Origin", "")
            foreign = origin and _host_of(origin) != self.request.host
            if site not in {"same-origin", "none"} or foreign:
                raise RefusalError(
                    403, "This request comes from another site; nothing was done.", "request.origin"
                )
            self.check_xsrf_cookie()
            self._refuse_content_type({_FORM})

    def _refuse_content_type(self, accepted: set[str]) -> None:
        if self.request.method not in _UNSAFE or not self.request.body:
            return
        if self.request.headers.get("Content-Type", "") not in accepted:
            raise RefusalError(
                415, f"Send {' or '.join(sorted(accepted))}, exactly.", "request.content_type"
            )


class Resource(Generic[_Report]):
    """One noun: who may see it, and how it is read. Its page and its call both answer from here.

    One is made for each request, of the ``handler`` that answers it, at whichever address.
    ``TAKES`` are the arguments of both addresses, ``PAGE_TAKES`` those of the page alone;
    ``TEMPLATE`` shows the page, and ``LIVE`` the part of it that keeps itself fresh.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset()
    PAGE_TAKES: ClassVar[frozenset[str]] = frozenset()
    TEMPLATE: ClassVar[str] = ""
    LIVE: ClassVar[str] = ""

    def __init__(self, handler: Identified) -> None:
        self.handler = handler

    @property
    def viewer(self) -> Viewer:
        """Who asks, and what they may see."""
        return self.handler.viewer

    def may(self, *names: str) -> None:
        """Refuse those who may not see it; what depends on the facts, :meth:`read` refuses.

        Raises
        ------
        RefusalError
            Raised if the caller may not.
        """

    async def prepare(self) -> None:
        """Read the query, and ask the Hub what has to be known first."""

    def read(self, facts: Facts, viewer: Viewer, *names: str) -> _Report:
        """Return the report; blocks, and runs in a thread."""
        raise NotImplementedError

    async def add_for_page(self, report: _Report) -> dict[str, Any]:
        """Return what the page shows beside the report."""
        return {}

    def to_json(self, report: _Report) -> Any:
        """Return the report as the call answers it."""
        return render_json(report)

    async def answer(self, *names: str) -> tuple[Facts, _Report]:
        """Return the report with the facts that it was made of, if the caller may see it."""
        self.may(*names)
        await self.prepare()

        def read() -> tuple[Facts, _Report]:
            facts, viewer = self.handler.read_facts()
            return facts, self.read(facts, viewer, *names)

        return await self.handler.look_up(read)

    def require_others(self, what: str) -> None:
        """Refuse callers who may see nothing of other people.

        Raises
        ------
        RefusalError
            Raised if they may not.
        """
        if not self.viewer.reads_others:
            raise beyond(what)


class Callback(Answers, HubOAuthCallbackHandler):  # type: ignore[misc]  # the Hub's is untyped
    """Where the Hub sends a browser back to after a login."""

    def initialize(self) -> None:
        """Take the Hub's client that the application has."""
        self.hub_auth: HubOAuth = self.settings["hub_auth"]

    def get_current_user(self) -> None:
        """Return nobody: who is logged in already is settled in :meth:`prepare`."""

    async def prepare(self) -> None:
        """Find out whether somebody is logged in already, without blocking the loop."""
        self.current_user = await ask_hub(self)


class Static(StaticFileHandler):
    """Our own style sheet and script."""

    def set_extra_headers(self, path: str) -> None:
        """Keep browsers from guessing types."""
        self.set_header("X-Content-Type-Options", "nosniff")


async def ask_hub(handler: Any) -> dict[str, Any] | None:
    """Ask the Hub whose token came with a request, in a header or by its cookie.

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
            "The Hub does not answer, so that nobody can be recognised. Try again in a moment.",
            "platform.hub",
            retry_after=5,
        ) from None
    return model


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
