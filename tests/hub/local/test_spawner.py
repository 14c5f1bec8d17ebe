"""The spawner starts, finds again and ends servers, with JupyterHub's own user objects."""

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from jupyterhub import orm
from jupyterhub.objects import Hub, Server
from jupyterhub.spawner import SpawnException
from jupyterhub.user import User
from traitlets.config import Config

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.http.sockets import SCHEME, render_unix_url
from jupyterhub_platform.hub.local.cgroups import find_groups
from jupyterhub_platform.hub.local.machine import Machine
from jupyterhub_platform.hub.local.process_spawner import LocalServerSpawner
from jupyterhub_platform.hub.local.processes import (
    PYTHON,
    Process,
    find_marked,
    is_alive,
    read_environment,
)
from jupyterhub_platform.hub.local.spawner import say_open_ports
from tests.hub.local.conftest import assert_gone, processes_in, wait_until


class Grown(LocalServerSpawner):
    """A spawner that was granted something."""

    def reservation_id(self) -> str:
        return "granted-1"

    def granted_resources(self) -> Resources:
        return Resources.of({"cpu": 2000, "memory": 2**30, "servers": 1})


class OfBefore(LocalServerSpawner):
    """A spawner whose servers listen at ports, as they did before there were sockets."""

    def get_env(self) -> dict[str, str]:
        return {**super().get_env(), "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:41234/user/ada/"}


class Hubs:
    """Hubs on one database, one after the other."""

    def __init__(self, state: Path, machine: Machine | None = None) -> None:
        self.state = state
        self.machine = machine
        self.db = orm.new_session_factory("sqlite:///:memory:")()
        self.command: list[str] = ["/bin/sleep", "300"]
        self.config = Config()
        self.spawner_class = LocalServerSpawner
        self._users: list[User] = []

    def spawner(self, name: str = "", user: str = "ada") -> LocalServerSpawner:
        """Give the spawner that a newly started Hub makes."""
        found = self.db.query(orm.User).filter_by(name=user).first()
        if found is None:
            found = orm.User(name=user)
            self.db.add(found)
            self.db.commit()
        self.config.Spawner.cmd = self.command
        self.config.Spawner.args = []
        self.config.LocalServerSpawner.update(
            {"state_dir": str(self.state), "isolate": False, "stop_grace": 1.0}
        )
        settings = {
            "spawner_class": self.spawner_class,
            "config": self.config,
            "base_url": "/",
            "hub": Hub(),
        }
        made = User(found, settings, db=self.db)
        self._users.append(made)
        if name not in found.orm_spawners:
            self.db.add(orm.Spawner(name=name, user=found))
            self.db.commit()
        spawner: LocalServerSpawner = made.spawners[name]
        return spawner

    def prepare(self, spawner: LocalServerSpawner) -> None:
        """Do what JupyterHub does before it asks a spawner to start."""
        row = orm.Server(base_url=f"/user/ada/{spawner.name}")
        self.db.add(row)
        self.db.commit()
        spawner.server = Server(orm_server=row)
        spawner.clear_state()
        spawner.api_token = "a-token"

    def close(self) -> None:
        engine = self.db.get_bind()
        self.db.close()
        engine.dispose()


@pytest.fixture
async def hubs(state: Path, machine: Machine) -> AsyncIterator[Hubs]:
    made = Hubs(state, machine)
    yield made
    made.close()


async def test_a_server_starts_runs_and_stops(hubs):
    spawner = hubs.spawner()
    hubs.prepare(spawner)
    assert await spawner.poll() == 0

    url = await spawner.start()

    assert url == render_unix_url(hubs.machine.sockets.of("ada", ""))
    assert url.startswith("http+unix://%2f")
    assert await spawner.poll() is None
    kept = spawner.get_state()["local"]
    process = Process(kept["pid"], kept["start_time"], kept["boot_id"])
    assert is_alive(process)
    wait_until(lambda: len(find_marked(hubs.machine.instance)) == 2)
    await spawner.stop()
    assert not is_alive(process)
    assert await spawner.poll() == 128 + signal.SIGTERM
    spawner.clear_state()
    assert "local" not in spawner.get_state()
    assert await spawner.poll() == 0


async def test_a_server_that_ends_by_itself_gives_its_exit_status(hubs, tmp_path):
    pids = tmp_path / "pids"
    escapee = f"env -i setsid sh -c 'echo $$ > {pids}; exec sleep 300' &"
    wait = f"while ! test -s {pids}; do sleep 0.01; done"
    hubs.command = ["/bin/sh", "-c", f"{escapee} {wait}; exit 5"]
    spawner = hubs.spawner()
    hubs.prepare(spawner)
    await spawner.start()
    escaped = processes_in(pids, 1)
    for _ in range(500):
        if await spawner.poll() is not None:
            break
        await asyncio.sleep(0.02)
    assert await spawner.poll() == 5
    assert_gone(escaped)


async def test_poll_ends_what_outlived_a_killed_supervisor_before_it_says_so(hubs, tmp_path):
    pids = tmp_path / "pids"
    child = f"setsid sh -c 'echo $$ > {pids}; exec sleep 300' &"
    hubs.command = ["/bin/sh", "-c", f"{child} exec sleep 300"]
    spawner = hubs.spawner()
    hubs.prepare(spawner)
    await spawner.start()
    outlived = processes_in(pids, 1)

    os.kill(spawner.get_state()["local"]["pid"], signal.SIGKILL)
    wait_until(lambda: not is_alive(Process(**_identity(spawner))))
    status = await spawner.poll()

    assert status == -signal.SIGKILL
    assert_gone(outlived)


def _identity(spawner):
    kept = spawner.get_state()["local"]
    return {name: kept[name] for name in ("pid", "start_time", "boot_id")}


def test_poll_of_a_start_that_was_refused_never_suspends(state):
    hubs = Hubs(state)
    spawner = hubs.spawner()
    hubs.prepare(spawner)
    polling = spawner.poll()
    with pytest.raises(StopIteration) as ended:
        polling.send(None)
    assert ended.value.value == 0
    hubs.close()


async def test_a_restarted_hub_knows_its_server_again(hubs):
    first = hubs.spawner()
    hubs.prepare(first)
    await first.start()
    first.orm_spawner.state = first.get_state()
    hubs.db.commit()

    second = hubs.spawner()

    assert await second.poll() is None
    assert second.api_token == "a-token"
    await second.stop()
    assert await second.poll() == 0
    assert find_marked(hubs.machine.instance) == []
    await first.poll()


@pytest.mark.parametrize("is_written_down", [True, False])
async def test_a_server_from_before_there_were_sockets_is_ended_and_said_so(
    hubs, is_written_down, caplog
):
    hubs.spawner_class = OfBefore
    first = hubs.spawner()
    hubs.prepare(first)
    await first.start()
    first.orm_spawner.state = {"local": {**first.get_state()["local"], "port": 41234}}
    if not is_written_down:
        first.orm_spawner.state = {}
    hubs.db.commit()
    hubs.spawner_class = LocalServerSpawner

    second = hubs.spawner()

    assert await second.poll() == 0
    assert not is_alive(Process(**_identity(first)))
    assert "ada is ended: an older version started it, and it listens at a port" in caplog.text
    await first.poll()


@pytest.mark.parametrize("kept", [None, {}, {"platform": {"id": "x"}}, {"local": {"pid": 1}}])
async def test_a_hub_killed_before_it_wrote_anything_down_finds_its_server(hubs, kept):
    first = hubs.spawner("train")
    hubs.prepare(first)
    url = await first.start()
    wait_until(lambda: find_marked(hubs.machine.instance))
    first.orm_spawner.state = kept
    row = first.orm_spawner.server
    row.ip = "127.0.0.1"
    hubs.db.commit()

    second = hubs.spawner("train")

    assert await second.poll() is None
    assert second.server.host == url
    assert (row.proto, f"http+unix://{row.ip}") == ("http+unix", url)
    assert second.get_state()["local"] | {"log": ""} == first.get_state()["local"] | {"log": ""}
    assert second.orm_spawner.state["local"]["pid"] == first.get_state()["local"]["pid"]
    other = hubs.spawner("other")
    assert await other.poll() == 0
    await second.stop()
    assert find_marked(hubs.machine.instance) == []
    await first.poll()


async def test_a_hub_that_lost_state_ends_what_has_lost_its_supervisor(hubs, tmp_path):
    pids = tmp_path / "pids"
    hubs.command = [
        "/bin/sh",
        "-c",
        f"setsid sh -c 'echo $$ > {pids}; exec sleep 300' & exec sleep 300",
    ]
    first = hubs.spawner()
    hubs.prepare(first)
    await first.start()
    outlived = processes_in(pids, 1)
    os.kill(first.get_state()["local"]["pid"], signal.SIGKILL)
    wait_until(lambda: not is_alive(Process(**_identity(first))))

    assert await hubs.spawner().poll() == 0

    assert_gone(outlived)
    await first.poll()


async def test_a_recycled_process_id_in_the_state_is_neither_adopted_nor_killed(hubs):
    stranger = await asyncio.create_subprocess_exec("/bin/sleep", "300")
    spawner = hubs.spawner()
    spawner.load_state(
        {
            "local": {
                "pid": stranger.pid,
                "start_time": 12,
                "boot_id": "0",
                "reservation": "r1",
                "log": "",
                "port": 5,
            }
        }
    )
    assert await spawner.poll() == 0
    await spawner.stop()
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()


async def test_a_second_start_ends_what_the_first_left_behind(hubs):
    first = hubs.spawner()
    hubs.prepare(first)
    await first.start()
    again = hubs.spawner()
    hubs.prepare(again)

    await again.start()

    wait_until(lambda: find_marked(hubs.machine.instance))
    assert {one.process for one in find_marked(hubs.machine.instance)} >= {
        Process(**_identity(again))
    }
    assert not is_alive(Process(**_identity(first)))
    await first.poll()
    await again.stop()
    await again.poll()


async def test_granted_resources_become_limits_and_marks(hubs):
    hubs.spawner_class = Grown
    spawner = hubs.spawner("train")
    hubs.prepare(spawner)
    await spawner.start()
    wait_until(lambda: find_marked(hubs.machine.instance))
    marked = find_marked(hubs.machine.instance)[0]
    groups = find_groups(hubs.machine.instance, "ada/train", "granted-1")
    values = {
        (group / name).read_text().split()[0]
        for group in groups
        for name in ("memory.max", "cpu.max")
        if (group / name).exists()
    }
    enforced = hubs.machine.limiter.enforced
    wanted = {"memory": str(2**30), "cpu": "200000"}
    assert values == {wanted[name] for name in enforced}
    assert (marked.reservation, marked.server) == ("granted-1", "ada/train")
    await spawner.stop()
    await spawner.poll()


async def test_the_supervisor_is_told_how_long_the_log_may_be(hubs):
    hubs.config.LocalServerSpawner.log_limit = "70K"
    spawner = hubs.spawner()
    hubs.prepare(spawner)
    await spawner.start()
    pid = spawner.get_state()["local"]["pid"]
    wait_until(lambda: "--log" in psutil.Process(pid).cmdline())
    command = psutil.Process(pid).cmdline()
    assert command[command.index("--log") + 1] == str(70 * 1024)
    await spawner.stop()
    await spawner.poll()


async def test_the_hubs_own_environment_stays_with_the_hub(hubs, monkeypatch):
    monkeypatch.setenv("PLATFORM_DB_URL", "postgresql://secret")
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "secret")
    monkeypatch.setenv("LC_TIME", "C.UTF-8")
    spawner = hubs.spawner()
    hubs.prepare(spawner)
    await spawner.start()
    pid = spawner.get_state()["local"]["pid"]
    # For a moment after it was started a program has no environment yet.
    wait_until(lambda: read_environment(pid))
    found = read_environment(pid)
    home = str(hubs.state / "homes" / "ada")
    assert not [name for name, value in found.items() if "secret" in value]
    assert found["HOME"] == home
    assert found["LC_TIME"] == "C.UTF-8"
    assert found["JUPYTER_CONFIG_DIR"].startswith(home)
    assert found["PATH"].split(":")[0] == str(Path(PYTHON).parent)
    assert found["JUPYTERHUB_API_TOKEN"] == "a-token"
    await spawner.stop()
    await spawner.poll()


async def test_a_log_is_kept_for_each_start_and_for_ourselves_alone(hubs):
    hubs.command = ["/bin/sh", "-c", "echo run $$; exec sleep 300"]
    directory = hubs.state / "logs" / "servers"
    for _ in range(4):
        spawner = hubs.spawner("train")
        hubs.prepare(spawner)
        await spawner.start()
        log = directory / "ada--train.log"
        wait_until(lambda: "run" in log.read_text())  # noqa: B023
        await spawner.stop()
        await spawner.poll()
    kept = sorted(path.name for path in directory.iterdir())
    assert kept == ["ada--train.log", "ada--train.log.1", "ada--train.log.2"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert len({path.read_text() for path in directory.iterdir()}) == 3


async def test_a_machine_that_cannot_start_servers_says_why_without_failing_the_hub(hubs):
    hubs.config.LocalServerSpawner.process_limit = 4
    (hubs.state / "homes").rmdir() if (hubs.state / "homes").exists() else None
    (hubs.state / "logs").write_text("in the way")
    spawner = hubs.spawner()
    hubs.prepare(spawner)
    with pytest.raises(SpawnException, match="cannot be started") as raised:
        await spawner.start()
    assert raised.value.status_code == 500
    assert "cannot be started" in raised.value.jupyterhub_message
    assert await spawner.poll() == 0


def test_a_hub_at_a_port_says_what_other_users_can_take() -> None:
    said = say_open_ports(isolated=True, protocol="http")
    assert "Hub, proxy and service listen at ports" in said
    assert "`jhp up`" in said
    assert say_open_ports(isolated=True, protocol=SCHEME) == ""
    assert say_open_ports(isolated=False, protocol="http") == ""
