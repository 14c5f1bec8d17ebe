"""The REST API to read: the calls of the OpenAPI document, one page without any script."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from jupyterhub_platform.rest.document import PARTS, make_document
from jupyterhub_platform.rest.index import render_index
from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.service_calls import SERVICE_CALLS
from jupyterhub_platform.rest.verbs import say_verb
from jupyterhub_platform.service.api import ApiHandler
from jupyterhub_platform.service.pages import PageHandler

_ROOTS: Final = re.compile(r"/hub/api/platform/?|/services/platform/api/v1/?")
_TITLES: Final[Mapping[str, str]] = {"": "The API itself", "me": "Oneself", "who-can": "Who can"}
_REFERENCE: Final = "#/components/schemas/"
_SAMPLES: Final[Mapping[str, Any]] = {"string": "…", "integer": 1, "boolean": True, "object": {}}


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter, or a key of a body or an answer. ``of`` is the object that it has, if any."""

    name: str
    where: str
    type: str
    of: str
    is_needed: bool
    what: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it is shown."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    scopes: tuple[str, ...]
    parts: tuple[Part, ...]
    answers: tuple[tuple[str, str, str], ...]
    refusals: tuple[str, ...]
    verb: str
    curl: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The whole page: calls by their noun, the objects that they send, and what codes mean.

    ``refusals`` are the codes with which any call may be refused; calls have those of their own.
    """

    refusals: tuple[str, ...]
    nouns: tuple[tuple[str, str, tuple[Call, ...]], ...]
    objects: tuple[tuple[str, str, tuple[Part, ...]], ...]
    codes: tuple[tuple[str, str, str], ...]


class ApiPage(PageHandler):
    """All calls of the platform, for every user who is logged in."""

    async def get(self) -> None:
        """Show the page."""
        facts, _ = await self.read_in_thread(self.read_facts)
        environment = self.settings["environment"]
        base = environment.hub_host or environment.find_address(self.request)
        prefix = environment.prefix.removesuffix("services/platform/").rstrip("/")
        found = await self.read_in_thread(make_reference)
        self.show("api.html", facts, found=found, base=f"{base}{prefix}")


class IndexCall(ApiHandler):
    """The calls that are below this address."""

    async def get(self) -> None:
        """Answer any logged-in user."""
        environment = self.settings["environment"]
        base = environment.prefix.removesuffix("services/platform/")
        self.send(render_index(SERVICE_CALLS, base, hub=environment.hub_host))


@cache
def make_reference() -> Reference:
    """Return what the page shows, which is what the document says."""
    document = make_document()
    operations = {each.id: each for _, _, calls, _ in PARTS for each in calls}
    nouns: dict[str, list[Call]] = {}
    codes: dict[str, str] = {}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if method == "parameters":
                continue
            common = methods.get("parameters", [])
            call = _make_call(operations[described["operationId"]], described, common)
            noun = _ROOTS.sub("", path, count=1).strip("/").partition("/")[0].partition(".")[0]
            nouns.setdefault("" if noun == "openapi" else noun, []).append(call)
            codes |= {c: str(each["description"]) for c, each in described["responses"].items()}
    every = [each for calls in nouns.values() for each in calls]
    shared = set.intersection(*(set(each.refusals) for each in every))
    nouns = {noun: [_leave_out(each, shared) for each in calls] for noun, calls in nouns.items()}
    return Reference(
        tuple(sorted(shared)),
        tuple(
            (noun or "api", _TITLES.get(noun, noun.capitalize()), tuple(calls))
            for noun, calls in sorted(nouns.items())
        ),
        tuple(
            (name, str(schema.get("description", "")), tuple(_list_keys(schema)))
            for name, schema in sorted(document["components"]["schemas"].items())
        ),
        tuple((c, HTTPStatus(int(c)).phrase, codes[c]) for c in sorted(codes)),
    )


def _leave_out(call: Call, shared: Collection[str]) -> Call:
    return replace(call, refusals=tuple(code for code in call.refusals if code not in shared))


def _make_call(call: Operation, described: Mapping[str, Any], common: Iterable[Any]) -> Call:
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = body.get("schema", {})
    parameters = [*common, *described.get("parameters", ())]
    answers = [
        (code, *_find_type(next(iter(each["content"].values()))["schema"]))
        for code, each in described["responses"].items()
        if int(code) < 400
    ]
    return Call(
        call.id,
        call.method,
        call.path,
        call.summary,
        str(described["description"]),
        call.scopes,
        (*map(_make_parameter, parameters), *_list_body(schema)),
        tuple(answers),
        tuple(code for code in described["responses"] if int(code) >= 400),
        say_verb(call),
        _render_curl(call),
    )


def _make_parameter(given: Mapping[str, Any]) -> Part:
    kind, of = _find_type(given["schema"])
    what = str(given.get("description", "Part of the path."))
    return Part(given["name"], given["in"], kind, of, given.get("required", False), what)


def _list_body(schema: Mapping[str, Any]) -> Iterator[Part]:
    name = str(schema.get("$ref", "")).removeprefix(_REFERENCE)
    if name:
        yield Part("", "body", name, name, False, "")


def _list_keys(schema: Mapping[str, Any]) -> Iterator[Part]:
    needed = set(schema.get("required", ()))
    for name, each in schema.get("properties", {}).items():
        kind, of = _find_type(each)
        yield Part(name, "key", kind, of, name in needed, str(each.get("description", "")))
    if "enum" in schema:
        yield Part("", "value", _find_type(schema)[0], "", True, "")


def _find_type(schema: Mapping[str, Any]) -> tuple[str, str]:
    """Say what a value is, and name the object that it is or has, if there is one."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return name, name
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"])), ""
    if "const" in schema:
        return str(schema["const"]), ""
    some = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if some:
        found = [_find_type(each) for each in some]
        return " or ".join(kind for kind, _ in found), next((of for _, of in found if of), "")
    kind = schema.get("type", "any")
    if kind == "array":
        inner, of = _find_type(schema.get("items") or schema.get("prefixItems", [{}])[0])
        return f"list of {inner}", of
    if isinstance(kind, list):
        return " or ".join(kind), ""
    return {"date-time": "time"}.get(schema.get("format", ""), str(kind)), ""


def _render_curl(call: Operation) -> str:
    """Render an example that works once its words in capitals are replaced."""
    words = ['curl -H "$AUTH"']
    words += [] if call.method == "GET" else [f"-X {call.method}"]
    for each in call.headers:
        sample = {"If-Match": "*", "Idempotency-Key": "KEY"}.get(each.name)
        words += [f"-H '{each.name}: {sample}'"] if sample else []
    if call.body is not None:
        keys = {
            field.alias or name: _sample(call.body, field.alias or name)
            for name, field in call.body.model_fields.items()
            if field.is_required()
        }
        text = json.dumps(keys, ensure_ascii=False)
        words += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
    path = re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), call.path)
    return " ".join([*words, f"$HUB{path}"])


def _sample(body: Any, key: str) -> Any:
    schema = body.model_json_schema()["properties"][key]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return ["NAME"]
    return _SAMPLES.get(str(schema.get("type")), "…")
