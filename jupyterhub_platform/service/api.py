"""The same as JSON, for programs: read with a Hub token, by the same scopes."""

import json
from typing import Any, ClassVar, Final

from jupyterhub_platform.service.errors import RefusalError, beyond, invalid, unknown
from jupyterhub_platform.service.handlers import PART_OF_A_LIST, Identified, render_body
from jupyterhub_platform.service.pages import read_visible_denials
from jupyterhub_platform.service.stopping import stop_server
from jupyterhub_platform.usecases.reports.as_json import render_json
from jupyterhub_platform.usecases.reports.overview import (
    decision_line,
    list_servers,
    report_overview,
)
from jupyterhub_platform.usecases.reports.own import report_own, report_person
from jupyterhub_platform.usecases.reports.people import is_known, report_people
from jupyterhub_platform.usecases.reports.tiers import report_tiers

_OF_THE_HUB: Final = frozenset({"_xsrf"})


class ApiHandler(Identified):
    """A call of the API: JSON in, JSON out, and never a redirect."""

    TAKES: ClassVar[frozenset[str]] = frozenset()
    """The arguments of its query; what it does not take is refused rather than passed over."""

    async def prepare(self) -> None:
        """Find out who asks, and refuse what this call does not take."""
        await super().prepare()
        others = sorted(self.request.query_arguments.keys() - self.TAKES - _OF_THE_HUB)
        if others:
            known = ", ".join(sorted(self.TAKES))
            rest = f"; it takes {known}." if known else ", nor any other."
            raise invalid(f"This address takes no {', '.join(others)[:64]!a}{rest}")

    def set_default_headers(self) -> None:
        """Say that whatever comes is JSON, and must not be shown as anything else."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.set_header("Content-Type", "application/json")

    def answer_unknown(self) -> None:
        """Refuse: programs do not follow to a page that logs people in."""
        if self.get_cookie(self.hub_auth.cookie_name):
            raise RefusalError(
                403,
                "The login has ended, or the header X-XSRFToken is missing; "
                "log in again, or use a token.",
                "request.xsrf",
            )
        raise RefusalError(
            401,
            "Send a token of the Hub in the header Authorization; one is made on its page Token.",
            "request.token",
        )

    def write_refusal(self, status: int, sentence: str, code: str) -> None:
        """Write a refusal as JSON."""
        if status == 401:
            self.set_header("WWW-Authenticate", 'Bearer realm="jupyterhub"')
        self.send({"status": status, "message": sentence, "code": code})

    def send(self, data: Any) -> None:
        """Write an answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(render_body(data))

    def get_login_url(self) -> str:
        """Refuse: programs do not follow to a page that logs people in."""
        raise RefusalError(401, "Send a token of the Hub.", "request.token")

    def require_others(self, what: str) -> None:
        """Refuse whoever may see nothing of other people."""
        if not self.viewer.reads_others:
            raise beyond(what)


class MeCall(ApiHandler):
    """``me``: what I hold, may hold and have left."""

    async def get(self) -> None:
        """Answer the call."""
        if not self.viewer.reads_own:
            raise beyond("resources of your own")
        self.send(await self.look_up(lambda: render_json(report_own(*self.read_facts()))))


class OverviewCall(ApiHandler):
    """``overview``: what runs, what is nearly full, what was refused."""

    TAKES = PART_OF_A_LIST

    async def get(self) -> None:
        """Answer the call."""
        self.require_others("what others run")
        query = self.read_list_query()
        troubles = await self.find_troubles()

        def read() -> Any:
            facts, viewer = self.read_facts()
            denials = read_visible_denials(self.reader, viewer, query.limit)
            return render_json(report_overview(facts, viewer, query, denials, troubles))

        self.send(await self.look_up(read))


class PeopleCall(ApiHandler):
    """``people``: who they are, and what they hold."""

    TAKES = PART_OF_A_LIST

    async def get(self) -> None:
        """Answer the call."""
        self.require_others("other people")
        query = self.read_list_query()
        self.send(await self.look_up(lambda: render_json(report_people(*self.read_facts(), query))))


class PersonCall(ApiHandler):
    """``people/NAME``: one person."""

    async def get(self, name: str) -> None:
        """Answer the call."""
        if name != self.viewer.name:
            self.require_others("other people")

        def read() -> Any:
            facts, viewer = self.read_facts()
            if not is_known(facts, name) or not viewer.sees_person(facts, name):
                raise unknown("person")
            return render_json(report_person(facts, viewer, name))

        self.send(await self.look_up(read))


class TiersCall(ApiHandler):
    """``tiers``: what they give, and how they are used."""

    async def get(self) -> None:
        """Answer the call."""
        self.require_others("how the tiers are used")

        def read() -> Any:
            facts, viewer = self.read_facts()
            denials = read_visible_denials(self.reader, viewer)
            return render_json(report_tiers(facts, viewer, denials))

        self.send(await self.look_up(read))


class ServersCall(ApiHandler):
    """``servers``: what runs, as far as the caller may see it."""

    TAKES = PART_OF_A_LIST

    async def get(self) -> None:
        """Answer the call."""
        query = self.read_list_query()
        self.send(await self.look_up(lambda: render_json(list_servers(*self.read_facts(), query))))


class ServerCall(ApiHandler):
    """``servers/USER/SERVER``: stop it, in the caller's own name."""

    async def delete(self, user: str, server: str) -> None:
        """Stop the server."""
        token = self.hub_auth.get_token(self)
        stop = await stop_server(self.hub_auth.api_url, token, user, server)
        self.set_status(200 if stop.done else 202)
        self.send({"user": user, "server": server, "stopped": stop.done, "message": stop.sentence})


class DecisionsCall(ApiHandler):
    """``decisions``: how starts were decided, newest first; ``before`` goes on from an id."""

    TAKES = frozenset({"limit", "before", "admitted"})

    async def get(self) -> None:
        """Answer the call."""
        query = self.read_list_query()
        before = self.get_query_argument("before", "") or None
        admitted = self._read_admitted()
        own = not self.viewer.reads_others

        def read() -> Any:
            _, viewer = self.read_facts()
            found = self.reader.list_decisions(
                user=viewer.name if own else None,
                accounts=None if own or viewer.reads_all else viewer.reads_groups,
                admitted=admitted,
                limit=query.limit,
                before=before,
            )
            items = [render_json(decision_line(each)) for each in found if viewer.sees_start(each)]
            more = len(found) == query.limit
            return {
                "items": items,
                "limit": query.limit,
                "before": found[-1].id if more else None,
            }

        self.send(await self.look_up(read))

    def _read_admitted(self) -> bool | None:
        words = {"": None, "true": True, "false": False}
        asked = self.get_query_argument("admitted", "")
        if asked not in words:
            raise invalid("admitted is true or false; leave it out or mend it.")
        return words[asked]


class DecisionCall(ApiHandler):
    """``decisions/ID``: the whole decision."""

    async def get(self, decision_id: str) -> None:
        """Answer the call."""
        _, viewer = await self.look_up(self.read_facts)
        record = await self.look_up(lambda: self.reader.get_decision(decision_id))
        if record is None or not viewer.sees_start(record):
            raise unknown("decision")
        whole = {"id": record.id, "at": record.at.isoformat(), "requested_by": record.requested_by}
        self.send(whole | json.loads(record.decision_json) | {"times": record.times})


class NotFoundCall(ApiHandler):
    """Whatever is not there."""

    async def prepare(self) -> None:
        """Say that it is not there, to those who may ask."""
        await Identified.prepare(self)
        raise unknown("address")
