"""What all pages and all of the API have in common: who asks, from where, and how no is said."""

import asyncio
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from jupyterhub.services.auth import (
    HubOAuth,
    HubOAuthCallbackHandler,
    HubOAuthenticated,
    UserNotAllowed,
)
from tornado.web import HTTPError, RequestHandler, StaticFileHandler

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.service.errors import RefusalError, translate
from jupyterhub_platform.service.hub_health import read_troubles
from jupyterhub_platform.service.rendering import hub_namespace
from jupyterhub_platform.service.scopes import Scopes, read_scopes, view_of
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


class Answers(RequestHandler):
    """Headers of every answer, and refusals as a page."""

    def set_default_headers(self) -> None:
        """Keep answers out of frames, caches and guesses about their type."""
        self.csp_nonce = secrets.token_urlsafe(16)
        hub = self.settings["environment"].hub_host
        own = f"'self' {hub}".strip()
        policy = (
            f"default-src {own}; script-src {own} 'nonce-{self.csp_nonce}'; "
            f"img-src {own} data:; font-src {own} data:; form-action {own}; "
            "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
        self.set_header("Content-Security-Policy", policy)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")

    def set_cookie(self, *arguments: Any, **named: Any) -> None:
        """Set a cookie, for TLS alone where the browser speaks TLS: JupyterHub leaves out some."""
        if self.request.protocol == "https":
            named["secure"] = True
        super().set_cookie(*arguments, **named)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer a refusal, or a fault of ours, with a sentence and a code."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        sentence, code = _explain(status_code, error)
        if isinstance(error, RefusalError) and error.retry_after:
            self.set_header("Retry-After", str(error.retry_after))
        self.write_refusal(status_code, sentence, code)

    def write_refusal(self, status: int, sentence: str, code: str) -> None:
        """Write a refusal as a page."""
        troubles = getattr(self, "troubles", ())
        names = {"status": status, "sentence": sentence, "code": code, "troubles": troubles}
        self.write_page("refusal.html", now=datetime.now(UTC), **names)

    def write_page(self, name: str, **namespace: Any) -> None:
        """Write one of our pages."""
        environment = self.settings["environment"]
        viewer: Viewer | None = getattr(self, "viewer", None)
        scopes: Scopes | None = getattr(self, "scopes", None)
        user = self.current_user if viewer is not None else None
        hub = hub_namespace(
            user,
            hub_host=environment.hub_host,
            hub_prefix=environment.hub_prefix,
            prefix=environment.prefix,
            admin=scopes is not None and scopes.reach_all("custom:platform:admin"),
        )
        namespace = {
            **hub,
            "csp_nonce": self.csp_nonce,
            "xsrf_token": self._show_xsrf_token() if user is not None else "",
            "platform_url": environment.prefix,
            "platform_local_credentials": environment.local_credentials,
            "own_static_url": self.static_url,
            "viewer": viewer,
            "path": self.request.path.removeprefix(environment.prefix),
            **namespace,
        }
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        template = self.settings["templates"].get_template(f"platform/{name}")
        self.finish(template.render(namespace))

    def _show_xsrf_token(self) -> str:
        token = self.xsrf_token
        return token.decode("ascii") if isinstance(token, bytes) else str(token)


class Identified(HubOAuthenticated, Answers):  # type: ignore[misc]  # the Hub's class is untyped
    """Whatever may be asked by people whom the Hub knows, and by nobody else."""

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
            token = self.hub_auth.get_token(self)
            self.troubles = await read_troubles(self.hub_auth.api_url, token)
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


def _explain(status: int, error: BaseException | None) -> tuple[str, str]:
    match error:
        case RefusalError():
            return error.sentence, error.code
        case HTTPError() if status == HTTPStatus.NOT_FOUND:
            return "There is nothing at this address.", "platform.not_found"
        case HTTPError() if status == HTTPStatus.METHOD_NOT_ALLOWED:
            return "This address does not answer to that method.", "request.method"
        case HTTPError() if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            said = (error.log_message or HTTPStatus(status).phrase).rstrip(".")
            return f"{said}. Reload the page and try again.", "request.refused"
        case _:
            return (
                "Something went wrong here, and was logged. Try again, or tell an admin.",
                "platform.fault",
            )


def render_body(data: Any) -> str:
    """Render JSON for an answer."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
