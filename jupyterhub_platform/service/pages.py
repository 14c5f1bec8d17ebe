"""Shows a resource as a page, with what every page has beside its report."""

from collections.abc import Callable
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from jupyterhub_platform.service.errors import unknown
from jupyterhub_platform.service.handlers import AuthenticatedHandler
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.service.stopping import describe_server
from jupyterhub_platform.usecases.reports.paging import Query
from jupyterhub_platform.usecases.reports.reader import ReportFacts

AFTER_A_STOP: Final = frozenset({"stopped", "server", "state"})
"""Arguments of a page after a server was stopped from it."""
AFTER_A_CHANGE: Final = frozenset({"changed"})
"""The argument of a page after something was changed: the revision that is in force with it."""
_MAX_DIGITS: Final = 9


class PageHandler(AuthenticatedHandler):
    """A page, with what every page needs beside its report.

    Unknown arguments are ignored: an old link still shows its page. ``LIVE`` is the template of the
    part that refreshes itself, if the page has one.
    """

    LIVE: ClassVar[str] = ""

    @property
    def wants_live_part(self) -> bool:
        """Whether only the part that refreshes itself is requested."""
        return self.argument("part") == "live"

    def show(self, name: str, facts: ReportFacts, **namespace: Any) -> None:
        """Write a page about ``facts``; only its live part if that is requested."""
        common: dict[str, Any] = {
            "now": facts.at,
            "facts": facts,
            "may_stop": self._may_stop(facts),
            "link": self._link,
            "stopped": self._read_stopped(),
            "changed": self._read_changed(),
        }
        self.write_page(self.LIVE if self.wants_live_part else name, **(common | namespace))

    def _may_stop(self, facts: ReportFacts) -> Callable[[str, str], bool]:
        def may_stop(user: str, server: str) -> bool:
            groups = facts.policy.declared_groups(user)
            return self.scopes.may_stop(user, server, groups)

        return may_stop

    def _read_stopped(self) -> str:
        user = self.argument("stopped")
        if removed := self.argument("removed"):
            return f"Your server {removed[:64]} is removed."
        if not user:
            return ""
        done = self.argument("state") == "done"
        server = describe_server(user[:64], self.argument("server")[:64], self.viewer.name)
        return f"{server} {'has stopped' if done else 'is stopping'}."

    def _read_changed(self) -> int:
        number = self.argument("changed")
        is_number = number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS
        return int(number) if is_number else 0

    def _link(self, query: Query, **changes: Any) -> str:
        values: dict[str, Any] = {
            "search": query.search,
            "sort": query.sort,
            "offset": query.offset,
            "limit": query.limit if query.limit != Query().limit else "",
            **changes,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value})


class ResourcePage(PageHandler):
    """The page of a resource."""

    RESOURCE: ClassVar[type[Resource[Any]]]

    async def get(self, *names: str) -> None:
        """Show the page."""
        resource = self.RESOURCE(self)
        facts, report = await resource.answer(*names)
        beside = await resource.add_for_page(report)
        self.show(resource.TEMPLATE, facts, report=report, **beside)


def page_of(resource: type[Resource[Any]]) -> type[ResourcePage]:
    """Return the handler of a resource's page."""
    members = {
        "__doc__": resource.__doc__,
        "__module__": resource.__module__,
        "RESOURCE": resource,
        "TAKES": resource.TAKES | resource.PAGE_TAKES,
        "LIVE": resource.LIVE,
    }
    return type(f"{resource.__name__}Page", (ResourcePage,), members)


class NotFoundPage(PageHandler):
    """Any unknown address."""

    async def prepare(self) -> None:
        """Answer 404 to callers who may ask; redirect from an address with a trailing slash."""
        await super().prepare()
        if self.current_user is None:
            return
        prefix, path = self.settings["environment"].prefix, self.request.path
        is_visit = self.request.method in {"GET", "HEAD"}
        if not (is_visit and path.startswith(prefix) and path.endswith("/")):
            raise unknown("page")
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(prefix + path.removeprefix(prefix).strip("/") + query)
