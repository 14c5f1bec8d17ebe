"""Admission by REST: what a user holds, a dry run, and a recorded decision."""

import re
from dataclasses import asdict
from datetime import UTC, datetime

from tornado import web

from jupyterhub_platform.core.memberships import list_memberships
from jupyterhub_platform.core.options import NO_ACCOUNT
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.denials import status_of
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.rest.decisions import (
    AccountUsage,
    DefaultAccount,
    DryRun,
    GroupMembership,
    HeldServer,
    RecordedDecision,
    Usage,
)
from jupyterhub_platform.rest.request_bodies import DryRunRequest
from jupyterhub_platform.usecases.admission import Start
from jupyterhub_platform.usecases.decisions import address_decision
from jupyterhub_platform.usecases.holdings import holdings_to_json

_DECISION_ID = re.compile("[0-9a-f]{1,64}")


class UsageHandler(PlatformAPIHandler):
    """What a user holds, may hold and has left, in each of their accounts."""

    def get(self) -> None:
        """Answer for the caller, or for ``?user=`` by scope."""
        name = self.get_query_argument("user", self.me)
        snapshot = self.platform.snapshot
        memberships = self.memberships_of(name)
        subject = snapshot.subject(name, memberships, datetime.now(UTC))
        accounts = subject.accounts
        if name == self.me:
            self.require(roles.SELF, roles.READ)
        elif not (self.has_scope(roles.READ) or self.has_scope(roles.ADMIN)):
            accounts = tuple(each for each in accounts if self.in_charge_of(each))
            if not accounts:
                raise web.HTTPError(403, f"Seeing what others hold needs the scope {roles.READ}.")
        self.check_person(name)
        admission = self.platform.admission
        chosen = admission.choose_account(subject)
        if chosen.name not in accounts:
            chosen = NO_ACCOUNT
        decisions = [
            admission.dry_run(Start(name, frozenset(subject.accounts), "", {"account": account}))
            for account in accounts
        ]
        self.answer(
            Usage(
                user=name,
                level=subject.level,
                revision=snapshot.revision,
                memberships=[
                    GroupMembership.model_validate(asdict(each))
                    for each in list_memberships(snapshot.policy, name, memberships)
                    if each.group in accounts
                ],
                default_account=DefaultAccount(name=chosen.name, rule=chosen.rule),
                accounts=[
                    AccountUsage.model_validate(holdings_to_json(decision.question))
                    for decision in decisions
                ],
                servers=[
                    HeldServer.model_validate(held.to_json())
                    for held in admission.book.of_user(name)
                    if held.account in accounts or name == self.me
                ],
            )
        )


class DecideHandler(PlatformAPIHandler):
    """A dry run: the whole decision, admitted or denied. Nothing is recorded."""

    def post(self) -> None:
        """Answer ``{"user_options": …, "user": …, "server": …}``; user defaults to the caller."""
        body = self.read(DryRunRequest)
        name = body.user if "user" in body.model_fields_set else self.me
        if name == self.me:
            self.require(roles.SELF, roles.READ)
        elif not (self.has_scope(roles.READ) or self._may_start(name)):
            raise web.HTTPError(403, f"Asking for others needs the scope {roles.READ}.")
        self.check_person(name)
        memberships = self.memberships_of(name)
        options = self.platform.own_options(body.user_options)
        start = Start(name, memberships, body.server, options, by=self.me)
        decision = self.platform.admission.dry_run(start)
        told = decision.to_json(to=name if name == self.me else "")
        answer = {**told, "status": status_of(decision), "id": None}
        self.answer(DryRun.model_validate(answer))

    def _may_start(self, name: str) -> bool:
        known = self.find_in_hub(name) is not None
        return known and bool(self.has_scope(f"start:servers!user={name}"))


class DecisionHandler(PlatformAPIHandler):
    """A recorded decision, by the id that a denial carries."""

    async def get(self, decision_id: str) -> None:
        """Answer the decision's owner, their managers, and users who may read everything."""
        recorded = None
        if _DECISION_ID.fullmatch(decision_id):
            recorded = await self.in_thread(self.platform.runtime.decisions.find, decision_id)
        mine = recorded is not None and recorded.user == self.me and self.has_scope(roles.SELF)
        managed = recorded is not None and self.in_charge_of(recorded.account)
        if not (mine or managed or self.has_scope(roles.READ)):
            # Missing and forbidden decisions get the same answer, so that ids cannot be probed.
            raise web.HTTPError(404, "There is no such decision, or it is not yours to see.")
        if recorded is None:
            raise web.HTTPError(404, "There is no such decision.")
        own = recorded.user == self.me
        told = address_decision(recorded.decision, self.me) if own else recorded.decision
        answer = {**told, "id": recorded.id, "times": recorded.times}
        self.answer(RecordedDecision.model_validate(answer))
