"""Bad input at every route of the Hub: 4xx with a sentence, no trace, and nothing half done.

``TEST_SEED`` repeats what a run sends.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jupyterhub.apihandlers import default_handlers as api_routes
from jupyterhub.handlers import default_handlers as page_routes

from tests.support.hostile_input import any_value
from tests.support.hub_fixtures import token_of
from tests.support.live_hub import Api, LiveHub, Session, hidden_xsrf, running, wait_for
from tests.support.postgres import PostgresServer
from tests.support.seeds import dice_for

pytestmark = pytest.mark.hub

POLICY = """\
version: 1
defaults: {tier: small}
users:
  admin: {level: admin}
  dev: {level: developer}
  kim: {level: developer}
  gone: {level: developer}
  vic: {level: viewer}
  una: {level: user}
  man: {level: manager}
  ope: {level: operator}
  aud: {level: auditor}
groups: {vision: {members: [dev, kim, gone, admin], managers: [man]}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 128Mi}, images: [lab]}}
"""
FAR = "9999-12-31T23:59:59-14:00"
HUGE = 10**30
LINE_BREAK = "/hub/home%0A//evil.example"
ROUNDS = 400


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def hub(request: pytest.FixtureRequest, make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    """A Hub with its own database, and the platform's store, of each kind: they refuse others."""
    site, environment = "", {}
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create_database().replace("postgres://", "postgresql+psycopg://")
        site = f"c.JupyterHub.db_url = {url!r}"
        environment["PLATFORM_DB_URL"] = server.create_database()
    with running(LiveHub(make_directory(), POLICY, site=site, environment=environment)) as hub:
        yield hub


admin = token_of("admin")


@pytest.fixture(scope="module")
def dev(hub: LiveHub) -> Api:
    api = hub.token("dev")
    assert api.put("users/dev/servers/named").status_code == 201
    return api


@pytest.fixture(autouse=True)
def no_trace(hub: LiveHub) -> Iterator[None]:
    before = len(hub.log)
    yield
    found = re.findall(r"(?:Traceback|Uncaught exception|\n\w*Error:).*", hub.log[before:])
    at = hub.log.find(found[0], before) if found else 0
    assert not found, hub.log[max(at - 500, 0) : at + 4_000]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "shares/dev/named", {"user": ""}),
        ("PATCH", "shares/dev/named", {"user": ""}),
        ("POST", "shares/dev/named", {"group": ""}),
        ("PATCH", "shares/dev/named", {"group": "", "user": None}),
        ("PATCH", "shares/dev/named", {}),
        ("POST", "shares/dev/named", {"user": "kim", "scopes": ["access:servers!server=x/y"]}),
        ("POST", "shares/dev/named", {"user": "kim", "group": "vision"}),
        ("PATCH", "shares/dev/named", {"user": "kim", "group": "vision"}),
        ("POST", "share-codes/dev/named", {"expires_in": 5}),
        ("POST", "share-codes/dev/named", {"expires_in": HUGE}),
        ("POST", "share-codes/dev/named", {"expires_in": 10**17}),
        ("POST", "users/dev/activity", {"last_activity": FAR}),
        ("POST", "users/dev/activity", {"last_activity": "0001-01-01T00:00:00+14:00"}),
        ("POST", "users/dev/activity", {"servers": {"named": {"last_activity": FAR}}}),
        ("POST", "users/dev/activity", {"servers": {"named": {"last_activity": [1]}}}),
        ("POST", "users/dev/activity", {"last_activity": "9" * 65}),
        ("POST", "users/dev/activity", {"servers": {"": {"last_activity": "9" * 65}}}),
        ("POST", "users/dev/tokens", {"roles": ["user"] * 101}),
        ("POST", "users/dev/tokens", {"note": "n" * 1025}),
        ("POST", "users/dev/tokens", {"expires_in": HUGE}),
        ("POST", "users/dev/tokens", {"expires_in": -(10**17)}),
        ("POST", "users/dev/tokens", {"roles": ["nothing"]}),
        ("DELETE", f"users/dev/tokens/a{HUGE}", None),
        ("GET", f"users/dev/tokens/a{HUGE}", None),
        ("GET", f"users/dev/tokens/a-{HUGE}", None),
        ("DELETE", f"share-codes/dev/named?id=sc_{HUGE}", None),
        ("DELETE", "share-codes/dev/named?id=", None),
        ("DELETE", "share-codes/dev/named?code=", None),
    ],
)
def test_bad_input_of_a_developer_is_refused(dev: Api, method: str, path: str, body: Any) -> None:
    answer = dev.request(method, path, json=body) if body is not None else dev.request(method, path)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["message"]
    # What a library says of its own classes means nothing to a user.
    assert "validation error" not in answer.text
    assert "input_value" not in answer.text


def test_a_share_with_a_user_and_a_group_is_refused_with_what_is_wanted(dev: Api) -> None:
    for verb in ("POST", "PATCH"):
        both = dev.request(verb, "shares/dev/named", json={"user": "kim", "group": "vision"})
        said = "Expected exactly one of `user` or `group`, not both."
        assert (both.status_code, both.json()["message"]) == (400, said)
    soon = dev.post("share-codes/dev/named", json={"expires_in": 5}).json()["message"]
    assert soon == "expires_in: Input should be greater than or equal to 60."


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "groups", {"groups": "abc"}),
        ("POST", "groups", {"groups": [{}]}),
        ("POST", "groups", {"groups": [5]}),
        ("POST", "shutdown", {"proxy": []}),
        ("POST", "shutdown", {"servers": {}}),
        ("POST", "shutdown", {"proxy": "yes"}),
        ("PATCH", "proxy", {"api_url": 5}),
        ("PATCH", "proxy", {"api_url": "nonsense"}),
        ("PATCH", "proxy", {"api_url": "http://[::1"}),
        ("PATCH", "proxy", {"auth_token": ["x"]}),
        ("POST", "services/new", {"oauth_client_allowed_scopes": [5]}),
        ("POST", "services/new", {"url": 5}),
        ("POST", "services/new", {"url": "http://[::1"}),
        ("POST", "oauth2/token?client_id=x", {}),
        ("PATCH", "users/kim", {"admin": "yes"}),
        ("PATCH", "users/kim", {"name": ""}),
        ("PATCH", "users/kim", None),
        ("GET", f"users?offset={HUGE}", None),
        ("GET", "users?limit=x", None),
        ("GET", "users?sort=x", None),
        ("GET", "users?state=x", None),
    ],
)
def test_bad_input_of_an_admin_is_refused(admin: Api, method: str, path: str, body: Any) -> None:
    answer = admin.request(method, path, json=body)
    assert 400 <= answer.status_code < 500, answer.text
    names = [group["name"] for group in admin.get("groups").json()]
    assert not {"a", "b", "c"} & set(names)
    assert "new" not in admin.get("services").json()


@pytest.mark.parametrize(
    "body",
    [
        {"api_url": "http://127.0.0.1:1/"},
        {"auth_token": "not-the-token-of-this-proxy"},
        {"auth_token": "two\nlines"},
    ],
)
def test_a_proxy_that_does_not_answer_is_not_taken(
    hub: LiveHub, admin: Api, body: dict[str, str]
) -> None:
    answer = admin.patch("proxy", json=body, timeout=60)
    assert (answer.status_code, "nothing was changed" in answer.text) == (400, True), answer.text
    assert admin.get("proxy").status_code == 200
    assert admin.patch("proxy", json={}).status_code == 200
    assert hub.login("kim").get("/hub/token").status_code == 200


@pytest.mark.parametrize(
    "address", [LINE_BREAK, "/%0d%0aX-Evil:%201", "//%5B", "http://%5B::1", "/hub/home%00", "//h:x"]
)
def test_an_address_to_go_on_to_that_is_none_is_refused(hub: LiveHub, address: str) -> None:
    logged_in = hub.login("kim")
    for path in (f"login?next={address}", f"?next={address}", f"spawn?next={address}"):
        answer = logged_in.get(f"/hub/{path}")
        assert answer.status_code in {400, 302}, path
        assert "evil" not in answer.headers.get("location", "")
    new = Session(hub.url, "kim")
    page = new.get("/hub/login")
    form = {"username": "kim", "password": hub.passwords["kim"], "_xsrf": hidden_xsrf(page.text)}
    answer = new.post(f"/hub/login?next={address}", data=form)
    assert answer.status_code == 400
    # Nothing is done by halves: they are not logged in.
    assert "jupyterhub-hub-login" not in new.cookies
    new.close()


def test_a_user_with_a_named_server_is_deleted_whole(hub: LiveHub, admin: Api) -> None:
    owner = hub.token("gone")
    assert owner.start("gone", "two").status_code in {201, 202}
    owner.wait_until_ready("gone", "two")
    answer = admin.delete("users/gone")
    assert answer.status_code in {204, 409}, answer.text
    if answer.status_code == 409:
        assert "Nothing is deleted" in answer.json()["message"]
        wait_for(lambda: admin.delete("users/gone").status_code == 204, "the deletion")
    assert admin.get("users/gone").status_code == 404
    usage = admin.get("platform/usage", params={"user": "gone"}).json()
    assert usage["servers"] == []


LEVELS = ("vic", "una", "dev", "man", "ope", "aud", "kim")


def test_only_an_admin_deletes_a_user_with_a_named_server(hub: LiveHub, admin: Api) -> None:
    owner = hub.token("kim")
    assert owner.start("kim", "two").status_code in {201, 202}
    # While it starts, and while it runs.
    for _ in range(2):
        for name in LEVELS:
            refused = hub.token(name).delete("users/kim")
            assert refused.status_code in {403, 404}, (name, refused.text)
            assert refused.json()["message"]
        owner.wait_until_ready("kim", "two")
    assert admin.get("users/kim").json()["servers"]["two"]["ready"]
    stop = hub.token("ope").delete("users/kim/servers/two")
    assert stop.status_code in {202, 204}, "an operator stops servers"
    wait_for(lambda: "two" not in owner.servers("kim"), "it to stop")
    assert admin.get("users/kim").status_code == 200


def test_a_user_whose_named_server_starts_is_deleted_whole_or_not_at_all(
    hub: LiveHub, admin: Api
) -> None:
    hub.token("gone").start("gone", "")
    hub.token("gone").start("gone", "three")
    for _ in range(30):
        answer = admin.delete("users/gone")
        assert answer.status_code in {204, 409, 404, 400}, answer.text
        if answer.status_code in {204, 404}:
            break
        assert answer.json()["message"]
        assert admin.get("users/gone").status_code == 200
        time.sleep(1)
    assert admin.get("users/gone").status_code == 404
    held = admin.get("platform/usage", params={"user": "gone"}).json()
    assert held["servers"] == []


SEGMENTS = (
    *("dev", "kim", "nobody", "vision", "named", "platform", "", ".", "..", "%2e%2e", "%00", "%ff"),
    *("%ed%a0%80", "%0a", "a" * 300, "%F0%9F%98%80", "level:admin", "x%2fy", "a1", f"a{HUGE}"),
    *("-1", "%27", "%22%3E", "%25s", "{0}", "__proto__"),
)
FIELDS = (
    *("usernames", "users", "user", "group", "groups", "scopes", "roles", "note", "name", "admin"),
    *("expires_in", "last_activity", "servers", "properties", "auth", "auth_state", "url", "info"),
    *("display_name", "user_options", "remove", "reason", "until", "expires_in_hours", "command"),
    *("api_token", "oauth_client_id", "oauth_redirect_uri", "environment", "cwd", "display"),
)
ARGUMENTS = (
    *("limit", "offset", "state", "sort", "name_filter", "include_stopped_servers", "user"),
    *("server", "next", "code", "id", "token", "client_id", "redirect_uri", "response_type"),
    *("scope", "url", "failed", "_xsrf", "role", "options", "stopped"),
)
VALUES = (
    *("", "0", "-1", str(HUGE), "1e9", "true", "x", "%00", "%0a", "%ff", "%ed%a0%80", FAR, "//["),
    *("vision", "dev", "[]", "{}", "access:servers!server=", "a" * 2_000, "%F0%9F%98%80"),
)
OURS = (
    *("/api/platform/usage", "/api/platform/decide", "/api/platform/decisions/([^/]+)"),
    *("/api/platform/why", "/api/platform/users/([^/]+)/invite", "/api/platform/health"),
    *("/api/platform/users/([^/]+)/suspend", "/api/platform/users/([^/]+)/resume", "/password"),
    *("/invite/([^/]*)", "/api/users/([^/]+)/servers/([^/]*)", "/api/users/([^/]+)/server"),
)
NOT_SENT = ("/api/shutdown", "/logout", "/api/proxy", "/progress")
"""What ends the Hub, the session or the proxy where it is taken, or goes on without an end."""


def list_routes() -> list[str]:
    stock = [str(route[0]) for route in (*api_routes, *page_routes)]
    return [r for r in (*stock, *OURS) if not any(word in r for word in NOT_SENT)]


def fill(route: str, dice: random.Random) -> str:
    path = re.sub(r"\((?!\?)[^()]*\)", lambda _: dice.choice(SEGMENTS), route)
    return re.sub(r"[\\?^$*+]|\(.*?\)", "", path)


def any_query(dice: random.Random) -> str:
    pairs = [f"{dice.choice(ARGUMENTS)}={dice.choice(VALUES)}" for _ in range(dice.randrange(4))]
    return "?" + "&".join(pairs) if pairs else ""


def any_json(dice: random.Random) -> bytes:
    if dice.random() < 0.1:
        return dice.choice((b"", b"[", b"null", b"\xff", b"[" * 5_000, b"NaN", b'"\\ud800"'))
    value = {dice.choice(FIELDS): any_entry(dice) for _ in range(dice.randrange(1, 4))}
    return json.dumps(value).encode()


def any_entry(dice: random.Random) -> Any:
    plain: list[object] = ["dev", "kim", "", HUGE, -1, FAR, ["dev"], [""], [{}], {"named": {}}]
    plain += [True, None]
    return dice.choice(plain) if dice.random() < 0.7 else any_value(dice)


def fill_with_one_bad(route: str, bad: str) -> Iterator[str]:
    """Yield the address with the bad value in each of its segments, names that exist elsewhere."""
    segment = re.compile(r"\((?!\?)[^()]*\)")
    for place in range(len(segment.findall(route))):
        names = ["dev", "dev", "named", "named"]
        names[place] = bad
        left = iter(names)
        path = segment.sub(lambda _, left=left: next(left), route)  # type: ignore[misc]
        yield re.sub(r"[\\?^$*+]|\(.*?\)", "", path)


@pytest.mark.parametrize("name", ["admin", "dev"])
def test_no_segment_takes_what_no_database_takes(hub: LiveHub, dev: Api, name: str) -> None:
    headers = {"Authorization": f"token {hub.token(name).token}"}
    failed = []
    with hub.connect_directly(timeout=60, headers=headers) as client:
        for route in list_routes():
            for bad in ("%00", f"a{HUGE}"):
                for path in fill_with_one_bad(route, bad):
                    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                        answer = client.request(method, httpx.URL(f"/hub{path}"), content=b"{}")
                        if answer.status_code >= 500 and answer.status_code != 503:
                            failed.append((method, path, answer.status_code, answer.text[:300]))
    assert not failed, failed
    stopped = {"include_stopped_servers": "1"}
    assert "named" in dev.get("users/dev", params=stopped).json()["servers"]


@pytest.mark.parametrize("name", ["admin", "dev", ""])
def test_random_input_is_never_answered_with_500(hub: LiveHub, name: str) -> None:
    dice, routes = dice_for(f"bad input of {name}"), list_routes()
    headers = {"Authorization": f"token {hub.token(name).token}"} if name else {}
    failed = []
    # At the Hub's own socket: its proxy fails by itself on a path that is no UTF-8.
    with hub.connect_directly(timeout=60, headers=headers) as client:
        for _ in range(ROUNDS):
            method = dice.choice(("GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"))
            url = f"/hub{fill(dice.choice(routes), dice)}{any_query(dice)}"
            body = any_json(dice) if method in {"POST", "PUT", "PATCH", "DELETE"} else b""
            if is_deletion(method, url):
                continue
            answer = client.request(method, httpx.URL(url), content=body)
            if answer.status_code >= 500 and answer.status_code != 503:
                failed.append((method, url, body[:300], answer.status_code, answer.text[:300]))
            if why := find_silence(method, answer):
                failed.append((method, url, body[:300], answer.status_code, why))
    assert not failed, json.dumps([list(map(str, each)) for each in failed[:10]], indent=1)


def find_silence(method: str, answer: httpx.Response) -> str:
    """Say what an answer of the REST API lacks: words of an error, or to be kept nowhere."""
    if not answer.url.path.startswith("/hub/api/"):
        return ""
    if answer.headers.get("Cache-Control") != "no-store":
        return "kept by caches"
    is_page = answer.headers.get("Content-Type", "").startswith(
        "text/html"
    )  # of OAuth, for browsers
    if not answer.is_error or is_page or method == "HEAD":
        return ""
    said = answer.json()
    if not (said.get("message") or said.get("error")):  # which OAuth calls it
        return f"no sentence: {answer.text[:300]}"
    return ""


def is_deletion(method: str, url: str) -> bool:
    """Tell whether a request may take away what the next ones are sent with."""
    return method == "DELETE" and bool(re.search("/api/users/[^/]*(\\?|$)|/tokens", url))


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "users/dev/tokens", 403, "Invalid username or password."),
        ("GET", "user", 403, "your token lacks the scope"),
        ("GET", "users/dev", 403, "Missing or invalid credentials."),
        ("GET", "no/such/thing", 404, "nothing at this address"),
        ("PUT", "info", 405, "does not take this method"),
        ("GET", "platform/usage", 403, "Log in"),
    ],
)
def test_every_refusal_has_a_sentence_and_is_kept_nowhere(
    hub: LiveHub, method: str, path: str, status: int, said: str
) -> None:
    login = {"auth": {"username": "dev", "password": "wrong"}}
    body = json.dumps(login).encode() if method == "POST" else b""
    with hub.connect_directly(timeout=60) as client:
        answer = client.request(method, f"/hub/api/{path}", content=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["message"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_pages_of_errors_have_a_sentence(hub: LiveHub) -> None:
    session = hub.login("dev")
    for path in ("admin", "spawn/kim"):
        page = session.get(f"/hub/{path}")
        assert page.status_code in {403, 404}
        shown = re.sub(r"<script.*?</script>", "", page.text, flags=re.DOTALL)
        assert re.search(r"<h1>[^<]+</h1>\s*<p>[^<]{20,}", shown), shown[-1500:]


def test_answers_with_secrets_are_kept_nowhere(hub: LiveHub, admin: Api) -> None:
    session = hub.login("dev")
    made = session.post_json("/hub/api/users/dev/tokens", {"note": "x"})
    shared = hub.token("dev").post("share-codes/dev/named", json={"scopes": []})
    invited = admin.post("platform/users/kim/invite")
    asked = session.get("/hub/token")
    login = hub.login("kim")
    led = login.get("/services/platform/oauth_callback?code=x&state=y")
    for answer in (made, shared, invited, asked, led, admin.get("user"), login.get("/hub/login")):
        assert answer.headers.get("Cache-Control") == "no-store", answer.url
    assert {made.status_code, invited.status_code} == {201}


@pytest.mark.parametrize("name", ["admin", ""])
@pytest.mark.parametrize("value", ["%ff", "%00", "%ed%a0%80"])
def test_a_path_that_is_no_text_is_refused_at_every_route(
    hub: LiveHub, value: str, name: str
) -> None:
    routes = [re.sub(r"\((?!\?)[^()]*\)", value, route) for route in list_routes()]
    paths = [re.sub(r"[\\?^$*+]|\(.*?\)", "", route) for route in routes if value in route]
    assert len(paths) > 20
    paths += [f"{folder}{value}" for folder in ("/static/", "/platform/static/", "/static/css/")]
    headers = {"Authorization": f"token {hub.token(name).token}"} if name else {}
    answers = {}
    with hub.connect_directly(timeout=60, headers=headers) as client:
        for path in paths:
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
                answers[method, path] = client.request(method, httpx.URL(f"/hub{path}"))
    wrong = {at: a.status_code for at, a in answers.items() if a.status_code >= 500}
    assert not wrong


def test_an_origin_that_is_none_is_refused_by_the_service(hub: LiveHub) -> None:
    session = hub.login("dev")
    session.get("/services/platform/", follow_redirects=True)
    for origin in ("http://[", "null", "http://[::1", quote("\u00e9")):
        answer = session.post(
            "/services/platform/servers/stop", data={"user": "dev"}, headers={"Origin": origin}
        )
        assert answer.status_code == 403, origin
