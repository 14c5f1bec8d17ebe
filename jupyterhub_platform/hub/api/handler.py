"""The in-Hub REST API, below ``/hub/api/platform/``: changes and decisions.

Scopes are asked for at run time: a site may define roles of its own that hold them.
"""

import asyncio
import functools
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from jupyterhub_platform.core.decision import list_fitting
from jupyterhub_platform.core.errors import IdentityError, PolicyError, StoreError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.core.question import limit_to_json
from jupyterhub_platform.hub.denials import status_of
from jupyterhub_platform.hub.json_bodies import read_body
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.hub.threads import STORE_THREADS
from jupyterhub_platform.usecases.admission import STORE_RETRY_SECONDS, Start
from jupyterhub_platform.usecases.allowance import TooOftenError
from jupyterhub_platform.usecases.health import look_at_store

T = TypeVar("T")
_DECISION_ID = re.compile("[0-9a-f]{1,64}")


class PlatformAPIHandler(APIHandler):  # type: ignore[misc]
    """What the routes have in common: who asks, and errors as the Hub words them."""

    @property
    def platform(self) -> Platform:
        """The platform of this Hub."""
        return platform_of(self.settings)

    async def prepare(self) -> None:
        """Refuse whoever is not logged in, before anything else."""
        await super().prepare()
        if self.current_user is None:
            raise web.HTTPError(403, "Log in, or send a token of yours.")

    @property
    def me(self) -> str:
        """The name of the user, or service, that asks."""
        return str(self.current_user.name)

    def require(self, *scopes: str) -> None:
        """Refuse unless one of these scopes is held.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 and the name of what is missing.
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
            raise web.HTTPError(404, f"There is nobody with the name {name[:64]!a}.")

    def find_in_hub(self, name: str) -> Any:
        """Return the Hub's row of a user; what cannot be a name is not looked up."""
        try:
            normal = normalise_user(name)
        except IdentityError:
            return None
        return orm.User.find(self.db, name) if normal == name else None

    def in_charge_of(self, group: str) -> bool:
        """Tell whether whoever asks manages ``group``, by the policy and with that scope."""
        managed = self.platform.snapshot.policy.managed_groups(self.me)
        return group in managed and self.has_scope(roles.MANAGE)

    def memberships_of(self, name: str) -> frozenset[str]:
        """Return the Hub's groups of a user, without making an object for them."""
        user = self.find_in_hub(name)
        return frozenset(group.name for group in user.groups) if user else frozenset()

    def read_object(self, *keys: str) -> dict[str, Any]:
        """Return the body, which must be empty or a JSON object with no other than these keys."""
        body = self.get_json_body()
        if body is None:
            return {}
        if not isinstance(body, dict):
            raise web.HTTPError(400, "The body is a JSON object.")
        unknown = sorted(set(body) - set(keys))
        if unknown:
            raise web.HTTPError(400, f"Unknown keys: {', '.join(unknown)[:200]!a}.")
        return body

    def get_json_body(self) -> Any:
        """Return the body; what is no JSON is the sender's fault, and no error of the Hub."""
        return read_body(self.request.body)

    async def in_thread(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Run what may take long beside the Hub's loop; an unreachable store becomes a 503."""
        try:
            return await asyncio.get_running_loop().run_in_executor(
                STORE_THREADS, functools.partial(call, *arguments, **named)
            )
        except StoreError as error:
            raise self.store_is_down(error) from error
        except TooOftenError as error:
            refusal = web.HTTPError(429, str(error))
            refusal.headers = {"Retry-After": str(error.seconds)}  # type: ignore[attr-defined]
            raise refusal from error

    def store_is_down(self, error: StoreError) -> web.HTTPError:
        """Return the refusal of what needs a store that does not answer, and mark it down."""
        self.platform.runtime.health.mark_down(error)
        refusal = web.HTTPError(503, "The platform's store does not answer. Try again in a minute.")
        refusal.headers = {"Retry-After": str(STORE_RETRY_SECONDS)}  # type: ignore[attr-defined]
        return refusal


class UsageHandler(PlatformAPIHandler):
    """What somebody holds, may hold and has left, in each of their accounts."""

    def get(self) -> None:
        """Answer for oneself, or for ``?user=`` by scope."""
        name = self.get_query_argument("user", self.me)
        snapshot = self.platform.snapshot
        subject = snapshot.subject(name, self.memberships_of(name), datetime.now(UTC))
        accounts = subject.accounts
        if name == self.me:
            self.require(roles.SELF, roles.READ)
        elif not self.has_scope(roles.READ):
            accounts = tuple(each for each in accounts if self.in_charge_of(each))
            if not accounts:
                raise web.HTTPError(403, f"Seeing what others hold needs the scope {roles.READ}.")
        self.check_person(name)
        admission = self.platform.admission
        decisions = [
            admission.dry_run(Start(name, frozenset(subject.accounts), "", {"account": account}))
            for account in accounts
        ]
        self.write(
            {
                "user": name,
                "level": subject.level,
                "revision": snapshot.revision,
                "accounts": [
                    {
                        "account": decision.question.account,
                        "limits": [limit_to_json(limit) for limit in decision.question.limits],
                        "fits": list(list_fitting(decision.question)),
                    }
                    for decision in decisions
                ],
                "servers": [
                    held.to_json()
                    for held in admission.book.of_user(name)
                    if held.account in accounts or name == self.me
                ],
            }
        )


class DecideHandler(PlatformAPIHandler):
    """A dry run: the whole decision, admitted or not, and nothing is recorded."""

    def post(self) -> None:
        """Answer ``{"user_options": …, "user": …, "server": …}``; user is oneself by default."""
        body = self.read_object("user", "server", "user_options")
        name, server = body.get("user", self.me), body.get("server", "")
        if not isinstance(name, str) or not isinstance(server, str):
            raise web.HTTPError(400, "user and server are names.")
        if name == self.me:
            self.require(roles.SELF, roles.READ)
        elif not (self.has_scope(roles.READ) or self._may_start(name)):
            raise web.HTTPError(403, f"Asking for others needs the scope {roles.READ}.")
        self.check_person(name)
        memberships = self.memberships_of(name)
        options = self.platform.own_options(body.get("user_options"))
        start = Start(name, memberships, server, options, by=self.me)
        decision = self.platform.admission.dry_run(start)
        self.write({**decision.to_json(), "status": status_of(decision), "id": None})

    def _may_start(self, name: str) -> bool:
        known = self.find_in_hub(name) is not None
        return known and bool(self.has_scope(f"start:servers!user={name}"))


class DecisionHandler(PlatformAPIHandler):
    """A recorded decision, by the id that a denial carries."""

    async def get(self, decision_id: str) -> None:
        """Answer its owner, their managers, and those who read everything."""
        recorded = None
        if _DECISION_ID.fullmatch(decision_id):
            recorded = await self.in_thread(self.platform.runtime.records.find, decision_id)
        mine = recorded is not None and recorded.user == self.me and self.has_scope(roles.SELF)
        managed = recorded is not None and self.in_charge_of(recorded.account)
        if not (mine or managed or self.has_scope(roles.READ)):
            # The same answer whether it exists or not: ids are not to be guessed.
            raise web.HTTPError(404, "There is no such decision, or it is not yours to see.")
        if recorded is None:
            raise web.HTTPError(404, "There is no such decision.")
        self.write({**recorded.decision, "id": recorded.id, "times": recorded.times})


class ReloadHandler(PlatformAPIHandler):
    """Puts the policy file into force as it is now."""

    async def post(self) -> None:
        """Answer with the revision, or with every fault of the file."""
        self.require(roles.OPERATE, roles.ADMIN)
        before = self.platform.snapshot.revision
        try:
            snapshot = await self.platform.reload(self.me)
        except PolicyError as error:
            self.set_status(422)
            self.write(
                {
                    "status": 422,
                    "message": "The last good policy stays in force.",
                    "faults": [str(fault) for fault in error.faults],
                }
            )
            return
        except StoreError as error:
            raise self.store_is_down(error) from error
        self.write({"revision": snapshot.revision, "changed": snapshot.revision != before})


class SettingsHandler(PlatformAPIHandler):
    """How safe the Hub's own settings are: what a site made weaker, and what goes wrong then."""

    def get(self) -> None:
        """Answer operators, auditors and admins."""
        self.require(roles.READ, roles.OPERATE, roles.ADMIN)
        self.write(
            {
                "hard_profile": self.platform.hard_profile,
                "weakened": [
                    {"setting": weakened.setting.name, "sentence": weakened.sentence}
                    for weakened in self.platform.list_weakened()
                ],
            }
        )


class HealthHandler(PlatformAPIHandler):
    """How the platform in this Hub is: store, policy file, drift. It reads, and changes nothing."""

    async def get(self) -> None:
        """Answer operators, auditors and admins; 200 also where something is not well."""
        self.require(roles.READ, roles.OPERATE, roles.ADMIN)
        platform, checker = self.platform, self.platform.checker
        runtime, since = platform.runtime, platform.policy_faults.since
        store = await self.in_thread(look_at_store, runtime.store, runtime.health)
        policy = await self.in_thread(platform.policy_file_look.look)
        self.write(
            {
                "now": datetime.now(UTC).isoformat(),
                "store": asdict(store),
                "policy": {
                    "revision": platform.snapshot.revision,
                    **asdict(policy),
                    "faulty_since": since.isoformat() if policy.faults and since else None,
                },
                "audit": platform.audit_watch.to_json(),
                "checker": {
                    "seconds": platform.check_seconds,
                    "looked_at": checker.looked_at and checker.looked_at.isoformat(),
                    "drift": [asdict(drift) for drift in checker.drifts],
                },
            }
        )


class ProxiesHandler(PlatformAPIHandler):
    """Where proxies are, for the service: it believes the same of what is said of others."""

    async def get(self) -> None:
        """Answer the platform's own service, and nobody else."""
        if (self.current_user.kind, self.me) != ("service", roles.SERVICE_NAME):
            raise web.HTTPError(403, "This is for the platform's own service.")
        self.write({"addresses": await self.platform.proxies.list_all()})


class UnknownHandler(PlatformAPIHandler):
    """Whatever is not there: the Hub's own answer would be without a sentence."""

    async def prepare(self) -> None:
        """Say that it is not there, to those who are logged in."""
        await super().prepare()
        raise web.HTTPError(404, "There is no such address. docs/reference/rest.md lists them.")
