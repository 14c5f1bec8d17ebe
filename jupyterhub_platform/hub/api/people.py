"""The in-Hub REST API about people: who is invited, put out, and let in again."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tornado import web

from jupyterhub_platform.core.errors import QuantityError, StoreError
from jupyterhub_platform.core.instants import parse_instant
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.auth.invites import why_not_for_manager
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.public_address import public_address
from jupyterhub_platform.usecases.suspensions import MAX_REASON_LENGTH, SuspensionError

MAX_INVITE_HOURS: Final = 24 * 30
GIVEN_BACK: Final = ("level", "groups", "grants", "files", "shares")
NOT_GIVEN_BACK: Final = ("tokens", "sessions", "share codes")


class InviteHandler(PlatformAPIHandler):
    """Makes an invite; the link is in this answer and nowhere else."""

    async def post(self, name: str) -> None:
        """Answer with the link: for admins, and for managers of users who are new and theirs."""
        self.require(roles.ADMIN, roles.MANAGE)
        if not getattr(self.authenticator, "local_credentials", False):
            raise web.HTTPError(404, "Nobody is invited here: people prove who they are elsewhere.")
        person = self.platform.snapshot.policy.people.get(name)
        if person is None:
            raise web.HTTPError(
                404, f"{name[:64]!a} is not declared in the policy. Declare them first."
            )
        if not self.has_scope(roles.ADMIN):
            await self._check_manager(name)
        base = public_address(self)
        hours = self.read_object("expires_in_hours").get(
            "expires_in_hours", self.platform.invite_hours
        )
        if type(hours) is not int or not 0 < hours <= MAX_INVITE_HOURS:
            raise web.HTTPError(
                400, f"expires_in_hours is a whole number from 1 to {MAX_INVITE_HOURS}."
            )
        invite = await self.in_thread(
            self.platform.runtime.credentials.invite,
            name,
            by=self.me,
            valid_for=timedelta(hours=hours),
        )
        self.set_status(201)
        self.write(
            {
                "user": name,
                "url": f"{base}invite/?token={invite.token}",
                "expires_at": invite.expires_at.isoformat(),
            }
        )

    async def _check_manager(self, name: str) -> None:
        has_password = await self.in_thread(self.platform.runtime.credentials.has_password, name)
        why_not = why_not_for_manager(
            self.platform, self.me, name, self.memberships_of(name), has_password=has_password
        )
        if why_not:
            raise web.HTTPError(403, why_not)


class SuspensionHandler(PlatformAPIHandler):
    """What suspending and resuming have in common: who may, and what is answered if it fails."""

    async def carry_out(
        self, change: Callable[[str], Awaitable[dict[str, Any]]], name: str
    ) -> None:
        """Answer with what a change says that it did, or with why nothing changed."""
        self.require(roles.ADMIN)
        self.check_person(name)
        try:
            self.write(await change(name))
        except SuspensionError as error:
            self.set_status(409)
            self.write({"status": 409, "message": str(error), "code": error.code})
        except StoreError as error:
            raise self.store_is_down(error) from error

    def read_reason(self, body: dict[str, Any]) -> str:
        """Return the reason in the body, which must be there.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 400.
        """
        reason = body.get("reason")
        if not isinstance(reason, str) or not reason.strip() or not reason.isprintable():
            raise web.HTTPError(400, "Say why: reason is one line of text.")
        if len(reason) > MAX_REASON_LENGTH:
            raise web.HTTPError(400, f"reason has {MAX_REASON_LENGTH} characters at most.")
        return reason.strip()


class SuspendHandler(SuspensionHandler):
    """Puts somebody out, at once."""

    async def post(self, name: str) -> None:
        """Answer with what ended; ``{"reason": …}``, and ``"until"`` for an end that comes."""
        await self.carry_out(self._suspend, name)

    async def _suspend(self, name: str) -> dict[str, Any]:
        body = self.read_object("reason", "until")
        reason, until = self.read_reason(body), _read_end(body.get("until"))
        ended = await self.platform.suspension.suspend(name, reason=reason, until=until, by=self.me)
        answer = {
            "user": name,
            "suspended": True,
            "reason": reason,
            "until": until.isoformat() if until else None,
            "by": self.me,
            "ended": {
                "servers": list(ended.servers),
                "tokens": ended.tokens,
                "shares": ended.shares,
            },
            "given_back_on_resume": list(GIVEN_BACK),
            "not_given_back": list(NOT_GIVEN_BACK),
        }
        if ended.still_open:
            answer["not_ended"] = say_not_ended(name, ended.still_open)
        return answer


class ResumeHandler(SuspensionHandler):
    """Lets somebody in again."""

    async def post(self, name: str) -> None:
        """Answer with what was given back; ``{"reason": …}``."""
        await self.carry_out(self._resume, name)

    async def _resume(self, name: str) -> dict[str, Any]:
        reason = self.read_reason(self.read_object("reason"))
        shares = await self.platform.suspension.resume(name, reason=reason, by=self.me)
        return {
            "user": name,
            "suspended": False,
            "reason": reason,
            "by": self.me,
            "given_back": list(GIVEN_BACK),
            "shares": shares,
            "not_given_back": list(NOT_GIVEN_BACK),
            "message": f"{name} logs in anew, and makes new tokens.",
        }


def say_not_ended(name: str, servers: Sequence[str]) -> str:
    """Say what a suspension leaves open at other people's servers, and how to close it."""
    return (
        f"A kernel's connection that {name} has open at {', '.join(servers)} is not cut. "
        "To cut it, stop that server."
    )


def _read_end(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_instant(value)
    except QuantityError as error:
        raise web.HTTPError(400, f"until is a time with its zone, or left out: {error}.") from None
