"""Decisions on starts: the last ones in lines, and one of them whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from jupyterhub_platform.store.decision_log import DecisionLine, DecisionRecord
from jupyterhub_platform.usecases.decisions import address_decision, address_denial
from jupyterhub_platform.usecases.reports.cursors import render_cursor
from jupyterhub_platform.usecases.reports.reader import MAX_DENIALS, StoreReader
from jupyterhub_platform.usecases.reports.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Decisions:
    """The part of a list of decisions that was asked for.

    ``next`` is the cursor of the next part, which comes ``before`` that decision.
    """

    items: tuple[DecisionLine, ...]
    limit: int
    before: str | None
    next: str | None


@dataclass(frozen=True, slots=True)
class WholeDecision:
    """A decision with everything that it was made from, as it was recorded."""

    record: DecisionRecord
    decision: Mapping[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """The decision as JSON data, with when it was made, for whom, and how often."""
        record = self.record
        made = {"id": record.id, "at": record.at.isoformat(), "requested_by": record.requested_by}
        return made | dict(self.decision) | {"times": record.times}

    def list_reasons(self, reader: str) -> tuple[tuple[str, str, str], ...]:
        """Return reason, remedy and code of each denial, said to the ``reader`` if it is theirs."""
        own = self.record.user == reader
        return tuple(
            (address_denial(each, reader) if own else each["reason"], each["remedy"], each["code"])
            for each in self.decision["denials"]
        )

    @property
    def raw(self) -> str:
        """The decision as it was recorded, to read."""
        return json.dumps(self.decision, indent=2, ensure_ascii=False)


def decision_line(record: DecisionRecord) -> DecisionLine:
    """Return what a list shows of a decision."""
    return DecisionLine(**{each.name: getattr(record, each.name) for each in fields(DecisionLine)})


def read_visible_denials(
    reader: StoreReader, viewer: Viewer, limit: int = MAX_DENIALS
) -> tuple[DecisionRecord, ...]:
    """Read the last denials that the viewer may see."""
    accounts = None if viewer.reads_all else viewer.reads_groups
    return reader.list_decisions(accounts=accounts, admitted=False, limit=limit)


def read_own_denials(reader: StoreReader, name: str, limit: int) -> tuple[DecisionLine, ...]:
    """Read the last denials of one user, as they are said to them."""
    found = reader.list_decisions(user=name, admitted=False, limit=limit)
    return tuple(replace(decision_line(each), sentence=_say_to(each, name)) for each in found)


def _say_to(record: DecisionRecord, user: str) -> str:
    told = {"sentence": record.sentence, "denials": json.loads(record.decision_json)["denials"]}
    return str(address_decision(told, user)["sentence"])


def report_decisions(
    reader: StoreReader, viewer: Viewer, *, admitted: bool | None, limit: int, before: str | None
) -> Decisions:
    """Report decisions that the viewer may see, newest first.

    Raises
    ------
    NotFoundError
        Raised if there is no decision ``before``.
    StoreError
        Raised if the store does not answer.
    """
    own = not viewer.reads_others
    found = reader.list_decisions(
        user=viewer.name if own else None,
        accounts=None if own or viewer.reads_all else viewer.reads_groups,
        admitted=admitted,
        limit=limit,
        before=before,
    )
    items = tuple(decision_line(each) for each in found if viewer.sees_start(each))
    last = found[-1].id if len(found) == limit else None
    return Decisions(items, limit, last, None if last is None else render_cursor(last))


def report_decision(reader: StoreReader, viewer: Viewer, decision_id: str) -> WholeDecision | None:
    """Report one decision; ``None`` if it does not exist, or the viewer may not see it.

    Raises
    ------
    StoreError
        Raised if the store does not answer.
    """
    record = reader.get_decision(decision_id)
    if record is None or not viewer.sees_start(record):
        return None
    return WholeDecision(record, json.loads(record.decision_json))
