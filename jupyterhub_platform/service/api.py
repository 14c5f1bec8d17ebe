"""Answers a resource as JSON, for programs: read with a Hub token, by the same scopes."""

from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from jupyterhub_platform.rest.response_bodies import PROBLEM, Refusal
from jupyterhub_platform.service.errors import RefusalError, invalid, unknown
from jupyterhub_platform.service.handlers import AuthenticatedHandler
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.service.response import render_body

_OF_THE_HUB: Final = frozenset({"_xsrf"})
_NEVER_EMPTY: Final = frozenset(
    {"limit", "offset", "cursor", "admitted", "result", "by", "per", "format"}
)
"""Numbers, and words of a list: a form may leave them empty, and a program leaves them out."""

_WHERE: Final = frozenset({"offset", "cursor", "before", "after", "_xsrf"})
"""The arguments that say where a part of a list begins."""


class ApiHandler(AuthenticatedHandler):
    """A call of the API: JSON in, JSON out, and never a redirect.

    Unknown arguments are refused rather than ignored.
    """

    async def prepare(self) -> None:
        """Identify the caller, and refuse arguments that this call does not take."""
        await super().prepare()
        others = sorted(self.request.query_arguments.keys() - self.TAKES - _OF_THE_HUB)
        if others:
            known = ", ".join(sorted(self.TAKES))
            rest = f"; it takes {known}." if known else ", nor any other."
            raise invalid(f"This address takes no {', '.join(others)[:64]!a}{rest}")
        # Where a list goes both ways, it goes on from numbers.
        numbers = {"before", "after"} if "after" in self.TAKES else set[str]()
        for name in sorted(self.request.query_arguments.keys() & (_NEVER_EMPTY | numbers)):
            if not self.argument(name):
                raise invalid(f"{name} has no value; leave it out or correct it.")

    def set_default_headers(self) -> None:
        """Declare every answer as JSON, which must not be shown as anything else."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.set_header("Content-Type", "application/json")

    def answer_unknown(self) -> None:
        """Refuse: programs do not follow redirects to a login page."""
        if self.get_cookie(self.hub_auth.cookie_name):
            raise RefusalError(
                403,
                "The login has ended, or the header X-XSRFToken is missing: "
                "log in again, or use a token.",
                "request.xsrf",
            )
        raise RefusalError(
            401,
            "Send a token of the Hub in the header Authorization. Make one on its page Token.",
            "request.token",
        )

    def write_refusal(self, status: int, sentence: str, code: str) -> None:
        """Write a refusal as JSON."""
        if status == 401:
            self.set_header("WWW-Authenticate", 'Bearer realm="jupyterhub"')
        self.set_header("Content-Type", PROBLEM)
        self.finish(render_body(Refusal.of(status, sentence, code).to_json()))

    def send(self, data: Any) -> None:
        """Write an answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(render_body(data))

    def get_login_url(self) -> str:
        """Refuse: programs do not follow redirects to a login page."""
        raise RefusalError(401, "Send a token of the Hub.", "request.token")


class ResourceCall(ApiHandler):
    """The call that answers a resource."""

    RESOURCE: ClassVar[type[Resource[Any]]]

    async def get(self, *names: str) -> None:
        """Answer the call."""
        resource = self.RESOURCE(self)
        _, report = await resource.answer(*names)
        further = resource.find_next(report)
        if further:
            self.set_header("Link", f'<{self._link(further)}>; rel="next"')
        self.send(resource.to_json(report))

    def _link(self, cursor: str) -> str:
        """Return the address of the next part of a list: the same question, from there on."""
        asked = self.request.query_arguments.keys() - _WHERE
        kept = {name: self.argument(name) for name in sorted(asked)}
        return f"{self.request.path}?{urlencode({**kept, 'cursor': cursor})}"


def call_of(resource: type[Resource[Any]]) -> type[ResourceCall]:
    """Return the handler of a resource in the API."""
    members = {
        "__doc__": resource.__doc__,
        "__module__": resource.__module__,
        "RESOURCE": resource,
        "TAKES": resource.TAKES,
    }
    return type(f"{resource.__name__}Call", (ResourceCall,), members)


class NotFoundCall(ApiHandler):
    """Any unknown address."""

    async def prepare(self) -> None:
        """Answer 404 to callers who may ask."""
        await AuthenticatedHandler.prepare(self)
        raise unknown("address")
