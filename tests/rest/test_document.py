"""One OpenAPI document: valid, whole, and of what the doors really answer to."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from jupyterhub_platform.hub.routes import platform_handlers
from jupyterhub_platform.rest.document import PARTS, make_document
from jupyterhub_platform.rest.hub_calls import HUB_CALLS
from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.service_calls import SERVICE_CALLS
from jupyterhub_platform.service.app import ROUTES

DOCUMENT = make_document()
METHODS = ("get", "post", "put", "patch", "delete")


def handled() -> set[tuple[str, str]]:
    """Return the method and the pattern of each call that handlers of ours answer."""
    hub = [(f"/hub{pattern}", kind) for pattern, kind, *_ in platform_handlers()]
    service = [(f"/services/platform/{pattern}", kind) for pattern, kind in ROUTES]
    return {
        (method.upper(), pattern)
        for pattern, kind in (*hub, *service)
        if re.match("/hub/api/platform/|/services/platform/api/v1/", pattern)
        for method in METHODS
        if any(method in vars(each) for each in kind.__mro__ if is_ours(each))
    }


def is_ours(kind: type[Any]) -> bool:
    return kind.__module__.startswith("jupyterhub_platform")


def example_of(call: Operation) -> str:
    return re.sub(r"\{\w+\}", "a", call.path)


def answers(pattern: str, call: Operation) -> bool:
    return re.fullmatch(pattern, example_of(call)) is not None


def test_is_valid_openapi() -> None:
    faults = [(e.message, e.instance_path) for e in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)]
    assert faults == []
    assert DOCUMENT["openapi"] == "3.1.0"


def test_document_that_is_no_openapi_is_noticed() -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    del broken["paths"]["/hub/api/platform/usage"]["get"]["responses"]["200"]["description"]
    assert not OPENAPI_31_VALIDATOR.is_valid(broken)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_one(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    Draft202012Validator.check_schema(schema)
    assert set(schema) & {"type", "$ref", "enum"}, name


def test_names_only_what_it_has_and_has_only_what_it_names() -> None:
    text = json.dumps(DOCUMENT)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named == set(DOCUMENT["components"]["schemas"])
    assert "$defs" not in text
    # Pydantic tells models of one name apart by their modules, which are no one's business.
    assert [name for name in named if "__" in name] == []


def test_every_call_that_is_answered_is_described() -> None:
    calls = [call for _, _, part, _ in PARTS for call in part]
    described = {
        (method, pattern)
        for method, pattern in handled()
        for call in calls
        if call.method == method and answers(pattern, call)
    }
    assert sorted(handled() - described) == []
    assert len(described) > 20


@pytest.mark.parametrize("call", [*HUB_CALLS, *SERVICE_CALLS], ids=lambda call: call.id)
def test_every_call_that_is_described_is_answered(call: Operation) -> None:
    first = next(
        kind
        for pattern, kind, *_ in [
            *((f"/hub{pattern}", *more) for pattern, *more in platform_handlers()),
            *((f"/services/platform/{pattern}", kind) for pattern, kind in ROUTES),
        ]
        if answers(pattern, call)
    )
    assert any(call.method.lower() in vars(each) for each in first.__mro__ if is_ours(each))


@pytest.mark.parametrize("call", [*HUB_CALLS, *SERVICE_CALLS], ids=lambda call: call.id)
def test_every_call_says_who_may_and_what_it_is_for(call: Operation) -> None:
    assert call.say_who()
    assert re.fullmatch(r"[A-Z].+\.", call.summary)
    assert call.id not in {each.id for each in (*HUB_CALLS, *SERVICE_CALLS) if each is not call}


def test_arguments_of_the_service_are_those_that_it_takes() -> None:
    for call in SERVICE_CALLS:
        taking = next(
            kind for pattern, kind in ROUTES if answers(f"/services/platform/{pattern}", call)
        )
        assert {each.name for each in call.arguments} == taking.TAKES, call.id


def test_document_is_below_the_address_of_the_hub() -> None:
    assert make_document("/lab/")["servers"] == [{"url": "/lab"}]
    assert DOCUMENT["servers"] == [{"url": "/"}]
