"""A way to a real Kubernetes API on which calls go wrong, as it is told.

It stands on loopback, in a thread of its own, and passes on whatever no plan has a fault for.
"""

import asyncio
import json
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector, web

from tests.support.api_faults import Call, Fault, How, Plan, Verb

_OF_ONE_CONNECTION: Final = frozenset(
    {"connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding"}
)
_WATCH_SECONDS: Final = 0.5
"""For how long a watch goes on that goes wrong after it has begun."""
_REASONS: Final = {
    403: "Forbidden",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class FaultProxy:
    """Passes calls on to the API server at ``server``, each as the plans say, as ``user_agent``'s.

    ``injected`` counts the faults, by what was called and how it went wrong; ``called`` all calls.
    """

    def __init__(self, server: str, authority: str, user_agent: str) -> None:
        self._server, self._user_agent = server, user_agent
        self._trust = ssl.create_default_context(cafile=authority)
        self._plans: tuple[Plan, ...] = ()
        self.called: Counter[tuple[Verb, str]] = Counter()
        self.injected: Counter[str] = Counter()
        self.url = ""
        self._stop = asyncio.Event()
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)

    def plan(self, *plans: Plan) -> None:
        """Have these plans asked from now on, in this order; none lets everything through."""
        self._plans = plans

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._began.wait(10), "the fault proxy does not begin"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the fault proxy does not end"

    # -- in the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        connector = TCPConnector(ssl=self._trust, limit=0)
        async with ClientSession(connector=connector, timeout=ClientTimeout()) as self._session:
            application = web.Application(client_max_size=2**24)
            application.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._began.set()
            await self._stop.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = self._count(request)
        fault = next(filter(None, (plan.choose(call) for plan in self._plans)), None)
        try:
            if fault is None:
                return await self._pass_on(request)
            self.injected[f"{call.verb} {call.resource} {fault}"] += 1
            if fault.after and call.verb is Verb.WATCH:
                return await self._pass_on(request, ending_with=fault)
            return await self._fail(request, fault)
        except (ClientError, ConnectionError):
            return _cut(request)  # one of the two sides is gone

    def _count(self, request: web.Request) -> Call:
        verb, resource = _read_call(request)
        self.called[verb, resource] += 1
        return Call(verb, resource, self.called[verb, resource])

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.after:
            async with self._ask(request) as response:
                await response.read()
        if fault.how is How.SILENT:
            await _wait_until_gone(request)
        if fault.how is not How.ANSWERED:
            return _cut(request)
        headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
        return web.json_response(_render_status(fault), status=fault.status, headers=headers)

    async def _pass_on(
        self, request: web.Request, ending_with: Fault | None = None
    ) -> web.StreamResponse:
        async with self._ask(request) as response:
            answer = web.StreamResponse(status=response.status, headers=_pick(response.headers))
            await answer.prepare(request)
            try:
                async with asyncio.timeout(_WATCH_SECONDS if ending_with else None):
                    async for chunk in response.content.iter_any():
                        await answer.write(chunk)
            except TimeoutError:
                if ending_with is None or ending_with.how is not How.ANSWERED:
                    return _cut(request)
                event = {"type": "ERROR", "object": _render_status(ending_with)}
                await answer.write(json.dumps(event).encode() + b"\n")
            await answer.write_eof()
            return answer

    @asynccontextmanager
    async def _ask(self, request: web.Request) -> AsyncIterator[ClientResponse]:
        async with self._session.request(
            request.method,
            f"{self._server}{request.rel_url}",
            data=await request.read(),
            headers=_pick(request.headers) | {"User-Agent": self._user_agent},
        ) as response:
            yield response


def _read_call(request: web.Request) -> tuple[Verb, str]:
    parts = request.path.strip("/").split("/")
    below = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else parts[-1:]
    resource, is_one = "".join(below[:1]), len(below) > 1
    if request.method == "GET" and not is_one:
        is_watch = request.query.get("watch", "").lower() == "true"
        return (Verb.WATCH if is_watch else Verb.LIST), resource
    verbs = {"GET": Verb.GET, "POST": Verb.CREATE, "DELETE": Verb.DELETE}
    return verbs.get(request.method, Verb.OTHER), resource


def _pick(headers: Any) -> dict[str, str]:
    return {k: v for k, v in headers.items() if k.lower() not in _OF_ONE_CONNECTION}


def _cut(request: web.Request) -> web.StreamResponse:
    """Break the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # no client hears it


async def _wait_until_gone(request: web.Request) -> None:
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def _render_status(fault: Fault) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": _REASONS.get(fault.status, "Unknown"),
        "message": fault.message,
        "code": fault.status,
    }
