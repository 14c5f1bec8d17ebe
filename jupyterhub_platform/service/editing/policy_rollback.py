"""The page to roll managed objects back to a revision, with a preview of what that undoes."""

import re
from typing import Final

from jupyterhub_platform.service.editing.page import EditingPage
from jupyterhub_platform.service.errors import unknown
from jupyterhub_platform.service.hub_changes import HubAnswer
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.revisions import list_later

_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_LOOK: Final = "look at what this undoes"
_SHOWN: Final = 100


class RollBackPage(EditingPage):
    """Undo the changes of managed objects since a revision; the file is not changed."""

    async def get(self, number: str) -> None:
        """Ask first."""
        facts = await self._begin(number)
        await self._show(facts, int(number))

    async def post(self, number: str) -> None:
        """Roll back, if the revision that the caller saw is still in force."""
        facts = await self._begin(number)
        answer = await self._roll_back(int(number), self.sent("why"), self.sent("seen"))
        if answer.is_done:
            prefix: str = self.settings["environment"].prefix
            self.redirect(f"{prefix}policy", status=303)
            return
        await self._show(facts, int(number), answer)

    async def _begin(self, number: str) -> ReportFacts:
        if not _NUMBER.fullmatch(number):
            raise unknown("revision")
        facts = await self.read_policy()
        self.require_change("the policy")
        return facts

    async def _roll_back(
        self, number: int, reason: str, seen: str, *, dry_run: bool = False
    ) -> HubAnswer:
        path = "policy/rollback" + ("?dry_run=true" if dry_run else "")
        body = {"to": number, "reason": reason}
        return await self.ask("POST", path, body, {"If-Match": f'"{seen}"'})

    async def _show(
        self, facts: ReportFacts, number: int, refused: HubAnswer | None = None
    ) -> None:
        store = self.reader.open_store
        later = await self.read_in_thread(lambda: list_later(store(), number))
        tried = await self._roll_back(number, _LOOK, str(facts.revision), dry_run=True)
        prefix: str = self.settings["environment"].prefix
        self.set_status(refused.status if refused else 200)
        self.write_page(
            "rollback.html",
            now=facts.at,
            number=number,
            undone=later[:_SHOWN],
            count=len(later),
            seen=facts.revision,
            refused=refused,
            obstacle=None if tried.is_done else tried,
            reason=self.sent("why"),
            action=f"{prefix}policy/{number}/rollback",
            back=f"{prefix}policy",
        )
