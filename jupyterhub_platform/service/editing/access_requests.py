"""Pages of requests for access: to make, list and answer them. The Hub decides about each step."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jupyterhub_platform.core.access_requests import OPEN_DAYS, RequestState, Wish
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.quantities import describe_amount, read_quantity
from jupyterhub_platform.core.sentences import listed
from jupyterhub_platform.core.times import describe_length
from jupyterhub_platform.service.editing.page import EditingPage
from jupyterhub_platform.service.errors import RefusalError, beyond, unknown
from jupyterhub_platform.service.hub_changes import HubAnswer, place_of
from jupyterhub_platform.usecases.reports.reader import ReportFacts
from jupyterhub_platform.usecases.reports.viewer import groups_of

_ACTS: Final = ("approve", "refuse", "withdraw")
_AMOUNTS: Final = 4
"""Rows of a form for amounts."""


class RequestReader(EditingPage):
    """What all pages of requests have in common. Only users make and see requests."""

    async def read_policy(self) -> ReportFacts:
        """Return the facts.

        Raises
        ------
        RefusalError
            Raised for services, which ask for nothing.
        """
        facts = await super().read_policy()
        if not self.viewer.reads_own:
            raise beyond("requests")
        return facts

    async def list_requests(self) -> list[dict[str, Any]]:
        """Return the requests that the caller may see, the newest first, as the Hub has them."""
        answer = await self.ask("GET", "requests")
        if not answer.is_done:
            raise answer.refuse()
        return [_read(each) for each in answer.body.get("items", ())]

    def answers(self, request: Mapping[str, Any]) -> bool:
        """Tell whether the caller gets buttons to answer; the Hub decides whether they may."""
        return request["user"] != self.viewer.name and (
            self.viewer.changes_all or request["account"] in self.viewer.charges
        )


class RequestsPage(RequestReader):
    """The list of requests: those that the caller can answer, and their own."""

    async def get(self) -> None:
        """Show the list."""
        facts = await self.read_policy()
        found = await self.list_requests()
        mine = [each for each in found if each["user"] == self.viewer.name]
        others = [each for each in found if each["user"] != self.viewer.name]
        waiting = [e for e in others if e["state"] == RequestState.OPEN and self.answers(e)]
        self.show(
            "requests.html",
            facts,
            waiting=waiting,
            mine=mine,
            others=[each for each in others if each not in waiting],
            open_days=OPEN_DAYS,
        )


class RequestPage(RequestReader):
    """One request, with what the caller may do about it."""

    async def get(self, id_: str) -> None:
        """Show it."""
        await self._show(id_)

    async def post(self, id_: str) -> None:
        """Approve, refuse or withdraw it."""
        await self.read_policy()
        act = self.sent("act")
        if act not in _ACTS:
            raise RefusalError(
                400, f"A request is answered by {', '.join(_ACTS)}.", "query.invalid"
            )
        body: dict[str, Any] = {"reason": self.sent("why")}
        if act == "approve":
            body = {"reason": self.sent("why") or "approved", **self.read_approval()}
        answer = await self.ask("POST", place_of("requests", id_, act), body)
        if answer.is_done:
            prefix: str = self.settings["environment"].prefix
            self.redirect(f"{prefix}requests", status=303)
            return
        await self._show(id_, answer)

    def read_approval(self) -> dict[str, Any]:
        """Return what is approved, if that is less than what was asked for."""
        return ({"for": self.sent("for")} if self.sent("for") else {}) | (
            {"add": add} if (add := read_amounts(self)) else {}
        )

    async def _show(self, id_: str, refused: HubAnswer | None = None) -> None:
        facts = await self.read_policy()
        found = next((e for e in await self.list_requests() if e["id"] == id_), None)
        if found is None:
            raise unknown("request")
        self.set_status(refused.status if refused else 200)
        prefix: str = self.settings["environment"].prefix
        self.write_page(
            "request.html",
            now=facts.at,
            request=found,
            may_answer=self.answers(found) and found["state"] == RequestState.OPEN,
            may_withdraw=found["user"] == self.viewer.name and found["state"] == RequestState.OPEN,
            refused=refused,
            reason=self.sent("why"),
            lasts=self.sent("for"),
            action=f"{prefix}requests/{id_}",
            back=f"{prefix}requests",
        )


class NewRequestPage(RequestReader):
    """Ask for a tier, more quota, a longer grant, or a level."""

    TAKES = frozenset({"tier", "account", "grant", "kind", "level"})

    async def get(self) -> None:
        """Show the form, filled in from the link."""
        facts = await self.read_policy()
        self._show(facts, {name: self.argument(name) for name in self.TAKES})

    async def post(self) -> None:
        """Ask."""
        facts = await self.read_policy()
        names = ("kind", "tier", "account", "grant", "level", "for")
        values = {name: self.sent(name) for name in names}
        once = {"Idempotency-Key": self.sent("once")[:64]} if self.sent("once") else {}
        answer = await self.ask("POST", "requests", self._read_body(facts, values), once)
        if answer.is_done:
            prefix: str = self.settings["environment"].prefix
            self.redirect(f"{prefix}requests", status=303)
            return
        self._show(facts, values, answer)

    def _read_body(self, facts: ReportFacts, values: Mapping[str, str]) -> dict[str, Any]:
        kind = values["kind"]
        body: dict[str, Any] = {"reason": self.sent("why")}
        if kind == Wish.QUOTA:
            body["add"] = read_amounts(self)
        elif kind in set(Wish):
            name = "grant" if kind == Wish.EXTENSION else kind
            body[name] = values[name]
        if values["for"] or kind != Wish.LEVEL:
            body["for"] = values["for"]
        if not (kind == Wish.LEVEL or self._is_of_level(facts, body)):
            body["account"] = values["account"]
        return body

    def _is_of_level(self, facts: ReportFacts, body: Mapping[str, Any]) -> bool:
        """Tell whether a grant of a level shall last longer, which is in no group."""
        path = f"{Kind.GRANT.section}.{body.get('grant')}"
        return any(each.path == path and each.level for each in facts.policy.grants)

    def _show(
        self, facts: ReportFacts, values: Mapping[str, str], refused: HubAnswer | None = None
    ) -> None:
        name = self.viewer.name
        known = groups_of(facts, name) & facts.policy.groups.keys()
        accounts = sorted(known | facts.policy.accounts_of(name, self.viewer.memberships))
        kind = values.get("kind") or (Wish.EXTENSION if values.get("grant") else Wish.TIER)
        prefix: str = self.settings["environment"].prefix
        self.set_status(refused.status if refused else 200)
        self.write_page(
            "new_request.html",
            now=facts.at,
            kind=kind,
            values=values,
            accounts=accounts,
            tiers=[each for each in facts.policy.tiers.values() if each.requestable],
            grants=[
                each
                for each in facts.policy.grants
                if each.user == name and each.until > datetime.now(UTC)
            ],
            levels=list(Level),
            amounts=_sent_amounts(self),
            reason=self.sent("why"),
            once=self.sent("once")[:64] or secrets.token_hex(16),
            refused=refused,
            action=f"{prefix}new/request",
            back=f"{prefix}requests",
        )


def read_amounts(page: EditingPage) -> dict[str, str]:
    """Return the amounts of a form by resource, without rows that lack a resource or an amount."""
    return {name: amount for name, amount in _sent_amounts(page) if name and amount}


def _sent_amounts(page: EditingPage) -> Sequence[tuple[str, str]]:
    rows = zip(page.get_body_arguments("resource"), page.get_body_arguments("amount"), strict=False)
    return [(name.strip(), amount.strip()) for name, amount in rows][:_AMOUNTS]


def _read(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request of the Hub with its times parsed and its wish in words."""
    decided = sent.get("decided_at")
    return {
        **sent,
        "at": datetime.fromisoformat(sent["at"]),
        "decided_at": datetime.fromisoformat(decided) if decided else None,
        "what": _describe(sent["kind"], sent["wish"]),
        "lasts": describe_length(timedelta(seconds=sent["seconds"])) if sent["seconds"] else "",
    }


def _describe(kind: str, wish: Mapping[str, Any]) -> str:
    match kind:
        case Wish.TIER:
            return f"the tier {wish['tier']}"
        case Wish.QUOTA:
            return listed(_describe_amount(*each) for each in wish["add"].items()) + " more"
        case Wish.EXTENSION:
            return f"the grant {wish['grant']} for longer"
        case _:
            return f"the level {wish['level']}"


def _describe_amount(name: str, amount: str | float) -> str:
    return describe_amount(name, read_quantity(amount, name))
