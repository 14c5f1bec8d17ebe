"""``jhp doctor``: looks at Hub and cluster, changes nothing, and says what is wrong and the fix."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from jupyterhub_platform.cli.doctor_report import render_json, render_report
from jupyterhub_platform.cli.hub_client import HubClient
from jupyterhub_platform.cli.hub_options import which_hub
from jupyterhub_platform.cli.main import REFUSED
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.deploy.checks import examine
from jupyterhub_platform.deploy.facts import Facts, File, Hub
from jupyterhub_platform.deploy.findings import Status
from jupyterhub_platform.documents import read_policy


@click.command(short_help="Say what is wrong with Hub and cluster, why it matters, and the fix.")
@which_hub
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    envvar="PLATFORM_FILE",
    help="The policy file whose tiers are compared with the cluster.",
)
@click.option("--strict", is_flag=True, help="Let warnings and what is not known count as wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as described above.")
@click.pass_context
def doctor(
    ctx: click.Context,
    url: str | None,
    state: Path,
    file: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Look at a Hub and its cluster; nothing is changed.

    \b
      jhp doctor
      jhp doctor --namespace jupyterhub --file platform.yaml

    The exit code is 0 if nothing failed, 1 if something did, 2 if there was nothing to look at.

    \b
    With --json:
      well      whether the exit code is 0
      checks    a list of code, status (ok, unknown, warning, failed), fine (what is well),
                findings (a list of status, what, why, fix)
      left_out  a list of sentences: what was not looked at, and how it would be
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    left_out = ["The cluster is left out: --namespace, --context or --kubeconfig names it."]
    facts = Facts(file=_read_file(file, left_out), hub=_read_hub(url, state, left_out))
    if facts.hub is None and facts.file is None:
        raise click.UsageError("There is nothing to look at. " + " ".join(left_out))
    results = examine(facts)
    worst = Status.OK if strict else Status.WARNING
    well = all(result.status.severity <= worst.severity for result in results)
    if as_json:
        click.echo(render_json(results, left_out, well=well))
    else:
        report = render_report(results, left_out)
        click.echo(report, color=False if "NO_COLOR" in os.environ else None)
    ctx.exit(0 if well else REFUSED)


def _read_file(path: Path | None, left_out: list[str]) -> File | None:
    if path is None:
        left_out.append("The policy file is left out: --file names it.")
        return None
    try:
        read = read_policy(path)
    except PolicyError as error:
        return File(str(path), faults=error.faults)
    return File(str(path), read.policy, read.digest)


def _read_hub(url: str | None, state: Path, left_out: list[str]) -> Hub | None:
    if url is None and "token" not in State(state).read_json("command.json"):
        left_out.append(
            f"The Hub is left out: none was started from {state}; --state or --url names it."
        )
        return None
    try:
        hub = HubClient.find(url, state)
    except PlatformError as error:
        raise click.UsageError(str(error)) from None
    try:
        with hub as client:
            asked_at = datetime.now(UTC)
            health = client.get("platform/health")
            midway = asked_at + (datetime.now(UTC) - asked_at) / 2
            ahead = (datetime.fromisoformat(health["now"]) - midway).total_seconds()
            settings = client.get("platform/settings")
    except PlatformError as error:
        return Hub(url or "", unreachable=str(error))
    return Hub(url or "", "", health, settings, ahead)
