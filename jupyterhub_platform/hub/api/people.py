"""The in-Hub REST API about people: invites, suspending and resuming."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from tornado import web

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.core.local_accounts import why_no_password
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.auth.invites import why_not_for_manager
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.public_address import public_address
from jupyterhub_platform.rest.hub_calls import INVITE, SUSPEND
from jupyterhub_platform.rest.request_bodies import InviteRequest, ResumeRequest, SuspendRequest
from jupyterhub_platform.rest.response_bodies import (
    EndedAccess,
    Invite,
    Refusal,
    Response,
    Resumed,
    Suspended,
)
from jupyterhub_platform.usecases.suspensions import SuspensionError

GIVEN_BACK: Final = ("level", "groups", "grants", "files", "shares")
MAX_NAMED: Final = 10
NOT_GIVEN_BACK: Final = ("tokens", "sessions", "share codes")


class InviteHandler(PlatformAPIHandler):
    """Makes an invite; the link is in this answer and nowhere else."""

    audit_actions = MappingProxyType({"POST": "person.invited"})

    async def post(self, name: str) -> None:
        """Answer with the link: for admins, and for managers of new users in their groups."""
        self.require(*INVITE.scopes)
        if not getattr(self.authenticator, "local_credentials", False):
            raise web.HTTPError(
                404, "Invites are off: this Hub signs people in through an identity provider."
            )
        person = self.platform.snapshot.policy.people.get(name)
        if person is None:
            raise web.HTTPError(
                404, f"{name[:64]!a} is not declared in the policy. Declare them first."
            )
        if not self.has_scope(roles.ADMIN):
            await self._check_manager(name)
        if why_not := why_no_password(self.platform.snapshot.policy, name):
            raise web.HTTPError(403, why_not)
        base = public_address(self)
        hours = self.read(InviteRequest).expires_in_hours or self.platform.invite_hours
        invite = await self.in_thread(
            self.platform.runtime.credentials.invite,
            name,
            by=self.me,
            valid_for=timedelta(hours=hours),
        )
        answer = Invite(
            user=name,
            url=f"{base}invite/?token={invite.token}",
            expires_at=invite.expires_at.isoformat(),
        )
        self.answer(answer, 201)

    async def _check_manager(self, name: str) -> None:
        has_password = await self.in_thread(self.platform.runtime.credentials.has_password, name)
        why_not = why_not_for_manager(
            self.platform, self.me, name, self.memberships_of(name), has_password=has_password
        )
        if why_not:
            raise web.HTTPError(403, why_not)


class SuspensionHandler(PlatformAPIHandler):
    """The common part of suspending and resuming: who may, and the answer on failure."""

    async def answer_change(self, change: Callable[[str], Awaitable[Response]], name: str) -> None:
        """Answer with the effects of a change, or with why nothing changed."""
        self.require(*SUSPEND.scopes)
        self.check_person(name)
        try:
            self.answer(await change(name))
        except SuspensionError as error:
            self.refuse(Refusal.of(409, str(error), error.code))
        except StoreError as error:
            raise self.store_is_down(error) from error


class SuspendHandler(SuspensionHandler):
    """Suspends a user at once."""

    audit_actions = MappingProxyType({"POST": "person.suspended"})

    async def post(self, name: str) -> None:
        """Answer with what ended; the body is ``{"reason": …}``, with an optional ``"until"``."""
        await self.answer_change(self._suspend, name)

    async def _suspend(self, name: str) -> Suspended:
        body = self.read(SuspendRequest)
        reason, until = body.reason, body.until
        ended = await self.platform.suspension.suspend(name, reason=reason, until=until, by=self.me)
        pods = [each.pod for each in self.platform.admission.book.pods_of(name)]
        left = say_not_ended(name, ended.still_open, pods)
        return Suspended(
            user=name,
            suspended=True,
            reason=reason,
            until=until.isoformat() if until else None,
            by=self.me,
            ended=EndedAccess(
                servers=list(ended.servers), tokens=ended.tokens, shares=ended.shares
            ),
            given_back_on_resume=list(GIVEN_BACK),
            not_given_back=list(NOT_GIVEN_BACK),
            **({"not_ended": left} if left else {}),
        )


class ResumeHandler(SuspensionHandler):
    """Resumes a suspended user."""

    audit_actions = MappingProxyType({"POST": "person.resumed"})

    async def post(self, name: str) -> None:
        """Answer with what was restored; the body is ``{"reason": …}``."""
        await self.answer_change(self._resume, name)

    async def _resume(self, name: str) -> Resumed:
        reason = self.read(ResumeRequest).reason
        shares = await self.platform.suspension.resume(name, reason=reason, by=self.me)
        return Resumed(
            user=name,
            suspended=False,
            reason=reason,
            by=self.me,
            given_back=list(GIVEN_BACK),
            shares=shares,
            not_given_back=list(NOT_GIVEN_BACK),
            message=f"{name} logs in again, and makes new tokens.",
        )


def say_not_ended(name: str, servers: Sequence[str], pods: Sequence[str]) -> str:
    """Name what a suspension does not end, and how to end it; empty if there is nothing.

    That is connections to other users' servers, and pods that the platform only counts.
    """
    told = []
    if servers:
        told.append(
            f"A kernel's connection that {name} has open at {', '.join(servers)} is not cut. "
            "To cut it, stop that server."
        )
    if pods:
        more = f" and {len(pods) - MAX_NAMED} more" if len(pods) > MAX_NAMED else ""
        told.append(
            f"Pods that {name} made go on: {', '.join(pods[:MAX_NAMED])}{more}. "
            "End them through what made them, or with kubectl."
        )
    return " ".join(told)
