"""The page to retire an object, which names those who are affected, and how to undo it."""

from typing import Final

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.service.editing.page import LOOK, EditingPage
from jupyterhub_platform.service.hub_changes import HubAnswer, place_of
from jupyterhub_platform.usecases.reports.reader import ReportFacts

_OF_MANAGERS: Final = frozenset({Kind.USER, Kind.GRANT})


class RetirePage(EditingPage):
    """Retire one object, with a preview of what that does."""

    async def get(self, name: str) -> None:
        """Ask first."""
        facts = await self._begin()
        await self._show(facts, name)

    async def post(self, name: str) -> None:
        """Retire the object, if it is still as the caller saw it."""
        facts = await self._begin()
        seen = self.sent("seen")
        answer = await self._retire(name, self.sent("why"), seen)
        if answer.is_done:
            revision = answer.body["revision"]
            self.redirect(self.back_to(self.KIND, revision=revision), status=303)
            return
        await self._show(facts, name, answer)

    async def _begin(self) -> ReportFacts:
        facts = await self.read_policy()
        self.require_change(self.KIND.section, of_managers=self.KIND in _OF_MANAGERS)
        return facts

    async def _retire(
        self, name: str, reason: str, seen: str, *, dry_run: bool = False
    ) -> HubAnswer:
        path = place_of(self.KIND.section, name) + ("?dry_run=true" if dry_run else "")
        return await self.ask("DELETE", path, {"reason": reason}, {"If-Match": f'"{seen}"'})

    async def _show(self, facts: ReportFacts, name: str, refused: HubAnswer | None = None) -> None:
        found = await self.ask("GET", place_of(self.KIND.section, name))
        if not found.is_done:
            raise found.refuse()
        version = str(found.body.get("version") or 0)
        tried = await self._retire(name, LOOK, version, dry_run=True)
        self.set_status(refused.status if refused else 200)
        self.write_page(
            "retire.html",
            now=facts.at,
            path=self.tab,
            kind=self.KIND,
            object_name=name,
            found=found.body,
            seen=version,
            refused=refused,
            obstacle=None if tried.is_done else tried,
            effects=tried.body.get("effects") if tried.is_done else None,
            reason=self.sent("why"),
            action=self.place(self.KIND, name, "retire"),
            back=self.back_to(self.KIND, name),
            in_force=facts.revision,
        )


def retire_page_of(kind: Kind) -> type[RetirePage]:
    """Return the page on which an object of a kind is retired."""
    members = {"__doc__": RetirePage.__doc__, "KIND": kind}
    return type(f"Retire{kind.capitalize()}Page", (RetirePage,), members)
