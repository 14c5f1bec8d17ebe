"""Compares the audit with rows that it refers to: decisions, repeated denials, revisions.

The chain holds the audit together; whatever a row of it names is proven with it. Reservations have
no row there: they are compared with the decision that they carry.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import Row, Table, func, select

from jupyterhub_platform.store.audit import shorten
from jupyterhub_platform.store.audit_checkpoint import Checkpoint
from jupyterhub_platform.store.column_types import clean_text, render_time
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.schema import decision, denial_repeat, policy_revision, reservation

ROW_BATCH: Final = 500
"""Rows of the ledger, some kilobytes each, that are read in one transaction."""

_SEQ, _AT, _ACTOR, _ACTION, _SUBJECT, _DETAIL = range(6)
_BYTE_ORDER_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A row of ``table`` that is not what the audit, or the row itself, says elsewhere."""

    table: str
    key: str
    what: str


class CrossCheck:
    """Compares rows of the audit with what they tell of, as they are read."""

    def __init__(self) -> None:
        self._told = dict.fromkeys(_COMPARISONS, 0)
        self._resumed_from: Checkpoint | None = None

    @property
    def told(self) -> dict[str, int]:
        """How many rows of each table were told of so far."""
        return {table.name: count for table, count in self._told.items()}

    def follow(self, resumed_from: Checkpoint | None) -> None:
        """Go on from a checkpoint: what rows up to it told of is counted there."""
        if resumed_from is not None and resumed_from != self._resumed_from:
            self._resumed_from = resumed_from
            self._told = {table: resumed_from.told.get(table.name, 0) for table in _COMPARISONS}

    def compare(self, tx: Transaction, rows: Sequence[Row[Any]]) -> Iterator[Contradiction]:
        """Compare what some sound rows of the audit tell of."""
        told: dict[Table, dict[Any, _Told]] = {table: {} for table, _ in _TOLD_OF.values()}
        for row in rows:
            if row[_ACTION] not in _TOLD_OF:
                continue
            table, read_key = _TOLD_OF[row[_ACTION]]
            detail = _read_json(row[_DETAIL])
            if self._resumed_from is None or row[_SEQ] > self._resumed_from.seq:
                self._told[table] += 1
            key = read_key(row, detail)
            if key is not None:  # it is not in a detail that was too long to be kept whole
                told[table][key] = (row, detail)
        for table, compare in _COMPARISONS.items():
            found = dict(_find(tx, table, list(told[table])))
            for key, (row, detail) in told[table].items():
                if key not in found:
                    what = f"is gone; row {row[_SEQ]} of the audit tells of it"
                    yield Contradiction(table.name, str(key), what)
                else:
                    yield from compare(found[key], row, detail)

    def conclude(self, tx: Transaction) -> Iterator[Contradiction]:
        """Find rows that the audit does not tell of; in the transaction that saw its end."""
        for table, told in self._told.items():
            there = int(tx.execute(select(func.count()).select_from(table)).scalar_one())
            if there > told:
                what = f"has {there - told} more than the audit tells of ({there}, and not {told})"
                yield Contradiction(table.name, "", what)


def _find(tx: Transaction, table: Table, keys: Sequence[Any]) -> Iterator[tuple[Any, Row[Any]]]:
    (column,) = table.primary_key
    for first in range(0, len(keys), ROW_BATCH):
        query = select(table).where(column.in_(keys[first : first + ROW_BATCH]))
        for row in tx.execute(query):
            yield getattr(row, column.name), row


def _compare_decision(
    row: Row[Any], told: Row[Any], detail: Mapping[str, Any]
) -> Iterator[Contradiction]:
    kept = {
        "asked by": (shorten(row.requested_by), told[_ACTOR]),
        "codes": (row.codes, _clean(_join(detail.get("codes")))),
        "sentence": (row.sentence, _clean(detail.get("sentence"))),
        "server": (shorten(f"{row.user}/{row.server}"), told[_SUBJECT]),
        "whole": (_hash(row.decision), detail.get("digest", _hash(row.decision))),
    }
    found = [*_contradict("decision", row.id, kept, _describe_row(told))]
    yield from found or _compare_with_itself(decision, row)


def _compare_repeats(
    row: Row[Any], told: Row[Any], detail: Mapping[str, Any]
) -> Iterator[Contradiction]:
    kept = {
        "decision": (row.decision, detail.get("decision")),
        "times": (row.times, detail.get("times")),
        "first": (render_time(row.first_at), _in_utc(detail.get("first"))),
        "last": (render_time(row.last_at), _in_utc(detail.get("last"))),
    }
    yield from _contradict("denial_repeat", row.id, kept, _describe_row(told))


def _compare_revision(
    row: Row[Any], told: Row[Any], detail: Mapping[str, Any]
) -> Iterator[Contradiction]:
    digest = str(detail.get("digest"))
    # A byte order mark is not part of the text that is kept.
    texts = (row.document, _BYTE_ORDER_MARK + row.document)
    if row.digest != digest or digest not in {f"sha256:{_hash(text)}" for text in texts}:
        what = f"is not the text that was put into force, which has the digest {digest}"
        yield Contradiction("policy_revision", str(row.number), what)
        return
    kept = {
        "actor": (shorten(row.actor), told[_ACTOR]),
        "source": (row.source, _clean(detail.get("file"))),
        "time": (render_time(row.at), told[_AT]),
    }
    yield from _contradict("policy_revision", str(row.number), kept, _describe_row(told))


def _describe_row(told: Row[Any]) -> str:
    return f"row {told[_SEQ]} of the audit"


def _read_number(row: Row[Any], _detail: Mapping[str, Any]) -> int | None:
    number = str(row[_SUBJECT]).removeprefix("revision ")
    return int(number) if number.isascii() and number.isdigit() else None


_Told: TypeAlias = tuple[Row[Any], Mapping[str, Any]]
_TOLD_OF: Final[Mapping[str, tuple[Table, Callable[[Row[Any], Mapping[str, Any]], Any]]]] = {
    "server.denied": (decision, lambda _, detail: detail.get("decision")),
    "server.denied_again": (denial_repeat, lambda _, detail: detail.get("repeats")),
    "policy.published": (policy_revision, _read_number),
}
_COMPARISONS: Final = {
    decision: _compare_decision,
    denial_repeat: _compare_repeats,
    policy_revision: _compare_revision,
}


def list_reservations(tx: Transaction, after: tuple[datetime, str] | None) -> Sequence[Row[Any]]:
    """Return the next reservations, in the order of their beginning."""
    columns = reservation.c
    query = select(reservation).order_by(columns.opened_at, columns.id).limit(ROW_BATCH)
    if after is not None:
        at, key = after
        later = (columns.opened_at > at) | ((columns.opened_at == at) & (columns.id > key))
        query = query.where(later)
    return tx.execute(query).all()


def compare_reservation(row: Row[Any]) -> Iterator[Contradiction]:
    """Compare what a reservation holds with the decision that it carries."""
    yield from _compare_with_itself(reservation, row)


def _compare_with_itself(table: Table, row: Row[Any]) -> Iterator[Contradiction]:
    """Compare the columns of a row with the decision that it carries."""
    whole = _read_json(row.decision)
    question = whole.get("question", whole)
    question = question if isinstance(question, Mapping) else {}
    is_held = table is reservation
    at = row.opened_at if is_held else row.at
    told_at = question.get("at", whole.get("opened_at"))
    names = ("sentence", "user", "server", "tier", "account", *(("image",) if is_held else ()))
    kept: dict[str, tuple[Any, Any]] = {
        **{name: (getattr(row, name), _clean(whole.get(name))) for name in names},
        "codes": (row.codes, _clean(_join(whole.get("codes")))),
        "observed": (bool(row.observed), whole.get("observed")),
        "admitted": (is_held or bool(row.admitted), whole.get("admitted")),
        "time": (render_time(at), _in_utc(told_at)),
    }
    if is_held:
        kept["demand"] = (_read_json(row.demand), whole.get("demand"))
        kept["size"] = (row.size or "", _clean(whole.get("size", "")))
        kept["policy revision"] = (row.policy_revision, question.get("revision"))
    if whole.get("adopted") is True:
        # A server that was found running has no decision: the row holds only its reservation.
        for name in {"sentence", "codes", "observed", "policy revision"} & kept.keys():
            del kept[name]
    yield from _contradict(table.name, row.id, kept, "the decision in it")
    if is_held and row.released_at is not None and row.released_at < row.opened_at:
        yield Contradiction(table.name, row.id, "ended before it began")


def _contradict(
    table: str, key: str, kept: Mapping[str, tuple[Any, Any]], witness: str
) -> Iterator[Contradiction]:
    for name, (found, told) in kept.items():
        if found != told:
            what = f"{name} is {str(found)[:100]!a}, and {witness} says {str(told)[:100]!a}"
            yield Contradiction(table, key, what)
            return


def _clean(text: object) -> object:
    return clean_text(text) if isinstance(text, str) else text


def _join(codes: object) -> str:
    return " ".join(map(str, codes)) if isinstance(codes, list) else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _in_utc(text: object) -> str:
    try:
        return render_time(datetime.fromisoformat(str(text)))
    except ValueError:
        return ""


def _read_json(text: object) -> Mapping[str, Any]:
    try:
        read = json.loads(str(text))
    except ValueError:
        return {}
    return read if isinstance(read, Mapping) else {}
