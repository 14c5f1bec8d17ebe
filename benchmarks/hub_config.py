"""The Hub that is measured, from the inside: real, but for a proxy and servers that do nothing."""

import os
from typing import Any, ClassVar, Final

from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from traitlets import Unicode

from benchmarks.identity_provider import CLIENT, SECRET
from benchmarks.probe import Probe, ProbeHandler
from jupyterhub_platform.hub.configure import configure
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin

DRIVER: Final = "benchmark"
"""The service whose token drives the Hub."""


class NullProxy(Proxy):  # type: ignore[misc]
    """Remembers routes and forwards nothing: requests go to the Hub itself."""

    should_start = False
    routes: ClassVar[dict[str, Any]] = {}

    async def add_route(self, routespec: str, target: str, data: Any) -> None:
        """Remember a route."""
        route = {"routespec": routespec, "target": target, "data": data}
        self.routes[self.validate_routespec(routespec)] = route

    async def delete_route(self, routespec: str) -> None:
        """Forget a route."""
        self.routes.pop(self.validate_routespec(routespec), None)

    async def get_all_routes(self) -> dict[str, Any]:
        """Return what was remembered."""
        return self.routes


class NullSpawner(Spawner):  # type: ignore[misc]
    """Starts nothing: every server is the one web server of the benchmark."""

    backend = Unicode(help="URL of that web server.").tag(config=True)
    runs = False

    def get_state(self) -> dict[str, Any]:
        """Remember across restarts of the Hub that this server runs."""
        return {**super().get_state(), **({"runs": True} if self.runs else {})}

    def load_state(self, state: dict[str, Any]) -> None:
        """Find a server again."""
        super().load_state(state)
        self.runs = bool(state.get("runs"))

    def clear_state(self) -> None:
        """Forget a server."""
        super().clear_state()
        self.runs = False

    async def start(self) -> str:
        """Start nothing, and say where it is."""
        self.runs = True
        return str(self.backend)

    async def poll(self) -> int | None:
        """Tell whether it runs."""
        return None if self.runs else 0

    async def stop(self, now: bool = False) -> None:
        """Stop nothing."""
        self.runs = False


class GovernedNullSpawner(AdmissionMixin, NullSpawner):
    """The same, behind admission."""


def set_up(c: Any, *, governed: bool, port: int, backend: str, token: str) -> None:
    """Configure a Hub: stock, or the same one with ``configure(c)``."""
    set_up_hub(c, port=port, token=token)
    hub = c.JupyterHub
    hub.spawner_class = GovernedNullSpawner if governed else NullSpawner
    # Ready means ready: the Hub answers once it has looked at every server.
    hub.init_spawners_timeout = -1
    c.NullSpawner.backend = backend
    c.NullSpawner.http_timeout = 600
    if governed:
        os.environ["PLATFORM_SERVICE_URL"] = os.environ["BENCHMARK_SERVICE_URL"]
        # Each benchmark says when the checker runs.
        c.Platform.check_seconds = float(os.environ.get("BENCHMARK_CHECK_SECONDS", "3600"))
        configure(c)
    else:
        hub.authenticator_class = "dummy"
        c.Authenticator.allow_all = True
        if issuer := os.environ.get("BENCHMARK_ISSUER"):
            _log_in_at(c, issuer)
    ProbeHandler.probe = Probe()
    if governed:
        hub.authenticator_class = ProbeHandler.probe.timing(hub.authenticator_class)
    hub.extra_handlers = [(r"/benchmark", ProbeHandler)]


def _log_in_at(c: Any, issuer: str) -> None:
    """Have a stock Hub log people in at a provider, and keep what it gives, as ours does."""
    c.JupyterHub.authenticator_class = "generic-oauth"
    c.GenericOAuthenticator.update(
        {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "authorize_url": f"{issuer}/authorize",
            "token_url": f"{issuer}/token",
            "userdata_url": f"{issuer}/userinfo",
            "username_claim": "preferred_username",
            "scope": ["openid"],
            "enable_auth_state": True,
        }
    )
    c.CryptKeeper.keys = [os.urandom(32)]


def set_up_hub(c: Any, *, port: int, token: str) -> None:
    """Configure what every Hub that is measured has in common, whatever its servers are."""
    hub = c.JupyterHub
    hub.bind_url = hub.hub_bind_url = f"http://127.0.0.1:{port}"
    hub.db_url = "sqlite:///hub.sqlite"
    if api := os.environ.get("BENCHMARK_PROXY_API"):
        # A real proxy, which runs beside the Hub and outlives it.
        hub.bind_url = os.environ["BENCHMARK_PUBLIC_URL"]
        c.ConfigurableHTTPProxy.should_start = False
        c.ConfigurableHTTPProxy.api_url = api
        c.ConfigurableHTTPProxy.auth_token = os.environ["BENCHMARK_PROXY_TOKEN"]
        c.Platform.trusted_proxies = ["127.0.0.1"]
    else:
        hub.proxy_class = NullProxy
    hub.allow_named_servers = True
    hub.cleanup_servers = False
    hub.log_level = "ERROR"
    hub.concurrent_spawn_limit = 0
    # The caller waits until the server is up, also on a slow machine.
    hub.tornado_settings = {"slow_spawn_timeout": 600, "slow_stop_timeout": 600}
    # Who was active when is written no more often than once a day: counts are the same each time.
    hub.activity_resolution = 86_400
    hub.services = [{"name": DRIVER, "api_token": token}]
    scopes = ["admin:users", "admin:servers", "proxy", "tokens"]
    hub.load_roles = [{"name": DRIVER, "services": [DRIVER], "scopes": scopes}]
