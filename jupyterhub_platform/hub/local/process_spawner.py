"""Run JupyterHub's single-user servers as local processes; end them completely, lose none."""

import asyncio
import os
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.spawner import Spawner, SpawnException
from jupyterhub.traitlets import ByteSpecification
from traitlets import Bool, Float, Int, Tuple, Unicode, default

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.http.sockets import SCHEME, render_unix_url
from jupyterhub_platform.hub.local.launch import Order, Record, find_record, launch, target_of
from jupyterhub_platform.hub.local.machine import Machine, locate_log, open_machine, read_log_end
from jupyterhub_platform.hub.local.os_users import OsUser
from jupyterhub_platform.hub.local.processes import PYTHON, is_alive, read_environment
from jupyterhub_platform.hub.local.termination import StillAliveError, end_server, find_living
from jupyterhub_platform.hub.local.uid_register import FIRST_UID, LAST_UID, UID_REGISTER
from jupyterhub_platform.hub.upstream.jupyter_server import PASSED_LISTENER, read_before_others
from jupyterhub_platform.hub.upstream.spawner_state import log_name
from jupyterhub_platform.hub.upstream.unix_sockets import use_unix_sockets

_STATE_KEY = "local"
# JupyterLab asks the network for news, updates and extensions unless told not to.
_QUIET = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


class LocalServerSpawner(Spawner):  # type: ignore[misc] # no types
    """Start each server as a process of this machine, under its own supervisor.

    Subclasses provide what was admitted by overriding :meth:`reservation_id` and
    :meth:`granted_resources`.
    """

    state_dir = Unicode(
        ".jupyterhub-platform",
        help="Directory for what this platform keeps: server logs, user ids, and people's homes.",
    ).tag(config=True)

    homes_dir = Unicode(
        help="""Directory of people's homes; by default in ``state_dir``.

        As root, where people have user ids of their own, it must be where everybody may pass
        through; the default is then below ``/var/lib/jupyterhub-platform``.
        """,
    ).tag(config=True)

    isolate = Bool(
        True,
        help="""
        As root, run each person's servers as a user id of their own.

        Without root this has no effect: all servers run as the Hub's own user, and people are
        not isolated from each other or from the Hub.
        """,
    ).tag(config=True)

    uids = Tuple(
        Int(),
        Int(),
        default_value=(FIRST_UID, LAST_UID),
        help="""
        First and last of the user ids that people are given, if the Hub runs as root.

        Ids of accounts, and those that ``/etc/subuid`` sets aside for containers, are passed
        over. A person keeps the id for good.
        """,
    ).tag(config=True)

    uid_register = Unicode(
        str(UID_REGISTER),
        help="Directory that remembers all user ids given on this machine; one for all platforms.",
    ).tag(config=True)

    stop_grace = Float(
        10.0,
        help="Seconds that a server has to shut down its kernels before all of it is killed.",
    ).tag(config=True)

    kill_patience = Float(
        20.0,
        help="Seconds to go on killing what a server started before stopping it counts as failed.",
    ).tag(config=True)

    process_limit = Int(
        1024,
        help="Most processes and threads of one server, where the system can limit them; 0: any.",
    ).tag(config=True)

    debugger = Bool(
        False,
        help="""
        Let notebooks be debugged where people have user ids of their own.

        The debugger of Python kernels listens at a port of the machine: while it is in use,
        any other user of the machine can run code as them. So it is off there; the spawn page
        says which. Where people are not isolated, this has no effect and the debugger works.
        """,
    ).tag(config=True)

    log_limit = ByteSpecification("10M", help="Most that is kept of a run's log.").tag(config=True)

    # Set by JupyterHub, which has no types.
    api_token: str

    def __init__(self, **kwargs: Any) -> None:
        self._record: Record | None = None
        self._started: subprocess.Popen[bytes] | None = None
        self._starting = False
        self._launched_at = 0.0
        # After a restart of the Hub a server may run that no state records.
        self._unsearched = False
        use_unix_sockets()
        super().__init__(**kwargs)

    def machine(self) -> Machine:
        """Return what is known about this machine; see :func:`open_machine`."""
        first, last = self.uids
        return open_machine(
            Path(self.state_dir),
            isolate=self.isolate,
            uids=(first, last),
            homes=Path(self.homes_dir) if self.homes_dir else None,
            uid_register=Path(self.uid_register),
        )

    @default("cmd")
    def _default_command(self) -> list[str]:
        # A server refuses to run as root unless told, and without isolation it would.
        as_root = [] if self.isolate or os.geteuid() else ["--allow-root"]
        return [PYTHON, "-m", "jupyterhub.singleuser", *_QUIET, *as_root]

    @default("env_keep")
    def _default_env_keep(self) -> list[str]:
        # Nothing else: the Hub's environment holds its secrets.
        return ["PATH", "LANG", *(name for name in os.environ if name.startswith("LC_"))]

    def reservation_id(self) -> str:
        """Return the id of the reservation that this start was admitted with."""
        return uuid.uuid4().hex

    def granted_resources(self) -> Resources:
        """Return the admitted resources; their CPU and memory become limits."""
        return Resources()

    # State

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore what was known about the server when the Hub last ran."""
        super().load_state(state)
        kept = state.get(_STATE_KEY)
        self._record = Record.load(kept) if isinstance(kept, Mapping) else None
        self._unsearched = True

    def get_state(self) -> dict[str, Any]:
        """Return what is needed to find the server again."""
        state: dict[str, Any] = super().get_state()
        if self._record is not None:
            state[_STATE_KEY] = self._record.dump()
        return state

    def clear_state(self) -> None:
        """Forget the server; from here on none runs until one is started."""
        super().clear_state()
        self._record = None
        self._started = None
        self._unsearched = False

    def get_env(self) -> dict[str, str]:
        """Return the server's environment: its own, and only path and locale of the Hub's."""
        found: dict[str, str] = super().get_env()
        own = str(Path(PYTHON).parent)
        path = found.get("PATH", os.defpath)
        if own not in path.split(os.pathsep):
            found["PATH"] = os.pathsep.join((own, path))
        prefix = found.get("JUPYTERHUB_SERVICE_PREFIX", "/")
        found["JUPYTERHUB_SERVICE_URL"] = f"{render_unix_url(self._socket)}{prefix}"
        found.update(read_before_others(found, PASSED_LISTENER))
        return {**self.machine().os_users.provide(self.user.name).environment(), **found}

    def get_args(self) -> list[str]:
        """Return the server's arguments; Jupyter's servers are told there where to listen."""
        where: list[str] = []
        if any("jupyter" in Path(word).name for word in self.cmd):
            # A port in the user's own configuration would keep it from starting.
            where = [f"--ServerApp.sock={self._socket}", "--ServerApp.port=8888"]
        return [*where, *super().get_args()]

    @property
    def _socket(self) -> Path:
        return self.machine().sockets.of(self.user.name, self.name)

    # Start, poll, stop

    async def start(self) -> str:
        """Start the server, after ending whatever an earlier start of it left behind.

        Returns where it will listen: a socket that no other user can take.
        """
        self._starting, self._launched_at = True, time.time()
        try:
            machine = await asyncio.to_thread(self.machine)
            await self._end_leftovers(machine)
            # A new user's id must be one that none of the machine's processes has.
            os_user = await asyncio.to_thread(machine.os_users.provide, self.user.name)
            self._launch(machine, os_user)
        except LocalSpawnerError as error:
            # A SpawnException is shown to the user, and does not count as a failure of the Hub.
            raised = SpawnException(str(error), reason="local-spawner", status_code=500)
            raised.jupyterhub_message = str(error)
            raise raised from error
        finally:
            self._starting = False
        return render_unix_url(self._socket)

    def _launch(self, machine: Machine, os_user: OsUser) -> None:
        order = Order(
            os_user=os_user,
            server=self.name,
            reservation=self.reservation_id(),
            command=(*self.cmd, *self.get_args()),
            environment=self.get_env(),
            resources=self.granted_resources(),
            processes=self.process_limit,
            grace=self.stop_grace,
            log_bytes=self.log_limit,
            debugger=self.debugger,
        )
        self._unsearched = False
        self._started, self._record = launch(machine, order)
        self.log.info("Started %s as process %i", log_name(self), self._started.pid)

    async def poll(self) -> int | None:
        """Tell whether the server runs: None if so, else its exit status.

        Returns without suspending if none was started. When the server has ended, its leftovers are
        ended first; as long as some of them cannot be ended, it counts as running.
        """
        if self._starting:
            return None
        if self._unsearched:
            await self._search()
        record = self._record
        if record is None:
            return 0
        if is_alive(record.supervisor):
            return None
        status = self._started.poll() if self._started is not None else None
        machine = await asyncio.to_thread(self.machine)
        try:
            target = target_of(machine, self.user.name, self.name, record)
            await end_server(target, grace=0, patience=self.kill_patience)
        except StillAliveError as error:
            self.log.warning("%s ended, but not all of it. %s", log_name(self), error)
            return None
        return 0 if status is None else status

    async def stop(self, now: bool = False) -> None:
        """End the server and all that it started; return when nothing is left."""
        machine = await asyncio.to_thread(self.machine)
        record, started = self._record, self._started
        if record is not None:
            target = target_of(machine, self.user.name, self.name, record)
            grace = 0 if now else self.stop_grace + 1
            await end_server(target, grace=grace, patience=self.kill_patience)
        await self._end_leftovers(machine)
        machine.sockets.remove(self.user.name, self.name)
        if started is not None:
            started.poll()

    async def read_written(self) -> str:
        """Return the end of what the server has written, also after its end."""
        if self._record is not None:
            return await asyncio.to_thread(read_log_end, Path(self._record.log))
        if not self._launched_at:
            return ""
        # It ended before it was noted: what was written since is its log.
        path = locate_log(Path(self.state_dir), self.user.name, self.name)
        return await asyncio.to_thread(read_log_end, path, self._launched_at)

    async def _search(self) -> None:
        """Find the server that an earlier Hub started, even if it was not recorded yet."""
        machine = await asyncio.to_thread(self.machine)
        if self._record is None or not is_alive(self._record.supervisor):
            target = target_of(machine, self.user.name, self.name)
            self._record = await asyncio.to_thread(find_record, target)
        if self._record is None or not is_alive(self._record.supervisor):
            await self._end_leftovers(machine)
        elif not self._adopt(self._record):
            self.log.error(
                "%s is ended: an older version started it, and it listens at a port, where users "
                "could not log in",
                log_name(self),
            )
            await self._end_leftovers(machine)
        self._unsearched = False

    def _adopt(self, record: Record) -> bool:
        """Take over a running server; tell whether it listens where it can be routed to."""
        environment = read_environment(record.supervisor.pid)
        # Once known again, the token is revoked when the server stops.
        self.api_token = self.api_token or environment.get("JUPYTERHUB_API_TOKEN", "")
        url, told = render_unix_url(self._socket), environment.get("JUPYTERHUB_SERVICE_URL", "")
        if not told.startswith(f"{url}/"):
            return False
        address = urlsplit(url).hostname
        if self.server is not None and (self.server.proto, self.server.ip) != (SCHEME, address):
            self.server.proto, self.server.ip = SCHEME, address
            self.orm_spawner.state = {**(self.orm_spawner.state or {}), **self.get_state()}
        return True

    async def _end_leftovers(self, machine: Machine) -> None:
        target = target_of(machine, self.user.name, self.name)
        if await asyncio.to_thread(find_living, target):
            self.log.warning("Ending what is left of %s", log_name(self))
            await end_server(target, grace=0, patience=self.kill_patience)
