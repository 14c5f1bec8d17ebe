"""Handlers of JupyterHub's own classes, served to real requests without the rest of a Hub."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

Serve = Callable[..., Any]
_PATCHED_METHODS = (
    *("get_current_user", "prepare", "redirect", "send_error", "set_cookie"),
    *("set_default_headers", "write_error"),
)


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take JupyterHub's handlers as they were, and leave them so, whatever a test patches."""
    for kind in (BaseHandler, APIHandler):
        for name in _PATCHED_METHODS:
            if name in vars(kind):
                method = vars(kind)[name]
                while hasattr(method, "__wrapped__"):
                    method = method.__wrapped__
                monkeypatch.setattr(kind, name, method)
    for mark in [name for name in vars(BaseHandler) if name.startswith("_platform_")]:
        monkeypatch.delattr(BaseHandler, mark)


@pytest.fixture
def database() -> Iterator[Any]:
    """Return a session of a Hub's database, which is empty."""
    session = orm.new_session_factory("sqlite:///:memory:")()
    yield session
    session.close()
    session.get_bind().dispose()


@pytest.fixture
def serve(unpatched: None, database: Any) -> Serve:
    """Return what serves one method of an API handler at ``/hub/api/asked``."""

    @asynccontextmanager
    async def serving(
        answer: Callable[[Any], Awaitable[None]], path: str = "/hub/api/asked", **settings: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        async def get(handler: Any) -> None:
            await answer(handler)

        handler = type("Asked", (APIHandler,), {"get": get})
        application = web.Application(
            [(path, handler)],
            hub=SimpleNamespace(base_url="/hub/"),
            log=logging.getLogger("served"),
            xsrf_cookies=False,
            **settings,
        )
        application.settings.setdefault("db", database)
        listening, port = bind_unused_port()
        server = HTTPServer(application)
        server.add_socket(listening)
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=5) as client:
            yield client
        server.stop()

    return serving
