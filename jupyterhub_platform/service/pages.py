"""The pages: each asks one report, and shows it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from jupyterhub_platform.service.errors import beyond, unknown
from jupyterhub_platform.service.handlers import PART_OF_A_LIST, Identified
from jupyterhub_platform.service.hub_api import read_hub
from jupyterhub_platform.service.stopping import check_names, say_server
from jupyterhub_platform.service.weakened import read_weakened
from jupyterhub_platform.usecases.reports.overview import decision_line, report_overview
from jupyterhub_platform.usecases.reports.own import report_own, report_person
from jupyterhub_platform.usecases.reports.paging import Query
from jupyterhub_platform.usecases.reports.people import is_known, report_people
from jupyterhub_platform.usecases.reports.reader import MAX_DENIALS, Facts, StoreReader
from jupyterhub_platform.usecases.reports.tiers import report_tiers
from jupyterhub_platform.usecases.reports.viewer import Viewer

AFTER_A_STOP: Final = frozenset({"stopped", "server", "state"})
"""What a page is told after a server was stopped from it."""
_SHOWN_DENIALS = 20
_SHOWN_OWN_DENIALS = 5


def read_visible_denials(
    reader: StoreReader, viewer: Viewer, limit: int = MAX_DENIALS
) -> tuple[Any, ...]:
    """Read the last denials that the viewer may see."""
    accounts = None if viewer.reads_all else viewer.reads_groups
    return reader.list_decisions(accounts=accounts, admitted=False, limit=limit)


class PageHandler(Identified):
    """A page, with what every page needs beside its report.

    ``TAKES`` are the arguments of its query, and what else comes is passed over: a link that has
    grown old still shows its page. ``LIVE`` is the template of the part that keeps itself fresh, of
    a page that has one.
    """

    TAKES: ClassVar[frozenset[str]] = frozenset()
    LIVE: ClassVar[str] = ""

    def argument(self, name: str, default: str = "") -> str:
        """Return an argument of the query, if this page takes it."""
        return str(self.get_query_argument(name, default)) if name in self.TAKES else default

    @property
    def wants_live_part(self) -> bool:
        """Whether only the part that keeps itself fresh is asked for."""
        return self.argument("part") == "live"

    def show(self, name: str, facts: Facts, **namespace: Any) -> None:
        """Write a page about ``facts``; only its live part if that is asked for."""
        self.write_page(
            self.LIVE if self.wants_live_part else name,
            now=facts.at,
            facts=facts,
            may_stop=self._may_stop(facts),
            link=self._link,
            stopped=self._read_stopped(),
            **namespace,
        )

    def _may_stop(self, facts: Facts) -> Callable[[str, str], bool]:
        def may_stop(user: str, server: str) -> bool:
            groups = facts.memberships.get(user, frozenset())
            return self.scopes.may_stop(user, server, groups)

        return may_stop

    def _read_stopped(self) -> str:
        user = self.argument("stopped")
        if not user:
            return ""
        done = self.argument("state") == "done"
        server = say_server(user[:64], self.argument("server")[:64])
        return f"{server} {'has stopped' if done else 'is stopping'}."

    def _link(self, query: Query, **changes: Any) -> str:
        values: dict[str, Any] = {
            "search": query.search,
            "sort": query.sort,
            "offset": query.offset,
            "limit": query.limit if query.limit != Query().limit else "",
            **changes,
        }
        return "?" + urlencode({name: value for name, value in values.items() if value})


class OwnPage(PageHandler):
    """My resources."""

    TAKES = AFTER_A_STOP

    async def get(self) -> None:
        """Show the page."""
        if not self.viewer.reads_own:
            raise beyond("resources of your own")

        def read() -> tuple[Facts, Any, Any]:
            facts, viewer = self.read_facts()
            denials = self.reader.list_decisions(
                user=viewer.name, admitted=False, limit=_SHOWN_OWN_DENIALS
            )
            return facts, report_own(facts, viewer), [decision_line(each) for each in denials]

        facts, report, denials = await self.look_up(read)
        invited = await self.look_up(lambda: self.reader.tell_of_invite(self.viewer.name))
        self.show("own.html", facts, report=report, denials=denials, invited=invited)


class OverviewPage(PageHandler):
    """What runs, what is nearly full, what was refused."""

    TAKES = PART_OF_A_LIST | AFTER_A_STOP | {"part"}
    LIVE = "overview_live.html"

    async def get(self) -> None:
        """Show the page."""
        query = self.read_list_query()
        if not self.viewer.reads_others:
            raise beyond("what others run")
        troubles = await self.find_troubles()

        def read() -> tuple[Facts, Any]:
            facts, viewer = self.read_facts()
            denials = read_visible_denials(self.reader, viewer, _SHOWN_DENIALS)
            return facts, report_overview(facts, viewer, query, denials, troubles)

        facts, report = await self.look_up(read)
        weakened: tuple[str, ...] = ()
        if self.viewer.reads_all and not self.wants_live_part:
            weakened = await read_weakened(self.hub_auth.api_url, self.hub_auth.get_token(self))
        self.show("overview.html", facts, report=report, page=report.servers, weakened=weakened)


class PeoplePage(PageHandler):
    """Who the people are, and what they hold."""

    TAKES = PART_OF_A_LIST | AFTER_A_STOP

    async def get(self) -> None:
        """Show the page."""
        query = self.read_list_query()
        if not self.viewer.reads_others:
            raise beyond("other people")

        def read() -> tuple[Facts, Any]:
            facts, viewer = self.read_facts()
            return facts, report_people(facts, viewer, query)

        facts, report = await self.look_up(read)
        self.show("people.html", facts, report=report, page=report.people)


class PersonPage(PageHandler):
    """One person."""

    async def get(self, name: str) -> None:
        """Show the page."""
        if not self.viewer.reads_others and name != self.viewer.name:
            raise beyond("other people")

        def read() -> tuple[Facts, Any]:
            facts, viewer = self.read_facts()
            if not is_known(facts, name) or not viewer.sees_person(facts, name):
                raise unknown("person")
            return facts, report_person(facts, viewer, name)

        facts, report = await self.look_up(read)
        self.show("person.html", facts, report=report)


class TiersPage(PageHandler):
    """What the tiers give, and how they are used."""

    async def get(self) -> None:
        """Show the page."""
        if not self.viewer.reads_others:
            raise beyond("how the tiers are used")

        def read() -> tuple[Facts, Any]:
            facts, viewer = self.read_facts()
            return facts, report_tiers(facts, viewer, read_visible_denials(self.reader, viewer))

        facts, report = await self.look_up(read)
        self.show("tiers.html", facts, report=report)


class DecisionPage(PageHandler):
    """How one start was decided, and why."""

    async def get(self, decision_id: str) -> None:
        """Show the page."""

        def read() -> tuple[Facts, Any]:
            facts, viewer = self.read_facts()
            record = self.reader.get_decision(decision_id)
            if record is None or not viewer.sees_start(record):
                raise unknown("decision")
            return facts, record

        facts, record = await self.look_up(read)
        decision = json.loads(record.decision_json)
        self.show(
            "decision.html",
            facts,
            record=record,
            decision=decision,
            raw=json.dumps(decision, indent=2, ensure_ascii=False),
        )


class WhyPage(PageHandler):
    """Why a server does what it does, as the Hub answers it to the one who asks."""

    TAKES = frozenset({"user", "server"})

    async def get(self) -> None:
        """Show the page."""
        user, server = self.argument("user"), self.argument("server")
        check_names(user, server)
        query = urlencode({"user": user, "server": server})
        token = self.hub_auth.get_token(self)
        why = await read_hub(self.hub_auth.api_url, token, f"why?{query}")
        since = datetime.fromisoformat(why["since"])
        what = say_server(user, server)
        self.write_page("why.html", now=datetime.now(UTC), why=why, since=since, what=what)


class NotFoundPage(PageHandler):
    """Whatever is not there."""

    async def prepare(self) -> None:
        """Say that it is not there, to those who may ask; lead on from an address with a slash."""
        await super().prepare()
        if self.current_user is None:
            return
        prefix, path = self.settings["environment"].prefix, self.request.path
        is_visit = self.request.method in {"GET", "HEAD"}
        if not (is_visit and path.startswith(prefix) and path.endswith("/")):
            raise unknown("page")
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(prefix + path.removeprefix(prefix).strip("/") + query)
