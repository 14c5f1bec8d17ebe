"""What is managed in the Hub, by REST: read, put, retire, and roll back.

A change says which version its caller saw, so that no change of others is lost.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from tornado import web

from jupyterhub_platform.core.delegation import why_not_touch
from jupyterhub_platform.core.document.references import fold_user
from jupyterhub_platform.core.effects import Effects, Reach, find_effects
from jupyterhub_platform.core.errors import PolicyError, StoreError
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject
from jupyterhub_platform.hub.api.handler import CodedError, PlatformAPIHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.rest.managed import (
    MAX_NAMED,
    Changed,
    ChangeEffects,
    LostUpdate,
    OverLimit,
    PolicyObject,
    PutObjectRequest,
    Reached,
    ReasonRequest,
    RollBackRequest,
    RolledBack,
    RunningServer,
)
from jupyterhub_platform.rest.response_bodies import Faulty, Refusal
from jupyterhub_platform.usecases.changes import Change
from jupyterhub_platform.usecases.managed import Authority, PutObject, RetireObject
from jupyterhub_platform.usecases.managed_steps import (
    LostUpdateError,
    ManagedError,
    NoObjectError,
    NotAllowedError,
)
from jupyterhub_platform.usecases.policy_rollback import RollBack, list_changes_since
from jupyterhub_platform.usecases.snapshot import Snapshot

_ETAG: Final = re.compile(r'"(\d{1,15})"', re.ASCII)
_ANY: Final = "*"
MAX_KEY: Final = 200
_FOR_MANAGERS: Final = frozenset({Kind.USER, Kind.GROUP, Kind.GRANT})
_STATUS: Final[dict[type[ManagedError], int]] = {NotAllowedError: 403, NoObjectError: 404}


class ChangeHandler(PlatformAPIHandler):
    """The common part of all changes: dry runs, and the answer to one that is refused."""

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing shall change."""
        said = self.get_query_argument("dry_run", "false")
        if said not in {"true", "false"}:
            raise web.HTTPError(400, "dry_run is true or false.")
        return bool(said == "true")

    async def change(self, change: Change) -> Snapshot | None:
        """Make a change, or try it out; ``None`` if it is refused, which is answered then."""
        managed = self.platform.managed
        return await self.try_(managed.preview if self.is_dry_run else managed.apply, change)

    async def try_(
        self, make: Callable[[Change], Awaitable[Snapshot]], change: Change
    ) -> Snapshot | None:
        """Make a change in the way that is given; ``None`` if it is refused, which is answered."""
        try:
            return await make(change)
        except LostUpdateError as error:
            now = _render(error.current) if error.current else None
            self.refuse(LostUpdate.of(412, str(error), error.code, current=now))
        except ManagedError as error:
            self.refuse(Refusal.of(_STATUS.get(type(error), 409), str(error), error.code))
        except PolicyError as error:
            faults = [str(fault) for fault in error.faults]
            self.refuse(Faulty.of(422, "\n".join(faults), error.code, faults=faults))
        except StoreError as error:
            raise self.store_is_down(error) from error
        return None

    def read_seen(self) -> int | None:
        """Return the version that the caller saw; 0 for a new object, None for any.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 428 if the request does not say, with 400 if it cannot be read.
        """
        match, new = (self.request.headers.get(name) for name in ("If-Match", "If-None-Match"))
        if match is not None and new is not None:
            raise web.HTTPError(400, "Send If-Match to change, or If-None-Match to make; not both.")
        if new is not None:
            if new.strip() != _ANY:
                raise web.HTTPError(400, "If-None-Match is *: the object must be new.")
            return 0
        if match is None:
            raise web.HTTPError(
                428,
                "Say which version you saw: If-Match with its ETag (or *), or If-None-Match: * for "
                "a new object.",
            )
        if match.strip() == _ANY:
            return None
        found = _ETAG.fullmatch(match.strip())
        if found is None:
            raise web.HTTPError(400, 'If-Match is * or one ETag, such as "3".')
        return int(found[1])

    def authority(self, kind: Kind, name: str) -> Authority:
        """Return on whose authority the caller changes an object of a kind.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 403 if they may change none.
        """
        if self.has_scope(roles.ADMIN):
            return Authority()
        if kind in _FOR_MANAGERS and self.has_scope(roles.MANAGE):
            theirs = self.memberships_of(name) if kind is Kind.USER else frozenset[str]()
            return Authority(self.me, theirs)
        raise web.HTTPError(403, f"This needs the scope {roles.ADMIN}.")

    async def carry_out(self, key: Key, change: Change) -> None:
        """Make a change of one object, or try it out; answer what it says now."""
        seen = self.platform.snapshot
        before = seen.sources.managed.get(key)
        after = await self.change(change)
        if after is None:
            return
        now = after.sources.managed.get(key)
        if now is not None and not self.is_dry_run:
            self.set_header("ETag", f'"{now.version}"')
        said = Changed(
            kind=key.kind,
            name=key.name,
            version=now.version if now else None,
            revision=after.revision,
            previous=seen.revision,
            dry_run=self.is_dry_run,
            before=dict(before.document) if before else None,
            after=dict(now.document) if now else None,
            **({"effects": await self._find_effects(key, seen, after)} if self.is_dry_run else {}),
        )
        self.answer(said, 201 if before is None and not self.is_dry_run else 200)

    async def _find_effects(self, key: Key, before: Snapshot, after: Snapshot) -> ChangeEffects:
        book = self.platform.admission.book.copy()
        now = datetime.now(UTC)
        effects = await self.in_thread(
            find_effects, before.policy, after.policy, key, book, book, now
        )
        return make_effects(effects)

    def complete(self, key: Key, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document of a grant with its maker: the caller, if it names none."""
        return {"by": self.me, **document} if key.kind is Kind.GRANT else document


class ObjectHandler(ChangeHandler):
    """One object of the policy, at ``/KINDs/NAME``."""

    def initialize(self, kind: Kind) -> None:
        """Take the kind from the route."""
        self.kind = kind
        self.audit_actions = {"PUT": f"{kind}.changed", "DELETE": f"{kind}.retired"}

    def _key(self, name: str) -> Key:
        return Key(self.kind, fold_user(name) if self.kind is Kind.USER else name)

    def get(self, name: str) -> None:
        """Answer what the object says, and who said it."""
        key, snapshot = self._key(name), self.platform.snapshot
        self._check_sees(key, snapshot)
        found = snapshot.sources.managed.get(key)
        if found is not None:
            self.set_header("ETag", f'"{found.version}"')
        document = snapshot.sources.find(key)
        if document is None:
            raise web.HTTPError(404, f"There is no {key.kind} {key.name[:64]!a}.")
        self.answer(
            PolicyObject(
                kind=key.kind,
                name=key.name,
                source="managed" if found else "declared",
                document=dict(document),
                version=found.version if found else None,
                by=found.by if found else None,
                at=found.at.isoformat() if found else None,
                declared_at=None if found else snapshot.policy.lines.get(key.path),
            )
        )

    def _check_sees(self, key: Key, snapshot: Snapshot) -> None:
        if self.has_scope(roles.READ) or self.has_scope(roles.ADMIN):
            return
        authority = self.authority(key.kind, key.name)
        why_not = why_not_touch(
            snapshot.policy, self.me, key, authority.memberships, datetime.now(UTC)
        )
        if why_not:
            raise CodedError(403, why_not, "managed.not_allowed")

    async def put(self, name: str) -> None:
        """Make the object, or change it; answer what it says now."""
        authority = self.authority(self.kind, name)
        seen, body, key = self.read_seen(), self.read(PutObjectRequest), self._key(name)
        if body.groups and self.kind is not Kind.USER:
            raise web.HTTPError(400, "groups are for a new user.")
        if body.groups and seen != 0:
            raise web.HTTPError(400, "groups are for a new user: send If-None-Match: *.")
        await self.carry_out(
            key,
            PutObject(
                key,
                self.complete(key, body.document),
                body.reason,
                self.me,
                seen,
                tuple(body.groups),
                authority,
            ),
        )

    async def delete(self, name: str) -> None:
        """Retire the object."""
        authority = self.authority(self.kind, name)
        seen, body, key = self.read_seen(), self.read(ReasonRequest), self._key(name)
        if seen == 0:
            raise web.HTTPError(400, "If-None-Match makes an object; send If-Match to retire one.")
        await self.carry_out(key, RetireObject(key, body.reason, self.me, seen, authority))


class GrantsHandler(ChangeHandler):
    """Makes grants whose names the Hub chooses."""

    audit_actions = MappingProxyType({"POST": "grant.made"})

    async def post(self) -> None:
        """Make a grant; one with the same ``Idempotency-Key`` is made once."""
        sent = self.request.headers.get("Idempotency-Key")
        if sent is not None and not 0 < len(sent) <= MAX_KEY:
            raise web.HTTPError(400, f"Idempotency-Key has 1 to {MAX_KEY} characters.")
        # The same caller and key give the same name, also after a restart.
        name = (uuid5(NAMESPACE_URL, f"{self.me}\n{sent}") if sent else uuid4()).hex
        authority, body = self.authority(Kind.GRANT, name), self.read(PutObjectRequest)
        if body.groups:
            raise web.HTTPError(400, "groups are for a new user.")
        key = Key(Kind.GRANT, name)
        document = self.complete(key, body.document)
        change = PutObject(key, document, body.reason, self.me, 0, (), authority)
        made = self.platform.snapshot.sources.managed.get(key)
        if made is not None and made.document == document:
            self.answer(_repeat(made, self.platform.snapshot))
            return
        await self.carry_out(key, change)


class RollBackHandler(ChangeHandler):
    """Undoes what changed managed objects."""

    audit_actions = MappingProxyType({"POST": "policy.rolled_back"})

    async def post(self) -> None:
        """Answer with what is in force then."""
        self.require(roles.ADMIN)
        seen, body = self.read_seen(), self.read(RollBackRequest)
        store = self.platform.runtime.store
        undone = await self.in_thread(list_changes_since, store, body.to)
        revision = self.platform.snapshot.revision if seen is None else seen
        after = await self.change(RollBack(undone, revision, body.reason, self.me))
        if after is not None:
            self.answer(
                RolledBack(revision=after.revision, undone=len(undone), dry_run=self.is_dry_run)
            )


def make_effects(effects: Effects) -> ChangeEffects:
    """Return effects with as many names as an answer has."""
    return ChangeEffects(
        gains=[_make_reach(each) for each in effects.gains],
        losses=[_make_reach(each) for each in effects.losses],
        over=[
            OverLimit(
                scope=each.limit.scope.kind,
                user=each.limit.scope.user,
                account=each.limit.scope.account,
                tier=each.limit.scope.tier,
                resource=each.limit.resource,
                held=each.held,
                maximum=each.limit.maximum,
                path=each.limit.path,
            )
            for each in effects.over[:MAX_NAMED]
        ],
        over_count=len(effects.over),
        running=[
            RunningServer(user=each.user, server=each.server)
            for each in effects.running[:MAX_NAMED]
        ],
        running_count=len(effects.running),
    )


def _make_reach(reach: Reach) -> Reached:
    people = list(reach.people[:MAX_NAMED])
    return Reached(tier=reach.tier, count=len(reach.people), people=people)


def _repeat(made: ManagedObject, snapshot: Snapshot) -> Changed:
    """Return the answer to a call that is made a second time."""
    return Changed(
        kind=made.key.kind,
        name=made.key.name,
        version=made.version,
        revision=snapshot.revision,
        previous=snapshot.revision,
        dry_run=False,
        before=None,
        after=dict(made.document),
    )


def _render(found: ManagedObject) -> dict[str, Any]:
    return {
        "document": dict(found.document),
        "version": found.version,
        "by": found.by,
        "at": found.at.isoformat(),
    }
