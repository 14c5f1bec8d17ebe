"""A manager tries to get more than they hold, in every way there is: refused, and on record.

Each way has a manager of its own, all of them with the same rights, so that none hides behind the
others in the audit.
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from click.testing import CliRunner

from jupyterhub_platform.cli.main import main
from jupyterhub_platform.store import managed
from jupyterhub_platform.usecases.terminal_logins import hash_verifier
from tests.hub.matrix.actors import Actor, Cookies, find_token_of_server
from tests.support.canaries import Watched
from tests.support.live_hub import Api, LiveHub, running, server_path
from tests.support.store_readers import read_audit, reading

pytestmark = pytest.mark.hub

ANY: Final = {"If-Match": "*"}
NEW: Final = {"If-None-Match": "*"}
LATER: Final = "2030-01-01T00:00:00Z"
SERVICE: Final = "/services/platform/"
ENOUGH: Final = 30


@dataclass
class Scene:
    """A Hub, and the manager who tries."""

    hub: LiveHub
    admin: Api
    me: str
    ids: Mapping[str, str]

    @property
    def api(self) -> Api:
        return self.with_token({"note": "a test"})

    def with_token(self, body: Mapping[str, Any]) -> Api:
        made = self.admin.post(f"users/{self.me}/tokens", json=body)
        assert made.status_code == 201, made.text
        api = Api(self.hub.url, made.json()["token"])
        self.hub.keep(api)
        return api

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.request(method, self.fill(path), json=self.fill_body(body), headers=named)

    def fill(self, text: str) -> str:
        return text.replace("ME", self.me).replace("BIG", self.me.upper()).format(**self.ids)

    def fill_body(self, body: Any) -> Any:
        return json.loads(
            json.dumps(body).replace('"ME"', json.dumps(self.me)).replace("BIG", self.me.upper())
        )


Try = Callable[[Scene], httpx.Response]


@dataclass(frozen=True)
class Way:
    """One way to get more: what is done, how it is refused, and as what it is on record."""

    name: str
    act: Try = field(repr=False)
    statuses: frozenset[int]
    action: str

    def __str__(self) -> str:
        return self.name


WAYS: list[Way] = []


def way(name: str, action: str, *statuses: int) -> Callable[[Try], Try]:
    def add(act: Try) -> Try:
        WAYS.append(Way(name, act, frozenset(statuses or {403}), action))
        return act

    return add


def raw(name: str, action: str, method: str, path: str, body: Any = None, *statuses: int) -> None:
    """Add a way that is one request of JupyterHub's own API, or of ours."""
    way(name, action, *statuses)(lambda scene: scene.send(method, path, body))


def put(
    name: str,
    path: str,
    document: Mapping[str, Any],
    *statuses: int,
    match: Mapping[str, str] = NEW,
    **more: Any,
) -> None:
    """Add a way that is a change of a managed object."""
    kind = path.partition("/")[0].removesuffix("s")
    body = {"document": document, "reason": "mine", **more}
    headers = {key.replace("-", "_"): value for key, value in match.items()}
    way(name, f"{kind}.changed", *statuses)(
        lambda scene: scene.send("PUT", f"platform/{path}", body, **headers)
    )


def retire(name: str, path: str) -> None:
    kind = path.partition("/")[0].removesuffix("s")
    way(name, f"{kind}.retired")(
        lambda scene: scene.send("DELETE", f"platform/{path}", {"reason": "mine"}, If_Match="*")
    )


def grant(name: str, document: Mapping[str, Any], path: str = "grants/mine") -> None:
    whole = {"user": "dev1", "account": "vision", "until": LATER, "reason": "mine", **document}
    said = {key: value for key, value in whole.items() if value is not None}
    put(name, path, said, match=ANY if "{" in path else NEW)


# Their own level and account.
put("own level", "users/ME", {"level": "admin"}, match=ANY)
put("own level, by another spelling", "users/BIG", {"level": "admin"}, match=ANY)
put("own quota", "users/ME", {"level": "manager", "quota": {"servers": 99}}, match=ANY)
raw("admin of the Hub", "person.changed", "PATCH", "users/ME", {"admin": True})
raw("an admin's name", "person.changed", "PATCH", "users/ME", {"name": "root"})
raw(
    "out of the policy", "user.retired", "DELETE", "platform/users/ME", {"reason": "mine"}, 403, 428
)
# Other people.
put("a manager of their own", "users/sock", {"level": "manager"}, groups=["team"])
put("an operator of their own", "users/sock", {"level": "operator"}, groups=["team"])
put("an auditor of their own", "users/sock", {"level": "auditor"}, groups=["team"])
put("a user in no group", "users/sock", {"level": "user"})
put("a user of another group", "users/sock", {"level": "user"}, groups=["lang"])
put("a user of two groups", "users/sock", {"level": "user"}, groups=["team", "lang"])
put(
    "a user with a quota",
    "users/sock",
    {"level": "user", "quota": {"servers": 99}},
    groups=["team"],
)
put("a user of others", "users/max", {"level": "developer"}, match=ANY)
put("a user of no group", "users/free", {"level": "developer"}, match=ANY)
put("an admin's level", "users/admin", {"level": "viewer"}, match=ANY)
put("a member's quota", "users/kim", {"level": "user", "quota": {"servers": 9}}, match=ANY)
put("a member's suspension", "users/lost", {"level": "user"}, match=ANY)
retire("a suspended member, to be made again", "users/lost")
retire("a member whom an admin suspended, to be made again", "users/away")
retire("a limited member, to be made again", "users/held")
retire("an admin's end", "users/root")
retire("the end of a user of others", "users/max")
raw("a suspension", "person.suspended", "POST", "platform/users/dev1/suspend", {"reason": "x"})
raw("a suspension's end", "person.resumed", "POST", "platform/users/away/resume", {"reason": "x"})
raw("an admin's password", "person.invited", "POST", "platform/users/root/invite", {})
raw("a peer's password", "person.invited", "POST", "platform/users/peer/invite", {})
raw("the password of a user of others", "person.invited", "POST", "platform/users/other/invite", {})
raw("new users", "person.added", "POST", "users", {"usernames": ["sock"]})
raw("a new admin", "person.added", "POST", "users/sock", {"admin": True})
# Groups.
put("a new user who names a group of others", "users/sock", {"level": "user", "groups": ["lang"]})
put("themselves in a group of others", "users/ME", {"groups": ["lang"]}, match=ANY)
put("a group of their own", "groups/mine", {"managers": ["ME"], "quota": {"servers": 99}})
put("another group", "groups/lang", {"members": ["max", "ME"]}, match=ANY)
put("their group's quota", "groups/team", {"quota": {"servers": 99}}, match=ANY)
put("a provider's people in their group", "groups/team", {"from": ["org:all"]}, match=ANY)
put("their group charged for others", "groups/team", {"default": True}, match=ANY)
put("an account of others", "users/sock", {"level": "user", "account": "lang"}, groups=["team"])
raw("a group that feeds another", "group.added", "POST", "groups/org:team")
put("their group's managers", "groups/team", {"managers": ["ME", "peer"]}, match=ANY)
put(
    "a limit in their group",
    "groups/team",
    {"members": ["ME"], "users": {"ME": {"servers": 99}}},
    match=ANY,
)
put("their declared group", "groups/vision", {"quota": {"servers": 99}}, 409, match=ANY)
retire("their group", "groups/team")
raw("a group rename: a group like a level", "group.added", "POST", "groups/level:owner")
raw("a group of the Hub", "group.added", "POST", "groups/mine")
raw("the level admin", "group.members_added", "POST", "groups/level:admin/users", {"users": ["ME"]})
raw("a member of others", "group.members_added", "POST", "groups/language/users", {"users": ["ME"]})
raw("a member less", "group.members_removed", "DELETE", "groups/vision/users", {"users": ["dev1"]})
raw("a group's properties", "group.properties_set", "PUT", "groups/vision/properties", {"a": "b"})
# Tiers and images.
TIER: Final = {"requests": {"cpu": 64, "memory": "1Ti"}, "images": ["lab"]}
put("a tier", "tiers/huge", TIER)
put("a managed tier", "tiers/big", TIER | {"access": {"groups": ["vision"]}}, match=ANY)
put("an image", "images/own", {"reference": "evil.example/image:1"})
put("images that users name", "images/open", {"pattern": "evil.example/*"})
put("a managed image that users name", "images/lent", {"pattern": "evil.example/*"}, match=ANY)
CHOICES: Final = {
    "images": ["lab"],
    "sizes": {
        "work": {"requests": {"cpu": 1, "memory": "1Gi"}},
        "huge": {"requests": {"cpu": 64, "memory": "1Ti"}, "access": {"users": ["ME"]}},
    },
}
put("a tier with choices", "tiers/mine", CHOICES)
put("a choice inside a tier", "tiers/sized", CHOICES, match=ANY)
retire("a managed tier's end", "tiers/big")
# Grants.
grant("a grant to themselves", {"user": "ME", "add": {"servers": 1}})
grant("a grant to themselves, by another spelling", {"user": "BIG", "add": {"servers": 1}})
grant("more than the group holds", {"add": {"servers": 9}})
grant("a grant of all accounts", {"account": None, "add": {"servers": 1}})
grant("a grant to the group", {"user": None, "account": None, "group": "vision", "add": {"cpu": 9}})
grant("a grant in another group", {"user": "other", "account": "language", "add": {"servers": 1}})
grant("a tier that they may not start", {"tier": "big"})
grant("a grant in another's name", {"by": "admin", "add": {"servers": 1}})
grant("another's grant", {"user": "ME", "add": {"servers": 1}}, "grants/{grant}")
retire("the end of another's grant", "grants/{grant}")
raw(
    "a grant with a key",
    "grant.made",
    "POST",
    "platform/grants",
    {
        "document": {
            "user": "ME",
            "account": "vision",
            "add": {"servers": 1},
            "until": LATER,
            "reason": "mine",
        },
        "reason": "mine",
    },
)
raw(
    "a grant on trial",
    "grant.made",
    "POST",
    "platform/grants?dry_run=true",
    {
        "document": {
            "user": "dev1",
            "account": "vision",
            "add": {"servers": 9},
            "until": LATER,
            "reason": "mine",
        },
        "reason": "mine",
    },
)


# Requests.
@way("a request to themselves", "request.approved")
def _(scene: Scene) -> httpx.Response:
    wish = {"account": "vision", "add": {"servers": 1}, "for": "2d", "reason": "mine"}
    made = scene.send("POST", "platform/requests", wish)
    assert made.status_code == 201, made.text
    approved = scene.send("POST", f"platform/requests/{made.json()['id']}/approve", {"reason": "x"})
    scene.send("POST", f"platform/requests/{made.json()['id']}/withdraw", {"reason": "x"})
    return approved


@way("a request for the level admin", "request.approved")
def _(scene: Scene) -> httpx.Response:
    made = scene.send("POST", "platform/requests", {"level": "admin", "reason": "mine"})
    assert made.status_code == 201, made.text
    approved = scene.send("POST", f"platform/requests/{made.json()['id']}/approve", {"reason": "x"})
    scene.send("POST", f"platform/requests/{made.json()['id']}/withdraw", {"reason": "x"})
    return approved


ANSWER: Final = {"reason": "mine"}
raw(
    "a request of others",
    "request.approved",
    "POST",
    "platform/requests/{theirs}/approve",
    ANSWER,
    404,
)
raw(
    "a request for a level",
    "request.approved",
    "POST",
    "platform/requests/{level}/approve",
    ANSWER,
    403,
    404,
)
raw(
    "a request beyond the group",
    "request.approved",
    "POST",
    "platform/requests/{large}/approve",
    ANSWER,
)
raw(
    "a request made larger",
    "request.approved",
    "POST",
    "platform/requests/{small}/approve",
    {**ANSWER, "add": {"servers": 2}},
    *(400, 403, 409, 422),
)
raw(
    "a request withdrawn", "request.withdrawn", "POST", "platform/requests/{small}/withdraw", ANSWER
)
# The policy.
way("the policy of before", "policy.rolled_back")(
    lambda scene: scene.send(
        "POST", "platform/policy/rollback", {"to": 0, "reason": "mine"}, If_Match="*"
    )
)
MOVE: Final = {"kind": "group", "name": "vision", "reason": "mine"}
raw("a declared group taken out", "policy.released", "POST", "platform/policy/release", MOVE)
raw(
    "a managed group taken in",
    "policy.adopted",
    "POST",
    "platform/policy/adopt",
    {**MOVE, "name": "team"},
)
raw("the file", "policy.published", "POST", "platform/reload")
# The Hub's raw API.
raw("an admin's token", "token.made", "POST", "users/admin/tokens", {}, 403, 404)
raw("a member's token", "token.made", "POST", "users/dev1/tokens", {}, 403, 404)
raw(
    "a token of an admin's scopes",
    "token.made",
    "POST",
    "users/ME/tokens",
    {"scopes": ["admin:users"]},
    400,
)
raw(
    "a token of an admin's role",
    "token.made",
    "POST",
    "users/ME/tokens",
    {"roles": ["platform-admin"]},
    400,
)
raw("a member's server, shared", "share.made", "POST", "shares/dev1/", {"user": "ME"}, 403, 404)
raw("a member's server", "server.started", "POST", server_path("dev1", "x"), {}, 403, 404)
raw("a member's files", "server.stopped", "DELETE", server_path("dev1", ""), None, 403, 404)
raw("a service", "service.added", "POST", "services/mine", {"admin": True})
raw("the proxy", "proxy.changed", "PATCH", "proxy", {"api_url": "http://127.0.0.1:9"})
raw("the Hub's end", "hub.shut_down", "POST", "shutdown", {})
# Their own servers.
START: Final = "users/ME/servers/x"
raw(
    "a tier that is not theirs",
    "server.denied",
    "POST",
    START,
    {"user_options": {"tier": "big"}},
    400,
    403,
)
raw(
    "another account",
    "server.denied",
    "POST",
    START,
    {"user_options": {"tier": "small", "account": "language"}},
    *(400, 403),
)
raw(
    "a size that is not theirs",
    "server.denied",
    "POST",
    START,
    {"user_options": {"tier": "sized", "size": "large", "account": "vision"}},
    *(400, 403),
)
raw(
    "an image that is no choice",
    "server.denied",
    "POST",
    START,
    {"user_options": {"tier": "sized", "size": "small", "account": "vision", "image": "evil/a:1"}},
    *(400, 403),
)
raw("values in options", "server.denied", "POST", START, {"user_options": {"cpu": 64}}, 400, 403)


@way("a server's token", "user.changed")
def _(scene: Scene) -> httpx.Response:
    assert scene.api.start(scene.me, tier="small", account="vision").is_success
    scene.api.wait_until_ready(scene.me)
    with Api(scene.hub.url, find_token_of_server(scene.hub)) as server:
        body = {"document": {"level": "user"}, "groups": ["team"], "reason": "mine"}
        answer = server.request("PUT", "platform/users/sock", json=body, headers=NEW)
    scene.api.stop(scene.me)
    return answer


@way("a token of few scopes", "user.changed")
def _(scene: Scene) -> httpx.Response:
    body = {"document": {"level": "user"}, "groups": ["team"], "reason": "mine"}
    few = scene.with_token({"scopes": ["custom:platform:self"]})
    return few.request("PUT", "platform/users/sock", json=body, headers=NEW)


@way("a login of a terminal with an admin's scopes", "token.made")
def _(scene: Scene) -> httpx.Response:
    verifier, browser = secrets.token_urlsafe(32), scene.hub.login(scene.me)
    asked = {"challenge": hash_verifier(verifier), "machine": "m", "seconds": "600"}
    page = browser.get("/hub/platform/login", params={**asked, "scope": "custom:platform:admin"})
    form = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
    shown = browser.post("/hub/platform/login", data=dict(form))
    code = re.search(r'id="code">([a-z2-9-]+)<', shown.text)
    assert code
    body = {"verifier": verifier, "code": code[1]}
    with Watched(scene.hub.url) as client:
        return client.post("/hub/api/platform/login", json=body)


# Tables, and pages.
def import_table(row: str) -> Try:
    def act(scene: Scene) -> httpx.Response:
        table = scene.hub.state.parent / f"{scene.me}.csv"
        table.write_text(f"name,level,title,groups\nfine,user,,team\n{row}\n")
        words = ["user", "add", "--from", str(table), "--reason", "mine", "--url", scene.hub.url]
        environment = {"JUPYTERHUB_API_TOKEN": scene.api.token}
        done = CliRunner(catch_exceptions=False).invoke(main, words, env=environment)
        assert "Nothing was changed" in done.stderr, done.output
        return httpx.Response({1: 403}.get(done.exit_code, 200))

    return act


def command(*words: str, document: Any = None) -> Try:
    """Return a way that is a verb of ``jhp``, with a document in a file if there is one."""

    def act(scene: Scene) -> httpx.Response:
        file = scene.hub.state.parent / f"{scene.me}.json"
        file.write_text(json.dumps(scene.fill_body(document)))
        said = [*words, *(["--document", str(file)] if document else [])]
        environment = {"JUPYTERHUB_API_TOKEN": scene.api.token}
        done = CliRunner(catch_exceptions=False).invoke(
            main, [*said, "--reason", "mine", "--url", scene.hub.url], env=environment
        )
        assert done.exit_code == 1, done.output
        assert "refused (403)" in done.stderr, done.stderr
        return httpx.Response(403)

    return act


way("the command for a provider's people in their group", "group.changed")(
    command("group", "set", "team", "--from", "org:all")
)
way("the command for images that users name", "image.changed")(
    command("image", "add", "open", "--pattern", "evil.example/*")
)
way("the command for a tier with choices", "tier.changed")(
    command("tier", "add", "mine", document=CHOICES)
)
way("a table with a manager", "bulk.started")(import_table("sock,manager,,team"))
way("a table with another group", "bulk.started")(import_table("sock,user,,lang"))


def submit(path: str, says: str = "", **form: str) -> Try:
    def act(scene: Scene) -> httpx.Response:
        actor = Actor(scene.me, cookies=Cookies.of(scene.hub.login(scene.me)))
        filled = {**scene.fill_body(form), "why": "mine", "step": "save"}
        with Watched(scene.hub.url) as client:
            answer = actor.ask(client, "POST", f"{SERVICE}{scene.fill(path)}", filled, api=False)
        assert answer is not None
        assert says in answer.text
        return answer

    return act


# These pages are for admins, and refuse themselves.
way("the page of their group, with a provider's people", "call.refused")(
    submit("groups/team/edit", "Only admins change groups.", seen="1", **{"from": "org:all"})
)
way("the page of images that users name", "call.refused")(
    submit("new/image", "Only admins change images.", name="open", pattern="evil.example/*")
)
way("the page of a tier with choices", "call.refused")(
    submit(
        "new/tier",
        "Only admins change tiers.",
        name="mine",
        images="lab",
        more=f"sizes: {json.dumps(CHOICES['sizes'])}",
    )
)
way("the page of a new manager", "user.changed", 403, 422)(
    submit("new/user", name="sock", level="manager", groups="team")
)
way("the page of a grant to themselves", "grant.made", 403, 422)(
    submit(
        "new/grant",
        **{"user": "ME", "account": "vision", "add.servers": "1", "until": "1h", "reason": "mine"},
    )
)


POLICY: Final = f"""\
version: 1
name: Reach
defaults: {{tier: small, member_quota: {{servers: 2}}}}
users:
  admin: {{level: admin}}
  root: {{level: admin}}
  peer: {{level: manager}}
  dev1: {{level: developer}}
  other: {{level: developer}}
  free: {{level: user}}
{"".join(f"  boss{n:02}: {{level: manager}}{chr(10)}" for n in range(len(WAYS)))}groups:
  vision:
    members: [dev1]
    managers: [{", ".join(f"boss{n:02}" for n in range(len(WAYS)))}]
    quota: {{servers: 3}}
  language: {{members: [other], managers: [peer], quota: {{servers: 3}}}}
images:
  lab: {{title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}}
tiers:
  small: {{requests: {{cpu: 100m, memory: 256Mi}}, images: [lab]}}
"""
MANAGERS: Final = [f"boss{n:02}" for n in range(len(WAYS))]


@pytest.fixture(scope="module")
def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        yield hub


@pytest.fixture(scope="module")
def admin(hub: LiveHub) -> Api:
    return hub.token("admin")


def make(admin: Api, path: str, document: Mapping[str, Any], **more: Any) -> str:
    body = {"document": document, "reason": "the scene", **more}
    made = admin.request("PUT", f"platform/{path}", json=body, headers=NEW)
    assert made.status_code == 201, made.text
    return str(made.json()["name"])


def request(hub: LiveHub, name: str, **wish: Any) -> str:
    made = hub.token(name).post("platform/requests", json={"reason": "work", **wish})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@pytest.fixture(scope="module")
def ids(hub: LiveHub, admin: Api) -> dict[str, str]:
    """Manage something of each kind, and have requests wait."""
    make(admin, "groups/team", {"managers": MANAGERS, "quota": {"servers": 2}})
    make(admin, "groups/lang", {"managers": ["peer"], "quota": {"servers": 2}})
    make(admin, "tiers/big", {**TIER, "access": {"groups": ["language"]}})
    make(admin, "images/lent", {"reference": "quay.io/jupyter/base-notebook:latest"})
    sizes = {
        "small": {"requests": {"cpu": "100m", "memory": "256Mi"}},
        "large": {"requests": {"cpu": 8, "memory": "8Gi"}, "access": {"users": ["admin"]}},
    }
    make(admin, "tiers/sized", {"images": ["lab"], "sizes": sizes})
    suspended = {"reason": "lost their laptop"}
    for name, said in (
        ("kim", {}),
        ("held", {"quota": {"servers": 0}}),
        ("lost", {"suspended": suspended}),
        ("away", {}),
    ):
        make(admin, f"users/{name}", {"level": "user", **said}, groups=["team"])
    make(admin, "users/max", {"level": "user"}, groups=["lang"])
    away = admin.post("platform/users/away/suspend", json={"reason": "away"})
    assert away.status_code == 200, away.text
    gift = {"user": "other", "account": "language", "add": {"servers": 1}, "by": "peer"}
    more = {"account": "vision", "for": "2d"}
    return {
        "grant": make(admin, "grants/theirs", {**gift, "until": LATER, "reason": "paper"}),
        "theirs": request(hub, "other", **{**more, "account": "language"}, add={"servers": 1}),
        "large": request(hub, "dev1", **more, add={"servers": 9}),
        "small": request(hub, "dev1", **more, add={"servers": 1}),
        "level": request(hub, "dev1", level="operator"),
    }


def read_state(hub: LiveHub, admin: Api) -> Any:
    """Return what is in force: the policy, and what the Hub has of people and groups."""
    with reading(hub) as transaction:
        objects = managed.list_objects(transaction)
    people = {
        user["name"]: (user["admin"], sorted(user["groups"]), sorted(user["roles"]))
        for user in admin.get("users").json()
    }
    groups = {
        each["name"]: (sorted(each["users"]), each["properties"])
        for each in admin.get("groups").json()
    }
    policy = admin.get("platform/health").json()["policy"]
    return objects, people, groups, (policy["revision"], policy["digest"])


def read_limits(admin: Api) -> dict[str, Any]:
    """Return what everybody may hold, as the Hub decides it."""
    names = [user["name"] for user in admin.get("users").json()]
    found = {name: admin.get("platform/usage", params={"user": name}).json() for name in names}
    # Which account was charged last says nothing of what they may hold.
    return {name: {**usage, "default_account": None} for name, usage in found.items()}


@pytest.fixture(scope="module")
def at_first(ids: dict[str, str], admin: Api) -> dict[str, Any]:
    return read_limits(admin)


def test_there_are_enough_ways() -> None:
    assert len(WAYS) >= ENOUGH
    assert len({way.name for way in WAYS}) == len(WAYS)


@pytest.mark.parametrize(("me", "way"), [*zip(MANAGERS, WAYS, strict=True)], ids=str)
def test_is_refused_on_record_and_changes_nothing(
    hub: LiveHub,
    admin: Api,
    ids: dict[str, str],
    at_first: dict[str, Any],
    me: str,
    way: Way,
) -> None:
    before = read_state(hub, admin)
    answer = way.act(Scene(hub, admin, me, ids))
    assert answer.status_code in way.statuses, answer.text
    rows = [row for row in read_audit(hub) if row.actor == me]
    tried = [(row.action, row.result) for row in rows]
    assert (way.action, "refused") in tried, [each.detail_json for each in rows]
    assert read_state(hub, admin) == before


def test_everybody_may_hold_what_they_could_before(admin: Api, at_first: dict[str, Any]) -> None:
    assert read_limits(admin) == at_first
