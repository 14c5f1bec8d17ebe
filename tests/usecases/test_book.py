"""The book: totals are always the sums of what is held, and nothing is entered or struck twice."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jupyterhub_platform.core.reservations import Reservation, Scope
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.usecases.book import Book
from tests.support.policies import NOW, Held, make_reservation

USERS = ("ada", "bob", "kim")
ACCOUNTS = ("vision", "text")
TIERS = ("small", "large", "")
SERVERS = ("", "a", "b")
NAMES = ("cpu", "memory", "nvidia.com/gpu", "servers")
SCOPES = (
    Scope("platform"),
    *(Scope("account", account=a) for a in ACCOUNTS),
    *(Scope("user", user=u) for u in USERS),
    *(Scope("member", account=a, user=u) for a in ACCOUNTS for u in USERS),
    *(Scope("tier", tier=t) for t in TIERS if t),
    *(Scope("tier-account", account=a, tier=t) for a in ACCOUNTS for t in TIERS if t),
    *(Scope("tier-user", user=u, tier=t) for u in USERS for t in TIERS if t),
)
RESERVATIONS = st.builds(
    make_reservation,
    key=st.sampled_from([f"r{n}" for n in range(12)]),
    user=st.sampled_from(USERS),
    server=st.sampled_from(SERVERS),
    account=st.sampled_from(ACCOUNTS),
    tier=st.sampled_from(TIERS),
    demand=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2**40)).map(Resources.of),
    opened_at=st.integers(0, 5).map(lambda hours: NOW + timedelta(hours=hours)),
)


class BookMachine(RuleBasedStateMachine):
    """Enters and strikes at random, beside a plain dictionary of what should stand there."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.held: dict[str, Reservation] = {}

    @rule(reservation=RESERVATIONS)
    def enter(self, reservation: Reservation) -> None:
        servers = {(each.user, each.server) for each in self.held.values()}
        if reservation.id in self.held or (reservation.user, reservation.server) in servers:
            with pytest.raises(ValueError, match="holds a reservation already"):
                self.book.enter(reservation)
        else:
            self.book.enter(reservation)
            self.held[reservation.id] = reservation

    @rule(key=st.sampled_from([f"r{n}" for n in range(12)]))
    def strike(self, key: str) -> None:
        assert self.book.strike(key) == self.held.pop(key, None)
        assert self.book.strike(key) is None

    @precondition(lambda self: len(self.held) > 2)
    @rule(data=st.data())
    def refill(self, data: st.DataObject) -> None:
        kept = data.draw(st.lists(st.sampled_from(sorted(self.held)), unique=True))
        self.held = {key: self.held[key] for key in kept}
        self.book.refill(self.held.values())

    @invariant()
    def totals_are_sums(self) -> None:
        truth = Held(tuple(self.held.values()))
        for scope in SCOPES:
            for name in NAMES:
                assert self.book.held(scope, name) == truth.held(scope, name)
        assert self.book.drifted() == ()

    @invariant()
    def everything_is_found(self) -> None:
        assert len(self.book) == len(self.held)
        assert {each.id: each for each in self.book} == self.held
        for key, reservation in self.held.items():
            assert key in self.book
            assert self.book.get(key) == reservation
            assert self.book.of_server(reservation.user, reservation.server) == reservation
        for user in USERS:
            of_user = self.book.of_user(user)
            assert set(of_user) == {each for each in self.held.values() if each.user == user}
            assert [each.server for each in of_user] == sorted(each.server for each in of_user)
        for account in ACCOUNTS:
            of_account = self.book.of_account(account)
            assert len(of_account) == sum(e.account == account for e in self.held.values())
            times = [each.opened_at for each in of_account]
            assert times == sorted(times)


TestBook = BookMachine.TestCase
TestBook.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_an_empty_book_holds_nothing():
    book = Book()
    assert book.held(Scope("platform"), "cpu") == 0
    assert book.get("r1") is None
    assert book.of_server("dev", "") is None
    assert book.of_user("dev") == book.of_account("vision") == ()
    assert "r1" not in book
    assert list(book) == []


def test_a_server_holds_one_reservation_at_a_time():
    book = Book()
    book.enter(make_reservation("r1"))
    with pytest.raises(ValueError, match="dev/ holds a reservation already"):
        book.enter(make_reservation("r2"))
    book.strike("r1")
    book.enter(make_reservation("r2"))
    assert book.held(Scope("platform"), "servers") == 1


def test_a_refused_reservation_changes_nothing():
    book = Book()
    book.enter(make_reservation("r1"))
    with pytest.raises(ValueError, match="already"):
        book.enter(make_reservation("r1", server="other", user="eve"))
    assert book.of_user("eve") == ()
    assert book.held(Scope("platform"), "servers") == 1
    assert book.drifted() == ()


def test_totals_that_were_tampered_with_are_found():
    book = Book()
    book.enter(make_reservation("r1"))
    book._totals["cpu"][Scope("platform")] += 1
    book._totals["servers"][Scope("user", user="eve")] = 1
    del book._totals["memory"][Scope("tier", tier="small")]
    assert book.drifted() == (
        (Scope("platform"), "cpu"),
        (Scope("tier", tier="small"), "memory"),
        (Scope("user", user="eve"), "servers"),
    )


def test_a_copy_stays_as_the_book_was():
    book = Book()
    book.enter(make_reservation("r1"))
    copy = book.copy()
    book.enter(make_reservation("r2", server="b"))
    book.strike("r1")
    assert [each.id for each in copy] == [each.id for each in copy.of_user("dev")] == ["r1"]
    assert copy.of_server("dev", "") == make_reservation("r1")
    assert copy.held(Scope("platform"), "servers") == 1
    assert copy.drifted() == book.drifted() == ()


def test_looking_while_the_book_changes_sees_what_was_there():
    book = Book()
    for n in range(3):
        book.enter(make_reservation(f"r{n}", server=str(n)))
    assert [book.strike(each.id) for each in book] == [
        make_reservation(f"r{n}", server=str(n)) for n in range(3)
    ]
    assert len(book) == 0
