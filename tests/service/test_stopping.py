"""Stopping a server: with the caller's own token, asked again when it is another user's."""

import pytest

from tests.service.conftest import PREFIX, Running, xsrf_of


@pytest.fixture
async def stoppable(running: Running) -> Running:
    for user, server in (("dev1", "train"), ("dev1", ""), ("dev2", "")):
        account = "vision" if user == "dev1" else "language"
        running.filled.start(user, server, "small", account)
        running.hub.running.add((user, server))
    return running


async def test_my_own_server_is_stopped_with_one_click(stoppable: Running) -> None:
    async with stoppable.browser("developer") as browser:
        page = (await browser.get(PREFIX)).text
        form = {"user": "dev1", "server": "", "back": "own", "_xsrf": xsrf_of(page)}
        answer = await browser.post(
            PREFIX + "servers/stop", data=form, headers={"Origin": stoppable.url}
        )
    assert answer.status_code == 200
    assert "Your default server has stopped." in answer.text
    assert stoppable.hub.stops == [("dev1", "dev1", "")]


async def test_the_server_of_another_is_asked_about_first(stoppable: Running) -> None:
    form = {"user": "dev1", "server": "train", "back": "overview"}
    async with stoppable.browser("operator") as browser:
        overview = (await browser.get(PREFIX + "overview")).text
        assert "servers/stop?user=dev1&amp;server=train&amp;back=overview" in overview
        form["_xsrf"] = xsrf_of(overview)
        asked = await browser.post(PREFIX + "servers/stop", data=form)
        assert "The server train of dev1 ends, with everything that runs in it." in asked.text
        assert "This cannot be taken back." in asked.text
        assert stoppable.hub.stops == []
        answer = await browser.post(PREFIX + "servers/stop", data=form | {"confirmed": "yes"})
    assert answer.url.path == PREFIX + "overview"
    assert stoppable.hub.stops == [("operator", "dev1", "train")]


async def test_a_get_stops_nothing(stoppable: Running) -> None:
    async with stoppable.browser("operator") as browser:
        answer = await browser.get(PREFIX + "servers/stop?user=dev1&server=train&confirmed=yes")
    assert answer.status_code == 200
    assert stoppable.hub.stops == []


async def test_the_refusal_of_the_hub_is_passed_on(stoppable: Running) -> None:
    async with stoppable.browser("developer") as browser:
        token = xsrf_of((await browser.get(PREFIX)).text)
        form = {"user": "dev2", "server": "", "confirmed": "yes", "_xsrf": token}
        answer = await browser.post(PREFIX + "servers/stop", data=form)
    assert answer.status_code == 403
    assert "The default server of dev2 is not yours to stop." in answer.text
    assert stoppable.hub.stops == [("dev1", "dev2", "")]
    assert ("dev2", "") in stoppable.hub.running


async def test_a_viewer_who_may_not_stop_sees_no_button(stoppable: Running) -> None:
    async with stoppable.browser("auditor") as browser:
        answer = await browser.get(PREFIX + "overview")
    assert "dev1" in answer.text
    assert "servers/stop" not in answer.text


@pytest.mark.parametrize(
    ("level", "server", "status", "code"),
    [
        ("operator", "dev1/train", 200, None),
        ("developer", "dev1/", 200, None),
        ("developer", "dev2/", 403, "level.may_not_stop"),
        ("auditor", "dev1/train", 403, "level.may_not_stop"),
        ("operator", "dev1/gone", 404, "platform.not_found"),
        ("operator", "dev1/%2e%2e", 400, "options.server"),
        ("operator", "%2e%2e/x", 400, "options.server"),
    ],
)
async def test_a_program_stops_what_its_own_token_may(
    stoppable: Running, level: str, server: str, status: int, code: str | None
) -> None:
    async with stoppable.program(level) as program:
        request = program.build_request("DELETE", f"{PREFIX}api/v1/servers/x")
        request.url = request.url.copy_with(raw_path=f"{PREFIX}api/v1/servers/{server}".encode())
        answer = await program.send(request)
    assert answer.status_code == status
    assert answer.json().get("code") == code
    assert "message" in answer.json()


async def test_a_body_of_another_type_is_refused(stoppable: Running) -> None:
    async with stoppable.program("operator") as program:
        answer = await program.request(
            "DELETE",
            PREFIX + "api/v1/servers/dev1/train",
            content=b"{}",
            headers={"Content-Type": "text/plain"},
        )
    assert answer.status_code == 415
    assert stoppable.hub.stops == []
