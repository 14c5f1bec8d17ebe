"""People with names as identity providers give them: every door works for them as for others."""

import csv
import html
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote_plus, urljoin, urlsplit

import pytest
from click.testing import CliRunner
from jupyterhub.utils import url_escape_path

from jupyterhub_platform.cli.main import main
from jupyterhub_platform.core.typed_names import render_command, render_names
from tests.support.hub_fixtures import PLAIN_TIER, hub_of, token_of
from tests.support.live_hub import Api, LiveHub, Session, hidden_xsrf

pytestmark = pytest.mark.hub

NAMES = [
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "김@uni.edu",
    "o'malley@uni.edu",
    "kim.lee_uni.edu#ext#@x.onmicrosoft.com",
    "kim lee",
    r"uni\jos" + "\u00e9_",
    'a?b&c=d;e,"f"<i>{g}$(h)100%!*[]^~:',
    "-" + "x" * 199,
]
SERVICE = "/services/platform/"


def policy() -> str:
    """Return a policy with all of them, as YAML that says each name whatever is in it."""
    people = "".join(f"  {json.dumps(name)}: {{level: developer}}\n" for name in NAMES)
    members = ", ".join(map(json.dumps, NAMES))
    return (
        "version: 1\ndefaults: {tier: small}\nusers:\n  admin: {level: admin}\n"
        f"{people}groups:\n  vision: {{members: [{members}]}}\n{PLAIN_TIER}"
    )


hub = hub_of(policy())
admin = token_of("admin")


@pytest.fixture(scope="module")
def pages(hub: LiveHub) -> Session:
    session = hub.login("admin")
    assert session.get(SERVICE, follow_redirects=True).status_code == 200
    return session


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_they_log_in_start_open_and_stop_servers(hub: LiveHub, name: str) -> None:
    person = hub.login(name)
    home = person.get(SERVICE, follow_redirects=True)
    assert home.status_code == 200
    started = person.start()
    assert started.status_code == 302, started.text
    escaped = url_escape_path(name)
    assert escaped in started.headers["location"]
    api = hub.token(name)
    api.wait_until_ready(name)
    server = api.servers(name)[""]
    assert server["url"] == f"/user/{escaped}/"
    shown = person.visit(f"/user/{escaped}/")
    assert (shown.status_code, shown.url.path) == (200, f"/user/{name}/")
    assert api.start(name, "two", tier="small").status_code in {201, 202}
    api.wait_until_ready(name, "two")
    shown = person.visit(f"/user/{escaped}/two/")
    assert shown.status_code == 200
    for server_name in ("", "two"):
        api.stop(name, server_name)


def find_links(page: str, name: str) -> set[str]:
    """Return the links and forms of a page whose address names a user."""
    links = map(html.unescape, re.findall(r'(?:href|action)="([^"]*)"', page))
    return {each for each in links if name in unquote_plus(each)}


def test_pages_link_to_what_there_is_of_them(pages: Session, admin: Api, name: str) -> None:
    assert admin.start(name, tier="small").status_code in {201, 202}
    admin.wait_until_ready(name)
    own = f"{SERVICE}people/{quote(name, safe='')}"
    queue = [f"{SERVICE}people?limit=200", f"{SERVICE}overview", f"{SERVICE}groups/vision", own]
    seen: dict[str, int] = {}
    while queue:
        place = queue.pop()
        if place in seen or "logout" in place or len(seen) > 60:
            continue
        answer = pages.get(place)
        seen[place] = answer.status_code
        if answer.status_code == 200 and "text/html" in answer.headers["content-type"]:
            found = find_links(answer.text, name)
            there = (urlsplit(urljoin(str(answer.url), each)) for each in found)
            queue += [f"{each.path}?{each.query}" for each in there]
    assert len(seen) > 8
    wrong = {k: v for k, v in seen.items() if v not in {200, 302, 405}}
    assert wrong == {}
    admin.stop(name)


def test_lists_find_and_sort_them(pages: Session, admin: Api, name: str) -> None:
    for search in (name, f"name:{name}", name.upper()):
        found = pages.get(f"{SERVICE}api/v1/people", params={"search": search})
        assert name in [each["name"] for each in found.json()["people"]["items"]], search
    table = pages.get(f"{SERVICE}people.csv")
    rows = list(csv.DictReader(io.StringIO(table.text.removeprefix("\ufeff"))))
    assert name in {row["name"].removeprefix("'") for row in rows}


@pytest.fixture(scope="module")
def jhp(hub: LiveHub) -> Callable[..., str]:
    def run(words: str, name: str, options: str = "") -> str:
        line = render_command(words, name, f"{options} --state {hub.state}")
        done = CliRunner(catch_exceptions=False).invoke(main, shlex.split(line))
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_they_are_suspended_resumed_and_explained(
    hub: LiveHub, pages: Session, jhp: Callable[..., str], name: str
) -> None:
    place = f"{SERVICE}people/{quote(name, safe='')}"

    def submit(act: str) -> None:
        page = pages.get(f"{place}/{act}")
        form = {"_xsrf": hidden_xsrf(page.text), "why": "a test"}
        assert pages.post(f"{place}/{act}", data=form).status_code == 200

    person = hub.login(name)
    submit("suspend")
    assert person.get("/hub/token").status_code == 302
    submit("resume")
    person = hub.login(name)
    assert person.get("/hub/token").status_code == 200
    jhp("suspend", name, " --reason test")
    assert person.get("/hub/token").status_code == 302
    jhp("resume", name, " --reason test")
    assert name in jhp("explain", name)
    assert name in jhp("user show", name)


def test_managed_people_and_groups_are_made_by_terminal_form_and_table(
    tmp_path: Path, admin: Api, pages: Session, jhp: Callable[..., str], name: str
) -> None:
    second, third = f"2{name}", f"3{name}"
    jhp("user add", second, " --group vision --reason test")
    group = f"of-{NAMES.index(name)}"
    form = {"why": "a test", "name": group, "members": render_names([name, second])}
    done = pages.get(f"{SERVICE}new/group")
    for step in ("preview", "save"):
        previewed = re.findall(r'name="previewed" value="([^"]*)"', done.text)
        form |= {"_xsrf": hidden_xsrf(done.text), "step": step, "previewed": previewed[0]}
        done = pages.post(f"{SERVICE}new/group", data=form, follow_redirects=True)
    made = admin.get(f"platform/groups/{group}").json()["document"]
    assert made["members"] == [name, second], done.text
    shown = html.unescape(pages.get(f"{SERVICE}groups/{group}/edit").text)
    assert render_names([name, second]) in shown
    table = io.StringIO()
    csv.writer(table).writerows([("name", "groups"), (third, group)])
    path = tmp_path / "people.csv"
    path.write_text(table.getvalue(), encoding="utf-8")
    jhp("user add --from", str(path), " --reason test")
    assert third in admin.get(f"platform/groups/{group}").json()["document"]["members"]
    for each in (name, second, third):
        wish = {"user": each, "user_options": {"account": group}}
        told = admin.post("platform/decide", json=wish).json()
        assert told["admitted"], told


def test_the_hub_deletes_and_adds_them(hub: LiveHub, admin: Api, name: str) -> None:
    user = f"users/{url_escape_path(name)}"
    assert admin.get(user).json()["name"] == name
    assert admin.delete(user).status_code == 204
    assert admin.post(user).status_code == 201
    assert "vision" in admin.get(user).json()["groups"]
    assert hub.login(name).get("/hub/token").status_code == 200
