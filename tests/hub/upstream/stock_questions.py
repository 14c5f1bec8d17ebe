"""Asks a JupyterHub by itself, without any patch, for each thing that a patch is there for.

A program for a process of its own: it prints, as JSON by module, what JupyterHub or tornado still
does; empty for what has been fixed upstream. With ``--patched``, the patches are in place and play
the part of a fixed upstream, so that the questions are known to notice one.
"""

import asyncio
import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jupyterhub.utils
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.objects import Server
from jupyterhub.roles import assign_default_roles
from jupyterhub.scopes import get_scopes_for
from jupyterhub.user import User
from sqlalchemy import text
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

from tests.hub.upstream import stock_libraries  # noqa: F401 it has questions, too
from tests.hub.upstream.stock_hub import (
    NARROWED,
    PATCHED,
    QUESTIONS,
    StockHub,
    WithRoles,
    asks_for,
    make_config,
    mend,
    recorded,
    serve,
)

SECRET = "opensesame"
STRANGERS = 30
MANY = 300
SOCKET_URL = "http+unix://%2frun%2fa.sock"


def count_calls(kind: str, name: str, work: Callable[[], object]) -> int:
    """Return how often functions of a name are called by some work."""
    calls = 0

    def notice(frame: Any, event: str, called: Any) -> None:
        nonlocal calls
        found = called.__name__ if event == "c_call" else frame.f_code.co_name
        calls += event == kind and found == name

    sys.setprofile(notice)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


# -- requests ---------------------------------------------------------------------------------


@asks_for("no_store")
async def _lets_caches_keep_answers(hub: StockHub) -> str:
    async with hub.visit() as visitor:
        answer = await visitor.get("/hub/api/user")
    kept = answer.headers.get("Cache-Control", "")
    return "" if "no-store" in kept else f"Cache-Control: {kept}"


@asks_for("error_messages")
async def _answers_an_error_without_a_word(hub: StockHub) -> str:
    async with hub.visit() as visitor:
        answer = await visitor.get("/hub/api/user")
    return "" if answer.json()["message"] else answer.text


@asks_for("redirects")
async def _fails_on_an_address_that_is_none(hub: StockHub) -> str:
    async with hub.visit() as visitor:
        await hub.log_in(visitor, "ada")
        answer = await visitor.get("/hub/login", params={"next": "http://["})
    return "" if answer.status_code == 400 else f"{answer.status_code}"


@asks_for("secure_cookies")
async def _sets_cookies_for_pages_without_tls(hub: StockHub) -> str:
    async with hub.visit(headers={"X-Forwarded-Proto": "https"}) as visitor:
        cookies = (await visitor.get("/hub/login")).headers.get_list("Set-Cookie")
    return ", ".join(each for each in cookies if "; secure" not in each.lower())


@asks_for("log_scrubbing")
async def _logs_a_secret(hub: StockHub) -> str:
    loggers = (logging.getLogger("tornado.application"), logging.getLogger("tornado.general"))
    with recorded(*loggers) as records:
        async with hub.visit() as visitor:
            await hub.log_in(visitor, "broken", f"?token={SECRET}")
    said = "\n".join(each.getMessage() for each in records.kept)
    assert "Uncaught exception" in said, said
    return said if SECRET in said else ""


@asks_for("shutdown")
async def _answers_500_when_it_ends(hub: StockHub) -> str:
    async with hub.visit() as visitor:
        before = asyncio.all_tasks()
        answering = asyncio.create_task(hub.log_in(visitor, "slow"))
        await asyncio.wait_for(hub.app.authenticator.waits.wait(), 20)
        # As the Hub does when it ends.
        for each in asyncio.all_tasks() - before - {answering}:
            each.cancel()
        answer = await answering
    return "" if answer.status_code == 503 else f"{answer.status_code}"


@asks_for("request_priority")
async def _answers_in_order_of_arrival(hub: StockHub) -> str:
    token = hub.make_token("ada")
    credentials = f"Authorization: token {token}\r\n"
    async with hub.visit(headers={"Authorization": f"token {token}"}) as visitor:
        assert (await visitor.get("/hub/api/user")).status_code == 200
    paths = [("/hub/login", "")] * STRANGERS + [("/hub/api/user", credentials)]
    opened = [await hub.connect() for _ in paths]
    order: list[int] = []

    async def note(number: int, reader: asyncio.StreamReader) -> None:
        await reader.readline()
        order.append(number)

    noting = [asyncio.create_task(note(i, reader)) for i, (reader, _) in enumerate(opened)]
    for (_, writer), (path, headers) in zip(opened, paths, strict=True):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: hub\r\n{headers}\r\n".encode())
    await asyncio.gather(*noting)
    for _, writer in opened:
        writer.close()
    place = order.index(STRANGERS)
    return f"after {place} strangers" if place > STRANGERS / 2 else ""


@asks_for("request_limits")
async def _rejects_a_body_without_a_word(hub: StockHub) -> str:
    reader, writer = await hub.connect()
    writer.write(b"POST /hub/login HTTP/1.1\r\nHost: hub\r\nContent-Length: 999999999\r\n\r\n")
    said = await asyncio.wait_for(reader.read(4096), 10)
    writer.close()
    return "" if said.startswith(b"HTTP/1.1 413") else said.decode()


@asks_for("connection_limits")
async def _accepts_any_number_of_connections(hub: StockHub) -> str:
    opened = [await hub.connect() for _ in range(MANY)]
    await asyncio.sleep(0.5)
    ended = sum(reader.at_eof() or reader.exception() is not None for reader, _ in opened)
    for _, writer in opened:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return "" if ended else f"{MANY} connections of one peer"


@asks_for("forwarded_headers")
async def _believes_everyone(hub: StockHub) -> str:
    # The patch believes a process of the Hub's own user: tests/hub/upstream/test_http_server.py.
    with recorded(hub.app.log) as records:
        async with hub.visit(headers={"X-Forwarded-For": "203.0.113.9"}) as visitor:
            await visitor.get("/hub/login")
    return next((each.getMessage() for each in records.kept if "203.0.113.9" in str(each.msg)), "")


@asks_for("http_server")
async def _has_no_setting_for_its_web_server(hub: StockHub) -> str:
    named = [name for name in JupyterHub.class_trait_names(config=True) if "http_server" in name]
    return "" if named or type(hub.app.http_server) is not HTTPServer else "a plain HTTPServer"


# -- the rest of the Hub ----------------------------------------------------------------------


@asks_for("event_loop")
async def _has_the_collector_walk_through_its_heap(_hub: StockHub) -> str:
    interval = sys.getswitchinterval()
    if gc.get_freeze_count() and interval < 0.005:
        return ""
    return f"{gc.get_freeze_count()} objects frozen, threads switch after {interval} s"


@asks_for("monotonic_timers")
async def _schedules_by_a_clock_that_can_be_set(_hub: StockHub) -> str:
    now = IOLoop.current().time
    # A monotonic clock began elsewhere, or is another function.
    return "time.time" if now() - time.time() < 1 and "time" not in vars(IOLoop.current()) else ""


@asks_for("server_counts")
async def _walks_through_all_users_at_each_start(hub: StockHub) -> str:
    for number in range(20):
        hub.make_token(f"user{number}")
    for row in hub.app.db.query(orm.User):
        _ = hub.app.users[row].spawner
    hub.app.users.count_active_users()
    calls = count_calls("call", "pending", hub.app.users.count_active_users)
    return f"{calls} servers visited again" if calls >= 20 else ""


@asks_for("token_hashing")
async def _hashes_in_a_loop(_hub: StockHub) -> str:
    calls = count_calls("c_call", "update", lambda: jupyterhub.utils.hash_token("token"))
    return f"{calls} calls for a hash" if calls > 100 else ""


@asks_for("server_timeout")
async def _gives_the_address_of_a_silent_server(hub: StockHub) -> str:
    hub.make_token("ada")
    user = hub.app.users[orm.User.find(hub.app.db, "ada")]
    user.spawner.seen = _make_cause()
    starting = asyncio.ensure_future(user.spawn())
    user.spawner._spawn_future = starting
    try:
        await starting
    except Exception as error:  # noqa: BLE001 whichever says so
        said = f"{getattr(error, 'jupyterhub_message', '')} {error}"
        return said if "didn't respond" in said else ""
    return "it started"


def _make_cause() -> Any:
    if not PATCHED:
        return None
    from jupyterhub_platform.core import causes

    return causes.NOT_ANSWERING


@asks_for("startup_errors")
async def _ends_with_a_traceback(_hub: StockHub) -> str:
    ours = [{"name": "ours", "scopes": ["list:users"], "users": ["ada"]}]
    config = make_config(authenticator_class=WithRoles, load_roles=ours)
    other = JupyterHub(config=config)
    with recorded(other.log) as records, suppress(SystemExit):
        await other.launch_instance_async([])
    told = [each for each in records.kept if each.levelno >= logging.ERROR]
    assert told
    return "a traceback" if any(each.exc_info for each in told) else ""


@asks_for("loaded_groups")
async def _refuses_groups_of_both(_hub: StockHub) -> str:
    other = JupyterHub(config=make_config(load_groups={"lab": {"users": ["ada"]}}))
    other.init_db()
    other.authenticator = WithRoles(parent=other, manage_groups=True)
    await other.init_role_creation()
    await other.init_users()
    try:
        await other.init_groups()
    except (ValueError, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    ada = orm.User.find(other.db, "ada")
    assert [group.name for group in ada.groups] == ["lab"]
    assert other.authenticator.manage_groups
    return ""


@asks_for("managed_roles")
async def _fails_on_roles_that_are_assigned_already(_hub: StockHub) -> str:
    config = make_config(authenticator_class=WithRoles)
    other = JupyterHub(config=config)
    other.init_db()
    other.authenticator = WithRoles(parent=other)
    await other.init_role_creation()
    await other.init_users()
    try:
        await other.init_role_assignment()
    except KeyError as error:
        return f"KeyError: {error}"
    return ""


@asks_for("unix_sockets")
async def _knows_only_ports(_hub: StockHub) -> str:
    row = orm.Server(
        proto="http+unix", ip="%2frun%2fa.sock", port=80, base_url="/", cookie_name="c"
    )
    other = JupyterHub(
        db_url="sqlite:///:memory:", hub_bind_url=SOCKET_URL, hub_connect_url=SOCKET_URL
    )
    other.init_db()
    other.init_hub()
    other.init_oauth()
    still = []
    if Server.from_orm(row).host != SOCKET_URL:
        still.append("Server.host")
    try:
        other.service_from_spec({"name": "s", "url": SOCKET_URL, "command": ["true"]})
    except ValueError as error:
        still += ["JupyterHub.service_from_spec"] if "Unsupported scheme" in str(error) else []
    if other.hub.ip in {"", "0.0.0.0", "::"}:
        still.append("JupyterHub.init_hub")
    return ", ".join(still)


@asks_for("service_environment")
async def _stores_the_environment_of_a_service(hub: StockHub) -> str:
    environment = {"SECRET": SECRET}
    spec = {"name": "secretive", "command": ["true"], "environment": environment}
    hub.app.service_from_spec(spec)
    hub.app.db.commit()
    row = orm.Service.find(hub.app.db, "secretive")
    stored = {name: str(getattr(row, name)) for name in dict(row.__table__.columns)}
    return ", ".join(name for name, value in stored.items() if SECRET in value)


def list_without_public_name(kind: Any, *names: str) -> str:
    """Return which private names have no public counterpart; fails if one is gone altogether."""
    still = [name for name in names if not hasattr(kind, name.removeprefix("_"))]
    for name in still:
        getattr(kind, name)
    return ", ".join(still)


@asks_for("spawner_state")
async def _has_no_public_name_for_the_state_of_a_server(hub: StockHub) -> str:
    hub.make_token("ada")
    spawner = hub.app.users[orm.User.find(hub.app.db, "ada")].spawner
    names = ("_spawn_future", "_spawn_pending", "_check_pending", "_stop_pending")
    more = ("_waiting_for_response", "_poll_callback", "_log_name")
    return list_without_public_name(spawner, *names, *more)


@asks_for("stale_sessions")
async def _fails_on_a_session_that_has_ended(hub: StockHub) -> str:
    async def refuse(*_: Any) -> bool:
        return False

    async with hub.visit() as visitor:
        await hub.log_in(visitor, "eve")
        hub.app.users["eve"]._auth_refreshed = None
        hub.app.authenticator.refresh_user = refuse
        try:
            with recorded(hub.app.log) as records:
                await visitor.get("/hub/token")
        finally:
            del hub.app.authenticator.refresh_user
    said = {each.getMessage() for each in records.kept}
    return ", ".join({"Failed to get current user"} & said)


@asks_for("auth_refresh")
async def _has_no_public_name_for_the_last_refresh(_hub: StockHub) -> str:
    return list_without_public_name(User, "_auth_refreshed")


@asks_for("spawn_handler")
async def _has_no_public_steps_of_its_spawn_page(_hub: StockHub) -> str:
    names = ("_get_user_options", "_get_pending_url", "_wrap_spawn_single_user", "_render_form")
    return list_without_public_name(SpawnHandler, *names)


@asks_for("login_handler")
async def _has_no_public_method_for_the_names_of_its_login_page(_hub: StockHub) -> str:
    return ", ".join({"_render"} & vars(LoginHandler).keys())


@asks_for("scope_narrowing")
async def _gives_a_user_what_roles_give_alone(hub: StockHub) -> str:
    hooks = {
        name
        for kind in (JupyterHub, Authenticator)
        for name in kind.class_trait_names()
        if "scope" in name
    }
    if hooks != {"custom_scopes", "extra_user_scopes"}:
        return ""
    hub.make_token("ada")
    ada = orm.User.find(hub.app.db, "ada")
    assign_default_roles(hub.app.db, ada)
    return ", ".join({NARROWED} & get_scopes_for(ada))


@asks_for("handler_state")
async def _has_no_public_name_for_methods_of_handlers(_hub: StockHub) -> str:
    return list_without_public_name(RequestHandler, "_unimplemented_method")


# -- the database, which is lost afterwards ---------------------------------------------------


@asks_for("database_errors")
async def _takes_a_failure_of_its_database_for_a_stranger(hub: StockHub) -> str:
    token = hub.make_token("ada")
    # The last question: nothing works afterwards.
    hub.app.db.execute(text("ALTER TABLE api_tokens RENAME TO lost"))
    hub.app.db.commit()
    async with hub.visit(headers={"Authorization": f"token {token}"}) as visitor:
        answer = await visitor.get("/hub/api/user")
    return "" if answer.status_code == 503 else f"{answer.status_code} {answer.text}"


# -- the program ------------------------------------------------------------------------------


async def ask_all() -> dict[str, str]:
    """Return what each question says, or that it could not be asked."""
    if PATCHED:
        mend()
    hub = await serve()
    answers = {}
    for module, question in QUESTIONS.items():
        try:
            async with asyncio.timeout(30):
                answers[module] = await question(hub)
        except (Exception, SystemExit) as error:  # noqa: BLE001 it is told
            answers[module] = f"cannot be asked: {type(error).__name__}: {error}"
    return answers


def main() -> None:
    """Print the answers."""
    if not PATCHED:
        # JupyterHub looks for spawners and authenticators in all packages.
        sys.modules["jupyterhub_platform"] = None  # type: ignore[assignment]
    answers = IOLoop(make_current=False).run_sync(ask_all)
    print(json.dumps(answers), flush=True)
    # Threads and timers of the Hub have nothing left to do.
    os._exit(0)


if __name__ == "__main__":
    main()
