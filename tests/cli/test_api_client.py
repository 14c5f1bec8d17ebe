"""The typed client: every call has a verb, or a reason; what it sends is what is described."""

import ast
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

import jupyterhub_platform.cli
from jupyterhub_platform.cli.hub.client import HubClient, HubRefusedError
from jupyterhub_platform.cli.hub.platform_client import CALLS, PlatformApi, fill_in
from jupyterhub_platform.cli.main import main
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.rest.document import make_document
from tests.cli.test_hub_client import answering, jhp

PATHS = make_document()["paths"]
BY_PATH = {
    "invite": "platform/users/",
    "suspend": "platform/users/",
    "resume": "platform/users/",
    "forgetLogin": "platform/users/",
    "explainServer": "platform/why",
    "readHealth": "platform/health",
    "readSettings": "platform/settings",
    "examineProviders": "platform/identity",
    "listAudit": "jhp audit list",
    "readAuditRow": "jhp audit show",
    "readUsageHistory": "jhp usage",
}
"""Calls whose verb names their path."""
BY_KIND = {f"{verb}{kind.capitalize()}" for verb in ("read", "put", "retire") for kind in Kind}
"""Calls that the client makes for each kind."""
NO_VERB = {
    "decide": "a dry run for programs that start servers; jhp explain says what fits",
    "readDecision": "the page of a denial shows it, and jhp why its reason",
    "readWholeDecision": "the page of a denial shows it, and jhp why its reason",
    "listDecisions": "jhp why shows the last one of a server",
    "readProxies": "for the platform's own service",
    "noteRefused": "for the platform's own service",
    "listHubCalls": "jhp api lists all calls",
    "listServiceCalls": "jhp api lists all calls",
    "readDocument": "for programs that make clients",
    "listOwnServers": "jhp ls lists what runs, and jhp why says how a server ended",
    "readOwn": "jhp explain shows the same of any user",
    "readGroupReport": "jhp group show says what is said of it, jhp explain what is held",
}
"""Calls that only ``jhp api`` makes, and why."""


def list_words() -> set[str]:
    """Return every literal of the command line, but those of the generic verb."""
    folder = Path(jupyterhub_platform.cli.__file__).parent
    return {
        node.value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_call_has_a_verb_or_a_reason() -> None:
    words = list_words()
    made = {call for call in CALLS if call in words} | BY_KIND
    made |= {call for call, path in BY_PATH.items() if any(path in word for word in words)}
    assert CALLS.keys() - made - NO_VERB.keys() == set()
    assert made & NO_VERB.keys() == set()
    assert NO_VERB.keys() - CALLS.keys() == set()


@pytest.mark.parametrize("call", CALLS.values(), ids=lambda call: call.id)
def test_what_is_sent_is_in_the_document(call: Any) -> None:
    assert PATHS[call.path][call.method.lower()]["operationId"] == call.id
    parts = tuple("../a?b#c%" for _ in call.path_names)
    path = fill_in(call, parts)
    assert path.count("/") == call.path.count("/")
    assert not set("?#") & set(path)


def client_of(answer: httpx.Response) -> tuple[PlatformApi, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    client = HubClient("https://hub.example.org/lab", "word")
    client._http = httpx.Client(transport=httpx.MockTransport(take), base_url=client._http.base_url)
    return PlatformApi(client), asked


CHANGED = {
    "kind": "group",
    "name": "a/b",
    "version": 2,
    "revision": 7,
    "previous": 6,
    "dry_run": True,
    "before": {},
    "after": {},
}


def test_a_change_says_what_was_seen_and_keeps_to_the_prefix() -> None:
    api, asked = client_of(httpx.Response(200, json={**CHANGED, "later": 1}))
    with api:
        body = {"document": {}, "reason": "x"}
        changed = api.put(Kind.GROUP, "a/b", body, seen='"3"', dry_run=True)
    (request,) = asked
    assert str(request.url) == (
        "https://hub.example.org/lab/hub/api/platform/groups/a%2Fb?dry_run=true"
    )
    assert (request.method, request.headers["If-Match"]) == ("PUT", '"3"')
    assert json.loads(request.content) == body
    assert changed.previous == 6


def test_an_answer_of_another_version_is_said_to_be_one() -> None:
    api, _ = client_of(httpx.Response(200, json={**CHANGED, "revision": "seven"}))
    with api, pytest.raises(PlatformError, match="another version"):
        api.retire(Kind.GROUP, "a", "x")
    api, _ = client_of(httpx.Response(200, json={}))
    with api, pytest.raises(PlatformError, match="does not answer like a Hub"):
        api.retire(Kind.GROUP, "a", "x")


def test_a_refusal_has_its_status_and_body() -> None:
    api, _ = client_of(httpx.Response(412, json={"message": "no", "current": None}))
    with api, pytest.raises(HubRefusedError) as refused:
        api.put(Kind.GROUP, "a", {})
    assert (refused.value.status, refused.value.body["current"]) == (412, None)


def test_any_call_is_made_by_its_name() -> None:
    listed = CliRunner().invoke(main, ["api"]).stdout
    assert "readUser" in listed
    assert "GET /hub/api/platform/users/NAME" in listed
    with answering(200, b'{"revision": 1, "changed": false}') as url:
        token = {"JUPYTERHUB_API_TOKEN": "secret-word"}
        done = CliRunner().invoke(main, ["api", "reload", "--url", url], env=token)
        assert json.loads(done.stdout) == {"revision": 1, "changed": False}
        for words in (("readUser",), ("readOwn", "x"), ("readOwn", "--query", "x")):
            assert jhp("api", *words, "--url", url).exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("usr",), "Did you mean user"),
        (("valdate",), "Did you mean validate"),
        (("group", "lst"), "Did you mean ls"),
        (("policy", "rolback", "1"), "Did you mean rollback?"),
        (("zzz",), "has no verb 'zzz'."),
    ],
)
def test_a_mistyped_verb_is_answered_with_those_that_are_spelled_so(
    words: tuple[str, ...], said: str
) -> None:
    done = jhp(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
