"""Who asks, from where: logins with PKCE, tokens, and what another page makes a browser send."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.service.conftest import (
    PEOPLE,
    PREFIX,
    Filled,
    Running,
    start_service,
    stop_service,
    xsrf_of,
)
from tests.support.fake_hub import FakePerson

FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_browser_logs_in_through_the_hub_and_comes_back_to_the_page(
    running: Running,
) -> None:
    async with running.browser("operator") as browser:
        answer = await browser.get(PREFIX + "overview?search=dev1")
        authorize = next(each.url for each in answer.history if "authorize" in each.url.path)
    assert answer.status_code == 200
    assert str(answer.url) == f"{running.url}{PREFIX}overview?search=dev1"
    asked = parse_qs(urlsplit(str(authorize)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{PREFIX}oauth_callback"]


async def test_a_callback_without_a_login_logs_no_user_in(running: Running) -> None:
    async with running.browser("admin") as browser:
        answer = await browser.get(PREFIX + "oauth_callback?code=abc&state=made-up")
    assert answer.status_code == 403
    assert "state" in answer.text
    assert not [name for name in answer.cookies if name == "service-platform"]


async def test_a_person_without_access_is_refused_and_not_sent_around(running: Running) -> None:
    running.hub.people["dev1"] = FakePerson("dev1", (), frozenset())
    running.hub.logged_in = "dev1"
    async with running.browser() as browser:
        answer = await browser.get(PREFIX)
    assert answer.status_code == 403
    assert "resources of your own" in answer.text


async def test_a_token_that_the_hub_does_not_know_is_refused(running: Running) -> None:
    async with running.program("") as program:
        headers = {"Authorization": "token made-up"}
        answer = await program.get(PREFIX + "api/v1/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_script_of_another_page_reads_nothing_with_the_cookies(running: Running) -> None:
    async with running.browser("operator") as browser:
        page = (await browser.get(PREFIX + "overview")).text
        api = await browser.get(PREFIX + "api/v1/overview", headers=FETCH)
        live = await browser.get(PREFIX + "overview?part=live", headers=FETCH)
        headers = FETCH | {"X-XSRFToken": xsrf_of(page)}
        allowed = await browser.get(PREFIX + "overview?part=live", headers=headers)
    assert api.status_code == 403
    assert api.json()["code"] == "request.xsrf"
    assert live.status_code == 403
    assert allowed.status_code == 200
    assert "<html" not in allowed.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_a_page_is_not_given_to_be_embedded(
    running: Running, headers: dict[str, str]
) -> None:
    async with running.browser("operator") as browser:
        await browser.get(PREFIX)
        answer = await browser.get(PREFIX + "overview", headers=headers)
    assert answer.status_code == 403
    assert "request.embedded" in answer.text


STOP = {"user": "dev1", "server": "train"}


@pytest.mark.parametrize(
    ("headers", "keeps_token", "status"),
    [
        ({}, False, 403),
        ({"Origin": "http://evil.example"}, True, 403),
        ({"Origin": "null"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site"}, True, 403),
        ({"Sec-Fetch-Site": "same-site"}, True, 403),
        ({"Content-Type": "text/plain"}, True, 403),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=x"}, True, 415),
    ],
)
async def test_a_forged_form_stops_nothing(
    running: Running, headers: dict[str, str], keeps_token: bool, status: int
) -> None:
    running.hub.running.add(("dev1", "train"))
    async with running.browser("developer") as browser:
        page = (await browser.get(PREFIX)).text
        form = STOP | ({"_xsrf": xsrf_of(page)} if keeps_token else {})
        answer = await browser.post(PREFIX + "servers/stop", data=form, headers=FORM | headers)
    assert answer.status_code == status
    assert running.hub.stops == []


async def test_a_token_of_another_login_is_no_xsrf_token(running: Running) -> None:
    running.hub.running.add(("dev1", "train"))
    async with running.browser("operator") as other:
        foreign = xsrf_of((await other.get(PREFIX)).text)
    async with running.browser("developer") as browser:
        await browser.get(PREFIX)
        answer = await browser.post(PREFIX + "servers/stop", data=STOP | {"_xsrf": foreign})
    assert answer.status_code == 403
    assert running.hub.stops == []


async def test_every_answer_keeps_out_of_frames_and_guesses(running: Running) -> None:
    async with running.browser("developer") as browser, running.program("developer") as program:
        answers = [
            await browser.get(PREFIX),
            await browser.get(PREFIX + "overview"),
            await program.get(PREFIX + "api/v1/me"),
            await program.get(PREFIX + "api/v1/overview"),
        ]
        style = await browser.get(PREFIX + "static/platform.css")
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
    for answer in [*answers, style]:
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_hub_that_does_not_answer_is_a_503(running: Running) -> None:
    running.hub.is_down = True
    async with running.program("admin") as program:
        api = await program.get(PREFIX + "api/v1/me")
    assert api.status_code == 503
    assert api.json()["code"] == "platform.hub"
    assert api.headers["retry-after"] == "5"


async def test_a_level_that_was_taken_away_is_gone_within_seconds(running: Running) -> None:
    async with running.program("operator") as program:
        assert (await program.get(PREFIX + "api/v1/people")).status_code == 200
        running.hub.people["operator"] = PEOPLE["viewer"]
        running.hub.tokens[running.tokens["operator"]] = "operator"
        answer = await program.get(PREFIX + "api/v1/people")
        for _ in range(30):
            if answer.status_code == 403:
                break
            await asyncio.sleep(0.1)
            answer = await program.get(PREFIX + "api/v1/people")
    assert answer.status_code == 403


@pytest.mark.parametrize("local_credentials", [True, False])
async def test_a_password_that_the_platform_keeps_is_changed_from_here_too(
    filled: Filled, local_credentials: bool
) -> None:
    running, server = await start_service(filled, local_credentials=local_credentials)
    async with running.browser("developer") as browser:
        page = (await browser.get(PREFIX)).text
    await stop_service(running, server)
    assert ('href="/hub/password">Password</a>' in page) is local_credentials


async def test_the_public_address_is_that_of_cookies_and_links(filled: Filled) -> None:
    """A TLS proxy in front that says nothing of TLS makes no cookie readable without it."""
    public = "https://hub.example.org/services/platform/"
    running, server = await start_service(filled, public_url=public)
    async with running.browser() as browser:
        asked = await browser.get(PREFIX, follow_redirects=False)
    async with running.program("viewer") as program:
        page = (await program.get(f"{PREFIX}api")).text
    await stop_service(running, server)
    cookies = asked.headers.get_list("set-cookie")
    assert cookies
    assert all("; Secure" in each for each in cookies)
    assert "HUB=https://hub.example.org\n" in page
