"""``jhp up``: the whole platform on one machine, from one file."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import click
import psutil

from jupyterhub_platform.cli.hub.options import render_which
from jupyterhub_platform.cli.local.enforced_config import EnforcedConfig
from jupyterhub_platform.cli.local.hub_process import HubProcess, write_configuration
from jupyterhub_platform.cli.local.leftovers import MARK, end_leftovers, end_orphans, keep_orphans
from jupyterhub_platform.cli.local.listeners import find_socket_holders
from jupyterhub_platform.cli.local.port_holder import hold_port, list_held_ports
from jupyterhub_platform.cli.local.proxy import BUNDLED, CHECKOUT, find_proxy_command
from jupyterhub_platform.cli.local.public_port import (
    FIRST_PORT,
    PublicPort,
    is_port,
    take_public_port,
)
from jupyterhub_platform.cli.local.startup_message import (
    announce,
    choose_sampled,
    list_passwords,
    tell,
    write_ready,
)
from jupyterhub_platform.cli.state import State, write_private
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.http.sockets import Sockets, open_sockets
from jupyterhub_platform.instance_id import read_instance
from jupyterhub_platform.policy_files import read_policy
from jupyterhub_platform.settings import STATE_DIRECTORY, Settings

EXAMPLES: Final = (CHECKOUT / "examples" / "local" / "platform.yaml", BUNDLED / "platform.yaml")
SITE_CONFIGURATION: Final = "jupyterhub_config.py"


@click.command()
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="The platform.yaml to run. By default "
    "the one in the state directory, which begins as a copy of the example.",
)
@click.option(
    "--state",
    "state_path",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(STATE_DIRECTORY),
    show_default=True,
    help="Where everything is kept between starts.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Where to listen. By default the first free one from 8000.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--config",
    "site",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A jupyterhub_config.py of your own, which calls configure(c).",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write URL and passwords there as JSON, once the Hub answers.",
)
def up(
    file: Path | None,
    state_path: Path,
    port: int | None,
    host: str,
    site: Path | None,
    ready_file: Path | None,
) -> None:
    """Start the platform on this machine; Ctrl-C stops it.

    \b
      jhp up
      jhp up --file platform.yaml --port 8123 --ready-file ready.json

    Users' servers keep running when the Hub stops, and are found again at the next start. Changes
    of the file take effect while it runs.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    state = State(state_path)
    state.open()
    # Not earlier: the file may belong to a platform that runs from there.
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    try:
        _serve(_prepare(state, file, port, host, site), ready_file)
    finally:
        state.close()


@dataclass(frozen=True, slots=True)
class _Plan:
    """The decisions of one start, made before anything is started."""

    state: State
    settings: Settings
    policy: Policy
    passwords: Mapping[str, str]
    public: PublicPort
    sockets: Sockets
    host: str
    configuration: Path

    @property
    def port(self) -> int:
        """The public port."""
        return self.public.number


def _prepare(
    state: State, file: Path | None, port: int | None, host: str, site: Path | None
) -> _Plan:
    policy_file = _find_policy(state, file)
    policy = read_policy(policy_file).policy
    proxy_command = find_proxy_command()
    for name in end_leftovers(state.directory):
        tell(f"Ended what an earlier run left behind: {name}.")
    sockets = _open_sockets(state)
    public = _take_port(state, host, port)
    host = public.name(host)
    own_site = CHECKOUT / SITE_CONFIGURATION
    enforced = EnforcedConfig(
        host=host,
        port=public.number,
        listener=public.listener.fileno(),
        state=state.directory,
        sockets=sockets.directory,
        policy_file=policy_file,
        proxy_command=proxy_command,
    )
    chosen = site.absolute() if site else own_site if own_site.exists() else None
    configuration = write_configuration(state, enforced, chosen)
    settings = Settings(
        state.directory,
        policy_file,
        os.environ.get("PLATFORM_DB_URL") or f"sqlite:///{state / 'platform.sqlite'}",
    )
    passwords = state.sample_passwords(choose_sampled(policy))
    return _Plan(state, settings, policy, passwords, public, sockets, host, configuration)


def _open_sockets(state: State) -> Sockets:
    """Create the places where Hub, proxy and service will listen."""
    sockets = open_sockets(state.directory, read_instance(state.directory))
    for path in (sockets.hub, sockets.proxy_api, sockets.service):
        holders = find_socket_holders(path)
        if holders:
            raise PlatformError(
                f"{' and '.join(holders)} listens at {path}, where this platform has to. End it, "
                "and start again."
            )
    # The proxy does not bind where a file is left.
    sockets.close()
    (state / "proxy.pid").unlink(missing_ok=True)
    return sockets


def _take_port(state: State, host: str, asked: int | None) -> PublicPort:
    before = state.read_json("ports.json").get("public")
    instance = read_instance(state.directory)
    kept = {each.port for each in list_held_ports(instance)}
    public = take_public_port(host, asked, before, tell, kept)
    port = public.number
    if os.geteuid() == 0:
        # Where users have their own ids, they must not listen there after all of this has ended.
        hold_port(public.bind_beside(), port, instance, state.directory)
    for other in sorted(kept - {port}):
        held = f"Port {other}, where this platform was before, stays held for it."
        tell(f"{held} {_say_release(state)}")
    if asked is None and port != FIRST_PORT and not is_port(before):
        tell(f"Port {FIRST_PORT} is taken; this platform uses {port}.")
    state.write_json("ports.json", {"public": port})
    return public


def _serve(plan: _Plan, ready_file: Path | None) -> None:
    state, port = plan.state, plan.port
    tell(f"Starting the Hub. Its log: {state / 'logs' / 'hub.log'}")
    environment = {
        **plan.settings.render_environment(),
        **state.keep_secrets(f"http://{plan.host}:{port}"),
        MARK: str(state.directory),
    }
    others = psutil.Process().children(recursive=True)
    keep_orphans()
    hub = HubProcess(plan.configuration, state, environment, plan.public.descriptors, tell)
    stopping = _Stopping()
    try:
        url = hub.wait_until_ready(plan.sockets.hub)
        state.keep_secrets(url)
        people = list_passwords(plan.settings, plan.passwords)
        if ready_file is not None:
            write_ready(ready_file, url, people)
        announce(plan.policy, plan.settings, (plan.host, port), url, people)
        code = hub.wait()
        if not stopping.asked:
            raise PlatformError(
                f"The Hub ended by itself with {code}. Its log says why: {hub.log_path}"
            )
    except KeyboardInterrupt:
        tell("")
    finally:
        tell("Stopping the Hub.")
        hub.stop()
        for name in end_orphans(others):
            tell(f"Ended what the Hub had started and left running: {name}.")
        plan.public.close()
        plan.sockets.close()
        hub.finish_log()
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
    tell(
        "Stopped. Users' servers keep running: the next start finds them again, "
        f"and `{_render_down(state)}` ends them."
    )
    if os.geteuid() == 0:
        tell(
            f"Port {port} stays held, so that no other user of this machine is sent the "
            f"logins of pages that are still open. {_say_release(state)}"
        )


def _say_release(state: State) -> str:
    return f"`{_render_down(state)}` releases it."


def _render_down(state: State) -> str:
    return f"jhp down{render_which(None, state.given)}"


class _Stopping:
    """Ends the wait for the Hub on the first signal."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            raise KeyboardInterrupt


def _find_policy(state: State, file: Path | None) -> Path:
    if file is not None:
        if not file.is_file():
            raise click.UsageError(f"There is no file {file}.")
        return file.absolute()
    own = state / "platform.yaml"
    if not own.exists():
        example = next(filter(Path.exists, EXAMPLES), None)
        if example is None:
            raise click.UsageError("Name the platform.yaml to run: --file FILE.")
        write_private(own, example.read_text())
        tell(f"Copied the example to {own}")
    return own
