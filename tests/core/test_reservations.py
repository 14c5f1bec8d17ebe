"""A reservation is read as it was written, and counts at each scope once."""

from datetime import UTC, datetime, timedelta

import pytest

from jupyterhub_platform.core.reservations import Reservation, Scope
from jupyterhub_platform.core.resources import Resources
from tests.support.policies import make_reservation

NOW = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)


def reserve(**more: object) -> Reservation:
    demand = Resources.of({"cpu": 500, "servers": 1})
    names = ("id", "dev", "named", 7, "vision", "small", "lab")
    return Reservation(*names, demand, NOW, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "more", [{}, {"ends_at": NOW + timedelta(hours=8), "idle_timeout": timedelta(minutes=30)}]
)
def test_reservation_is_read_back_from_its_json(more: dict[str, object]) -> None:
    assert Reservation.from_json(reserve(**more).to_json()) == reserve(**more)


@pytest.mark.parametrize("change", [{"demand": None}, {"spawner_id": "x"}, {"opened_at": "then"}])
def test_invalid_reservation_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Reservation.from_json({**reserve().to_json(), **change})


def test_reservation_counts_once_at_each_scope() -> None:
    assert list(reserve().scopes()) == [
        Scope("platform"),
        Scope("account", "vision"),
        Scope("member", "vision", "dev"),
        Scope("user", "", "dev"),
        Scope("tier", "", "", "small"),
        Scope("tier-account", "vision", "", "small"),
        Scope("tier-user", "", "dev", "small"),
    ]


def test_a_reservation_says_its_tier_in_its_size() -> None:
    assert make_reservation().label == "small"
    sized = make_reservation(size="large")
    assert sized.label == "small/large"
    assert Reservation.from_json(sized.to_json()) == sized
    before = {key: value for key, value in make_reservation().to_json().items() if key != "size"}
    assert Reservation.from_json(before) == make_reservation()


def test_an_observed_pod_is_told_from_a_server_by_a_name_that_no_server_has() -> None:
    assert reserve().pod == ""
    assert make_reservation(server="pod/w-1").pod == "w-1"
