"""How a denial leaves the Hub: its status, its sentence, and the way to the whole decision."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jupyterhub_platform.core.decision import Decision, Denial
from jupyterhub_platform.core.errors import StoreUnreachableError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.question import Question, Subject
from jupyterhub_platform.hub.denials import STORE_SENTENCE, denied, status_of, store_is_down

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def decision(*codes: str, observed: bool = False, reason: str = "It is full.") -> Decision:
    subject = Subject("dev1", Level.DEVELOPER, ("vision",))
    question = Question(NOW, 1, subject, "", Options(), "small", "vision", "lab", (), ())
    denials = tuple(Denial(code, reason, "Ask an admin.") for code in codes)
    return Decision(question, denials, (), observed)


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ((), 201),
        (("options.invalid",), 400),
        (("options.tier",), 400),
        (("person.unknown",), 403),
        (("level.may_not_start",), 403),
        (("account.none",), 403),
        (("tier.not_granted",), 403),
        (("quota.servers",), 409),
        (("capacity.servers",), 503),
        (("quota.servers", "capacity.servers"), 409),
        (("capacity.servers", "tier.not_granted"), 403),
        (("tier.not_granted", "quota.servers", "options.image"), 400),
        (("something.new",), 409),
    ],
    ids=str,
)
def test_status_is_that_of_what_has_to_be_mended_first(codes: tuple[str, ...], status: int) -> None:
    assert status_of(decision(*codes)) == status


def test_start_that_is_only_observed_is_admitted() -> None:
    assert status_of(decision("quota.servers", observed=True)) == 201


def test_denial_carries_its_sentence_and_leads_to_the_decision() -> None:
    error: Any = denied(decision("quota.servers"), "abc", "/hub/api/platform")
    assert (error.status_code, error.code) == (409, "quota.servers")
    assert error.jupyterhub_message == "It is full. Ask an admin."
    assert error.headers == {
        "X-Platform-Decision": "abc",
        "Link": '</hub/api/platform/decisions/abc>; rel="describedby"',
    }


def test_full_platform_says_when_to_come_back() -> None:
    assert denied(decision("capacity.cpu"), "abc", "/x").headers["Retry-After"] == "60"
    assert "Retry-After" not in denied(decision("quota.cpu"), "abc", "/x").headers


def test_reason_never_carries_data_and_the_page_never_markup() -> None:
    error: Any = denied(decision("tier.not_granted", reason="<script>x"), "abc", "/x")
    assert error.reason == "tier"
    assert "<script>" not in error.jupyterhub_html_message
    assert "&lt;script&gt;" in error.jupyterhub_html_message
    assert error.jupyterhub_message.startswith("<script>"), "JSON needs no escaping"


def test_store_that_is_down_is_a_503_with_a_time_and_nothing_of_the_cause() -> None:
    error: Any = store_is_down(StoreUnreachableError("postgresql://user:secret@db failed"))
    assert (error.status_code, error.code) == (503, StoreUnreachableError.code)
    assert error.headers == {"Retry-After": "10"}
    assert error.jupyterhub_message == STORE_SENTENCE
    assert "secret" not in str(error.__dict__)
