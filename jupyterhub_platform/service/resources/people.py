"""People and what they hold: all whom the caller may see, and a single one."""

from typing import Any

from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.service.errors import unknown
from jupyterhub_platform.service.handlers import PART_OF_A_LIST
from jupyterhub_platform.service.hub_api import read_standing, read_undeclared
from jupyterhub_platform.service.pages import AFTER_A_CHANGE, AFTER_A_STOP
from jupyterhub_platform.service.resource import Resource
from jupyterhub_platform.usecases.reports.grants import list_grants_of
from jupyterhub_platform.usecases.reports.object_sources import find_object_source
from jupyterhub_platform.usecases.reports.own import PersonReport, report_person
from jupyterhub_platform.usecases.reports.paging import Page
from jupyterhub_platform.usecases.reports.people import People as PeopleReport
from jupyterhub_platform.usecases.reports.people import is_known, report_people
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import Viewer

_OTHERS = "other people"


class People(Resource[PeopleReport]):
    """The people, and what they hold."""

    TAKES = PART_OF_A_LIST
    PAGE_TAKES = AFTER_A_STOP | AFTER_A_CHANGE
    TEMPLATE = "people.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may not see other users."""
        self.require_others(_OTHERS)

    async def prepare(self) -> None:
        """Read which people are requested."""
        self.query = self.handler.read_list_query()

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> PeopleReport:
        """Report the people whom the caller may see."""
        return report_people(facts, viewer, self.query)

    async def add_for_page(self, report: PeopleReport) -> dict[str, Any]:
        """Add the page's view of the list, and the users whom JupyterHub alone knows."""
        hub_auth = self.handler.hub_auth
        found = (
            await read_undeclared(hub_auth.api_url, self.handler.token)
            if self.viewer.reads_all
            else None
        )
        return {"page": report.people, "undeclared": found}

    def to_table(self, report: PeopleReport) -> Page[Any]:
        """Return the lines of the list."""
        return report.people


class Person(Resource[PersonReport]):
    """One person: what they hold, may hold and have left."""

    PAGE_TAKES = AFTER_A_CHANGE
    TEMPLATE = "person.html"

    def may(self, *names: str) -> None:
        """Refuse callers who may not see other users, unless they ask for themselves."""
        if names != (self.viewer.name,):
            self.require_others(_OTHERS)

    async def prepare(self) -> None:
        """Ask the Hub in which groups it has the person, and which account is their default."""
        (name,) = self.handler.path_args
        self.standing = await read_standing(self.handler.hub_auth.api_url, self.handler.token, name)

    def read(self, facts: ReportFacts, viewer: Viewer, *names: str) -> PersonReport:
        """Report the person with this name, if the caller may see them."""
        (name,) = names
        if not is_known(facts, name) or not viewer.sees_person(facts, name):
            raise unknown("person")
        self.grants = list_grants_of(facts, viewer, name)
        self.origin = find_object_source(facts, Key(Kind.USER, name))
        known = self.standing.memberships if self.standing else ()
        memberships = frozenset(group for one in known for group in (one.group, *one.provided_by))
        return report_person(facts, viewer, name, memberships)

    async def add_for_page(self, report: PersonReport) -> dict[str, Any]:
        """Add their grants, and where they are declared or who manages them."""
        default = self.standing.default_account if self.standing else None
        return {"grants": self.grants, "origin": self.origin, "default": default}
