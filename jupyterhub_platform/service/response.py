"""The common form of every answer: headers, pages in the Hub's look, JSON, and refusals."""

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from tornado.web import HTTPError, RequestHandler

from jupyterhub_platform.core.branding import Branding
from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.rendering import hub_namespace
from jupyterhub_platform.service.scopes import Scopes
from jupyterhub_platform.usecases.reports.viewer import Viewer


class ResponseHandler(RequestHandler):
    """Sets the headers of every answer, and renders refusals as a page.

    ``refusal`` is the sentence of one.
    """

    refusal = ""

    def set_default_headers(self) -> None:
        """Keep answers out of frames and caches, and browsers from guessing their type."""
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
        """Set a cookie, Secure where the browser uses TLS: JupyterHub leaves out some."""
        if self.settings["environment"].find_address(self.request).startswith("https:"):
            named["secure"] = True
        super().set_cookie(*arguments, **named)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer a refusal, or an internal error, with a sentence and a code."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        sentence, code = _explain(status_code, error)
        if isinstance(error, RefusalError) and error.retry_after:
            self.set_header("Retry-After", str(error.retry_after))
        self.write_refusal(status_code, sentence, code)

    def write_refusal(self, status: int, sentence: str, code: str) -> None:
        """Write a refusal as a page."""
        self.refusal = sentence
        troubles = getattr(self, "troubles", ())
        self.write_page(
            "refusal.html",
            now=datetime.now(UTC),
            status=status,
            sentence=sentence,
            code=code,
            troubles=troubles,
            is_form=self.request.method not in {"GET", "HEAD"},
            is_passed_on=getattr(self, "is_passed_on", False),
        )

    def write_page(self, name: str, **namespace: Any) -> None:
        """Write one of the service's pages."""
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
            "platform_local_credentials": viewer is not None
            and self.may_have_password(viewer.name),
            "may_have_password": self.may_have_password,
            "own_static_url": self.static_url,
            "platform_branding": self._find_branding(),
            "viewer": viewer,
            "places": viewer.places if viewer is not None else (),
            "path": self.request.path.removeprefix(environment.prefix),
            **namespace,
        }
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        template = self.settings["templates"].get_template(f"platform/{name}")
        self.finish(template.render(namespace))

    def may_have_password(self, name: str) -> bool:
        """Tell whether a user may log in with a password that the platform keeps."""
        is_local: bool = self.settings["environment"].local_credentials
        return is_local and bool(self.settings["reader"].may_have_password(name))

    def _find_branding(self) -> Branding:
        """Return how pages look; their name may be that of the policy that was read last."""
        told: Branding = self.settings["environment"].branding
        return told if told.name else replace(told, name=self.settings["reader"].site_name)

    def _show_xsrf_token(self) -> str:
        token = self.xsrf_token
        return token.decode("ascii") if isinstance(token, bytes) else str(token)


def _explain(status: int, error: BaseException | None) -> tuple[str, str]:
    match error:
        case RefusalError():
            return error.sentence, error.code
        case HTTPError() if status == HTTPStatus.NOT_FOUND:
            return "There is nothing at this address.", "platform.not_found"
        case HTTPError() if status == HTTPStatus.METHOD_NOT_ALLOWED:
            return "This address does not support that method.", "request.method"
        case HTTPError() if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            reason = (error.log_message or HTTPStatus(status).phrase).rstrip(".")
            return f"{reason}. Reload the page and try again.", "request.refused"
        case _:
            return (
                "Something went wrong here, and was logged. Try again, or tell an admin.",
                "platform.fault",
            )


def render_body(data: Any) -> str:
    """Render JSON for an answer."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
