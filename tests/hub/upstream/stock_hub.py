"""A JupyterHub that serves in this process and starts nothing, with or without our patches."""

import asyncio
import logging
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port
from traitlets.config import Config

PATCHED = sys.argv[1:] == ["--patched"]
"""Whether this program shall put the patches in place."""
NARROWED = "access:servers!user=ada"
"""A scope of a user's own, which the patches take away."""


class NoProxy(Proxy):  # type: ignore[misc]
    """Has routes, and nothing that listens."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self._routes: dict[str, Any] = {}

    async def start(self) -> None:
        """Start nothing."""

    async def stop(self) -> None:
        """Stop nothing."""

    async def add_route(self, routespec: str, target: str, data: Any) -> None:
        """Remember a route."""
        self._routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec: str) -> None:
        """Forget a route."""
        self._routes.pop(routespec, None)

    async def get_all_routes(self) -> dict[str, Any]:
        """Return what was added."""
        return dict(self._routes)


class Anyone(Authenticator):  # type: ignore[misc]
    """Lets everyone in, but for two who show what happens otherwise."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.waits = asyncio.Event()

    async def authenticate(self, _handler: Any, data: dict[str, str]) -> str:
        """Return the name that was given."""
        if data["username"] == "broken":
            raise RuntimeError("this sign-in fails")
        if data["username"] == "slow":
            self.waits.set()
            await asyncio.Event().wait()
        return data["username"]


class WithRoles(Anyone):
    """Has the Hub load a role and who bears it."""

    manage_roles = True

    async def load_managed_roles(self) -> list[dict[str, Any]]:
        """Return one role."""
        return [{"name": "reader", "scopes": ["list:users"], "users": ["ada"]}]


def _spawner_bases() -> tuple[type, ...]:
    if not PATCHED:
        return (Spawner,)
    from jupyterhub_platform.hub.upstream.server_counts import CountedSpawner

    return (CountedSpawner, Spawner)


class Silent(*_spawner_bases()):  # type: ignore[misc]
    """Starts at once, and never answers."""

    seen: Any = None

    async def start(self) -> str:
        """Return an address where nothing listens."""
        bound, port = bind_unused_port()
        bound.close()
        return f"http://127.0.0.1:{port}"

    async def stop(self, now: bool = False) -> None:
        """Stop nothing."""

    async def poll(self) -> None:
        """Tell that it runs."""


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.kept.append(record)


@contextmanager
def recorded(*loggers: logging.Logger) -> Iterator[Records]:
    """Keep what these log meanwhile."""
    records = Records()
    for logger in loggers:
        logger.addHandler(records)
    try:
        yield records
    finally:
        for logger in loggers:
            logger.removeHandler(records)


class StockHub:
    """A Hub that serves in this process."""

    def __init__(self, app: Any, port: int) -> None:
        self.app = app
        self.port = port

    def visit(self, **named: Any) -> httpx.AsyncClient:
        """Return a new visitor, who has no cookies."""
        base = f"http://127.0.0.1:{self.port}"
        return httpx.AsyncClient(base_url=base, trust_env=False, timeout=30, **named)

    async def log_in(self, visitor: httpx.AsyncClient, name: str, query: str = "") -> Any:
        """Fill in the login form."""
        await visitor.get("/hub/login")
        form = {"username": name, "password": "x", "_xsrf": visitor.cookies["_xsrf"]}
        return await visitor.post(f"/hub/login{query}", data=form)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    def make_token(self, name: str) -> str:
        """Return a token of a user, who is made if there is none."""
        row = orm.User.find(self.app.db, name)
        if row is None:
            row = orm.User(name=name)
            self.app.db.add(row)
            self.app.db.commit()
        return str(row.new_api_token())


Question = Callable[[StockHub], Awaitable[str]]
QUESTIONS: dict[str, Question] = {}


def asks_for(module: str) -> Callable[[Question], Question]:
    """Register the question whose answer says whether a module is needed."""

    def register(question: Question) -> Question:
        QUESTIONS[module] = question
        return question

    return register


def make_config(**settings: Any) -> Config:
    """Return the configuration of a Hub that starts nothing else."""
    config = Config()
    config.JupyterHub.update(
        {
            "proxy_class": NoProxy,
            "authenticator_class": Anyone,
            "spawner_class": Silent,
            "cookie_secret": secrets.token_bytes(32),
            "db_url": "sqlite:///:memory:",
            **settings,
        }
    )
    config.Authenticator.allow_all = True
    config.Spawner.http_timeout = 1
    return config


def mend() -> None:
    """Put in place, before there is a Hub, what needs no Hub."""
    from jupyterhub_platform.hub.upstream import (
        error_messages,
        loaded_groups,
        log_scrubbing,
        no_store,
        redirects,
        scope_narrowing,
        secure_cookies,
        server_counts,
        server_timeout,
        service_environment,
        stale_sessions,
        startup_errors,
        token_hashing,
        unix_sockets,
    )

    startup_errors.exit_with_a_sentence(lambda _app: "")
    loaded_groups.load_groups_beside_managed()
    log_scrubbing.scrub_log()
    redirects.reject_invalid_redirects()
    no_store.keep_secrets_out_of_caches()
    error_messages.give_errors_messages()
    secure_cookies.keep_cookies_secure()
    server_timeout.explain_unanswered_starts()
    unix_sockets.use_unix_sockets()
    server_counts.keep_server_counts()
    stale_sessions.end_stale_sessions_quietly()
    service_environment.keep_environments_out_of_database()
    scope_narrowing.narrow_scopes_of_users(lambda _user, scopes: scopes - {NARROWED})
    token_hashing.speed_up_token_hashing()


def mend_hub(app: Any) -> None:
    """Put in place what needs a Hub that does not serve yet."""
    from jupyterhub_platform.hub.upstream import (
        database_errors,
        event_loop,
        http_server,
        monotonic_timers,
        shutdown,
    )

    http_server.serve_with_limits(app, ())
    app.tornado_application.settings["log_function"] = app.tornado_settings["log_function"]
    monotonic_timers.use_monotonic_timers(IOLoop.current())
    shutdown.answer_while_shutting_down()
    database_errors.explain_failures(app.db.get_bind(), lambda: None)
    database_errors.explain_failed_identification()
    event_loop.shorten_switch_interval()
    event_loop.freeze_heap()


async def serve() -> StockHub:
    """Start a Hub."""
    bound, port = bind_unused_port()
    bound.close()
    config = make_config(hub_bind_url=f"http://127.0.0.1:{port}")
    app = JupyterHub.instance(config=config)
    await app.initialize([])
    if PATCHED:
        mend_hub(app)
    await app.start()
    return StockHub(app, port)
