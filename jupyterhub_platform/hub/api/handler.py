"""The common part of all routes of the in-Hub REST API, below ``/hub/api/platform/``.

Scopes are checked at run time: a site may define its own roles that hold them.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from jupyterhub_platform.core.errors import IdentityError, StoreError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.hub.audit.callers import name_caller
from jupyterhub_platform.hub.json_bodies import read_body
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.hub.retry_after import retry_after
from jupyterhub_platform.hub.threads import in_store_thread
from jupyterhub_platform.rest.request_bodies import NO_OBJECT, Body, BodyError
from jupyterhub_platform.rest.response_bodies import PROBLEM, Refusal, Response
from jupyterhub_platform.usecases.admission import STORE_RETRY_SECONDS
from jupyterhub_platform.usecases.rate_limit import RateLimitedError

T = TypeVar("T")
B = TypeVar("B", bound=Body)


class CodedError(web.HTTPError):
    """A refusal whose code is more exact than that of its status."""

    def __init__(self, status: int, sentence: str, code: str) -> None:
        super().__init__(status, sentence)
        self.code = code


class PlatformAPIHandler(APIHandler):  # type: ignore[misc]
    """The common part of all routes: the caller, and errors worded as the Hub's."""

    audit_actions: Mapping[str, str] = MappingProxyType({})
    """What each method is in the audit, for attempts that are refused; done, it records itself."""

    refusal = ""
    """The sentence of an answer that refuses, without an exception."""

    @property
    def platform(self) -> Platform:
        """The platform of this Hub."""
        return platform_of(self.settings)

    async def prepare(self) -> None:
        """Refuse callers who are not logged in, before anything else."""
        await super().prepare()
        if self.current_user is None:
            raise web.HTTPError(403, "Log in, or send a token of yours.")

    @property
    def me(self) -> str:
        """The name of the calling user or service, or of who runs ``jhp`` on this machine."""
        return name_caller(self)

    def require(self, *scopes: str) -> None:
        """Refuse unless the caller holds one of these scopes.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 and the missing scope.
        """
        if not any(self.has_scope(scope) for scope in scopes):
            raise web.HTTPError(403, f"This needs the scope {' or '.join(scopes)}.")

    def check_person(self, name: str) -> None:
        """Refuse a name that neither the policy nor the Hub knows.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 404.
        """
        if name not in self.platform.snapshot.policy.people and self.find_in_hub(name) is None:
            raise web.HTTPError(404, f"There is no user with the name {name[:64]!a}.")

    def find_in_hub(self, name: str) -> Any:
        """Return the Hub's row of a user; text that cannot be a name is not looked up."""
        try:
            normal = normalise_user(name)
        except IdentityError:
            return None
        return orm.User.find(self.db, name) if normal == name else None

    def in_charge_of(self, group: str) -> bool:
        """Tell whether the caller manages ``group``, by the policy and with that scope."""
        managed = self.platform.snapshot.policy.managed_groups(self.me)
        return group in managed and self.has_scope(roles.MANAGE)

    def memberships_of(self, name: str) -> frozenset[str]:
        """Return the Hub's groups of a user, without creating an object for them."""
        user = self.find_in_hub(name)
        return frozenset(group.name for group in user.groups) if user else frozenset()

    def read(self, kind: type[B]) -> B:
        """Return the body, parsed by its model.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 400 and every fault of the body.
        """
        sent = self.get_json_body()
        if sent is None and self.request.body:
            raise web.HTTPError(400, NO_OBJECT)
        try:
            return kind.read(sent)
        except BodyError as error:
            raise web.HTTPError(400, str(error)) from None

    def answer(self, answer: Response, status: int = 200) -> None:
        """Send a model's fields as the answer, and nothing else."""
        self.set_status(status)
        self.write(answer.to_json())

    def refuse(self, refusal: Refusal) -> None:
        """Send a refusal as the answer."""
        self.refusal = refusal.detail
        self.set_status(refusal.status)
        self.set_header("Content-Type", PROBLEM)
        self.finish(json.dumps(refusal.to_json()))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error in the one form of all refusals, with the Hub's own handling of it."""
        super().write_error(status_code, **kwargs)
        written: list[bytes] = self._write_buffer
        sentence = json.loads(b"".join(written))["message"]
        self._write_buffer: list[bytes] = []
        error = kwargs.get("exc_info", (None, None))[1]
        code = error.code if isinstance(error, CodedError) else ""
        self.refuse(Refusal.of(status_code, sentence, code))

    def get_json_body(self) -> Any:
        """Return the body; invalid JSON is the sender's fault, not an error of the Hub."""
        return read_body(self.request.body, is_stranger=self.current_user is None)

    async def in_thread(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run a slow call outside the Hub's loop; an unreachable store becomes a 503."""
        try:
            return await in_store_thread(call, *arguments, **named)
        except StoreError as error:
            raise self.store_is_down(error) from error
        except RateLimitedError as error:
            raise retry_after(web.HTTPError(429, str(error)), error.seconds) from error

    def store_is_down(self, error: StoreError) -> web.HTTPError:
        """Mark the store as down, and return the refusal for requests that need it."""
        self.platform.runtime.health.mark_down(error)
        refusal = web.HTTPError(503, "The platform's store does not answer. Try again in a minute.")
        return retry_after(refusal, STORE_RETRY_SECONDS)


class UnknownHandler(PlatformAPIHandler):
    """Any unknown route: the Hub's own answer would have no sentence."""

    async def prepare(self) -> None:
        """Answer 404 with a sentence, to logged-in users."""
        await super().prepare()
        raise web.HTTPError(404, "There is no such address. docs/reference/rest.md lists them.")
