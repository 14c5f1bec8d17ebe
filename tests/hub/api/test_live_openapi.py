"""Whatever is asked of the REST API, by whomever: it is answered as its document says.

``TEST_SEED`` repeats what a run asked.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.rest.access_requests import ACCESS_REQUEST_CALLS
from jupyterhub_platform.rest.bulk_calls import BULK_CALLS
from jupyterhub_platform.rest.hub_calls import HUB_CALLS, PROXIES
from jupyterhub_platform.rest.managed_calls import MANAGED_CALLS
from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.service_calls import SERVICE_CALLS
from jupyterhub_platform.rest.terminal_logins import END_LOGIN, TAKE_LOGIN
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub, wait_for
from tests.support.openapi_responses import DOCUMENT, find_faults
from tests.support.receivers import free_port
from tests.support.seeds import SEED, VARIABLE

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
name: Document
quota: {servers: 4}
defaults: {tier: small}
users:
  admin: {level: admin}
  dev: {level: developer}
  guest: {level: user}
groups:
  vision: {members: [admin, dev, guest], member_quota: {servers: 2}}
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small:
    title: Small
    requests: {cpu: 100m, memory: 256Mi}
    images: [lab]
    max_lifetime: 8h
    at_once: {platform: 3}
  ask:
    requests: {cpu: 100m, memory: 256Mi}
    images: [lab]
    access: {levels: [manager]}
    requestable: true
"""
SITE: Final = f"""\
c.Platform.mail_server = "127.0.0.1:{free_port()}"
c.Platform.mail_security = "none"
c.Platform.mail_from = "hub@example.org"
c.Platform.mail_domain = "example.org"
"""
"""A mail server that does not answer: what is not delivered can be sent again."""
CALLS: Final = (*HUB_CALLS, *SERVICE_CALLS)
# Tokens are sent as they are, so that Schemathesis makes up none.
WITHOUT_TOKENS: Final = {key: value for key, value in DOCUMENT.items() if key != "security"} | {
    "paths": {
        path: {
            method: {key: value for key, value in call.items() if key != "security"}
            if isinstance(call, dict)
            else call
            for method, call in calls.items()
        }
        for path, calls in DOCUMENT["paths"].items()
    }
}
SCHEMA: Final = schemathesis.openapi.from_dict(WITHOUT_TOKENS)
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
WITHOUT: Final = "stranger"
GRANT: Final = {
    "user": "dev",
    "add": {"servers": 1},
    "until": "2030-01-01T00:00:00Z",
    "reason": "paper",
}
BODIES: Final = {
    "decide": {"user_options": {"tier": "small"}},
    "suspend": {"reason": "away"},
    "resume": {"reason": "back"},
    "forgetLogin": {"reason": "left"},
    "makeRequest": {"tier": "ask", "account": "vision", "for": "2d", "reason": "training"},
    **{f"{verb}Request": {"reason": "a reason"} for verb in ("approve", "refuse", "withdraw")},
    **{
        move: {"kind": "group", "name": "vision", "reason": "there and back"}
        for move in ("release", "adopt")
    },
    "rollBack": {"to": 0, "reason": "all of it"},
    "planPolicy": {"text": POLICY},
    "startBulk": {
        "act": "grant",
        "names": ["guest"],
        "document": {key: value for key, value in GRANT.items() if key != "user"},
        "reason": "a term begins",
    },
    "undoBulk": {"reason": "it ends"},
    "noteRefused": {
        "method": "POST",
        "path": "/services/platform/new/user",
        "status": 403,
        "reason": "Only admins.",
    },
    "takeLogin": {"verifier": 43 * "A", "code": "none"},
    **{
        name: {"document": document, "reason": "a document"}
        for name, document in (
            ("putUser", {}),
            ("putGroup", {}),
            ("putImage", {"reference": "lab:1"}),
            ("putTier", {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}),
            *((name, GRANT) for name in ("putGrant", "makeGrant")),
        )
    },
    **{f"retire{kind.capitalize()}": {"reason": "done"} for kind in Kind},
}
"""What those calls are sent that would otherwise do nothing."""
LONG: Final = {
    "act": "set-level",
    "names": [f"nobody{number}" for number in range(4000)],
    "level": "user",
    "reason": "takes long",
}
"""A bulk change that runs still when it is stopped at once, and changes no one."""
ANSWERS: Final = tuple(call for call in ACCESS_REQUEST_CALLS if call.path_names)
AMOUNTS: Final = count()
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
NOT_OF_A_TOKEN: Final = (PROXIES, TAKE_LOGIN, END_LOGIN)
"""What no user's own token is answered: it is for the service, or for a terminal."""
TIMES: Final = 8
"""How often each call is asked in each way."""


@dataclass
class Asker:
    """Asks everything in the name of one user, or without a login."""

    name: str
    url: str
    headers: dict[str, str]
    known: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)
    statuses: Counter[str] = field(default_factory=Counter)

    def ask(self, call: Operation, case: Case, *, as_known: bool) -> None:
        """Ask, about what there is or about whatever came up, and hold the answer to its shape."""
        if as_known:
            known = {name: self.known[name] for name in call.path_names}
            case.path_parameters = {**(case.path_parameters or {}), **known}
        response = case.call(base_url=self.url, session=self.session, headers=self.headers)
        print(f"{VARIABLE}={SEED}: {case.method} {case.formatted_path}: {response.status_code}")
        if response.status_code != 413:
            # What is too large for any call is refused before a call sees it.
            checks = [*CHECKS, *([] if as_known else [negative_data_rejection])]
            case.validate_response(response, checks=checks)
        self.statuses[f"{call.id} {response.status_code}"] += 1

    def fuzz(self, call: Operation, mode: GenerationMode) -> None:
        operation: Any = SCHEMA[call.path][call.method]

        @seed(SEED)
        @settings(
            max_examples=TIMES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode), as_known=st.booleans())
        def ask(case: Case, as_known: bool) -> None:
            # An empty object, list or text in a query is nothing at all, as a field of a form.
            sent = (case.query or {}).values()
            assume(not any(isinstance(each, dict | list) or each == "" for each in sent))
            self.ask(call, case, as_known=as_known)

        ask()


hub = hub_of(POLICY, site=SITE)


@pytest.fixture(scope="module")
def known(hub: LiveHub) -> dict[str, str]:
    """Have something of everything: a server that runs, a refusal, a user to be suspended."""
    dev, admin = hub.token("dev"), hub.token("admin")
    assert dev.start("dev", tier="small").is_success
    dev.wait_until_ready("dev")
    assert dev.start("dev", "named", tier="small").is_success
    dev.wait_until_ready("dev", "named")
    refused = dev.start("dev", "third", tier="none")
    suspended = admin.post("platform/users/guest/suspend", json={"reason": "away"})
    assert suspended.status_code == 200
    assert admin.post("platform/users/guest/resume", json={"reason": "back"}).is_success
    decision = refused.headers["X-Platform-Decision"]
    names = {"name": "guest", "user": "dev", "server": "named", "verb": "charge"}
    return {**names, "id": decision, "number": "1", "first": "0", "last": "1"}


def make_request(hub: LiveHub, name: str) -> str:
    """Ask for something, so that it can be answered; return the id of the request."""
    wish = {"add": {"servers": 1 + next(AMOUNTS)}, "account": "vision", "for": "2d"}
    answer = hub.token(name).post("platform/requests", json={**wish, "reason": "more"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def wait_until_done(hub: LiveHub, id_: str) -> dict[str, Any]:
    def find() -> dict[str, Any] | None:
        found: dict[str, Any] = hub.token("admin").get(f"platform/bulk/{id_}").json()
        return found if found["state"] == "done" else None

    return wait_for(find, "the bulk change to be done") or {}


def begin_bulk(hub: LiveHub, call: Operation) -> str:
    """Have a bulk change in the state that a call is about; return its id."""
    admin, is_long = hub.token("admin"), call.id in {"stopBulk", "resumeBulk"}
    begun = admin.post("platform/bulk", json=LONG if is_long else BODIES["startBulk"])
    assert begun.status_code == 202, begun.text
    id_ = str(begun.json()["id"])
    if call.id == "resumeBulk":
        assert admin.delete(f"platform/bulk/{id_}").json()["state"] == "stopped"
    if not is_long:
        assert (found := wait_until_done(hub, id_))["done"] == 1, found
    return id_


def find_undelivered(hub: LiveHub) -> str:
    """Have a notice that is not delivered; return its id."""
    sent = hub.token("admin").post("platform/notices/test", json={})
    assert sent.status_code == 202, sent.text
    return str(sent.json()["items"][0]["id"])


def find_undeclared(hub: LiveHub) -> str:
    """Have a user whom JupyterHub knows and no policy; return the name."""
    added = hub.token("admin").post("users/stranger")
    assert added.status_code in {201, 409}, added.text
    return "stranger"


def name_subject(hub: LiveHub, call: Operation) -> dict[str, str]:
    """Return the values in the path of a call that are others than :func:`known`."""
    if call in ANSWERS:
        return {"id": make_request(hub, "admin" if call.id == "withdrawRequest" else "dev")}
    if call.id == "readBulkReport" or (call in BULK_CALLS and call.path_names):
        return {"id": begin_bulk(hub, call)}
    if call.id == "retryNotice":
        return {"id": find_undelivered(hub)}
    if call.id == "removeUndeclared":
        return {"name": find_undeclared(hub)}
    if call.id in {"listWhoCan", "readGroupReport"}:
        return {"name": "vision"}
    return {"name": "new"} if call in MANAGED_CALLS else {}


@pytest.fixture
def without_bulk(hub: LiveHub) -> Iterator[None]:
    """Stop the bulk changes that run, and end the grants that others made."""
    yield
    admin = hub.token("admin")
    jobs = admin.get(f"{hub.url}/services/platform/api/v1/bulk").json()["items"]
    for each in jobs:
        admin.delete(f"platform/bulk/{each['id']}")
    for each in (each for each in jobs if each["act"] == "grant"):
        begun = admin.post(f"platform/bulk/{each['id']}/undo", json=BODIES["undoBulk"])
        assert begun.status_code == 202, begun.text
        wait_until_done(hub, begun.json()["id"])


@pytest.fixture
def asker(hub: LiveHub, known: dict[str, str], request: pytest.FixtureRequest) -> Asker:
    name = request.param
    token = "" if name == WITHOUT else hub.token(name).token
    asker = Asker(name, hub.url, {"Authorization": f"Bearer {token}"} if token else {}, known)
    # Nothing of the machine's own stands between.
    asker.session.trust_env = False
    return asker


@pytest.mark.usefixtures("without_bulk")
def test_every_success_is_as_the_document_says(hub: LiveHub, known: dict[str, str]) -> None:
    api = hub.token("admin")
    for call in CALLS:
        query = {"user": "dev"} if call.id == "explainServer" else {}
        new = name_subject(hub, call)
        answer = api.request(
            call.method,
            f"{hub.url}{call.path.format(**known | new)}",
            params=query,
            headers={"If-None-Match": "*"} if call.method == "PUT" else {"If-Match": "*"},
            json=BODIES.get(call.id),
        )
        expected = {403} if call in NOT_OF_A_TOKEN else set(call.answers)
        if call.id == "forgetLogin":
            expected = {409}  # no user can have logged in, without a provider
        assert answer.status_code in expected, (call.id, answer.text)
        assert find_faults(call, answer) == []


@pytest.mark.parametrize("asker", [WITHOUT, "dev", "admin"], indirect=True)
def test_every_answer_is_as_the_document_says(hub: LiveHub, asker: Asker) -> None:
    faults = []
    for call in CALLS:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if has_something_to_get_wrong(call) or mode is GenerationMode.POSITIVE:
                try:
                    asker.fuzz(call, mode)
                except FailureGroup as group:
                    faults += [f"{call.id}: {each}" for each in group.exceptions]
    assert faults == [], "\n\n".join(faults)
    print(dict(sorted(asker.statuses.items())))
    assert "Uncaught exception" not in hub.log


def has_something_to_get_wrong(call: Operation) -> bool:
    return bool(call.body or any(each.schema != {"type": "string"} for each in call.arguments))


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_no_other_method_is_answered(hub: LiveHub, known: dict[str, str], path: str) -> None:
    api = hub.token("admin")
    for method in METHODS:
        if method.lower() not in DOCUMENT["paths"][path]:
            answer = api.request(method, f"{hub.url}{path.format(**known)}")
            assert answer.status_code == 405, method
            assert answer.json()["message"]


def test_the_hub_has_the_document_for_those_who_are_logged_in(hub: LiveHub) -> None:
    answer = hub.token("dev").get("platform/openapi.json")
    assert (answer.status_code, answer.json()) == (200, DOCUMENT)
    address = f"{hub.url}/hub/api/platform/openapi.json"
    stranger = httpx.get(address, trust_env=False)
    assert stranger.status_code == 403
