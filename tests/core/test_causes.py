"""Causes: in words, with who can help, and read again as they were written."""

from datetime import UTC, datetime

import pytest

from jupyterhub_platform.core.causes import (
    DELIBERATE,
    OUT_OF_MEMORY,
    LastRun,
    Who,
    cause_of_denial,
    cause_of_release,
)

NOW = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "who"),
    [
        ("options.tier", Who.YOU),
        ("quota.memory", Who.YOU),
        ("account.not_member", Who.YOU),
        ("account.none", Who.ADMIN),
        ("tier.not_granted", Who.MANAGER),
        ("capacity.servers", Who.OPERATOR),
        ("person.suspended", Who.ADMIN),
        ("level.may_not_start", Who.ADMIN),
    ],
)
def test_a_refusal_says_who_can_help(code: str, who: Who) -> None:
    assert cause_of_denial((code,), ["It is so."], ["Do this."]).who == who


def test_a_refusal_says_each_reason_and_each_remedy_once() -> None:
    cause = cause_of_denial(("quota.cpu", "quota.memory"), ["A.", "B.", "A."], ["Stop one."] * 2)
    assert str(cause) == "A. B. Stop one."
    assert cause.code == "quota.cpu"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("stopped", "server.stopped"),
        ("lifetime", "server.lifetime"),
        ("idle", "server.idle"),
        ("suspended", "server.suspended"),
        ("server.out_of_memory", "server.out_of_memory"),
        ("not running after a restart of the Hub", "server.ended"),
    ],
)
def test_every_reason_of_the_ledger_is_a_cause_in_words(reason: str, code: str) -> None:
    assert cause_of_release(reason).code == code


def test_what_nobody_wanted_is_told_unasked() -> None:
    told = ("lifetime", "idle", "server.out_of_memory")
    assert not {cause_of_release(reason).code for reason in told} & DELIBERATE
    wanted = ("stopped", "suspended", "server.ended")
    assert {cause_of_release(reason).code for reason in wanted} == DELIBERATE


def test_a_last_run_is_read_again_as_it_was_written() -> None:
    run = LastRun(OUT_OF_MEMORY, NOW, "small", "vision")
    assert LastRun.from_json(run.to_json()) == run


@pytest.mark.parametrize(
    "change", [{"who": "everybody"}, {"at": "2030-01-02"}, {"at": 3}, {"code": None, "at": ""}]
)
def test_what_is_no_last_run_is_refused(change: dict[str, object]) -> None:
    data = LastRun(OUT_OF_MEMORY, NOW, "small", "vision").to_json()
    with pytest.raises((KeyError, TypeError, ValueError)):
        LastRun.from_json({**data, **change})
