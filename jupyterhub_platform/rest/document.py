"""The REST API as one OpenAPI 3.1 document, made from the models of its calls."""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from pydantic.json_schema import JsonSchemaMode

from jupyterhub_platform.rest import hub_calls, service_calls
from jupyterhub_platform.rest.json_schema import render_schemas
from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.response_bodies import PROBLEM

PARTS: Final = (
    (
        "Hub",
        "Changes and decisions, in the Hub.",
        hub_calls.HUB_CALLS,
        hub_calls.REFUSALS,
    ),
    (
        "Service",
        "Reading of anything long, and stopping a server, in the platform's own service.",
        service_calls.SERVICE_CALLS,
        service_calls.REFUSALS,
    ),
)
_TOKEN: Final = "hubToken"  # noqa: S105 - the name of a scheme
_BY_STATUS: Final[Mapping[int, str]] = {
    400: "The request is invalid; the message says which part, and what it may be.",
    401: "The request has no token that the Hub knows.",
    403: "The request has no token, or one that may not do this.",
    404: "It does not exist, or the caller may not see it.",
    412: "The object was changed since the caller saw it.",
    428: "The request does not say which version its caller saw.",
    409: "It conflicts with the current state.",
    413: "The body is too large, and was not read.",
    415: "The body has a type that is not accepted.",
    422: "The policy, or the object, has faults.",
    429: "Too many requests; `Retry-After` says when to try again.",
    502: "The Hub's answer cannot be passed on.",
    503: "Hub or store does not answer now; `Retry-After` says when to try again.",
}


def make_document(base: str = "/") -> dict[str, Any]:
    """Make the document; ``base`` is the address below which ``hub/`` and ``services/`` are."""
    schemas, named = render_schemas(dict.fromkeys(_list_types()))
    paths: dict[str, dict[str, Any]] = {}
    for tag, _, calls, refusals in PARTS:
        for call in calls:
            described = _render_operation(call, tag, refusals, schemas)
            paths.setdefault(call.path, _parts_of_path(call))[call.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jupyterhub-platform",
            "version": version("jupyterhub-platform"),
            "description": (
                "Send a token of the Hub. Permissions are scopes, so that a role of your own "
                "can hold these too. A refusal says what, why and what to do next. A server is "
                "started by JupyterHub's own call, `POST hub/api/users/NAME/servers/SERVER`."
            ),
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": base.rstrip("/") or "/"}],
        "tags": [{"name": name, "description": text} for name, text, *_ in PARTS],
        "security": [{_TOKEN: []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                _TOKEN: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": (
                        "A token of the Hub, made on its page Token or by its REST API: "
                        "`Authorization: Bearer …`, or `token …`."
                    ),
                }
            },
            "schemas": named,
        },
    }


def render_document() -> str:
    """Render the document, the same for the same code."""
    return json.dumps(make_document(), indent=2, ensure_ascii=False) + "\n"


def _list_types() -> Iterator[tuple[Any, JsonSchemaMode]]:
    for _, _, calls, refusals in PARTS:
        for call in calls:
            if call.body is not None:
                yield call.body, "validation"
            for kind in (*call.answers.values(), *call.refusals.values(), *refusals.values()):
                yield kind, "serialization"


def _parts_of_path(call: Operation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in call.path_names
    ]
    return {"parameters": parameters} if parameters else {}


def _render_operation(
    call: Operation,
    tag: str,
    refusals: Mapping[int, Any],
    schemas: Mapping[tuple[Any, JsonSchemaMode], Any],
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": call.id,
        "tags": [tag],
        "summary": call.summary,
        "description": " ".join(filter(None, (f"Who may call it: {call.say_who()}.", call.note))),
    }
    if call.scopes:
        # One of them is enough.
        described["security"] = [{_TOKEN: [scope]} for scope in call.scopes]
    if call.arguments or call.headers:
        described["parameters"] = [
            {
                "name": each.name,
                "in": place,
                "description": each.what,
                "schema": dict(each.schema),
            }
            for place, some in (("query", call.arguments), ("header", call.headers))
            for each in some
        ]
    if call.body is not None:
        described["requestBody"] = {
            "required": call.has_required_keys,
            "content": {"application/json": {"schema": schemas[call.body, "validation"]}},
        }
    answers = {**call.answers, **refusals, **call.refusals}
    described["responses"] = {
        str(status): {
            "description": _BY_STATUS.get(status, HTTPStatus(status).phrase),
            "content": {
                PROBLEM if status >= 400 else "application/json": {
                    "schema": schemas[answers[status], "serialization"]
                }
            },
        }
        for status in sorted(answers)
    }
    for kind in call.other_types:
        for status in call.answers:
            content = described["responses"][str(status)]["content"]
            content[kind] = {"schema": {"type": "string"}}
    return described
