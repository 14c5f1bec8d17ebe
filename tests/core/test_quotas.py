from datetime import UTC, datetime, timedelta

import pytest

from jupyterhub_platform.core.grants import Grant
from jupyterhub_platform.core.quotas import Rule, Value, resolve
from jupyterhub_platform.core.resources import Resources

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_first_rule_that_says_something_wins():
    rules = (Rule("a", {"memory": 1}), Rule("b", {"cpu": 2}), Rule("c", {"cpu": 3}))
    assert resolve(*rules) == (Value("cpu", 2, "b.cpu"), Value("memory", 1, "a.memory"))


def test_zero_is_said_and_not_absent():
    rules = (Rule("a", {"cpu": 0}), Rule("b", {"cpu": 2}))
    assert resolve(*rules) == (Value("cpu", 0, "a.cpu"),)


def test_unlimited_is_said_and_not_absent():
    rules = (Rule("a", {"cpu": None}), Rule("b", {"cpu": 2}))
    assert resolve(*rules) == (Value("cpu", None, "a.cpu"),)


def test_nothing_is_said_when_no_rule_says_anything():
    assert resolve(Rule("a", {})) == resolve() == ()


def test_values_come_in_the_order_in_which_people_read_them():
    rule = Rule("a", {"memory": 1, "example.com/npu": 1, "cpu": 1, "servers": 1})
    names = [value.resource for value in resolve(rule)]
    assert names == ["servers", "cpu", "memory", "example.com/npu"]


@pytest.mark.parametrize(
    ("starts", "until", "live"),
    [
        (None, NOW + SECOND, True),
        (None, NOW, False),
        (NOW, NOW + SECOND, True),
        (NOW + SECOND, NOW + 2 * SECOND, False),
        (NOW - 2 * SECOND, NOW - SECOND, False),
    ],
)
def test_a_grant_counts_from_its_start_to_before_its_end(
    starts: datetime | None, until: datetime, live: bool
):
    grant = Grant("grants.0", "dev", "", "", Resources(), "", starts, until, "admin", "why")
    assert grant.is_live(NOW) is live
