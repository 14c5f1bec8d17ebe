"""A body is read whole: every fault is named with its key and what that may be, in our words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_platform.rest.access_requests import AnswerRequest, ApproveRequest, AskRequest
from jupyterhub_platform.rest.bulk_changes import BulkRequest, NewPerson, UndoRequest
from jupyterhub_platform.rest.managed import (
    AdoptRequest,
    PutObjectRequest,
    ReasonRequest,
    ReleaseRequest,
    RollBackRequest,
)
from jupyterhub_platform.rest.notices import TryNoticesRequest
from jupyterhub_platform.rest.policy_plans import PlanRequest
from jupyterhub_platform.rest.provider_logins import ForgetLoginRequest
from jupyterhub_platform.rest.refused_requests import RefusedRequest
from jupyterhub_platform.rest.request_bodies import (
    Body,
    BodyError,
    DryRunRequest,
    InviteRequest,
    MayBe,
    Nothing,
    ResumeRequest,
    ServerChange,
    SuspendRequest,
)
from jupyterhub_platform.rest.terminal_logins import TakeLoginRequest

BODIES: tuple[type[Body], ...] = (
    AdoptRequest,
    AnswerRequest,
    ApproveRequest,
    AskRequest,
    BulkRequest,
    DryRunRequest,
    InviteRequest,
    NewPerson,
    Nothing,
    PlanRequest,
    PutObjectRequest,
    ReasonRequest,
    RefusedRequest,
    ReleaseRequest,
    ResumeRequest,
    RollBackRequest,
    ServerChange,
    SuspendRequest,
    TakeLoginRequest,
    UndoRequest,
    TryNoticesRequest,
    ForgetLoginRequest,
)
PYDANTIC = ("Input should", "validation error", "pydantic", "Extra inputs", "Field required")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def faults_of(kind: type[Body], sent: object) -> str:
    with pytest.raises(BodyError) as refused:
        kind.read(sent)
    return str(refused.value)


def test_bodies_are_all_subclasses_of_body() -> None:
    assert set(BODIES) == {*Body.__subclasses__(), *ReleaseRequest.__subclasses__()}


def test_no_body_is_an_empty_one() -> None:
    assert Nothing.read(None) == Nothing.read({})
    body = DryRunRequest.read(None)
    assert (body.user_options, body.server, body.model_fields_set) == (None, "", set())


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("sent", [[], "text", 1, True, [{}]], ids=repr)
def test_body_that_is_no_object_is_refused(kind: type[Body], sent: object) -> None:
    assert faults_of(kind, sent) == "The body is a JSON object."


@pytest.mark.parametrize(
    ("kind", "sent", "said"),
    [
        (
            DryRunRequest,
            {"tier": "small"},
            "Unknown keys: 'tier'. Known are user_options, user, server.",
        ),
        (Nothing, {"b": 1, "a": 2}, "Unknown keys: 'a, b'. This takes no keys."),
        (DryRunRequest, {"user": 5, "server": []}, "user and server are names."),
        (
            InviteRequest,
            {"expires_in_hours": 0, "hours": 2},
            (
                "Unknown keys: 'hours'. Known are expires_in_hours. "
                "expires_in_hours is a whole number from 1 to 720."
            ),
        ),
        (SuspendRequest, {}, "Say why: reason is one line of text."),
        (
            SuspendRequest,
            {"reason": "\n", "until": 5},
            (
                "Say why: reason is one line of text. until is a time with its zone, or left "
                "out: “5” is not a date and time; write for example 2030-01-31T18:00:00Z."
            ),
        ),
        (ResumeRequest, {"reason": "x" * 501}, "reason has 500 characters at most."),
        (ServerChange, {"name": 5, "display_name": []}, "name is text. display_name is text."),
    ],
)
def test_every_fault_is_said_at_once(kind: type[Body], sent: dict[str, Any], said: str) -> None:
    assert faults_of(kind, sent) == said


@pytest.mark.parametrize("hours", [0, -1, 721, 1.0, 1.5, True, "2", None, [], 10**18], ids=repr)
def test_hours_are_whole_and_at_most_a_month(hours: object) -> None:
    said = "expires_in_hours is a whole number from 1 to 720."
    assert faults_of(InviteRequest, {"expires_in_hours": hours}) == said


def test_valid_body_is_read() -> None:
    read = SuspendRequest.read({"reason": " left ", "until": "2030-01-31T18:00:00-05:00"})
    assert (read.reason, read.until) == ("left", datetime(2030, 1, 31, 23, tzinfo=UTC))
    assert SuspendRequest.read({"reason": "left", "until": None}).until is None
    assert InviteRequest.read({"expires_in_hours": 720}).expires_in_hours == 720
    options = {"tier": ["anything", {"at": "all"}]}
    assert DryRunRequest.read({"user_options": options}).user_options == options


@pytest.mark.parametrize("key", ["\n", "\x1b[2J", "x" * 5000, "{sentence}", "%s"], ids=ascii)
def test_a_key_is_shown_in_plain_characters_and_in_part(key: str) -> None:
    said = faults_of(SuspendRequest, {key: 1, "reason": "left"})
    assert said.isprintable()
    assert said.isascii()
    assert len(said) < 300


@pytest.mark.parametrize("kind", BODIES)
def test_every_key_says_what_it_may_be(kind: type[Body]) -> None:
    for name, field in kind.model_fields.items():
        said = [each.sentence for each in field.metadata if isinstance(each, MayBe)]
        # Options may be anything: what is wrong with them is a decision.
        assert len(said) == (0 if name == "user_options" else 1), name
        assert all((field.alias or name) in each for each in said)


@given(st.sampled_from(BODIES), st.data())
def test_any_body_is_read_or_refused_in_our_words(kind: type[Body], data: st.DataObject) -> None:
    names = [field.alias or name for name, field in kind.model_fields.items()]
    keys = st.sampled_from([*names, "other"])
    sent = data.draw(st.dictionaries(keys, values) | values)
    said = "."
    try:
        kind.read(sent)
    except BodyError as refused:
        said = str(refused)
    assert not [word for word in PYDANTIC if word in said]
    assert said.endswith(".")
