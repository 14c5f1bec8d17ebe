"""The steps of a bulk change: each name is checked like a single change of it.

Nothing here reads or writes the store. Each step leads from one snapshot to the next and notes the
outcome of a name, so that a preview and the change itself are the same.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from jupyterhub_platform.core.bulk_changes import Act, BulkJob, Outcome, Result
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.suspensions import Suspension
from jupyterhub_platform.store.managed import ManagedRevision
from jupyterhub_platform.usecases.managed import (
    Authority,
    PutObject,
    RetireObject,
    check_touch,
    join,
)
from jupyterhub_platform.usecases.managed_steps import (
    LostUpdateError,
    ManagedError,
    NoObjectError,
    Step,
    refuse_declared,
    take,
)
from jupyterhub_platform.usecases.snapshot import Snapshot
from jupyterhub_platform.usecases.suspensions import Resume, Suspend

MEMBER_BATCH: Final = 100
"""How many members a group gets or loses in one revision, which keeps all of them."""
_PEOPLE_BATCH: Final = 50
_BATCH_OF: Final = {
    Act.ADD: MEMBER_BATCH,
    Act.REMOVE: MEMBER_BATCH,
    Act.ADD_PEOPLE: _PEOPLE_BATCH,
}


@dataclass(slots=True)
class BulkSteps:
    """Plans the change of one name after another.

    Attributes
    ----------
    memberships
        The Hub's groups of each name, which a manager must be in charge of.
    undone
        The revisions that are undone, by their numbers as text.
    """

    job: BulkJob
    after: Snapshot
    now: datetime
    memberships: Mapping[str, frozenset[str]] = field(default_factory=dict)
    undone: Mapping[str, ManagedRevision] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    suspensions: list[tuple[Suspend | Resume, Suspension | None]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def refused(self) -> list[Outcome]:
        """What was refused, and why."""
        return [each for each in self.outcomes if each.result is Result.REFUSED]

    def take(self, items: Sequence[Outcome], seconds: float) -> None:
        """Plan as many names as fit into ``seconds``; at least one, or one batch of members."""
        ends = time.perf_counter() + seconds
        at_once = 1 if self._is_of_declared_group else _BATCH_OF.get(self.job.act, 1)
        for first in range(0, len(items), at_once):
            self._take_some(items[first : first + at_once])
            if time.perf_counter() > ends:
                return

    def _take_some(self, items: Sequence[Outcome]) -> None:
        before, steps, outcomes = self.after, len(self.steps), len(self.outcomes)
        try:
            self._apply_some(items)
        except PlatformError as error:
            self.after = before
            del self.steps[steps:], self.outcomes[outcomes:]
            if len(items) > 1:
                # One of them is refused, and the others are not.
                half = len(items) // 2
                self._take_some(items[:half])
                self._take_some(items[half:])
                return
            code, whole = getattr(error, "code", ""), self.job.act is Act.ADD_PEOPLE
            sentence = str(error) if whole else _say_why(error)
            self.outcomes.append(_settle(items[0], Result.REFUSED, code, sentence))

    def _apply_some(self, items: Sequence[Outcome]) -> None:
        if self._is_of_declared_group:
            self.outcomes.append(_settle(items[0], self._name_group(items[0].name)))
        elif self.job.act.is_of_group:
            self._put_into_group(items)
        elif self.job.act is Act.ADD_PEOPLE:
            self._add_people(items)
        else:
            self.outcomes.append(_settle(items[0], self._apply(items[0])))

    def _apply(self, item: Outcome) -> Result:
        name, job = item.name, self.job
        match job.act:
            case Act.LEVEL:
                return self._set_level(name)
            case Act.SUSPEND:
                return self._suspend(name)
            case Act.RESUME:
                return self._write(Resume(name, job.reason, job.by))
            case Act.RETIRE:
                return self._retire(Key(Kind.USER, name))
            case Act.END_GRANT:
                return self._retire(Key(Kind.GRANT, name))
            case Act.GRANT:
                return self._grant(name)
            case _:
                return self._undo(name)

    @property
    def _is_of_declared_group(self) -> bool:
        group = Key(Kind.GROUP, str(self.job.arguments.get("group")))
        return self.job.act.is_of_group and self.after.sources.is_declared(group)

    def _name_group(self, name: str) -> Result:
        """Have a user name a group that the file declares, or name it no longer."""
        key, group = Key(Kind.USER, name), str(self.job.arguments["group"])
        before, adds = self._find(key), self.job.act is Act.ADD
        named = list(before.get("groups") or ())
        if (group in named) is adds:
            return Result.SAME
        groups = [*named, group] if adds else [each for each in named if each != group]
        others = {part: value for part, value in before.items() if part != "groups"}
        self._put(key, {**others, "groups": groups} if groups else others)
        return Result.DONE

    def _put_into_group(self, items: Sequence[Outcome]) -> None:
        """Add or remove all of these members in one step."""
        key = Key(Kind.GROUP, str(self.job.arguments["group"]))
        before = self._find(key)
        members = {fold_user(str(each)): each for each in before.get("members") or ()}
        adds = self.job.act is Act.ADD
        moving = [each for each in items if (each.name in members) is not adds]
        for each in moving if adds else ():
            _check_known(self.after, each.name)
        if moving:
            names = {each.name for each in moving}
            kept = [shown for name, shown in members.items() if adds or name not in names]
            new = [each.name for each in moving] if adds else []
            self._put(key, {**before, "members": [*kept, *new]})
        moved = {each.position for each in moving}
        self.outcomes += [
            _settle(each, Result.DONE if each.position in moved else Result.SAME) for each in items
        ]

    def _add_people(self, items: Sequence[Outcome]) -> None:
        """Add people, and then all of them to their groups in one step of each group."""
        joining: dict[str, list[str]] = {}
        for item in items:
            arguments, key = item.arguments or {}, Key(Kind.USER, item.name)
            document, groups = arguments.get("document") or {}, arguments.get("groups") or ()
            there = self.after.sources.managed.get(key)
            if there is not None and there.document == document:
                self.outcomes.append(_settle(item, Result.SAME))
                continue
            job = self.job
            change = PutObject(key, document, job.reason, job.by, 0, groups, self._authority(key))
            self.after, step, joined = change.plan_alone(self.after, self.now)
            self.steps.append(step)
            for group in joined:
                joining.setdefault(group, []).append(item.name)
            self.outcomes.append(_settle(item, Result.DONE))
        for group, names in joining.items():
            step = join(self.after, names, group)
            self.after = take(self.after, step, self.job.by, self.now)
            self.steps.append(step)

    def _set_level(self, name: str) -> Result:
        key = Key(Kind.USER, name)
        before = self._find(key)
        if before.get("level") == self.job.arguments["level"]:
            return Result.SAME
        self._put(key, {**before, "level": self.job.arguments["level"]})
        return Result.DONE

    def _suspend(self, name: str) -> Result:
        _check_known(self.after, name)
        until = self.job.arguments.get("until")
        end = datetime.fromisoformat(until) if until else None
        return self._write(Suspend(name, self.job.reason, end, self.job.by))

    def _write(self, change: Suspend | Resume) -> Result:
        before, self.after = self.after, change.plan(self.after, self.now)
        self.suspensions.append((change, before.suspensions.get(change.name)))
        return Result.DONE

    def _grant(self, name: str) -> Result:
        # The name is made of the job and the user, so that the grant is given once.
        key = Key(Kind.GRANT, uuid5(NAMESPACE_URL, f"{self.job.id}\n{name}").hex)
        if key in self.after.sources.managed:
            return Result.SAME
        _check_known(self.after, name)
        self._put(key, {"by": self.job.by, **self.job.arguments["document"], "user": name})
        return Result.DONE

    def _retire(self, key: Key) -> Result:
        authority = self._authority(key)
        self._plan(RetireObject(key, self.job.reason, self.job.by, None, authority))
        return Result.DONE

    def _undo(self, number: str) -> Result:
        revision = self.undone.get(number)
        if revision is None:
            raise ManagedError("managed.none", f"There is no revision {number} to undo.")
        current = self.after.sources.managed.get(revision.key)
        now = current.document if current else None
        if now == revision.before:
            return Result.SAME
        if now != revision.after:
            raise LostUpdateError(revision.key, current)
        step = Step(revision.key, revision.after, revision.before)
        self.after = take(self.after, step, self.job.by, self.now)
        self.steps.append(step)
        return Result.DONE

    def _find(self, key: Key) -> Mapping[str, Any]:
        # This comes first, so that a manager who may not change it learns nothing of it.
        check_touch(self.after, key, self._authority(key), self.now)
        refuse_declared(self.after, key)
        found = self.after.sources.managed.get(key)
        if found is None:
            raise NoObjectError(key)
        return found.document

    def _put(self, key: Key, document: Mapping[str, Any]) -> None:
        authority = self._authority(key)
        self._plan(PutObject(key, document, self.job.reason, self.job.by, authority=authority))

    def _plan(self, change: PutObject | RetireObject) -> None:
        self.after, steps = change.plan(self.after, self.now)
        self.steps += steps

    def _authority(self, key: Key) -> Authority:
        theirs = self.memberships.get(key.name, frozenset()) if key.kind is Kind.USER else ()
        return Authority(self.job.manager, frozenset(theirs))


def _settle(item: Outcome, result: Result, code: str = "", sentence: str = "") -> Outcome:
    return Outcome(item.position, item.name, result, code, sentence)


def _check_known(snapshot: Snapshot, name: str) -> None:
    if name not in snapshot.policy.people:
        raise ManagedError("person.unknown", f"There is no user {name}. Add them first.")


def _say_why(error: PlatformError) -> str:
    if not isinstance(error, PolicyError):
        return str(error)
    # The place in a document means nothing to users who chose a name.
    faults = (f"{each.what}; {each.fix}" for each in error.faults)
    return " ".join(f"{each[:1].upper()}{each[1:]}." for each in faults)
