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
    no_hub,
    not_answering,
    not_up,
)
from jupyterhub_platform.core.observed_pods import CHANGED, GONE, UNASSIGNED, UNOBSERVED

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
        ("not_let_in", "server.not_let_in"),
        ("server.out_of_memory", "server.out_of_memory"),
        (GONE, "pod.gone"),
        (CHANGED, "pod.changed"),
        (UNASSIGNED, "pod.unassigned"),
        (UNOBSERVED, "pod.unobserved"),
        ("not running after a restart of the Hub", "server.ended"),
    ],
)
def test_every_reason_of_the_ledger_is_a_cause_in_words(reason: str, code: str) -> None:
    assert cause_of_release(reason).code == code


def test_an_unwanted_end_is_explained_unasked() -> None:
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
def test_invalid_last_run_is_refused(change: dict[str, object]) -> None:
    data = LastRun(OUT_OF_MEMORY, NOW, "small", "vision").to_json()
    with pytest.raises((KeyError, TypeError, ValueError)):
        LastRun.from_json({**data, **change})


def test_a_start_that_took_too_long_says_how_long() -> None:
    assert "did not get ready within 90 s" in not_up(90).sentence


@pytest.mark.parametrize(
    ("seconds", "cpu", "code", "words"),
    [
        (30, 0, "server.not_answering", "within 30 s (http_timeout)."),
        (30, 4_000, "server.not_answering", "within 30 s (http_timeout)."),
        (30, 150, "server.too_slow", "with 0.15 CPU JupyterLab may need longer."),
        (30, 50, "server.too_slow", "with 0.05 CPU JupyterLab needs longer."),
    ],
)
def test_a_server_that_is_silent_says_what_it_may_lack(
    seconds: float, cpu: int, code: str, words: str
) -> None:
    cause = not_answering(seconds, cpu)
    assert cause.code == code
    assert cause.sentence.endswith(words)


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("Failed to connect to my Hub at http://hub:8081: refused", "cannot reach the Hub"),
        ("Failed to connect to my Hub: Name or service not known", "DNS does not tell it"),
    ],
)
def test_a_log_that_says_that_the_hub_is_out_of_reach_is_believed(log: str, words: str) -> None:
    cause = no_hub(log, "http://hub:8081/hub/api")
    assert cause is not None
    assert words in cause.sentence
    assert "http://hub:8081/hub/api" in cause.sentence
    assert no_hub("Jupyter Server is running", "http://hub:8081/hub/api") is None
