"""The book of a process that only reads: kept between reports, and brought up to date for each.

With many thousand servers, reading them all takes most of a page's time. What was opened and
released since is read instead, and the whole now and then, as the Hub's own checker does.
"""

import threading
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from jupyterhub_platform.store import ledger
from jupyterhub_platform.store.engine import Transaction
from jupyterhub_platform.store.ledger import OpenMark
from jupyterhub_platform.usecases.book import Book

_REFILL_SECONDS: Final = 60.0
_EARLIER: Final = timedelta(minutes=1)
"""How long before the newest row others may be dated that were committed after it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A book, which no report changes, and of which state of the ledger it is.

    ``doubles`` are ids of open rows that do not stand in it.
    """

    mark: OpenMark
    book: Book
    filled_at: float
    doubles: frozenset[str]


class KeptBook:
    """Gives the book of now. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def read(self, tx: Transaction) -> Book:
        """Return the book of what is held, as the transaction sees it; it must not be changed."""
        mark, kept = ledger.read_mark(tx), self._kept
        if kept is not None and kept.mark != mark:
            book = _follow(tx, kept)
            # What the times of its rows do not lead to is found by their number.
            is_whole = len(book) == mark.held
            kept = replace(kept, mark=mark, book=book, doubles=frozenset()) if is_whole else None
        if kept is not None and time.monotonic() > kept.filled_at + _REFILL_SECONDS:
            # A row that is open never changes: their ids say whether all of it is right.
            is_right = ledger.list_open_ids(tx) == kept.book.ids | kept.doubles
            kept = replace(kept, filled_at=time.monotonic()) if is_right else None
        if kept is None:
            kept = _fill_anew(tx, mark)
        with self._lock:
            self._kept = kept
        return kept.book


def _fill_anew(tx: Transaction, mark: OpenMark) -> _Kept:
    book, doubles = Book(), set[str]()
    for reservation in ledger.list_open(tx):
        # Two open rows of one server are drift, which the Hub's checker reports and corrects.
        # The newer one is what its server holds.
        older = book.of_server(reservation.user, reservation.server)
        if older is not None:
            book.strike(older.id)
            doubles.add(older.id)
        book.enter(reservation)
    return _Kept(mark, book, time.monotonic(), frozenset(doubles))


def _follow(tx: Transaction, kept: _Kept) -> Book:
    """Return the book with what was released and opened since."""
    book, (_, opened, released) = kept.book.copy(), kept.mark
    if opened is None:
        return Book()
    for id_ in ledger.list_released_since(tx, (released or opened[0]) - _EARLIER):
        book.strike(id_)
    for reservation in ledger.list_open_since(tx, opened[0] - _EARLIER):
        if book.of_server(reservation.user, reservation.server) is None:
            book.enter(reservation)
    return book
