"""Pages of bulk changes: choose people, preview the change, and have the Hub make it.

A preview may be of all people that a search finds. When it is confirmed, the search must find the
same people; otherwise the preview is shown again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from jupyterhub_platform.core.bulk_changes import MAX_NAMES, Act
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.typed_names import parse_names
from jupyterhub_platform.service.editing.page import LOOK, EditingPage, read_time
from jupyterhub_platform.service.errors import RefusalError, translate, unknown
from jupyterhub_platform.service.hub_changes import HubAnswer, place_of
from jupyterhub_platform.usecases.reports.grants import report_grants
from jupyterhub_platform.usecases.reports.paging import Query
from jupyterhub_platform.usecases.reports.people import report_people
from jupyterhub_platform.usecases.reports.reader import ReportFacts

TITLES: Final[Mapping[str, str]] = {
    Act.ADD: "Add to a group",
    Act.REMOVE: "Remove from a group",
    Act.LEVEL: "Set the level",
    Act.GRANT: "Give a grant",
    Act.SUSPEND: "Suspend",
    Act.RESUME: "Resume",
    Act.RETIRE: "Remove",
    Act.END_GRANT: "End the grants",
}
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    Act.ADD: ("group",),
    Act.REMOVE: ("group",),
    Act.LEVEL: ("level",),
    Act.GRANT: ("account", "tier", "resource", "amount", "until"),
    Act.SUSPEND: ("until",),
}
_NEEDED: Final = frozenset({Act.ADD, Act.REMOVE, Act.LEVEL, Act.GRANT})
_ASK: Final = "bulk"
_CHOOSE: Final = "Tick the rows that you mean, and choose what to do with them"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The people of a change: named one by one, or all that a search finds."""

    names: tuple[str, ...]
    search: str | None

    @property
    def digest(self) -> str:
        """A digest that differs if other people are chosen."""
        return sha256("\n".join(self.names).encode()).hexdigest()


class NewBulkPage(EditingPage):
    """The preview of a bulk change, which begins when it is confirmed."""

    async def get(self) -> None:
        """Say where people are chosen, since there is nothing to preview without them."""
        raise RefusalError(404, f"{_CHOOSE} on the page People.", "bulk.no_one")

    async def post(self) -> None:
        """Show what the change would do, or begin it if that was confirmed."""
        facts = await self.read_policy()
        self.require_change("people", of_managers=True)
        act = self.sent("act")
        if act not in TITLES:
            raise RefusalError(400, "Choose what to do with them.", "request.invalid")
        chosen = await self.read_in_thread(lambda: self._choose(facts, Act(act)))
        if not chosen.names:
            raise RefusalError(400, f"No one is chosen. Go back. {_CHOOSE}.", "bulk.no_one")
        arguments = self._read_arguments(Act(act))
        is_complete = act not in _NEEDED or bool(arguments)
        if self.sent("step") == "run" and is_complete and self.sent("digest") == chosen.digest:
            await self._begin(facts, Act(act), chosen, arguments)
            return
        answer = None
        if is_complete:
            answer = await self._ask(Act(act), chosen, arguments, LOOK, dry_run=True)
        moved = self.sent("step") == "run" and self.sent("digest") != chosen.digest
        self._show(facts, Act(act), chosen, answer, moved=moved)

    def _choose(self, facts: ReportFacts, act: Act) -> Chosen:
        if self.sent("all") != "yes":
            names = (*self.get_body_arguments("name"), *parse_names(self.sent("names")))
            return Chosen(tuple(dict.fromkeys(map(fold_user, names))), None)
        search = self.sent("search")
        query = Query(limit=MAX_NAMES + 1, search=search)
        try:
            if act is Act.END_GRANT:
                found = report_grants(facts, self.viewer, query).grants.items
                names = tuple(each.name for each in found)
            else:
                people = report_people(facts, self.viewer, query).people.items
                names = tuple(each.name for each in people)
        except PlatformError as error:
            raise translate(error) from error
        if len(names) > MAX_NAMES:
            raise RefusalError(
                400, f"More than {MAX_NAMES:,} match. Narrow the search.", "request.invalid"
            )
        return Chosen(names, search)

    def _read_arguments(self, act: Act) -> dict[str, Any]:
        sent = {name: self.sent(name) for name in _FIELDS.get(act, ())}
        now = datetime.now(UTC)
        if act is Act.SUSPEND:
            return {"until": read_time(sent["until"], now)} if sent["until"] else {}
        if act is not Act.GRANT:
            return {name: value for name, value in sent.items() if value}
        if not (sent["account"] and sent["until"]):
            return {}
        document = {"account": sent["account"], "until": read_time(sent["until"], now)}
        if sent["tier"]:
            document["tier"] = sent["tier"]
        more = {"add": {sent["resource"] or "servers": sent["amount"]}} if sent["amount"] else {}
        return {"document": document | more | {"reason": self.sent("why") or LOOK}}

    async def _ask(
        self,
        act: Act,
        chosen: Chosen,
        arguments: dict[str, Any],
        reason: str,
        *,
        dry_run: bool = False,
    ) -> HubAnswer:
        body = {"act": str(act), "names": list(chosen.names), "reason": reason, **arguments}
        key = {"Idempotency-Key": self.sent("key")} if self.sent("key") and not dry_run else {}
        return await self.ask("POST", "bulk?dry_run=true" if dry_run else "bulk", body, key)

    async def _begin(
        self, facts: ReportFacts, act: Act, chosen: Chosen, arguments: dict[str, Any]
    ) -> None:
        answer = await self._ask(act, chosen, arguments, self.sent("why"))
        if answer.is_done:
            prefix: str = self.settings["environment"].prefix
            self.redirect(f"{prefix}bulk/{answer.body['id']}", status=303)
            return
        tried = await self._ask(act, chosen, arguments, LOOK, dry_run=True)
        self._show(facts, act, chosen, tried, refused=answer)

    def _show(
        self,
        facts: ReportFacts,
        act: Act,
        chosen: Chosen,
        answer: HubAnswer | None,
        *,
        refused: HubAnswer | None = None,
        moved: bool = False,
    ) -> None:
        can = answer is not None and answer.is_done
        self.set_status(refused.status if refused else answer.status if answer else 200)
        prefix: str = self.settings["environment"].prefix
        names = {name: self.sent(name) for name in _FIELDS.get(act, ())}
        mine = None if self.viewer.changes_all else self.viewer.charges
        groups = [g for g in sorted(facts.policy.groups) if mine is None or g in mine]
        held = {each for each in chosen.names if facts.book.servers_of(each)}
        self.write_page(
            "bulk_new.html",
            now=facts.at,
            path="grants" if act is Act.END_GRANT else "people",
            act=str(act),
            title=TITLES[act],
            chosen=chosen,
            values=names,
            fields=_FIELDS.get(act, ()),
            groups=groups,
            levels=list(Level),
            tiers=sorted(facts.policy.tiers),
            pods=sum(len(facts.book.pods_of(each)) for each in chosen.names),
            servers=sum(len(facts.book.servers_of(each)) for each in held),
            found=answer.body if answer and can else None,
            obstacle=answer if answer and not can else None,
            refused=refused,
            moved=moved,
            reason=self.sent("why"),
            key=self.sent("key") or uuid4().hex,
            action=f"{prefix}new/bulk",
            back=f"{prefix}{'grants' if act is Act.END_GRANT else 'people'}",
        )


class BulkActPage(EditingPage):
    """Stops, resumes or undoes a bulk change."""

    async def get(self, id_: str) -> None:
        """Refuse a visit, which changes nothing."""
        del id_
        raise unknown("page")

    async def post(self, id_: str) -> None:
        """Stop, resume or undo it, and go back to its page."""
        await self.read_policy()
        self.require_change("people", of_managers=True)
        act, prefix = self.sent("act"), self.settings["environment"].prefix
        place = place_of(_ASK, id_)
        match act:
            case "stop":
                answer = await self.ask("DELETE", place, {})
            case "resume":
                answer = await self.ask("POST", f"{place}/resume", {})
            case "undo":
                answer = await self.ask("POST", f"{place}/undo", {"reason": self.sent("why")})
            case _:
                raise RefusalError(400, "Say whether to stop, resume or undo.", "request.invalid")
        if not answer.is_done:
            raise answer.refuse()
        self.redirect(f"{prefix}bulk/{answer.body['id']}", status=303)
