"""Every address and every level: who gets what, and nothing beyond it."""

import pytest

from jupyterhub_platform.store.repeated_denials import RepeatedDenials, record_repeated_denials
from tests.service.conftest import PEOPLE, PREFIX, SELF, Running
from tests.support.fake_hub import FakePerson

MANAGE = "custom:platform:manage"
LEVELS = tuple(PEOPLE)
EVERYBODY = dict.fromkeys(LEVELS, 200)
WIDER = ("manager", "operator", "auditor", "admin")
OTHERS = dict.fromkeys(LEVELS, 403) | dict.fromkeys(WIDER, 200)
READERS = ("operator", "auditor", "admin")
OF_READERS = dict.fromkeys(LEVELS, 403) | dict.fromkeys(READERS, 200)
AUDITORS = ("auditor", "admin")
OF_AUDITORS = dict.fromkeys(LEVELS, 403) | dict.fromkeys(AUDITORS, 200)
OF_VISION = OTHERS | {"developer": 200}
OF_LANGUAGE = OTHERS | {"manager": 404}
OWN_DECISION = dict.fromkeys(LEVELS, 404) | dict.fromkeys(("developer", *WIDER), 200)
LANGUAGE_DECISION = OWN_DECISION | {"developer": 404, "manager": 404}

ROUTES = {
    "": EVERYBODY,
    "overview": OTHERS,
    "people": OTHERS,
    "people/dev1": OF_VISION,
    "people/dev2": OF_LANGUAGE,
    "people/nobody": OTHERS | dict.fromkeys(WIDER, 404),
    "tiers": OTHERS,
    "groups": EVERYBODY,
    "groups/vision": dict.fromkeys(LEVELS, 200) | {"viewer": 404},
    "groups/language": dict.fromkeys(LEVELS, 404)
    | dict.fromkeys(("developer", "operator", "auditor", "admin"), 200),
    "groups/nothing": dict.fromkeys(LEVELS, 404),
    "grants": EVERYBODY,
    "policy": OF_READERS,
    "policy/1": OF_READERS,
    "policy/2": OF_READERS | dict.fromkeys(READERS, 404),
    "policy/x": OF_READERS | dict.fromkeys(READERS, 404),
    "people.csv": OTHERS,
    "groups.csv": EVERYBODY,
    "tiers.csv": OTHERS,
    "grants.csv": EVERYBODY,
    "servers.csv": EVERYBODY,
    "policy.csv": OF_READERS,
    "audit": OF_AUDITORS,
    "audit/1": OF_AUDITORS,
    "audit/2": OF_AUDITORS | dict.fromkeys(AUDITORS, 404),
    "audit/x": OF_AUDITORS | dict.fromkeys(AUDITORS, 404),
    "audit.csv": OF_AUDITORS,
    "usage": EVERYBODY,
    "decisions/{vision}": OWN_DECISION,
    "decisions/{language}": LANGUAGE_DECISION,
    "decisions/nothing": dict.fromkeys(LEVELS, 404),
    "nothing": dict.fromkeys(LEVELS, 404),
    "api/v1/me": EVERYBODY,
    "api/v1/overview": OTHERS,
    "api/v1/people": OTHERS,
    "api/v1/people/dev1": OF_VISION,
    "api/v1/people/dev2": OF_LANGUAGE,
    "api/v1/tiers": OTHERS,
    "api/v1/groups": EVERYBODY,
    "api/v1/groups/vision": dict.fromkeys(LEVELS, 200) | {"viewer": 404},
    "api/v1/grants": EVERYBODY,
    "api/v1/policy": OF_READERS,
    "api/v1/policy/1": OF_READERS,
    "api/v1/policy/2": OF_READERS | dict.fromkeys(READERS, 404),
    "api/v1/servers": EVERYBODY,
    "api/v1/usage/history": EVERYBODY,
    "api/v1/decisions": EVERYBODY,
    "api/v1/decisions/{vision}": OWN_DECISION,
    "api/v1/decisions/{language}": LANGUAGE_DECISION,
    "api/v1/audit": OF_AUDITORS,
    "api/v1/audit/1": OF_AUDITORS,
    "api/v1/audit/2": OF_AUDITORS | dict.fromkeys(AUDITORS, 404),
    "api/v1/nothing": dict.fromkeys(LEVELS, 404),
}


@pytest.mark.parametrize("level", LEVELS)
async def test_each_level_gets_what_is_theirs_and_a_refusal_beyond(
    running: Running, level: str
) -> None:
    ids = {
        "vision": running.filled.start("dev1", "train", "medium", "vision"),
        "language": running.filled.start("dev2", "", "small", "language"),
    }
    running.filled.audit("admin", "person.suspended", "dev2")
    expected = {route: codes[level] for route, codes in ROUTES.items()}
    found = {}
    async with running.browser(level) as browser, running.program(level) as program:
        for route in ROUTES:
            client = program if route.startswith("api") else browser
            answer = await client.get(PREFIX + route.format(**ids))
            found[route] = answer.status_code
    assert found == expected


async def test_browsers_without_a_login_get_a_login_page_and_programs_a_401(
    running: Running,
) -> None:
    async with running.program("") as stranger:
        for route in ROUTES:
            answer = await stranger.get(PREFIX + route)
            if route.startswith("api"):
                assert answer.status_code == 401, route
                assert answer.json()["code"] == "request.token"
                assert "location" not in answer.headers
            else:
                assert answer.status_code == 302, route
                assert answer.headers["location"].startswith("/hub/api/oauth2/authorize?")


async def test_a_refused_page_says_why_in_the_look_of_the_hub(running: Running) -> None:
    async with running.browser("developer") as browser:
        answer = await browser.get(PREFIX + "overview")
    assert answer.status_code == 403
    assert "Your level does not show what others run." in answer.text
    assert "level.may_not_see" in answer.text
    assert 'id="thenavbar"' in answer.text


async def test_tabs_are_those_of_the_level(running: Running) -> None:
    async with running.browser("developer") as browser:
        own = (await browser.get(PREFIX)).text
    async with running.browser("auditor") as browser:
        all_ = (await browser.get(PREFIX)).text
    assert f'href="{PREFIX}overview"' not in own
    assert f'href="{PREFIX}overview"' in all_


@pytest.mark.parametrize("scope", [f"{MANAGE}!group=vision", MANAGE])
async def test_a_manager_sees_servers_people_and_denials_of_their_groups_only(
    running: Running, scope: str
) -> None:
    running.hub.people["manager"] = FakePerson("manager", ("vision",), frozenset({SELF, scope}))
    filled = running.filled
    filled.start("dev1", "train", "medium", "vision")
    filled.start("dev1", "text", "small", "language")
    filled.start("dev2", "", "small", "language")
    filled.start("dev2", "no", "large", "language")
    filled.start("user", "no", "gpu", "vision")
    async with running.program("manager") as program:
        servers = (await program.get(PREFIX + "api/v1/servers")).json()["items"]
        people = (await program.get(PREFIX + "api/v1/people")).json()["people"]["items"]
        overview = (await program.get(PREFIX + "api/v1/overview")).json()
        dev1 = (await program.get(PREFIX + "api/v1/people/dev1")).json()
        decisions = (await program.get(PREFIX + "api/v1/decisions")).json()["items"]
    assert [each["server"] for each in servers] == ["train"]
    assert {each["name"] for each in people} == {"dev1", "user", "manager"}
    assert {each["account"] for each in overview["denials"]} == {"vision"}
    assert [each["name"] for each in overview["accounts"]] == ["vision"]
    assert [each["server"] for each in dev1["servers"]] == ["train"]
    assert [each["account"] for each in dev1["accounts"]] == ["vision"]
    assert {each["account"] for each in decisions} == {"vision"}


async def test_a_user_who_manages_nothing_sees_nothing_of_others(running: Running) -> None:
    running.filled.start("dev2", "", "small", "language")
    idle = FakePerson("auditor", (), frozenset({SELF, MANAGE}))
    running.hub.people["auditor"] = idle
    async with running.program("auditor") as program:
        servers = (await program.get(PREFIX + "api/v1/servers")).json()
        people = (await program.get(PREFIX + "api/v1/people")).json()
        person = await program.get(PREFIX + "api/v1/people/dev2")
        decisions = (await program.get(PREFIX + "api/v1/decisions")).json()
    assert servers["items"] == decisions["items"] == []
    assert [each["name"] for each in people["people"]["items"]] == ["auditor"]
    assert person.status_code == 404


async def test_a_service_named_like_a_person_sees_nothing_of_theirs(running: Running) -> None:
    running.filled.start("dev1", "train", "medium", "vision")
    person = PEOPLE["developer"]
    token = running.hub.add(type(person)("dev1", (), person.scopes, kind="service"))
    async with running.program("") as program:
        headers = {"Authorization": f"token {token}"}
        me = await program.get(PREFIX + "api/v1/me", headers=headers)
        servers = await program.get(PREFIX + "api/v1/servers", headers=headers)
    assert me.status_code == 403
    assert servers.json()["items"] == []


async def test_lists_are_searched_sorted_and_cut_on_the_server(running: Running) -> None:
    for number in range(3):
        running.filled.start("dev1", f"s{number}", "small", "vision", minutes=number)
    async with running.program("operator") as program:

        async def ask(query: str) -> list[str]:
            answer = await program.get(f"{PREFIX}api/v1/servers?{query}")
            return [each["server"] for each in answer.json()["items"]]

        assert await ask("sort=-server&limit=2") == ["s2", "s1"]
        assert await ask("sort=-server&limit=2&offset=2") == ["s0"]
        assert await ask("search=S1") == ["s1"]
        assert await ask("search=tier:small+user:dev1&sort=since") == ["s2", "s1", "s0"]
        assert await ask("search=tier:sma") == []
        # What a browser's form would have cut off is no part of a number either.
        blank = ("limit=%1F", "limit=+5", "limit=5%0A", "offset=%C2%A0", "sort=+server")
        for wrong in ("limit=201", "limit=0", "limit=x", "offset=-1", "sort=password", *blank):
            answer = await program.get(f"{PREFIX}api/v1/servers?{wrong}")
            assert answer.status_code == 400, wrong
            assert answer.json()["code"] == "query.invalid"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("tiers?limit=1", "This address takes no 'limit', nor any other."),
        ("me?user=dev2", "This address takes no 'user', nor any other."),
        ("people/dev1?sort=name", "This address takes no 'sort', nor any other."),
        (
            "decisions?sort=nope",
            "This address takes no 'sort'; it takes admitted, before, cursor, limit.",
        ),
        ("decisions?offset=5&sort=x", "This address takes no 'offset, sort'; it takes admitted,"),
        ("decisions?admitted=maybe", "admitted is true or false; leave it out or correct it."),
        (
            "servers?serach=x",
            "This address takes no 'serach'; it takes cursor, limit, offset, search, sort.",
        ),
        (
            "overview?before=x",
            "This address takes no 'before'; it takes cursor, limit, offset, search, show, sort.",
        ),
    ],
)
async def test_an_argument_that_a_call_does_not_take_is_refused(
    running: Running, call: str, words: str
) -> None:
    async with running.program("operator") as program:
        answer = await program.get(f"{PREFIX}api/v1/{call}")
        assert (answer.status_code, answer.json()["code"]) == (400, "query.invalid")
        assert answer.json()["message"].startswith(words)
        assert (await program.get(f"{PREFIX}api/v1/nothing?a=b")).status_code == 404


@pytest.mark.parametrize(("admitted", "found"), [("true", []), ("false", ["no"]), ("", ["no"])])
async def test_decisions_are_those_that_are_asked_for(
    running: Running, admitted: str, found: list[str]
) -> None:
    running.filled.start("dev1", "no", "gpu", "vision")
    async with running.program("operator") as program:
        only = f"admitted={admitted}&" if admitted else ""
        answer = await program.get(f"{PREFIX}api/v1/decisions?{only}limit=5&before=")
        assert [each["server"] for each in answer.json()["items"]] == found


async def test_my_page_shows_my_own_denials_and_no_others(running: Running) -> None:
    mine = running.filled.start("dev1", "no", "gpu", "vision")
    other = running.filled.start("dev2", "no", "large", "language")
    async with running.browser("developer") as browser:
        page = (await browser.get(PREFIX)).text
    assert f"decisions/{mine}" in page
    assert f"decisions/{other}" not in page


async def test_a_denial_that_was_given_again_says_how_often_wherever_it_stands(
    running: Running,
) -> None:
    identifier = running.filled.start("dev1", "no", "gpu", "vision")
    running.filled.start("dev1", "once", "gpu", "vision")
    now = running.filled.now
    with running.filled.store.begin() as transaction:
        for times in (300, 11):
            record_repeated_denials(
                transaction, RepeatedDenials(f"r{times}", identifier, times, now, now)
            )
    async with running.browser("operator") as browser:
        for page in ("overview", f"decisions/{identifier}"):
            text = (await browser.get(f"{PREFIX}{page}")).text
            assert text.count("312 times") == 1, page
            assert "1 times" not in text
    async with running.browser("developer") as browser:
        assert "312 times" in (await browser.get(PREFIX)).text
    async with running.program("operator") as program:
        listed = (await program.get(f"{PREFIX}api/v1/decisions")).json()["items"]
        assert {each["server"]: each["times"] for each in listed if not each["admitted"]} == {
            "no": 312,
            "once": 1,
        }
        assert (await program.get(f"{PREFIX}api/v1/decisions/{identifier}")).json()["times"] == 312


async def test_a_viewer_is_told_how_to_get_a_level_that_starts_servers(running: Running) -> None:
    async with running.browser("viewer") as browser:
        page = (await browser.get(PREFIX)).text
    assert "new/request?kind=level&amp;level=user" in page


async def test_a_decision_says_each_thing_once_and_its_limits_as_figures(running: Running) -> None:
    denied = running.filled.start("dev1", "no", "gpu", "vision")
    admitted = running.filled.start("dev1", "", "small", "vision")
    async with running.browser("admin") as browser:
        page = (await browser.get(f"{PREFIX}decisions/{denied}")).text
        other = (await browser.get(f"{PREFIX}decisions/{admitted}")).text
    shown, _, raw = page.partition("<details>")
    assert "dev1 was denied gpu in vision, for 2 reasons." in shown
    assert shown.count("The tier gpu is not open to dev1 in vision.") == 1
    for label, amount in (("Allowed", "0"), ("Held", "0"), ("Asked", "1"), ("Missing", "1")):
        assert f'<td role="cell" data-label="{label}" class="amount">{amount} GPU</td>' in shown
    assert "&#34;denials&#34;" in raw
    assert "dev1 was given small in vision." in other
    assert "Reasons" not in other


@pytest.mark.parametrize("level", ["developer", "manager", "operator"])
async def test_codes_and_lines_of_the_file_are_read_by_those_who_operate(
    running: Running, level: str
) -> None:
    running.filled.start("dev1", "train", "medium", "vision")
    denied = running.filled.start("dev1", "no", "gpu", "vision")
    running.hub.explain("dev1", "train")
    pages = {"", "groups", "groups/vision", "grants", f"decisions/{denied}", "people/dev1"}
    pages |= {"people", "tiers"} if level != "developer" else set()
    found = set()
    async with running.browser(level) as browser:
        for address in (*pages, "servers/why?user=dev1&server=train"):
            answer = await browser.get(PREFIX + address)
            assert answer.status_code == 200, address
            shown = answer.text.partition("The whole decision as JSON")[0]
            shown = shown.partition("Details for support")[0]
            for mark in ("platform.yaml:", "tier.not_granted", "server.running", "member_quota."):
                if mark in shown:
                    found.add(mark)
    assert found == (
        {"platform.yaml:", "tier.not_granted", "server.running", "member_quota."}
        if level == "operator"
        else set()
    )


async def test_own_pages_address_their_reader_and_name_others(running: Running) -> None:
    denied = running.filled.start("dev1", "no", "gpu", "vision")
    async with running.browser("developer") as browser:
        own = (await browser.get(PREFIX)).text
        decision = (await browser.get(f"{PREFIX}decisions/{denied}")).text
    async with running.browser("operator") as browser:
        others = (await browser.get(f"{PREFIX}decisions/{denied}")).text
    assert "The tier gpu is not open to you in vision." in own
    assert "You were denied gpu in vision" in decision
    assert "The tier gpu is not open to you in vision." in decision.partition("<details>")[0]
    assert "dev1 was denied gpu in vision" in others
    assert "The tier gpu is not open to dev1 in vision." in others


async def test_my_resources_list_what_has_stopped_and_what_is_shared(running: Running) -> None:
    cause = {"code": "server.failed", "sentence": "It failed.", "who": "you", "fix": "Look at it."}
    why = {
        "user": "dev1",
        "server": "old",
        "state": "ended",
        "since": "2026-03-01T12:00:00+00:00",
        "tier": "small",
        "account": "vision",
        "cause": cause,
        "decision": None,
        "times": None,
        "larger_tier": "large",
    }
    old = {
        "server": "old",
        "title": "<i>old</i>",
        "url": "/user/dev1/old/",
        "tier": "small",
        "account": "vision",
        "why": why,
        "unwanted": True,
    }
    shared = {
        "user": "dev2",
        "server": "",
        "title": "",
        "url": "/user/dev2/",
        "running": True,
    }
    running.hub.own_servers["dev1"] = {"servers": [old], "shared": [shared]}
    running.filled.start("dev1", "train", "medium", "vision")
    async with running.browser("developer") as browser:
        page = (await browser.get(PREFIX)).text
        running.hub.tells_servers = False
        without = (await browser.get(PREFIX)).text
    assert "&lt;i&gt;old&lt;/i&gt;" in page
    assert "It failed. Look at it." in page
    assert 'href="/hub/spawn/dev1/old?opt-tier=large&amp;opt-account=vision"' in page
    assert f'href="{PREFIX}servers/remove?server=old"' in page
    assert 'href="/user/dev2/" aria-label="Open the default server of dev2"' in page
    assert "train" in page
    assert "train" in without
    assert "The Hub does not answer: servers that have stopped are not listed." in without
