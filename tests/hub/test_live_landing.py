"""Where users arrive, which of the Hub's pages give way, and that none of it is an error."""

import os
import re
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.support.hub_fixtures import PLAIN_TIER, hub_of, token_of
from tests.support.live_hub import Api, LiveHub, Session, hidden_xsrf, wait_for

pytestmark = pytest.mark.hub

POLICY = f"""\
version: 1
name: Landing
users:
  admin: {{level: admin}}
  auditor: {{level: auditor}}
  dev1: {{level: developer}}
  lost: {{level: user}}
  manager: {{level: manager}}
  operator: {{level: operator}}
  user: {{level: user}}
  viewer: {{level: viewer}}
groups:
  vision:
    members: [dev1, user, viewer, auditor]
    managers: [manager]
{PLAIN_TIER}"""
OVERVIEW, OWN, SPAWN = "/services/platform/overview", "/services/platform/", "/hub/spawn"
ARRIVES = {
    "admin": OVERVIEW,
    "auditor": OVERVIEW,
    "manager": OVERVIEW,
    "operator": OVERVIEW,
    "dev1": SPAWN,
    "user": SPAWN,
    "viewer": OWN,
    "lost": OWN,
}
PEOPLE = frozenset({"admin", "auditor", "manager", "operator"})

hub = hub_of(POLICY)
dev1 = token_of("dev1")


@pytest.fixture(params=ARRIVES)
def person(request: pytest.FixtureRequest, hub: LiveHub) -> Session:
    return hub.login(request.param)


def test_each_level_arrives_where_it_has_something_to_do(person: Session) -> None:
    for door in ("/", "/hub/", "/hub/login"):
        page = person.visit(door)
        assert (page.status_code, page.url.path) == (200, ARRIVES[person.name]), door


def test_a_login_leads_to_what_was_asked_for(hub: LiveHub) -> None:
    for name in ARRIVES:
        with Session(hub.url, name) as session:
            page = session.get("/hub/login")
            form = {
                "username": name,
                "password": hub.passwords[name],
                "_xsrf": hidden_xsrf(page.text),
            }
            wanted = {"next": "/hub/token?a=b"}
            answer = session.post("/hub/login", params=wanted, data=form)
            assert (answer.status_code, answer.headers["location"]) == (302, wanted["next"])
            answer = session.get("/hub/", params=wanted)
            assert (answer.status_code, answer.headers["location"]) == (302, wanted["next"])
            for elsewhere in ("https://evil.example/", "//evil.example/"):
                answer = session.get("/hub/", params={"next": elsewhere})
                assert "evil" not in answer.headers["location"].partition("?")[0]


def test_a_stranger_logs_in_first_and_then_gets_what_they_asked_for(hub: LiveHub) -> None:
    with Session(hub.url, "") as session:
        answer = session.get("/hub/?opt-tier=small")
        assert answer.headers["location"].startswith("/hub/login?next=")
        for page in ("/hub/home", "/hub/admin"):
            assert session.get(page).headers["location"].startswith("/hub/login?next="), page


def test_home_is_my_resources_and_admin_is_people(person: Session) -> None:
    home = person.visit("/hub/home")
    assert (home.status_code, home.url.path) == (200, OWN)
    assert "<h1>My resources</h1>" in home.text
    admin = person.visit("/hub/admin")
    if person.name in PEOPLE:
        assert (admin.status_code, admin.url.path) == (200, "/services/platform/people")
    else:
        assert admin.status_code == 403
        assert "Your level does not show other people." in admin.text


def entries(page: httpx.Response) -> list[tuple[str, str]]:
    return re.findall(r'class="nav-link[^"]*"[^>]*href="([^"]+)">([^<]+)', page.text)


def test_the_navigation_is_the_same_on_pages_of_hub_and_service(person: Session) -> None:
    of_hub = entries(person.get("/hub/token"))
    assert of_hub == entries(person.visit(OWN)) == entries(person.visit("/hub/spawn"))
    titles = [title for _, title in of_hub]
    assert ("People" in titles) == ("Overview" in titles) == (person.name in PEOPLE)
    assert ("Audit" in titles) == (person.name in {"admin", "auditor"})
    assert ("Policy" in titles) == (person.name in PEOPLE - {"manager"})
    assert not {"Home", "Admin"} & set(titles)
    for address, title in of_hub:
        page = person.visit(address)
        assert page.status_code == 200, (person.name, title)


@pytest.fixture
def train(dev1: Api) -> Iterator[str]:
    assert dev1.start("dev1", "train", tier="small").status_code in {201, 202}
    dev1.wait_until_ready("dev1", "train")
    yield "train"
    dev1.delete("users/dev1/servers/train")
    wait_for(lambda: not dev1.servers("dev1"), "the server to stop")


def own_servers(api: Api) -> dict[str, dict[str, object]]:
    answer = api.get("platform/servers")
    assert answer.status_code == 200, answer.text
    return {each["server"]: each for each in answer.json()["servers"]}


def test_a_named_server_is_opened_stopped_started_again_and_removed(
    hub: LiveHub, dev1: Api, train: str
) -> None:
    session = hub.login("dev1")
    page = session.visit(OWN).text
    assert 'href="/user/dev1/train/"' in page
    dev1.stop("dev1", train)
    wait_for(lambda: own_servers(dev1)[train]["why"]["state"] == "ended", "its end")  # type: ignore[index]
    assert own_servers(dev1)[train]["unwanted"] is False
    page = session.visit(OWN).text
    assert 'href="/hub/spawn/dev1/train"' in page
    assert "servers/remove?server=train" in page
    ask = session.visit(f"{OWN}servers/remove?server=train")
    assert "Your server train is taken off your list." in ask.text
    form = {"server": train, "_xsrf": hidden_xsrf(ask.text)}
    done = session.post(f"{OWN}servers/remove", data=form, follow_redirects=True)
    assert "Your server train is removed." in done.text
    assert "servers/remove?server=train" not in done.text
    assert train not in own_servers(dev1)
    again = session.post(f"{OWN}servers/remove", data=form)
    assert again.status_code == 404


def test_another_server_is_started_under_a_name_of_its_own(hub: LiveHub) -> None:
    session = hub.login("user")
    led = session.get("/hub/spawn/user", params={"new-server": "notes"})
    assert (led.status_code, led.headers["location"]) == (302, "/hub/spawn/user/notes?")
    for name in ("Not a name", "a--b", "x" * 31):
        refused = session.get("/hub/spawn/user", params={"new-server": name})
        assert refused.status_code == 400, name
        assert "A name has up to 30 lower-case letters" in refused.text


def test_a_viewer_sees_and_opens_what_is_shared_with_them(
    hub: LiveHub, dev1: Api, train: str
) -> None:
    viewer, api = hub.login("viewer"), hub.token("viewer")
    assert "Nothing is shared with you yet." in viewer.visit("/hub/").text
    shared = dev1.post(f"shares/dev1/{train}", json={"user": "viewer"})
    assert shared.status_code == 200, shared.text
    page = viewer.visit("/hub/").text
    assert "Shared with you" in page
    assert 'href="/user/dev1/train/" aria-label="Open train of dev1"' in page
    assert api.get("platform/servers").json()["shared"] == [
        {
            "user": "dev1",
            "server": "train",
            "title": "train",
            "url": "/user/dev1/train/",
            "running": True,
        }
    ]
    assert hub.token("user").get("platform/servers").json()["shared"] == []
    dev1.stop("dev1", train)
    page = viewer.visit("/hub/").text
    assert "dev1 can start it." in page
    assert 'aria-label="Open train of dev1"' not in page


def test_a_service_that_is_down_is_said_to_be_that_and_not_a_server(hub: LiveHub) -> None:
    session = hub.login("dev1")
    assert session.visit("/hub/home").status_code == 200
    down = session.get("/hub/error/503", params={"url": OWN})
    assert down.status_code == 503
    assert "The platform&#39;s pages do not answer." in down.text.replace("'", "&#39;")
    assert "Your server appears to be down" not in down.text
    assert "tried again every five seconds" in down.text
    sent = session.get("/hub/error/503", params={"url": f"{OWN}new/group?sent=1"}).text
    assert "It is unknown whether what you sent was done." in sent
    assert 'http-equiv="refresh"' not in sent
    assert "Your server appears" in session.get("/hub/error/503?url=/user/dev1/").text
    os.kill(hub.service_pid, signal.SIGKILL)
    wait_for(lambda: session.visit("/hub/home").status_code == 200, "the page to be back", 60)


def test_open_requests_are_counted_in_the_navigation_of_all_pages(hub: LiveHub) -> None:
    """Users who may answer see the count, on the Hub's pages as on those of the service."""
    body = {"account": "vision", "reason": "two runs", "for": "2d", "add": {"servers": 1}}
    asked = hub.token("dev1").post("platform/requests", json=body).json()
    pages = ("/hub/token", "/hub/spawn", "/services/platform/groups")

    def counts(name: str) -> list[list[str]]:
        session = hub.login(name)
        return [re.findall(r'"badge text-bg-warning">(\d+)<', session.visit(p).text) for p in pages]

    assert counts("manager") == counts("admin") == [["1"]] * 3
    assert counts("dev1") == counts("operator") == [[]] * 3
    answer = hub.token("manager").post(
        f"platform/requests/{asked['id']}/refuse", json={"reason": "one is enough"}
    )
    assert answer.status_code == 200
    assert counts("manager") == [[]] * 3
