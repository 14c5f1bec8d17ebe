"""Forms that make or edit one object: a preview, the faults of a refused one, or saving it."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.typed_names import parse_names
from jupyterhub_platform.service.editing.documents import (
    MORE,
    Field,
    FieldFault,
    place_faults,
    read_document,
    show_document,
)
from jupyterhub_platform.service.editing.fields import list_fields
from jupyterhub_platform.service.editing.page import LOOK, EditingPage, read_time
from jupyterhub_platform.service.hub_changes import HubAnswer, place_of
from jupyterhub_platform.usecases.reports.differences import Difference, compare_documents
from jupyterhub_platform.usecases.reports.reader import ReportFacts

NAME: Final = "name"
WHY: Final = "why"
GROUPS: Final = "groups"
PREVIEWED: Final = frozenset({Kind.TIER, Kind.GROUP})
"""What is shown with its effects before it is saved."""
_OF_MANAGERS: Final = frozenset({Kind.USER, Kind.GRANT})
_SET_BY_HUB: Final = "by"


@dataclass(frozen=True, slots=True)
class Draft:
    """A form as it was sent: of a new object if no version was ``seen``.

    ``once`` makes a grant that is sent twice one grant.
    """

    name: str
    seen: str
    reason: str = ""
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    once: str = ""

    @property
    def digest(self) -> str:
        """A digest of what was previewed; a form that has changed since is previewed again."""
        made_of = json.dumps([self.name, self.seen, self.document, self.groups], sort_keys=True)
        return sha256(made_of.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What is shown with a form: faults, a preview, or the object as it is now."""

    status: int = 200
    faults: tuple[FieldFault, ...] = ()
    effects: Mapping[str, Any] | None = None
    differences: tuple[Difference, ...] = ()
    theirs: Mapping[str, Any] | None = None
    is_lost_update: bool = False
    is_preview: bool = False


class FormPage(EditingPage):
    """The form of one kind of object."""

    def check_level(self) -> None:
        """Refuse callers who may change no object of this kind."""
        self.require_change(self.KIND.section, of_managers=self.KIND in _OF_MANAGERS)

    async def send_form(self, facts: ReportFacts, draft: Draft) -> None:
        """Preview or save a form that was sent; show it again unless it is saved."""
        fields = self._list_fields(facts, draft)
        document, faults = read_document(fields, self._settle_times(fields, draft.values))
        draft = replace(draft, document=document)
        if self.KIND is not Kind.GRANT and not draft.name:
            faults = (FieldFault(NAME, "Write a name."), *faults)
        if faults:
            self.show_form(facts, draft, Reply(422, faults))
            return
        is_new_to_them = self.KIND in PREVIEWED and self.sent("previewed") != draft.digest
        if self._is_live or self.sent("step") == "preview" or is_new_to_them:
            tried = replace(draft, reason=LOOK) if self._is_live else draft
            answer = await self._send(tried, dry_run=True)
            self.show_form(facts, *_reply(self.KIND, fields, draft, answer))
            return
        answer = await self._send(draft)
        if answer.is_done:
            name = str(answer.body["name"])
            self.redirect(self.back_to(self.KIND, name, answer.body["revision"]), status=303)
            return
        self.show_form(facts, *_reply(self.KIND, fields, draft, answer))

    async def _send(self, draft: Draft, *, dry_run: bool = False) -> HubAnswer:
        body: dict[str, Any] = {"document": draft.document, "reason": draft.reason}
        if draft.groups:
            body["groups"] = list(draft.groups)
        query = "?dry_run=true" if dry_run else ""
        if self.KIND is Kind.GRANT and not draft.seen:
            once = {"Idempotency-Key": draft.once} if draft.once else {}
            return await self.ask("POST", f"{self.KIND.section}{query}", body, once)
        seen = {"If-Match": f'"{draft.seen}"'} if draft.seen else {"If-None-Match": "*"}
        path = place_of(self.KIND.section, draft.name)
        return await self.ask("PUT", path + query, body, seen)

    def read_draft(self, name: str) -> Draft:
        """Return the form that was sent."""
        names = self.request.body_arguments
        values = {each: self.get_body_arguments(each, strip=False) for each in names}
        seen = self.sent("seen")
        named = values.get(GROUPS, ()) if self.KIND is Kind.USER and not seen else ()
        groups = tuple(name for each in named for name in parse_names(each))
        return Draft(
            name=name,
            seen=seen if seen.isascii() and seen.isdigit() else "",
            reason=self.sent(WHY),
            values=values,
            groups=groups,
            once=self.sent("once")[:64],
        )

    def show_form(self, facts: ReportFacts, draft: Draft, reply: Reply) -> None:
        """Write the form with its faults or preview."""
        fields = self._list_fields(facts, draft)
        known = {NAME, WHY, GROUPS, MORE, *(each.name for each in fields)}
        at: dict[str, list[str]] = {}
        for fault in reply.faults:
            at.setdefault(fault.name if fault.name in known else "", []).append(fault.sentence)
        self.set_status(200 if self._is_live else reply.status)
        self.write_page(
            "edit.html",
            now=facts.at,
            path=self.tab,
            kind=self.KIND,
            draft=draft,
            fields=fields,
            values=draft.values,
            more=MORE,
            faults=at,
            reply=reply,
            joinable=self._list_joinable(facts) if self.KIND is Kind.USER else (),
            needs_preview=self.KIND in PREVIEWED,
            action=self._action(draft),
            back=self.back_to(self.KIND, draft.name if draft.seen else ""),
            in_force=facts.revision,
        )

    @property
    def _is_live(self) -> bool:
        """Whether the form was sent by a script, as it is filled in, to show its effect."""
        return self.sent("step") == "effect"

    def _list_fields(self, facts: ReportFacts, draft: Draft) -> tuple[Field, ...]:
        """Return the fields. For a new user, they include all groups to choose from."""
        fields = list_fields(self.KIND, facts.policy)
        if self.KIND is not Kind.USER or draft.seen:
            return fields
        return tuple(each for each in fields if each.name != GROUPS)

    def _action(self, draft: Draft) -> str:
        if draft.seen:
            return self.place(self.KIND, draft.name, "edit")
        prefix: str = self.settings["environment"].prefix
        return f"{prefix}new/{self.KIND}"

    def _list_joinable(self, facts: ReportFacts) -> tuple[str, ...]:
        """Return the groups that a new user can join in the same change."""
        viewer, groups = self.viewer, sorted(facts.policy.groups)
        return tuple(name for name in groups if viewer.changes_all or name in viewer.charges)

    def _settle_times(
        self, fields: Sequence[Field], values: Mapping[str, Sequence[str]]
    ) -> dict[str, Sequence[str]]:
        now, times = datetime.now(UTC), {f.name for f in fields if f.widget == "instant"}
        return {
            name: [read_time(text.strip(), now) for text in sent] if name in times else sent
            for name, sent in values.items()
        }


class NewPage(FormPage):
    """Make an object."""

    async def get(self) -> None:
        """Show a new form, filled in from the address."""
        facts = await self.read_policy()
        self.check_level()
        fields = list_fields(self.KIND, facts.policy)
        values = {each.name: [self.argument(each.name)] for each in fields}
        name = self.argument(NAME)
        self.show_form(facts, Draft(name, "", values=values, once=secrets.token_hex(16)), Reply())

    async def post(self) -> None:
        """Preview the object, or make it."""
        facts = await self.read_policy()
        self.check_level()
        await self.send_form(facts, self.read_draft(self.sent(NAME)))


class EditPage(FormPage):
    """Edit an object; one that the file declares is only shown."""

    async def get(self, name: str) -> None:
        """Show the object as it is now."""
        facts = await self.read_policy()
        self.check_level()
        found = await self.ask("GET", place_of(self.KIND.section, name))
        if not found.is_done:
            raise found.refuse()
        document = dict(found.body["document"])
        if found.body["source"] != "managed":
            shown = show_document((), document)[MORE][0]
            self.write_page(
                "declared.html",
                now=facts.at,
                path=self.tab,
                kind=self.KIND,
                object_name=name,
                declared_at=found.body["declared_at"],
                document=shown,
                back=self.back_to(self.KIND, name),
            )
            return
        document.pop(_SET_BY_HUB, None) if self.KIND is Kind.GRANT else None
        values = show_document(list_fields(self.KIND, facts.policy), document)
        self.show_form(facts, Draft(name, str(found.body["version"]), values=values), Reply())

    async def post(self, name: str) -> None:
        """Preview the change, or make it."""
        facts = await self.read_policy()
        self.check_level()
        await self.send_form(facts, self.read_draft(name))


def _reply(
    kind: Kind, fields: Sequence[Field], draft: Draft, answer: HubAnswer
) -> tuple[Draft, Reply]:
    """Return what to show for the Hub's answer to a form that was not saved."""
    if answer.is_done:
        differences = compare_documents(answer.body["before"], answer.body["after"])
        effects = answer.body.get("effects")
        return draft, Reply(effects=effects, differences=differences, is_preview=True)
    if answer.status == 412:
        current = answer.body.get("current")
        now = current["document"] if current else None
        reply = Reply(
            412,
            (FieldFault("", answer.sentence),),
            differences=compare_documents(now, draft.document),
            theirs=current,
            is_lost_update=True,
        )
        return replace(draft, seen=str(current["version"]) if current else ""), reply
    faults = place_faults(fields, kind.section, answer.faults)
    if not faults:
        of_reason = answer.status == 400 and "reason" in answer.sentence
        faults = (FieldFault(WHY if of_reason else "", answer.sentence),)
    return draft, Reply(answer.status, faults)


def new_page_of(kind: Kind, takes: frozenset[str] = frozenset()) -> type[NewPage]:
    """Return the page on which an object of a kind is made."""
    members = {"__doc__": NewPage.__doc__, "KIND": kind, "TAKES": takes}
    return type(f"New{kind.capitalize()}Page", (NewPage,), members)


def edit_page_of(kind: Kind) -> type[EditPage]:
    """Return the page on which an object of a kind is edited."""
    members = {"__doc__": EditPage.__doc__, "KIND": kind}
    return type(f"Edit{kind.capitalize()}Page", (EditPage,), members)
