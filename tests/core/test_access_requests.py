"""What an approval puts into force: what was asked for, or less, and never of another user."""

from datetime import timedelta
from typing import Any

import pytest

from jupyterhub_platform.core.access_requests import AccessRequest, RequestState, Wish, plan
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject, Sources
from tests.support.policies import DOCUMENT, NOW

GRANT = Key(Kind.GRANT, "g1")
OLD = {
    "user": "Dev",
    "account": "vision",
    "add": {"servers": 1},
    "until": "2026-03-03T00:00:00Z",
    "by": "root",
    "reason": "a paper",
}
SOURCES = Sources({"version": 1, **DOCUMENT}, {GRANT: ManagedObject(GRANT, OLD, 1, "root", NOW)})
DAY = timedelta(days=1)


def ask(kind: Wish, wish: dict[str, Any], **more: Any) -> AccessRequest:
    said: dict[str, Any] = {"lasts": 2 * DAY, "user": "dev", "account": "vision"} | more
    return AccessRequest(id="r1", kind=kind, wish=wish, reason="training", at=NOW, **said)


def test_a_tier_is_granted_under_the_name_of_the_request() -> None:
    key, document = plan(ask(Wish.TIER, {"tier": "gpu"}), SOURCES, "mia", NOW)
    assert key == (Kind.GRANT, "r1")
    assert document == {
        "user": "dev",
        "account": "vision",
        "tier": "gpu",
        "until": (NOW + 2 * DAY).isoformat(),
        "by": "mia",
        "reason": "training",
    }


def test_less_is_granted_than_was_asked_for() -> None:
    asked = ask(Wish.QUOTA, {"add": {"cpu": 8, "servers": 2}})
    _, document = plan(asked, SOURCES, "mia", NOW, lasts=DAY, add={"cpu": 4})
    assert (document["add"], document["until"]) == ({"cpu": 4}, (NOW + DAY).isoformat())


def test_a_grant_lasts_longer_and_says_the_rest_as_before() -> None:
    key, document = plan(ask(Wish.EXTENSION, {"grant": "g1"}), SOURCES, "mia", NOW)
    assert key == GRANT
    assert document == {**OLD, "until": (NOW + 2 * DAY).isoformat(), "by": "mia"}


@pytest.mark.parametrize("more", [{"user": "eve"}, {}])
def test_a_grant_that_is_gone_or_of_another_user_does_not_last_longer(more) -> None:
    asked = ask(Wish.EXTENSION, {"grant": "g1" if more else "none"}, **more)
    with pytest.raises(LookupError, match="is gone"):
        plan(asked, SOURCES, "mia", NOW)


def test_a_level_keeps_what_else_is_said_of_the_user() -> None:
    key = Key(Kind.USER, "new")
    person = ManagedObject(key, {"level": "user", "title": "New"}, 1, "root", NOW)
    sources = Sources({"version": 1, **DOCUMENT}, {key: person})
    asked = ask(Wish.LEVEL, {"level": "developer"}, user="new", account="", lasts=None)
    assert plan(asked, sources, "root", NOW) == (key, {"level": "developer", "title": "New"})


def test_only_an_open_request_expires() -> None:
    asked = ask(Wish.TIER, {"tier": "gpu"})
    assert not asked.is_over(NOW + 14 * DAY - timedelta(seconds=1))
    assert asked.is_over(NOW + 14 * DAY)
    refused = AccessRequest(
        *("r1", "dev", "vision", Wish.TIER, {}, DAY, "x", NOW, RequestState.REFUSED)
    )
    assert not refused.is_over(NOW + 15 * DAY)
