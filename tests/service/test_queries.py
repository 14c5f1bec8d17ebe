"""Every page answers every argument of every page, in whatever shape it comes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from jupyterhub_platform.service.app import ROUTES
from jupyterhub_platform.service.editing.page import EditingPage
from jupyterhub_platform.service.pages import PageHandler
from tests.service.conftest import PEOPLE, PREFIX, Running
from tests.service.test_levels import ROUTES as ANSWERS

GOOD: dict[str, tuple[str, ...]] = {
    "name": ("", "dev1", "ghost"),
    "part": ("live", "", "dead", "live_live"),
    "limit": ("", "1", "200"),
    "offset": ("", "0", "7"),
    "sort": ("", "name", "-memory", "user"),
    "search": ("", "dev", "level:viewer", "\N{PILE OF POO}", "\x00", "x" * 5000),
    "stopped": ("", "dev1", "\x00", "y" * 5000),
    "server": ("", "train", "\x00"),
    "state": ("", "done", "x"),
    "removed": ("", "train", "\x00", "y" * 5000),
    "changed": ("", "7", "x", "1" * 50),
    "user": ("", "dev1"),
    "back": ("", "spawn", "nowhere"),
    "refresh": ("", "1"),
    "next": ("", "/hub/home", "//elsewhere.example"),
    "by": ("", "person", "image"),
    "per": ("", "month", "week"),
    "since": ("", "90d", "2026-01-31", "2026-01-31T09:30:00Z"),
    "until": ("", "1m", "8h"),
    "person": ("", "dev1", "\x00"),
    "group": ("", "vision", "\N{PILE OF POO}"),
    "tier": ("", "gpu", "'; drop table reservation --"),
    "image": ("", "lab", "x" * 5000),
    "opt-tier": ("", "small"),
    "opt-account": ("", "vision"),
    "opt-image": ("", "\x00"),
    "_xsrf": ("", "x"),
    "account": ("", "vision", "\x00"),
    "level": ("", "user", "\x00"),
    "kind": ("", "quota", "\x00"),
    "grant": ("", "g1"),
    "actor": ("", "dev1", "\x00", "y" * 5000),
    "action": ("", "person.", "%", "\x00"),
    "subject": ("", "dev1", "\N{PILE OF POO}"),
    "result": ("", "refused"),
    "before": ("", "7", "0", "2147483647"),
    "after": ("", ""),
    "cursor": ("", ""),
    "from": ("", "0"),
    "to": ("", "1"),
    "show": ("", "failed", "people"),
}
"""Values that a page, or an old link to one, may carry."""

REQUEST = {
    "id": "r1",
    "user": "dev1",
    "account": "vision",
    "kind": "tier",
    "wish": {"tier": "gpu"},
    "seconds": 3600,
    "reason": "training",
    "at": "2026-03-01T12:00:00+00:00",
    "state": "open",
    "decided_by": None,
    "decided_at": None,
    "answer": None,
}
ONLY_SENT = {"bulk/([^/]+)/act", "new/bulk"}
"""Pages that only a form leads to: there is nothing to see without one."""
OBJECTS = {"groups": "vision", "tiers": "small", "images": "lab", "grants": "g1"}
ODD = ("part=live&part=dead", "part=%ff", "stopped=%ff", "part", "=", "&&", "%00=%00", "q=" * 3000)


def page_routes() -> list[tuple[str, type[PageHandler]]]:
    return [(path, handler) for path, handler in ROUTES if issubclass(handler, PageHandler)]


def queries(takes: frozenset[str], level: str) -> Iterator[dict[str, str]]:
    """Return queries with each argument: those of the page, those of others, all of them."""
    for name, values in GOOD.items():
        for value in values if level in {"developer", "admin"} else values[1:2]:
            yield {name: value}
    yield dict.fromkeys(GOOD, "")
    foreign = {name: values[-1] for name, values in GOOD.items() if name not in takes}
    yield foreign | {name: GOOD[name][1] for name in takes & {"part", "state"}}


def test_every_argument_that_a_page_takes_is_tried_here() -> None:
    taken = frozenset().union(*(handler.TAKES for _, handler in page_routes()))
    assert taken <= GOOD.keys()
    assert [path for path, handler in page_routes() if handler.LIVE] == [
        "overview",
        "bulk/([^/]+)",
    ]


def shown(running: Running, route: str, names: dict[str, str]) -> str:
    """Return an address of a route, with what it names filled in."""
    known = {"people": "dev1", "policy": "1", "requests": "r1", **OBJECTS, **names}
    return PREFIX + route.replace("([^/]+)", known.get(route.partition("/")[0], "1"))


def manage(running: Running) -> None:
    """Have the Hub say of each object that a page changes that it is managed."""
    for place in ("users/dev1", *(f"{section}/{name}" for section, name in OBJECTS.items())):
        said = {"document": {"user": "dev1"}, "source": "managed", "version": 1, "by": "admin"}
        running.hub.answers[f"GET {place}"] = (200, said)
    running.hub.answers["GET requests"] = (200, {"items": [REQUEST]})
    running.filled.bulk("1", "dev1")


async def ask(browser: httpx.AsyncClient, address: str, query: Any = None) -> httpx.Response:
    url = f"{address}?{query}" if isinstance(query, str) else address
    params = query if isinstance(query, dict) else None
    return await browser.get(url, params=params)


@pytest.mark.parametrize("level", [*PEOPLE])
async def test_no_argument_changes_whether_a_page_is_shown(running: Running, level: str) -> None:
    running.filled.start("dev1", "train", "medium", "vision")
    running.filled.audit("admin", "person.suspended", "dev2")
    names = {"people": "dev1", "decisions": running.filled.start("dev1", "", "small", "vision")}
    running.hub.explain("dev1", "train")
    manage(running)
    async with running.browser(level) as browser:
        for route, handler in page_routes():
            address = shown(running, route, names)
            needed = {"user": "dev1", "server": "train"} if "user" in handler.TAKES else {}
            plain = await ask(browser, address, dict(needed))
            assert plain.status_code in {200, 403, 404}, address
            if route in ANSWERS and "{" not in route:
                assert plain.status_code == ANSWERS[route][level]
            tried = list(queries(handler.TAKES, level))
            # The many forms share how they read their address: all arguments at once are enough.
            for query in tried[-2:] if issubclass(handler, EditingPage) else tried:
                if own_sort(route, query.get("sort", "")):
                    continue
                answer = await ask(browser, address, query | needed)
                assert answer.status_code == plain.status_code, (address, query)


def own_sort(route: str, sort: str) -> bool:
    """Tell whether a list has no such column: it says which it has, with 400."""
    columns = {
        "overview": {"user", "memory"},
        "people": {"name", "memory"},
        "groups": {"name"},
        "grants": {"until"},
        "policy": set[str](),
        "usage": {"name", "memory"},
    }
    return bool(sort) and route in columns and sort.strip("-") not in columns[route]


async def test_malformed_arguments_are_answered_with_a_page(running: Running) -> None:
    names = {"people": "dev1", "decisions": running.filled.start("dev1", "", "small", "vision")}
    async with running.browser("admin") as browser:
        for route, handler in page_routes():
            needed = "user=dev1&server=&" if "user" in handler.TAKES else ""
            for query in ODD:
                answer = await ask(browser, shown(running, route, names), needed + query)
                assert answer.status_code in {200, 400, 404}, (route, query)
                assert 'id="thenavbar"' in answer.text or "part=live" in query, (route, query)


@pytest.mark.parametrize("value", ["%00", "%ff", "x" * 5000, "%2e%2e", "%20", "a%2fb"])
async def test_malformed_names_are_not_found(running: Running, value: str) -> None:
    async with running.browser("admin") as browser:
        for place in ("people", "decisions", "groups", "policy", "audit"):
            answer = await browser.get(f"{PREFIX}{place}/{value}")
            assert answer.status_code in {400, 404}, (place, value)
        for place in ("servers/stop", "servers/why"):
            answer = await browser.get(f"{PREFIX}{place}?user={value}&server={value}")
            assert answer.status_code in {200, 400, 404}, (place, value)


async def test_only_the_overview_has_a_live_part(running: Running) -> None:
    async with running.browser("admin") as browser:
        part = await browser.get(f"{PREFIX}overview?part=live")
        people = await browser.get(f"{PREFIX}people?part=live")
    assert "<html" not in part.text
    assert "<html" in people.text


async def test_a_head_is_answered_as_the_visit_would_be(running: Running) -> None:
    names = {"people": "dev1", "decisions": running.filled.start("dev1", "", "small", "vision")}
    running.hub.explain("dev1", "")
    manage(running)
    running.filled.audit("admin", "person.suspended", "dev2")
    async with running.browser("admin") as browser:
        await browser.get(PREFIX)
        for route, handler in page_routes():
            query = "user=dev1&server=" if "user" in handler.TAKES else ""
            answer = await browser.head(shown(running, route, names), params=query)
            status = 404 if route in ONLY_SENT else 200
            assert (answer.status_code, answer.content) == (status, b""), route
    async with running.program("admin") as program:
        assert (await program.head(f"{PREFIX}api/v1/me")).status_code == 200
        call = f"{PREFIX}api/v1/servers/dev1/train"
        assert (await program.head(call)).status_code == 405


async def test_a_slash_at_the_end_leads_on_and_nowhere_else(running: Running) -> None:
    async with running.browser("admin") as browser:
        led = await browser.get(f"{PREFIX}people/?sort=name")
        assert (led.status_code, led.url.path, led.url.query) == (
            200,
            f"{PREFIX}people",
            b"sort=name",
        )
        assert (await browser.get(f"{PREFIX}nothing/")).status_code == 404
        away = await browser.get(
            f"{running.url}{PREFIX}/elsewhere.example/", follow_redirects=False
        )
        assert away.headers.get("location", PREFIX).startswith(f"{PREFIX}elsewhere")
    async with running.program("") as stranger:
        answer = await stranger.get(f"{PREFIX}people/")
        assert answer.headers["location"].startswith("/hub/api/oauth2/authorize?")


def test_calls_and_pages_read_lists_by_the_same_names() -> None:
    handlers = dict(ROUTES)
    assert handlers["api/v1/people"].TAKES < handlers["people"].TAKES
