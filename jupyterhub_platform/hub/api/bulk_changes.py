"""Bulk changes by REST: tried out, begun, followed, stopped, resumed and undone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from tornado import web

from jupyterhub_platform.core.bulk_changes import (
    Act,
    BulkJob,
    BulkState,
    Outcome,
    Progress,
    Result,
)
from jupyterhub_platform.core.effects import Effects, find_effects_on
from jupyterhub_platform.hub.api.change_effects import make_effects
from jupyterhub_platform.hub.api.change_handler import ChangeHandler
from jupyterhub_platform.hub.api.handler import CodedError
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.policy.bulk_changes import BulkRunner
from jupyterhub_platform.origin import ORIGIN
from jupyterhub_platform.rest.bulk_changes import (
    Bulk,
    BulkOutcome,
    BulkPreview,
    BulkRefused,
    BulkRequest,
    UndoRequest,
)
from jupyterhub_platform.rest.managed import MAX_NAMED
from jupyterhub_platform.rest.request_bodies import Nothing
from jupyterhub_platform.usecases.bulk_changes import BulkChanges, preview
from jupyterhub_platform.usecases.bulk_chunk import BulkError, list_items
from jupyterhub_platform.usecases.bulk_steps import BulkSteps

_NO_USER: Final = (
    "{} is no user, and a grant names the user who decided on it. Send by in the document, which "
    "jhp does with --by."
)
_NOTHING: Final = "This bulk change made no revision that could be undone."


class BulkHandler(ChangeHandler):
    """The common part of all calls about bulk changes."""

    @property
    def record(self) -> BulkChanges:
        """What is on record of them."""
        return self.platform.runtime.bulk_changes

    @property
    def runner(self) -> BulkRunner:
        """What carries them out."""
        return self.platform.bulk

    async def find(self, id_: str) -> Progress:
        """Return a bulk change.

        Raises
        ------
        tornado.web.HTTPError
            Raised with 404 if there is none, or it is not the caller's to know of.
        """
        self.require(roles.ADMIN, roles.MANAGE)
        found = await self.in_thread(self.record.find, id_)
        if found is None or not (found.job.by == self.me or self.has_scope(roles.ADMIN)):
            raise web.HTTPError(404, "There is no such bulk change, or it is not yours to see.")
        return found

    def make_job(self, act: Act, arguments: Mapping[str, Any], reason: str) -> BulkJob:
        """Return a job of the caller, with the authority that they have now."""
        id_ = self.choose_id("bulk")
        manager = "" if self.has_scope(roles.ADMIN) else self.me
        origin, now = ORIGIN.get(), datetime.now(UTC)
        return BulkJob(
            *(id_, act, arguments, reason, self.me, manager, now, 0),
            via=origin.via,
            address=origin.address,
        )

    async def begin(self, job: BulkJob, items: Sequence[Outcome]) -> None:
        """Enter a job, have it go on, and answer how far it is."""
        progress = await self.in_thread(self.record.start, job, items)
        await self.runner.run()
        self.answer(Bulk.of(progress), 202)

    async def turn(self, what: Any, *arguments: Any) -> None:
        """Stop or resume one, and answer how far it is; 409 if it is in no state for that."""
        try:
            progress = await self.in_thread(what, *arguments, datetime.now(UTC))
        except BulkError as error:
            raise CodedError(409, str(error), error.code) from None
        runs = progress.job.state is BulkState.RUNNING
        if runs:
            await self.runner.run()
        self.answer(Bulk.of(progress), 202 if runs else 200)


class BulkListHandler(BulkHandler):
    """Begins bulk changes."""

    audit_actions = MappingProxyType({"POST": "bulk.started"})

    async def post(self) -> None:
        """Begin one, or say what it would do."""
        self.require(roles.ADMIN, roles.MANAGE)
        # In a thread: twenty thousand names take the loop a tenth of a second.
        body, dry_run = await self.in_thread(self.read, BulkRequest), self.is_dry_run
        act = Act(body.act)
        if act.is_for_admins:
            self.require(roles.ADMIN)
        try:
            arguments = body.read_arguments()
        except ValueError as error:
            raise web.HTTPError(400, str(error)) from None
        if (
            act is Act.GRANT
            and self.current_user.kind != "user"
            and not (body.document or {}).get("by")
        ):
            raise web.HTTPError(400, _NO_USER.format(self.me))
        job, items = self.make_job(act, arguments, body.reason), body.list_items()
        if not dry_run and not act.is_whole:
            await self.begin(job, items)
            return
        memberships = await self.runner.read_memberships(job, (each.name for each in items))
        snapshot, now = self.platform.snapshot, datetime.now(UTC)
        book = self.platform.admission.book.copy()

        def preview_all() -> tuple[BulkSteps, Effects]:
            steps = preview(job, items, snapshot, memberships, now)
            touched = frozenset(e.name for e in steps.outcomes if e.result is Result.DONE)
            if act is Act.END_GRANT:
                grants = snapshot.policy.grants
                touched = frozenset(g.user for g in grants if g.path.partition(".")[2] in touched)
            return steps, find_effects_on(
                snapshot.policy, steps.after.policy, touched, book, book, now
            )

        steps, effects = await self.in_thread(preview_all)
        if dry_run:
            self.answer(_make_preview(job, len(items), steps, effects))
        elif steps.refused:
            self._refuse_whole(steps.refused, len(items))
        else:
            await self.begin(job, items)

    def _refuse_whole(self, refused: Sequence[Outcome], total: int) -> None:
        count = f"{len(refused):,} of {total:,}"
        what = f"{count} cannot be done, so nothing was changed. {refused[0].sentence}"
        shown = [BulkOutcome.of(each) for each in refused[:MAX_NAMED]]
        self.refuse(BulkRefused.of(422, what, "bulk.refused", refusals=shown))


class OneBulkHandler(BulkHandler):
    """One bulk change."""

    audit_actions = MappingProxyType({"DELETE": "bulk.stopped"})

    async def get(self, id_: str) -> None:
        """Answer how far it is."""
        self.answer(Bulk.of(await self.find(id_)))

    async def delete(self, id_: str) -> None:
        """Stop it."""
        await self.find(id_)
        self.read(Nothing)
        await self.turn(self.record.stop, id_, self.me, f"{self.me} stopped it.")


class ResumeBulkHandler(BulkHandler):
    """Resumes a stopped bulk change."""

    audit_actions = MappingProxyType({"POST": "bulk.resumed"})

    async def post(self, id_: str) -> None:
        """Have it go on, if the user who began it still may."""
        found = await self.find(id_)
        self.read(Nothing)
        why_not = self.runner.why_not(found.job)
        if why_not:
            raise CodedError(409, f"{why_not} Begin one of yours.", "bulk.authority")
        await self.turn(self.record.resume, id_, self.me)


class UndoBulkHandler(BulkHandler):
    """Undoes a bulk change."""

    audit_actions = MappingProxyType({"POST": "bulk.started"})

    async def post(self, id_: str) -> None:
        """Begin a bulk change that undoes each revision of another one, the newest first."""
        self.require(roles.ADMIN)
        found, body = await self.find(id_), self.read(UndoRequest)
        if found.job.state is BulkState.RUNNING:
            raise CodedError(409, "This bulk change runs. Stop it first.", "bulk.not_stopped")
        numbers = await self.in_thread(self.record.list_revisions, id_)
        if not numbers:
            raise CodedError(409, _NOTHING, "bulk.nothing")
        undone = {"bulk": id_, "act": str(found.job.act)}
        job = self.make_job(Act.UNDO, undone, body.reason)
        await self.begin(job, list_items(map(str, numbers)))


def _make_preview(job: BulkJob, total: int, steps: BulkSteps, effects: Effects) -> BulkPreview:
    by_result = {
        result: [each for each in steps.outcomes if each.result is result] for result in Result
    }
    refused, whole = by_result[Result.REFUSED], job.act.is_whole
    return BulkPreview(
        act=job.act,
        total=total,
        checked=len(steps.outcomes),
        done=len(by_result[Result.DONE]),
        same=len(by_result[Result.SAME]),
        refused=len(refused),
        touched=[each.name for each in by_result[Result.DONE][:MAX_NAMED]],
        in_place=[each.name for each in by_result[Result.SAME]][: None if whole else MAX_NAMED],
        refusals=[BulkOutcome.of(each) for each in refused[:MAX_NAMED]],
        effects=make_effects(effects),
    )
