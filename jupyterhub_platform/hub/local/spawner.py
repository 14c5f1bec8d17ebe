"""The local spawner behind admission."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from traitlets import default

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.http.sockets import SCHEME
from jupyterhub_platform.hub.local.os_users import say_isolation
from jupyterhub_platform.hub.local.process_spawner import LocalServerSpawner
from jupyterhub_platform.hub.platform import Platform
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from jupyterhub_platform.hub.upstream.kernel_sockets import say_debugger
from jupyterhub_platform.hub.upstream.spawner_state import waits_for_response

_LOOK_SECONDS: Final = 0.2
PARTS_AT_PORTS: Final = (
    "Hub, proxy and service listen at ports. Any other user of this machine can take one of them "
    "while its process is down, and then gets cookies and logins, or is the Hub for the servers "
    "that go on. Start the platform with `jhp up`: its sockets cannot be taken."
)

SHARED_ADDRESS: Final = (
    "Servers share the Hub's address: a page that one user's server shows acts as the user who "
    "opens it, admins included. Where users distrust each other, give each a host of their own: "
    "c.Platform.hard_profile."
)


class PlatformLocalSpawner(AdmissionMixin, LocalServerSpawner):
    """Users' servers as processes of one machine, for tiers and quotas on a laptop.

    Limits that the operating system cannot enforce are advisory, and the page says so.
    """

    @default("state_dir")
    def _default_state_dir(self) -> str:
        return str(self.platform.settings.state_dir)

    def reservation_id(self) -> str:
        """Return the id that marks every process of this server."""
        reservation = self.reservation
        return reservation.id if reservation else super().reservation_id()

    def get_env(self) -> dict[str, str]:
        """Add the variables of the tier, as far as they are texts: only a cluster has Secrets."""
        own = self.admitted.pod.environment if self.admitted else {}
        texts = {name: each for name, each in own.items() if isinstance(each, str)}
        return {**super().get_env(), **texts}

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Say when the process runs; the Hub's own sentence is the same from first to last."""
        if not waits_for_response(self):
            yield {"progress": 20, "message": "Its process is being started"}
        while not waits_for_response(self):  # noqa: ASYNC110 # JupyterHub sets a flag, no event
            await asyncio.sleep(_LOOK_SECONDS)
        yield {"progress": 60, "message": "It runs, and the Hub waits for its answer"}

    async def read_end_of_log(self) -> str:
        """Return the end of what the server has written."""
        return await self.read_written()

    def granted_resources(self) -> Resources:
        """Return the tier's limits."""
        return self.admitted.tier.limits if self.admitted else Resources()

    @classmethod
    def prepare(cls, app: Any, platform: Platform) -> None:
        """Find out what this machine can do, before the first page needs it, and report it."""
        spawner = cls(config=app.config, state_dir=str(platform.settings.state_dir), hub=app.hub)
        isolated = spawner.machine().isolated
        shared = isolated and not app.config.JupyterHub.get("subdomain_host")
        for note in filter(None, (*spawner.page_notes(), SHARED_ADDRESS if shared else "")):
            platform.tell(note)

    def page_notes(self) -> tuple[str, ...]:
        """Say what this machine cannot enforce, and which users it cannot isolate."""
        try:
            machine = self.machine()
        except LocalSpawnerError as error:
            return (str(error),)
        isolated = machine.isolated
        return (
            machine.limiter.why_not,
            say_isolation(isolated=isolated),
            say_open_ports(isolated=isolated, protocol=self.hub.proto if self.hub else SCHEME),
            say_debugger(isolated=isolated, debugger=self.debugger),
        )


def say_open_ports(*, isolated: bool, protocol: str) -> str:
    """Say what other users of the machine can take; empty if the Hub is at a socket."""
    return PARTS_AT_PORTS if isolated and protocol != SCHEME else ""
