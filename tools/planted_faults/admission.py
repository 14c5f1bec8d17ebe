"""Faults in what is admitted, held and released."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, InsertBefore, Never, Replace, Return

ADMISSION: Final = (
    *noticed_by(
        "tests/usecases/test_admission.py",
        (
            "the store that is down is asked",
            "Admission._deny_unless_admitted",
            Drop("self._health.check()"),
        ),
        ("a denial lets in", "Admission._deny_unless_admitted", Never("not decision.admitted")),
        (
            "a denial is not recorded",
            "Admission._deny_unless_admitted",
            Replace("self.denials.record(decision, start.by or start.user)", "'x'"),
        ),
        (
            "a server that was never released is admitted again",
            "Admission.admit",
            Never("self.book.of_server(start.user, start.server)"),
        ),
        (
            "the book is not entered",
            "Admission.admit",
            Drop("self.book.enter(admitted.reservation)"),
        ),
        (
            "a failure does not mark the store down",
            "Admission.admit",
            Drop("self._health.mark_down(error)"),
        ),
        ("what failed is admitted", "Admission.admit", Drop("raise")),
        (
            "a release is done twice",
            "Admission.release",
            Replace(
                "if self.book.strike(reservation_id) is None: return False",
                "self.book.strike(reservation_id)",
            ),
        ),
        (
            "a release leaves its row open",
            "Admission.release",
            Drop("self.close_row(reservation_id, reason, at)"),
        ),
        (
            "a release is dated when it is entered",
            "Admission.close_row",
            Replace("at", "self._clock()", within="with self._store.begin() as transaction: ..."),
        ),
        (
            "memberships of the Hub are not asked for",
            "Admission._decide",
            Replace("start.memberships", "frozenset()"),
        ),
        ("another revision is recorded", "Admission.admit", Replace("self.snapshot.revision", "0")),
        ("who asked is not recorded", "Admission.admit", Drop("start.by")),
    ),
    *noticed_by(
        "tests/usecases/test_interleavings.py tests/usecases/test_state_machine.py",
        (
            "less is reserved than is asked for",
            "Admission._admitted",
            Replace("decision.demand", "type(decision.demand).of({'servers': 1})"),
        ),
        (
            "another user is charged",
            "Admission._admitted",
            Replace("account=question.account", "account=''"),
        ),
        (
            "the book is entered before the row",
            "Admission.admit",
            InsertBefore(
                "with self._store.begin() as transaction: ...",
                "self.book.enter(admitted.reservation)",
            ),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_book.py",
        ("a server holds two reservations", "Book.enter", Drop("server in self._by_server")),
        ("a reservation is entered twice", "Book.enter", Drop("reservation.id in self._by_id")),
        ("totals do not grow", "Book.enter", Drop("_change(self._totals, reservation, +1)")),
        ("totals do not shrink", "Book.strike", Drop("_change(self._totals, reservation, -1)")),
        (
            "what is refilled is added to what was there",
            "Book.refill",
            Drop("self._totals.clear()"),
        ),
        (
            "servers of before are still found after a refill",
            "Book.refill",
            Drop("self._by_server.clear()"),
        ),
        (
            "a struck server is still found",
            "Book.strike",
            Drop("del self._by_server[reservation.user, reservation.server]"),
        ),
        (
            "drift is not found",
            "book:_compare",
            Replace(
                "due.get(each, 0) != booked.get(each, 0)", "due.get(each, 0) > booked.get(each, 0)"
            ),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_consistency.py",
        ("a row without a server stays open", "rebuild", Never("row.id not in admission.book")),
        ("a server without a row gets none", "rebuild", Never("reservation.id not in rows")),
        ("a state is believed before its row", "consistency:_find", Never("committed is not None")),
        (
            "a row of another server is taken",
            "consistency:_find",
            Return("committed", within="if committed is not None: ..."),
        ),
        ("a state of another server is taken", "_from_state", Drop("_names(reservation, server)")),
        (
            "a state with less than nothing is taken",
            "_from_state",
            Drop("all(amount >= 0 for amount in demand.values())"),
        ),
        (
            "a state with no server in it is taken",
            "_from_state",
            Drop("demand.amount(SERVERS) == 1"),
        ),
        (
            "what a closed row charged is charged again",
            "_enter_row",
            Drop("opened_at=admission.now()"),
        ),
        (
            "a user is charged for a group that is not theirs",
            "_adopt",
            Replace("options.account in accounts", "options.account"),
        ),
        (
            "a server without a reservation does not count as drift",
            "compare",
            Replace("running - booked", "booked - booked"),
        ),
        (
            "an open row that the book lacks does not count as drift",
            "compare",
            Replace("rows - held.keys()", "rows - rows"),
        ),
    ),
    *noticed_by(
        "tests/hub/spawner/test_admission.py",
        (
            "what was not admitted starts",
            "AdmissionMixin.start",
            Always("self.admitted is not None"),
        ),
        (
            "a refused start is taken for the server that runs",
            "AdmissionMixin.poll",
            Never("self._start_refused"),
        ),
        (
            "a start that no authenticator asked about is not asked about",
            "AdmissionMixin.apply_group_overrides",
            Drop("self.admit()"),
        ),
        (
            "a start begins when it is awaited",
            "LastRunMixin.start",
            Replace("maybe_future(super().start())", "super().start()"),
        ),
        (
            "a start that is broken off leaves its backend running",
            "LastRunMixin.start",
            Drop("watched.add_done_callback(lambda _: begun.cancel())"),
        ),
    ),
    *noticed_by(
        "tests/hub/spawner/test_live_unresponsive.py",
        (
            "a tier that is too small is a failure of the Hub",
            "_refusal_of",
            Always("cause.code in UNEXPLAINED"),
        ),
        (
            "a Hub that reaches no server counts no failure",
            "_refusal_of",
            Never("cause.code in UNEXPLAINED"),
        ),
    ),
    *noticed_by(
        "tests/hub/configuration/test_live_hardening.py -k token_in_a_link",
        (
            "what the Hub's environment says of tokens is kept",
            "ServerArgumentsMixin.get_env",
            Drop("environment.pop(TOKEN_IN_URL, None)"),
        ),
    ),
)
