"""Managed objects by REST: read, put, retire, and roll back.

A change says which version its caller saw, so that no change of others is lost.
"""

from datetime import UTC, datetime
from types import MappingProxyType

from tornado import web

from jupyterhub_platform.core.delegation import why_not_touch
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject
from jupyterhub_platform.hub.api.change_handler import ChangeHandler
from jupyterhub_platform.hub.api.handler import CodedError
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.rest.managed import (
    Changed,
    PolicyObject,
    PutObjectRequest,
    ReasonRequest,
    RollBackRequest,
    RolledBack,
)
from jupyterhub_platform.usecases.holdings import declared_at
from jupyterhub_platform.usecases.managed import PutObject, RetireObject
from jupyterhub_platform.usecases.policy_rollback import RollBack, list_changes_since
from jupyterhub_platform.usecases.snapshot import Snapshot


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
                declared_at=None if found else declared_at(snapshot.policy, key.path) or None,
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
        await self.answer_change(
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
        await self.answer_change(key, RetireObject(key, body.reason, self.me, seen, authority))


class GrantsHandler(ChangeHandler):
    """Makes grants whose names the Hub chooses."""

    audit_actions = MappingProxyType({"POST": "grant.made"})

    async def post(self) -> None:
        """Make a grant; one with the same ``Idempotency-Key`` is made once."""
        name = self.choose_id()
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
        await self.answer_change(key, change)


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
