"""The table itself: whole, without faults that are expected, and able to miss a route."""

from jupyterhub.services.auth import HubOAuth
from tornado.routing import PathMatches
from tornado.web import RequestHandler

from jupyterhub_platform.service.app import make_app
from jupyterhub_platform.service.environment import Environment
from jupyterhub_platform.usecases.reports.reader import StoreReader
from tests.hub.matrix.objects import BODIES
from tests.hub.matrix.table import (
    METHODS,
    TABLE,
    Route,
    list_uncovered,
    read_columns,
    read_sections,
)

TEXT = TABLE.read_text()
SECTIONS = read_sections(TEXT)
ROWS = [row for section in SECTIONS for row in section.rows]
AT_REST = [(row.method, row.path) for row in SECTIONS[0].rows]
MIN_CELLS = 900


def test_table_has_enough_cells() -> None:
    cells = [cell for row in ROWS for cell in row.expected if cell != "-"]
    assert len(cells) >= MIN_CELLS
    assert len(read_columns(TEXT)) == len(set(read_columns(TEXT)))


def test_table_has_no_row_twice() -> None:
    for section in SECTIONS:
        asked = [str(row) for row in section.rows]
        assert sorted(asked) == sorted(set(asked))


def test_table_expects_no_status_of_500() -> None:
    assert [str(row) for row in ROWS if any(cell.startswith("5") for cell in row.expected)] == []


def test_table_uses_every_body() -> None:
    assert {row.body for row in ROWS} | {"none"} == set(BODIES) | {""}


def test_has_a_row_for_every_route_of_the_service() -> None:
    assert list_uncovered(list_service_routes(), AT_REST) == []


def list_service_routes() -> list[Route]:
    environment = Environment(
        "127.0.0.1",
        1,
        "/services/platform/",
        "/hub/",
        "",
        "http://127.0.0.1",
        "sqlite://",
        b"x" * 32,
    )
    reader = StoreReader("sqlite://")
    app = make_app(environment, HubOAuth(api_token="x"), reader)
    routes = []
    for rule in app.wildcard_router.rules:
        assert isinstance(rule.matcher, PathMatches)
        methods = {m for m in METHODS if has_own(rule.target, m)}
        routes.append(Route(rule.matcher.regex.pattern, frozenset(methods or {"GET"})))
    return routes


def has_own(handler: type[RequestHandler], method: str) -> bool:
    return getattr(handler, method.lower()) is not RequestHandler._unimplemented_method


def test_route_without_a_row_is_listed() -> None:
    routes = [
        Route("/hub/api/users/([^/]+)", frozenset({"GET", "DELETE"})),
        Route("/hub/api/new$", frozenset({"POST"})),
        Route("/hub/api/.*", frozenset({"GET"})),
    ]
    rows = [("GET", "/hub/api/users/owner?x=1"), ("GET", "/hub/api/other")]
    assert list_uncovered(routes, rows) == ["DELETE /hub/api/users/([^/]+)", "POST /hub/api/new$"]
    taken = [*routes[:1], Route(routes[0].pattern, frozenset({"PUT"}))]
    assert list_uncovered(taken, [*rows, ("DELETE", "/hub/api/users/owner")]) == []
