"""The base of all pages that change something: who sees them, and where they lead."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.times import parse_duration
from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.hub_changes import HubAnswer, send_change
from jupyterhub_platform.service.pages import PageHandler
from jupyterhub_platform.usecases.reports.reader import ReportFacts

PLACES: Final[Mapping[Kind, str]] = {
    Kind.USER: "people",
    Kind.GROUP: "groups",
    Kind.TIER: "tiers",
    Kind.IMAGE: "images",
    Kind.GRANT: "grants",
}
"""Where the pages of each kind are."""
LOOK: Final = "look at what this does"
"""The reason of a dry run, which nothing records."""
_WITH_PAGES: Final = frozenset({Kind.USER, Kind.GROUP})


class EditingPage(PageHandler):
    """A page that changes something through the Hub, with the caller's own token."""

    KIND: ClassVar[Kind] = Kind.USER

    @property
    def tab(self) -> str:
        """The entry of the navigation that the page belongs to."""
        return PLACES[Kind.TIER if self.KIND is Kind.IMAGE else self.KIND]

    async def read_policy(self) -> ReportFacts:
        """Return the facts of a report, and find out what the caller manages."""
        facts, _ = await self.read_in_thread(self.read_facts)
        return facts

    def require_change(self, kind: str, *, of_managers: bool = False) -> None:
        """Refuse callers from whom the Hub would accept no change of this kind.

        Raises
        ------
        RefusalError
            Raised if the caller may not.
        """
        if not (self.viewer.changes_all or (of_managers and self.viewer.charges)):
            who = "Admins and managers" if of_managers else "Only admins"
            raise RefusalError(
                403, f"{who} change {kind}. Ask one of them.", "level.may_not_change"
            )

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HubAnswer:
        """Send a change to the Hub, as the caller."""
        if method != "GET":
            headers = {**(headers or {}), **self.headers_for_hub}
        return await send_change(self.hub_auth.api_url, self.token, method, path, body, headers)

    def sent(self, name: str) -> str:
        """Return the text of a field of the form."""
        return str(self.get_body_argument(name, "")).strip()

    def place(self, kind: Kind, name: str, act: str = "") -> str:
        """Return the address of a page of an object."""
        parts = [PLACES[kind], quote(name, safe=""), *([act] if act else [])]
        return f"{self.settings['environment'].prefix}{'/'.join(parts)}"

    def back_to(self, kind: Kind, name: str = "", revision: object = None) -> str:
        """Return the address of the page that shows an object, with the revision after a change."""
        prefix: str = self.settings["environment"].prefix
        place = PLACES[Kind.TIER if kind is Kind.IMAGE else kind]
        if name and kind in _WITH_PAGES:
            place = f"{place}/{quote(name, safe='')}"
        return prefix + place + (f"?{urlencode({'changed': revision})}" if revision else "")


def read_time(text: str, now: datetime) -> str:
    """Return a time as documents have it; a duration counts from now."""
    try:
        return (now + parse_duration(text)).astimezone(UTC).isoformat(timespec="seconds")
    except (QuantityError, OverflowError):
        return text
