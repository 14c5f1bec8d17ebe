"""The Hub's own API for servers, where two starts of one server meet."""

import json
from typing import Any

from jupyterhub.apihandlers.users import UserServerAPIHandler
from jupyterhub.handlers.base import BaseHandler
from tornado import web

from jupyterhub_platform.core.question import read_options
from jupyterhub_platform.hub.platform import platform_of


class SingleStart(BaseHandler):  # type: ignore[misc]
    """Starts a server once, however many ask for it at the same time.

    The Hub looks whether a server is starting, then waits for the identity provider, and starts it:
    whoever comes second meanwhile is answered with an error of the Hub. Here the wait comes first.
    """

    async def spawn_single_user(
        self, user: Any, server_name: str = "", display_name: str = "", options: Any = None
    ) -> Any:
        """Start a server, unless it is starting or running by now."""
        await self._refresh(user)
        spawner = user.spawners.get(server_name)
        if spawner is not None and spawner.active:
            if spawner.pending == "spawn":
                return None
            state = f"is pending {spawner.pending}" if spawner.pending else "is already running"
            raise web.HTTPError(400, f"{spawner._log_name} {state}.")
        return await super().spawn_single_user(user, server_name, display_name, options=options)

    async def _refresh(self, user: Any) -> None:
        """Ask who the owner is now; the Hub asks once per request, and so finds it answered."""
        if not self.authenticator.refresh_pre_spawn:
            return
        if platform_of(self.settings).lets_in(user.name):
            if await self.refresh_auth(user, force=True) is None:
                raise web.HTTPError(403, f"The login of {user.name} has expired. Log in again.")
        else:
            # Admission says why not, and records it.
            self._refreshed_users = {*getattr(self, "_refreshed_users", ()), user.name}


class ServerAPI(SingleStart, UserServerAPIHandler):  # type: ignore[misc]
    """``/hub/api/users/:name/servers/:server``, as the Hub has it, with bodies that are checked.

    The Hub answers some that it cannot read with an error of its own, and writes options that it
    is to keep into its log, whatever they hold.
    """

    def get_json_body(self) -> Any:
        """Return the body of a change or a stop."""
        body = read_body(self.request.body)
        if body is None:
            return None
        if not isinstance(body, dict):
            raise web.HTTPError(400, "The body is a JSON object.")
        if self.request.method == "PATCH":
            _check_change(body)
        return body

    def get_server_json_body(self) -> Any:
        """Return the body of a start, or of a server that is not to start yet."""
        read_body(self.request.body)
        body = super().get_server_json_body()
        if self.request.method == "PUT":
            _check_options(body["user_options"])
        return body


def read_body(body: bytes) -> Any:
    """Return what a body says as JSON; ``None`` if there is none.

    Raises
    ------
    tornado.web.HTTPError
        Raised with 400 if it is no JSON: that is the sender's fault, and no error of the Hub.
    """
    try:
        return json.loads(body.decode("utf8")) if body else None
    except (ValueError, RecursionError):
        raise web.HTTPError(400, "The body is not JSON.") from None


def _check_change(body: dict[str, Any]) -> None:
    unknown = sorted(set(body) - {"name", "display_name", "user_options"})
    if unknown:
        raise web.HTTPError(400, f"Unknown keys: {', '.join(unknown)[:200]!a}.")
    for key in ("name", "display_name"):
        if not isinstance(body.get(key, ""), str):
            raise web.HTTPError(400, f"{key} is text.")
    _check_options(body.get("user_options"))


def _check_options(options: object) -> None:
    faults = read_options(options).faults
    if faults:
        raise web.HTTPError(400, " ".join(faults))
