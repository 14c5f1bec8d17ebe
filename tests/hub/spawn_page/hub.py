"""A small web server that shows the spawn page in the Hub's own templates, and notes what is sent.

It stands in for the Hub's handlers, not for any code of ours: the templates, the static files and
the theme are JupyterHub's.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader
from jupyterhub._data import DATA_FILES_PATH
from tornado import httpserver, netutil, web

import jupyterhub_platform.hub
from jupyterhub_platform.hub.spawn_page.form_data import options_from_form
from jupyterhub_platform.hub.spawn_page.page import SpawnPage
from jupyterhub_platform.hub.spawn_page.render import render_form
from jupyterhub_platform.shared_templates.files import SHARED_TEMPLATES

_OURS = Path(jupyterhub_platform.hub.__file__).parent / "pages"
_HUB = Path(DATA_FILES_PATH)
XSRF = "xsrf-of-the-test"


def hub_templates() -> Environment:
    """Make the environment as the Hub makes it with our templates in ``template_paths``."""
    stock = str(_HUB / "templates")
    loader = ChoiceLoader(
        [
            PrefixLoader({"templates": FileSystemLoader([stock])}, "/"),
            FileSystemLoader([str(_OURS / "templates"), str(SHARED_TEMPLATES), stock]),
        ]
    )
    return Environment(loader=loader, autoescape=True)


@dataclass
class Sent:
    """What the browser sent."""

    options: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[tuple[str, str]] = field(default_factory=list)
    polls: int = 0


@dataclass
class FakeHub:
    """Serves one page; ``page`` may be replaced. A stop takes ``polls_until_gone`` questions."""

    page: Callable[[dict[str, str]], SpawnPage]
    error: str = ""
    error_html: str = ""
    stop_status: int = 202
    polls_until_gone: int = 1
    for_user: str = "dev1"
    sent: Sent = field(default_factory=Sent)
    url: str = ""
    _server: httpserver.HTTPServer | None = None

    def start(self) -> None:
        fakes = {"hub": self}
        app = web.Application(
            [
                (r"/hub/spawn", _Spawn, fakes),
                (r"/hub/api/users/[^/]+", _User, fakes),
                (r"/hub/api/users/.*", _Server, fakes),
                (r"/hub/static/(.*)", web.StaticFileHandler, {"path": str(_HUB / "static")}),
                (r"/hub/platform/static/(.*)", web.StaticFileHandler, {"path": _OURS / "static"}),
                (r"/hub/logo", _Logo),
            ],
            template_loader=None,
        )
        sockets = netutil.bind_sockets(0, "127.0.0.1")
        self._server = httpserver.HTTPServer(app)
        self._server.add_sockets(sockets)
        self.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hub/spawn"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.stop()
        await self._server.close_all_connections()

    def render(self, query: dict[str, str], *, error: str = "", error_html: str = "") -> str:
        user = SimpleNamespace(name="dev1", json_escaped_name="dev1", spawner=None)
        return (
            hub_templates()
            .get_template("spawn.html")
            .render(
                base_url="/hub/",
                prefix="/",
                user=user,
                for_user=SimpleNamespace(name=self.for_user),
                no_spawner_check=True,
                login_url="/hub/login",
                logout_url="/hub/logout",
                static_url=lambda path, include_version=True: f"/hub/static/{path}",
                services=[],
                parsed_scopes={},
                xsrf_token=XSRF,
                version_hash="",
                url="/hub/spawn",
                spawner_options_form=render_form(self.page(query)),
                error_message=error or self.error,
                html_error_message=error_html or self.error_html,
            )
        )


class _Handler(web.RequestHandler):
    def initialize(self, hub: FakeHub) -> None:
        self.hub = hub


class _Spawn(_Handler):
    def get(self) -> None:
        query = {key: self.get_query_argument(key) for key in self.request.query_arguments}
        self.finish(self.hub.render(query))

    def post(self) -> None:
        form = {
            key: [value.decode() for value in values]
            for key, values in self.request.body_arguments.items()
        }
        self.hub.sent.options.append(options_from_form(form))
        self.finish("<!doctype html><title>Starting</title><h1>Starting</h1>")


class _User(_Handler):
    def get(self) -> None:
        self.hub.sent.polls += 1
        gone = self.hub.sent.polls >= self.hub.polls_until_gone
        self.finish(json.dumps({"servers": {} if gone else {"train-2": {}, "": {}}}))


class _Server(_Handler):
    def delete(self) -> None:
        self.hub.sent.stopped.append(
            (self.request.path, self.request.headers.get("X-XSRFToken", ""))
        )
        self.set_status(self.hub.stop_status)
        if self.hub.stop_status >= 400:
            self.finish(json.dumps({"message": "The server is being renamed."}))


class _Logo(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "image/png")
        self.finish((_HUB / "static/images/jupyterhub-80.png").read_bytes())
