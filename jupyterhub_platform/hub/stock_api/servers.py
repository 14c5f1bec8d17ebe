"""Guards of the Hub's API for servers: bodies are checked, and concurrent starts are one."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.slugs import is_valid_display_name
from tornado import web

from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.hub.json_bodies import read_body
from jupyterhub_platform.hub.platform import platform_of
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from jupyterhub_platform.hub.upstream.auth_refresh import skip_refresh
from jupyterhub_platform.hub.upstream.spawner_state import find_start, log_name
from jupyterhub_platform.rest.request_bodies import NO_OBJECT, BodyError, ServerChange

CANCELLED_BECAUSE: Final = "it was stopped, its time was over, or its owner was suspended."
INTERRUPT_SECONDS: Final = 10.0
"""How long a DELETE waits for the start that it interrupts."""
PASSED_OVER: Final = "X-Platform-Passed-Over"
"""The header that names choices of an earlier start that no longer exist."""
_DOING: Final = {"spawn": "starting", "stop": "stopping", "check": "being checked"}
"""What a server does whose ``pending`` is that."""
_NAMES: Final = {"name", "display_name"}


class SingleStart(BaseHandler):  # type: ignore[misc]
    """Starts a server once, however many requests for it arrive at the same time.

    The Hub checks whether a server is starting, waits for the identity provider, then starts it. A
    second request during the wait gets an internal error. Here the wait comes first.
    ``options_are_named`` tells admission whether this request named options. If it named none, the
    Hub reuses those of the last start.
    """

    options_are_named: bool | None = None

    async def spawn_single_user(
        self, user: Any, server_name: str = "", display_name: str = "", options: Any = None
    ) -> Any:
        """Start a server, unless it is already starting or running."""
        self.options_are_named = options is not None
        await self._refresh(user)
        spawner = user.spawners.get(server_name)
        if spawner is not None and spawner.active:
            if spawner.pending == "spawn":
                return None
            state = f"is pending {spawner.pending}" if spawner.pending else "is already running"
            raise web.HTTPError(400, f"{log_name(spawner)} {state}.")
        if isinstance(spawner, AdmissionMixin):
            spawner.refuse_early(options, self, self._is_throttled)
        try:
            started = await super().spawn_single_user(
                user, server_name, display_name, options=options
            )
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if own is not None and own.cancelling():
                raise
            name = f"{user.name}/{server_name or 'default'}"
            raise web.HTTPError(
                409, f"The start of {name} was cancelled: {CANCELLED_BECAUSE}"
            ) from None
        except asyncio.InvalidStateError:
            # It has ended, and the Hub looked at how the start failed before it has: the start
            # itself says that, when the Hub has waited for an answer as long as it does.
            started = None
        self._report_passed_over(user.spawners.get(server_name))
        return started

    def _report_passed_over(self, spawner: Any) -> None:
        admitted = getattr(spawner, "admitted", None)
        if admitted is not None and admitted.decision.question.passed_over:
            passed_over = "; ".join(admitted.decision.question.passed_over)
            self.set_header(PASSED_OVER, ascii(passed_over)[1:-1])

    def _is_throttled(self) -> bool:
        """Tell whether the Hub answers a start with 429 now, which precedes admission."""
        counts = self.users.count_active_users()
        starting = counts["spawn_pending"] + counts["proxy_pending"]
        max_starting, max_active = self.concurrent_spawn_limit, self.active_server_limit
        return bool(max_starting and starting >= max_starting) or bool(
            max_active and counts["active"] >= max_active
        )

    async def _refresh(self, user: Any) -> None:
        """Refresh the owner; the Hub does so once per request, and then finds it done."""
        if not self.authenticator.refresh_pre_spawn:
            return
        if platform_of(self.settings).lets_in(user.name):
            if await self.refresh_auth(user, force=True) is None:
                own = user.name == self.current_user.name
                whose = "Your login" if own else f"The login of {user.name}"
                raise web.HTTPError(403, f"{whose} has expired. Log in again.")
        else:
            # Admission explains and records the denial.
            skip_refresh(self, user)


class ServerAPI(SingleStart, UserServerAPIHandler):  # type: ignore[misc]
    """The Hub's ``/hub/api/users/:name/servers/:server``, with checked bodies.

    The Hub answers some unreadable bodies with an internal error, keeps any options that come with
    a change, and logs them. A start is left to admission, which reports and records what is wrong
    with its options.
    """

    async def put(self, user_name: str, server_name: str = "") -> None:
        """Create a named server without starting it."""
        await super().put(user_name, server_name)

    async def post(self, user_name: str, server_name: str = "") -> None:
        """Start a server."""
        await super().post(user_name, server_name)

    async def patch(self, user_name: str, server_name: str = "") -> None:
        """Change the name or the stored options of a stopped server."""
        await super().patch(user_name, server_name)

    async def delete(self, user_name: str, server_name: str = "") -> None:
        """Stop a server."""
        await super().delete(user_name, server_name)

    async def stop_single_user(self, user: Any, server_name: str = "") -> Any:
        """Stop a server; the Hub itself fails if a start does not abort within a second."""
        spawner = user.spawners.get(server_name)
        if spawner is not None and spawner.pending == "spawn":
            await _wait_for_interrupted(find_start(spawner))
        if spawner is None or spawner.pending:
            name = f"{user.name}/{server_name or 'default'}"
            doing = _DOING.get(spawner.pending if spawner else "", "changing")
            raise web.HTTPError(409, f"{name} is still {doing}. Try again in a moment.")
        return await super().stop_single_user(user, server_name)

    def get_json_body(self) -> Any:
        """Return the body of a change or a stop; called once the caller's permission is known."""
        body = read_body(self.request.body)
        if body is None:
            return None
        if not isinstance(body, dict):
            raise web.HTTPError(400, NO_OBJECT)
        if self.request.method == "PATCH":
            try:
                ServerChange.read(body)
            except BodyError as error:
                raise web.HTTPError(400, str(error)) from None
            check_names(body)
            self._check_options(body.get("user_options"))
            if isinstance(body.get("user_options"), dict):
                body["user_options"] = ShownByKeys(body["user_options"])
        return body

    def get_server_json_body(self) -> dict[str, Any]:
        """Return the body of a start, or of a server that is created without starting it.

        Options may be its top level. With a ``display_name`` beside them the Hub itself drops them.
        """
        sent = read_body(self.request.body)
        body: dict[str, Any] = super().get_server_json_body()
        check_names(body)
        if isinstance(sent, dict) and "user_options" not in sent and not sent.keys() <= _NAMES:
            body["user_options"] = sent
        if self.request.method == "PUT":
            self._check_options(body["user_options"])
        return body

    def _check_options(self, options: object) -> None:
        """Refuse options that every start would be denied for, with every fault."""
        own = platform_of(self.settings).own_options(options)
        faults = read_options(own).faults
        if faults:
            raise web.HTTPError(400, " ".join(faults))


async def _wait_for_interrupted(start: Any) -> None:
    """Wait for an interrupted start to end; do not wait for any other."""
    if isinstance(start, asyncio.Task) and start.cancelling() and not start.done():
        await asyncio.wait([start], timeout=INTERRUPT_SECONDS)


class ShownByKeys(dict[str, Any]):
    """Options of which the Hub logs only the keys: the values may be anything."""

    def __format__(self, _: str) -> str:
        return f"({', '.join(sorted(self)) or 'none'})"


def check_names(body: Mapping[str, Any]) -> None:
    """Refuse what cannot be a server name; the Hub decides whether it is a good one.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 400.
    """
    for key in ("name", "display_name"):
        value = body.get(key)
        if value is not None and not isinstance(value, str):
            raise web.HTTPError(400, f"{key} is text.")
    display_name = body.get("display_name")
    if display_name and not is_valid_display_name(display_name):
        raise web.HTTPError(
            400, "display_name is up to 255 characters that can be seen, and single spaces."
        )
