"""The in-Hub REST API for suspensions: who is put out, and who comes in again."""

from datetime import UTC, datetime
from typing import Any, Final

from tornado import web

from jupyterhub_platform.core.errors import StoreError
from jupyterhub_platform.hub import roles
from jupyterhub_platform.hub.api import PlatformAPIHandler
from jupyterhub_platform.usecases.suspensions import LONGEST_REASON, SuspensionError

GIVEN_BACK: Final = ("level", "groups", "grants", "files", "shares")
NOT_GIVEN_BACK: Final = ("tokens", "sessions", "share codes")


class SuspensionHandler(PlatformAPIHandler):
    """What suspending and resuming have in common."""

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
        if len(reason) > LONGEST_REASON:
            raise web.HTTPError(400, f"reason has {LONGEST_REASON} characters at most.")
        return reason.strip()

    def refuse(self, error: SuspensionError) -> None:
        """Answer that it cannot be, with a code for programs."""
        self.set_status(409)
        self.write({"status": 409, "message": str(error), "code": error.code})


class SuspendHandler(SuspensionHandler):
    """Puts somebody out, at once."""

    async def post(self, name: str) -> None:
        """Answer with what ended; ``{"reason": …}``, and ``"until"`` for an end that comes."""
        self.require(roles.ADMIN)
        self.check_person(name)
        body = self.read_object("reason", "until")
        reason, until = self.read_reason(body), _read_end(body.get("until"))
        try:
            ended = await self.platform.suspending.suspend(
                name, reason=reason, until=until, by=self.me
            )
        except SuspensionError as error:
            self.refuse(error)
            return
        except StoreError as error:
            raise self.store_is_down(error) from error
        self.write(
            {
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
        )


class ResumeHandler(SuspensionHandler):
    """Lets somebody in again."""

    async def post(self, name: str) -> None:
        """Answer with what was given back; ``{"reason": …}``."""
        self.require(roles.ADMIN)
        self.check_person(name)
        reason = self.read_reason(self.read_object("reason"))
        try:
            shares = await self.platform.suspending.resume(name, reason=reason, by=self.me)
        except SuspensionError as error:
            self.refuse(error)
            return
        except StoreError as error:
            raise self.store_is_down(error) from error
        self.write(
            {
                "user": name,
                "suspended": False,
                "reason": reason,
                "by": self.me,
                "given_back": list(GIVEN_BACK),
                "shares": shares,
                "not_given_back": list(NOT_GIVEN_BACK),
                "message": f"{name} logs in anew, and makes new tokens.",
            }
        )


def _read_end(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        end = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise web.HTTPError(
            400, "until is a time with its zone, such as 2030-01-31T18:00:00Z, or left out."
        )
    try:
        return end.astimezone(UTC)
    except OverflowError:
        raise web.HTTPError(400, "until is too far away to be a time.") from None
