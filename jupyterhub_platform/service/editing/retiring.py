"""Retire an object, and add or remove a member: each names whom it touches, and how to undo it."""

from collections.abc import Mapping
from typing import Any, Final

from jupyterhub_platform.core.document.references import fold_user
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.service.editing.changing import ChangingPage
from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.hub_changes import HubAnswer, place_of
from jupyterhub_platform.usecases.reports.reader import ReportFacts

_OF_MANAGERS: Final = frozenset({Kind.USER, Kind.GRANT})
_LOOK: Final = "look at what this does"
"""The reason of a dry run, which nothing records."""
_TRIES: Final = 4


class RetirePage(ChangingPage):
    """Retire one object, after a look at what that does."""

    async def get(self, name: str) -> None:
        """Ask first."""
        facts = await self._begin()
        await self._show(facts, name)

    async def post(self, name: str) -> None:
        """Retire it, if it is as the caller saw it."""
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
        tried = await self._retire(name, _LOOK, version, dry_run=True)
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


class MembersPage(ChangingPage):
    """Add members to a group, or remove them."""

    TAKES = frozenset({"user"})

    async def get(self, group: str) -> None:
        """Ask before a member is removed."""
        facts = await self._begin(group)
        await self._show(facts, group, self.argument("user"), "remove", None)

    async def post(self, group: str) -> None:
        """Add or remove a member: also if others change the group meanwhile."""
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
            tried = await self._change(group, user, act, _LOOK, dry_run=True)
            effects = tried.body.get("effects") if tried.is_done else None
        held = [each for each in facts.book.of_user(user) if each.account == group]
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


def retire_page_of(kind: Kind) -> type[RetirePage]:
    """Return the page on which an object of a kind is retired."""
    members = {"__doc__": RetirePage.__doc__, "KIND": kind}
    return type(f"Retire{kind.capitalize()}Page", (RetirePage,), members)
