"""Decisions on record: read back, paged and filtered."""

from datetime import timedelta

import pytest

from jupyterhub_platform.core.errors import NotFoundError
from jupyterhub_platform.store import decision_log, ledger
from jupyterhub_platform.store.decision_log import DecisionRecord
from jupyterhub_platform.store.store import Store
from tests.store.test_ledger import NOW, make_denial, make_reservation


def test_denial_is_read_back_as_it_was_written(store):
    with store.begin() as tx:
        decision_log.record_denial(tx, make_denial())
    with store.read() as tx:
        assert decision_log.get_decision(tx, "d1") == make_denial()
        assert decision_log.get_decision(tx, "d2") is None


def test_admission_is_found_as_a_decision(store):
    with store.begin() as tx:
        ledger.open_reservation(
            tx,
            make_reservation(),
            decision_json='{"admitted":true}',
            policy_revision=1,
            observed=True,
            codes=("quota.user",),
            sentence="Admitted; the tier only observes.",
            requested_by="root",
        )
    with store.read() as tx:
        found = decision_log.get_decision(tx, "r1")
    assert found == DecisionRecord(
        id="r1",
        at=NOW,
        user="ada",
        server="",
        account="vision",
        tier="small",
        admitted=True,
        observed=True,
        codes=("quota.user",),
        sentence="Admitted; the tier only observes.",
        decision_json='{"admitted":true}',
        requested_by="root",
    )


def fill(store: Store) -> list[str]:
    """Record ten decisions of both kinds, two at each moment; return ids, newest first."""
    with store.begin() as tx:
        for number in range(10):
            at = NOW + timedelta(seconds=number // 2)
            user = "ada" if number < 6 else "bob"
            if number % 2:
                denial = make_denial(f"{number}", at=at, user=user)
                decision_log.record_denial(tx, denial)
            else:
                held = make_reservation(f"{number}", opened_at=at, user=user, account="language")
                ledger.open_reservation(tx, held, decision_json="{}", policy_revision=1)
    return [str(number) for number in reversed(range(10))]


@pytest.mark.parametrize("size", [1, 3, 10, 50])
def test_decisions_are_paged_newest_first_without_gap_or_repeat(store, size):
    expected = fill(store)
    seen: list[str] = []
    with store.read() as tx:
        while page := decision_log.list_decisions(
            tx, limit=size, before=seen[-1] if seen else None
        ):
            assert len(page) <= size
            seen.extend(record.id for record in page)
    assert seen == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"user": "ada"}, "543210"),
        ({"user": "bob", "admitted": True}, "86"),
        ({"admitted": False}, "97531"),
        ({"account": "language"}, "86420"),
        ({"account": "vision", "admitted": True}, ""),
        ({"user": "ada", "before": "3"}, "210"),
    ],
)
def test_decisions_are_filtered(store, filters, expected):
    fill(store)
    with store.read() as tx:
        assert [record.id for record in decision_log.list_decisions(tx, **filters)] == list(
            expected
        )


def test_paging_from_an_unknown_decision_is_refused(store):
    with pytest.raises(NotFoundError, match="no decision nope"), store.read() as tx:
        decision_log.list_decisions(tx, before="nope")
