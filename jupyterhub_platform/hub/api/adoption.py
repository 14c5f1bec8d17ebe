"""From managed to declared and back, by REST."""

from types import MappingProxyType

from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.hub.api.change_handler import ChangeHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.rest.managed import AdoptRequest, Moved, ReleaseRequest
from jupyterhub_platform.usecases.adoption import AdoptObject, ReleaseObject
from jupyterhub_platform.usecases.snapshot import Snapshot


class _MoveHandler(ChangeHandler):
    async def answer_move(self, key: Key, after: Snapshot) -> None:
        """Answer what the object is now, and which file is in force."""
        watch, policies = self.platform.policy_watch, self.platform.runtime.policies
        digest = await self.in_thread(policies.in_force_digest)
        self.answer(
            Moved(
                kind=key.kind,
                name=key.name,
                source="managed" if key in after.sources.managed else "declared",
                revision=after.revision,
                dry_run=self.is_dry_run,
                file=str(watch.files.path),
                digest=str(digest),
            )
        )


class AdoptHandler(_MoveHandler):
    """Retires a managed object that the file declares by now."""

    audit_actions = MappingProxyType({"POST": "policy.adopted"})

    async def post(self) -> None:
        """Answer with what is in force then."""
        self.require(roles.ADMIN)
        body = self.read(AdoptRequest)
        watch, key = self.platform.policy_watch, _key_of(body)
        change = AdoptObject(
            key, watch.files, self.platform.runtime.store, body.reason, self.me, body.take_file
        )
        make = self.platform.managed.preview if self.is_dry_run else watch.publish
        after = await self.try_(make, change)
        if after is not None:
            await self.answer_move(key, after)


class ReleaseHandler(_MoveHandler):
    """Manages an object that the file declares."""

    audit_actions = MappingProxyType({"POST": "policy.released"})

    async def post(self) -> None:
        """Answer with what is in force then."""
        self.require(roles.ADMIN)
        body = self.read(ReleaseRequest)
        key = _key_of(body)
        after = await self.change(
            ReleaseObject(
                key,
                self.platform.policy_watch.files,
                self.platform.runtime.store,
                body.reason,
                self.me,
            )
        )
        if after is not None:
            await self.answer_move(key, after)


def _key_of(body: ReleaseRequest) -> Key:
    kind = Kind(body.kind)
    return Key(kind, fold_user(body.name) if kind is Kind.USER else body.name)
