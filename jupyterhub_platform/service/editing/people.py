"""Pages that do something to one user: they ask first, and the Hub does it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.service.editing.page import EditingPage, read_time
from jupyterhub_platform.service.hub_changes import HubAnswer, place_of
from jupyterhub_platform.usecases.reports.reader import ReportFacts


class PersonPage(EditingPage):
    """A page that does something to one user."""

    ACT: ClassVar[str]
    OF_MANAGERS: ClassVar[bool] = False

    async def get(self, name: str) -> None:
        """Ask first."""
        facts = await self._begin()
        place_of(name)
        self._show(facts, name)

    async def post(self, name: str) -> None:
        """Do it."""
        facts = await self._begin()
        answer = await self.ask("POST", f"{place_of('users', name)}/{self.ACT}", self.read_body())
        self.set_status(answer.status if not answer.is_done else 200)
        self._show(facts, name, answer)

    def read_body(self) -> Mapping[str, Any]:
        """Return the body that the Hub is sent."""
        return {"reason": self.sent("why")}

    async def _begin(self) -> ReportFacts:
        facts = await self.read_policy()
        self.require_change("people", of_managers=self.OF_MANAGERS)
        return facts

    def _show(self, facts: ReportFacts, name: str, answer: HubAnswer | None = None) -> None:
        ends = (answer.body.get("expires_at") or answer.body.get("until")) if answer else None
        self.write_page(
            "person_act.html",
            ends=datetime.fromisoformat(ends) if ends else None,
            now=facts.at,
            act=self.ACT,
            object_name=name,
            answer=answer,
            held=facts.book.servers_of(name),
            pods=facts.book.pods_of(name),
            suspension=facts.suspension_of(name),
            reason=self.sent("why"),
            until=self.sent("until"),
            action=self.place(Kind.USER, name, self.ACT),
            back=self.back_to(Kind.USER, name),
        )


class SuspendPage(PersonPage):
    """Suspend a user at once, until a time or for good."""

    ACT = "suspend"

    def read_body(self) -> Mapping[str, Any]:
        """Return the reason and the end."""
        until = self.sent("until")
        end = {"until": read_time(until, datetime.now(UTC))} if until else {}
        return {"reason": self.sent("why"), **end}


class ResumePage(PersonPage):
    """Resume a suspended user."""

    ACT = "resume"


class InvitePage(PersonPage):
    """Invite a user to set a password; the link is shown once."""

    ACT = "invite"
    OF_MANAGERS = True

    def read_body(self) -> Mapping[str, Any]:
        """Return an empty body: the Hub's configuration says how long an invite is valid."""
        return {}


class ForgetLoginPage(PersonPage):
    """Give the name of a user of an identity provider free."""

    ACT = "forget-login"


class DeletePage(EditingPage):
    """Remove a user whom no policy knows from JupyterHub."""

    async def get(self, name: str) -> None:
        """Ask first."""
        facts = await self._begin()
        place_of(name)
        self._show(facts, name)

    async def post(self, name: str) -> None:
        """Do it."""
        facts = await self._begin()
        answer = await self.ask("DELETE", place_of("undeclared", name))
        if answer.is_done:
            self.redirect(self.back_to(Kind.USER), status=303)
            return
        self.set_status(answer.status)
        self._show(facts, name, answer)

    async def _begin(self) -> ReportFacts:
        facts = await self.read_policy()
        self.require_change("people")
        return facts

    def _show(self, facts: ReportFacts, name: str, answer: HubAnswer | None = None) -> None:
        self.write_page(
            "person_delete.html",
            now=facts.at,
            object_name=name,
            answer=answer,
            held=facts.book.servers_of(name),
            pods=facts.book.pods_of(name),
            action=self.place(Kind.USER, name, "delete"),
            back=self.back_to(Kind.USER),
        )
