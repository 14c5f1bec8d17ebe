"""The page to add or remove members of a group, which names those who are affected."""

from collections.abc import Mapping
from typing import Any, Final

from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.service.editing.page import LOOK, EditingPage
from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.hub_changes import HubAnswer, place_of
from jupyterhub_platform.usecases.reports.reader import ReportFacts

_TRIES: Final = 4


class MembersPage(EditingPage):
    """Add members to a group, or remove them."""

    TAKES = frozenset({"user"})

    async def get(self, group: str) -> None:
        """Ask before a member is removed."""
        facts = await self._begin(group)
        await self._show(facts, group, self.argument("user"), "remove", None)

    async def post(self, group: str) -> None:
        """Add or remove a member, even if others change the group meanwhile."""
        facts = await self._begin(group)
        user, act = fold_user(self.sent("user")), self.sent("act")
        if act not in {"add", "remove"}:
            raise RefusalError(400, "Say whether to add or to remove.", "request.invalid")
        answer = await self._change(group, user, act, self.sent("why"))
        if answer.is_done:
            place = self.back_to(Kind.GROUP, group, answer.body["revision"])
            self.redirect(f"{place}#members", status=303)
            return
        await self._show(facts, group, user, act, answer)

    async def _begin(self, group: str) -> ReportFacts:
        facts = await self.read_policy()
        if not self.viewer.may_change(Kind.GROUP, group):
            raise RefusalError(
                403,
                "Admins and managers of a group change its members. Ask one of them.",
                "level.may_not_change",
            )
        return facts

    async def _change(
        self, group: str, user: str, act: str, reason: str, *, dry_run: bool = False
    ) -> HubAnswer:
        path = place_of(Kind.GROUP.section, group)
        answer = HubAnswer(412)
        for _ in range(_TRIES):
            found = await self.ask("GET", path)
            if not found.is_done:
                return found
            document = change_members(found.body["document"], user, act)
            seen = {"If-Match": f'"{found.body.get("version") or 0}"'}
            query = "?dry_run=true" if dry_run else ""
            answer = await self.ask(
                "PUT", path + query, {"document": document, "reason": reason}, seen
            )
            if answer.status != 412:
                break
        return answer

    async def _show(
        self, facts: ReportFacts, group: str, user: str, act: str, refused: HubAnswer | None
    ) -> None:
        effects = None
        if act == "remove" and user:
            tried = await self._change(group, user, act, LOOK, dry_run=True)
            effects = tried.body.get("effects") if tried.is_done else None
        held = [each for each in facts.book.servers_of(user) if each.account == group]
        self.set_status(refused.status if refused else 200)
        self.write_page(
            "members.html",
            now=facts.at,
            group=group,
            user_name=user,
            act=act,
            refused=refused,
            effects=effects,
            held=held,
            reason=self.sent("why"),
            action=self.place(Kind.GROUP, group, "members"),
            back=self.back_to(Kind.GROUP, group),
            in_force=facts.revision,
        )


def change_members(document: Mapping[str, Any], user: str, act: str) -> dict[str, Any]:
    """Return the document of a group with ``user`` added, or removed."""
    members = [each for each in document.get("members") or () if fold_user(each) != user]
    if act == "add":
        members.append(user)
    return {**document, "members": members}
