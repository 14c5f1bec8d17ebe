"""``jhp up``: the whole platform on one machine, from one file."""

import getpass
import json
import os
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click

from jupyterhub_platform.cli.hub_options import render_which
from jupyterhub_platform.cli.hub_process import HubProcess, write_configuration
from jupyterhub_platform.cli.leftovers import MARK, end_leftovers
from jupyterhub_platform.cli.own_command import as_pasted
from jupyterhub_platform.cli.proxy import BUNDLED, CHECKOUT, find_proxy_command
from jupyterhub_platform.cli.state import FIRST_PORT, Ports, State, write_private
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.documents import read_policy
from jupyterhub_platform.factory import read_accounts
from jupyterhub_platform.hub.passwords import Argon2Hasher
from jupyterhub_platform.settings import STATE_DIRECTORY, Settings

EXAMPLES: Final = (CHECKOUT / "examples" / "local" / "platform.yaml", BUNDLED / "platform.yaml")
SITE_CONFIGURATION: Final = "jupyterhub_config.py"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


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

    People's servers go on when the Hub stops, and are found again at the next start. Changes of the
    file take effect while it runs.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    state = State(state_path)
    state.open()
    # Not before: the file may be that of a platform that runs from there.
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    try:
        _serve(_prepare(state, file, port, host, site), ready_file)
    finally:
        state.close()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one start has decided before it starts anything."""

    state: State
    settings: Settings
    policy: Policy
    passwords: Mapping[str, str]
    ports: Ports
    host: str
    configuration: Path

    @property
    def url(self) -> str:
        """Where people find the platform."""
        return f"http://{_shown_host(self.host)}:{self.ports.public}"


def _prepare(
    state: State, file: Path | None, port: int | None, host: str, site: Path | None
) -> _Plan:
    policy_file = _find_policy(state, file)
    policy = read_policy(policy_file).policy
    proxy_command = find_proxy_command()
    if end_leftovers(state.directory):
        _say("Ended the proxy that an earlier run left behind.")
    before = state.read_json("ports.json").get("public")
    ports = state.choose_ports(port)
    if port is None and ports.public not in (FIRST_PORT, before):
        _say(f"Port {FIRST_PORT} is taken; this platform uses {ports.public}.")
    own_site = CHECKOUT / SITE_CONFIGURATION
    configuration = write_configuration(
        state,
        ports,
        host=host,
        policy_file=policy_file,
        proxy_command=proxy_command,
        site=site.absolute() if site else own_site if own_site.exists() else None,
    )
    settings = Settings(
        state.directory,
        policy_file,
        os.environ.get("PLATFORM_DB_URL") or f"sqlite:///{state / 'platform.sqlite'}",
    )
    passwords = state.sample_passwords(sorted(policy.people))
    return _Plan(state, settings, policy, passwords, ports, host, configuration)


def _serve(plan: _Plan, ready_file: Path | None) -> None:
    state = plan.state
    _say(f"Starting the Hub. Its log: {state / 'logs' / 'hub.log'}")
    secrets = state.keep_secrets(plan.url)
    environment = {**plan.settings.render_environment(), **secrets, MARK: str(state.directory)}
    hub = HubProcess(plan.configuration, state, environment, _say)
    stopping = _Stopping()
    try:
        hub.wait_until_ready(f"http://127.0.0.1:{plan.ports.hub}")
        # Asked too often, the proxy fills the log with routes that it does not have yet.
        hub.wait_until_ready(plan.url, every=0.5)
        people = _list_passwords(plan.settings, plan.passwords)
        if ready_file is not None:
            _write_ready(ready_file, plan.url, people)
        _announce(plan, people)
        code = hub.wait()
        if not stopping.asked:
            raise PlatformError(
                f"The Hub ended by itself with {code}. Its log says why: {hub.log_path}"
            )
    except KeyboardInterrupt:
        _say("")
    finally:
        _say("Stopping the Hub.")
        hub.stop()
        end_leftovers(state.directory)
        hub.finish_log()
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
    _say(
        "Stopped. Servers that people started go on: the next start finds them again, "
        f"and `jhp down{render_which(None, state.given)}` ends them."
    )


class _Stopping:
    """Ends the wait for the Hub when somebody asks for an end, once."""

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
        _say(f"Copied the example to {own}")
    return own


def _shown_host(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not listened at
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _list_passwords(settings: Settings, passwords: Mapping[str, str]) -> dict[str, str | None]:
    """Return the sample passwords that still hold; ``None`` for people who changed theirs."""
    accounts = read_accounts(settings, Argon2Hasher())
    return {
        name: password if accounts.verify(name, password) else None
        for name, password in passwords.items()
    }


def _write_ready(path: Path, url: str, people: Mapping[str, str | None]) -> None:
    write_private(
        path.absolute(), json.dumps({"url": url, "people": dict(people)}, indent=2) + "\n"
    )


def _announce(plan: _Plan, people: Mapping[str, str | None]) -> None:
    policy, host, ports = plan.policy, plan.host, plan.ports
    widths = [max(map(len, ["name", *people])), max(len(p.level) for p in policy.people.values())]
    rows = [
        f"  {name:<{widths[0]}}  {policy.people[name].level:<{widths[1]}}  "
        f"{password or '(their own)':<19}  {', '.join(sorted(policy.declared_groups(name)))}"
        for name, password in people.items()
    ]
    head = f"  {'name':<{widths[0]}}  {'level':<{widths[1]}}  {'password':<19}  groups"
    _say(
        "\n".join(
            [f"\n{policy.name} runs at {plan.url}\n", head, *(row.rstrip() for row in rows), ""]
        )
    )
    if host not in _LOOPBACK:
        _say(
            f"Anybody who reaches {host}:{ports.public} can try to log in, and passwords cross the "
            "network in the clear.\nPut a proxy with TLS in front of it.\n"
        )
    elif os.environ.get("SSH_CONNECTION"):
        _say(
            "From your own machine:\n"
            f"  ssh -L {ports.public}:127.0.0.1:{ports.public} "
            f"{getpass.getuser()}@{socket.gethostname()}\n"
        )
    _say(
        f"Policy: {plan.settings.policy_file} (changes take effect by themselves)\nCtrl-C stops it."
    )


def _say(text: Any) -> None:
    click.echo(as_pasted(str(text)), err=True)
