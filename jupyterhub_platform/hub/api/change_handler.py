"""The base of all changes of managed objects by REST: dry runs, versions, refusals."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from tornado import web

from jupyterhub_platform.core.effects import find_effects
from jupyterhub_platform.core.errors import PolicyError, StoreError
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject
from jupyterhub_platform.hub.api.change_effects import make_effects
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.rest.managed import (
    Changed,
    ChangeEffects,
    LostUpdate,
)
from jupyterhub_platform.rest.response_bodies import Faulty, Refusal
from jupyterhub_platform.usecases.changes import Change
from jupyterhub_platform.usecases.managed import Authority
from jupyterhub_platform.usecases.managed_steps import (
    LostUpdateError,
    ManagedError,
    NoObjectError,
    NotAllowedError,
)
from jupyterhub_platform.usecases.snapshot import Snapshot

_ETAG: Final = re.compile(r'"(\d{1,15})"', re.ASCII)
_ANY: Final = "*"
MAX_KEY_LENGTH: Final = 200
_FOR_MANAGERS: Final = frozenset({Kind.USER, Kind.GROUP, Kind.GRANT})
_STATUS: Final[dict[type[ManagedError], int]] = {NotAllowedError: 403, NoObjectError: 404}


class ChangeHandler(PlatformAPIHandler):
    """The common part of all changes: dry runs, and the answer to one that is refused."""

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing shall change."""
        dry_run = self.get_query_argument("dry_run", "false")
        if dry_run not in {"true", "false"}:
            raise web.HTTPError(400, "dry_run is true or false.")
        return bool(dry_run == "true")

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

    def read_idempotency_key(self) -> str | None:
        """Return the key with which the caller may repeat a request that makes something.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 400 if it is empty or too long.
        """
        key: str | None = self.request.headers.get("Idempotency-Key")
        if key is not None and not 0 < len(key) <= MAX_KEY_LENGTH:
            raise web.HTTPError(400, f"Idempotency-Key has 1 to {MAX_KEY_LENGTH} characters.")
        return key

    def choose_id(self, *kind: str) -> str:
        """Return the id of what the caller makes: for the same caller and key the same, always.

        Raises
        ------
        tornado.web.HTTPError
            Raised as by :meth:`read_idempotency_key`.
        """
        key = self.read_idempotency_key()
        return (uuid5(NAMESPACE_URL, "\n".join((*kind, self.me, key))) if key else uuid4()).hex

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

    async def answer_change(self, key: Key, change: Change) -> None:
        """Make a change of one object, or try it out; answer what it says now."""
        seen = self.platform.snapshot
        before = seen.sources.managed.get(key)
        after = await self.change(change)
        if after is None:
            return
        now = after.sources.managed.get(key)
        if now is not None and not self.is_dry_run:
            self.set_header("ETag", f'"{now.version}"')
        answer = Changed(
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
        self.answer(answer, 201 if before is None and not self.is_dry_run else 200)

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


def _render(found: ManagedObject) -> dict[str, Any]:
    return {
        "document": dict(found.document),
        "version": found.version,
        "by": found.by,
        "at": found.at.isoformat(),
    }
