"""``jhp apply``: puts the files of this folder into force, exactly as they were planned."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.cli.deploy.applied import Applied, note_applied
from jupyterhub_platform.cli.deploy.found_files import FoundFiles, find_files
from jupyterhub_platform.cli.deploy.lease import hold_lease
from jupyterhub_platform.cli.deploy.plan import (
    allow_option,
    choose_exit_code,
    echo_faults,
    file_argument,
    read_plan,
)
from jupyterhub_platform.cli.deploy.policy_writer import write_policy
from jupyterhub_platform.cli.deploy.rendered import refuse_cluster
from jupyterhub_platform.cli.deploy.report import Report, render_terminal
from jupyterhub_platform.cli.deploy.target import HubFaultsError, Target, open_target
from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.client import HubRefusedError
from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.local.background import start_in_background
from jupyterhub_platform.cli.objects.changes import echo_undo
from jupyterhub_platform.cli.own_command import as_pasted
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.cli.terminal import count, echo_json
from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.deploy.git import read_commit
from jupyterhub_platform.documents import parse_files

IN_FORCE_SECONDS: Final = 120
_POLICY: Final = "platform.yaml"


@dataclass(frozen=True, slots=True)
class Done:
    """What an apply has done.

    Attributes
    ----------
    written
        The files that it wrote.
    login
        An admin and their first password, if it started the Hub; ``None`` for one of their own.
    """

    revision: int
    previous: int
    digest: str
    url: str
    written: list[str]
    login: tuple[str, str | None] = ("", None)


@click.command(short_help="Put platform.yaml into force, as it was planned.")
@file_argument
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Apply this plan of `jhp plan --json`, or nothing.",
)
@allow_option
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def apply(
    ctx: click.Context,
    file: Path,
    plan_path: Path | None,
    allow: tuple[str, ...],
    hub: Hub,
    as_json: bool,
) -> None:
    """Put FILE into force: plan it, refuse what is destructive, write it, wait until it is there.

    \b
      jhp apply
      jhp plan --json > plan.json && jhp apply --plan plan.json

    If no Hub runs here, it is started in the background; `jhp down` ends it. What is in force
    already is left alone, and an apply that was interrupted is completed by the next one.

    The exit code is 0 if it is in force, 1 if it cannot be, 2 if it is destructive and that is not
    allowed.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    planned = read_plan(plan_path) if plan_path else None
    try:
        found = find_files(file)
        refuse_cluster(parse_files(found.files, found.name))
        with hold_lease(State(hub.state)), open_target(hub) as target:
            report = target.plan(found, frozenset(allow))
            check_planned(report, planned)
            exit_if_refused(ctx, report)
            done = put_into_force(target, found, report, read_commit_of(found))
    except (PolicyError, HubFaultsError) as error:
        echo_faults(file, error.faults)
        ctx.exit(REFUSED)
    echo_done(done, report, hub, as_json=as_json)


def exit_if_refused(ctx: click.Context, report: Report) -> None:
    """Show a plan that is not to be applied, and end with its exit code."""
    code = choose_exit_code(report)
    if code:
        click.echo("\n".join(render_terminal(report)), err=True)
        ctx.exit(code)


def check_planned(report: Report, planned: dict[str, Any] | None) -> None:
    """Refuse if an earlier plan does not fit any more.

    Raises
    ------
    PlatformError
        Raised if the files are others, or something else is in force than when it was made.
    """
    if planned is None:
        return
    if planned["proposed"] != report.plan.proposed:
        raise PlatformError(
            f"{report.file} is not what was planned. Plan it again, and look at that plan."
        )
    base = {"revision": report.plan.revision, "digest": report.plan.digest}
    if planned["base"] != base and not report.is_idle:
        before, now = planned["base"].get("revision"), base["revision"]
        raise PlatformError(
            f"Something else is in force than when it was planned: revision {now}, and not "
            f"{before}. Nothing was changed. Plan it again."
        )


def read_commit_of(found: FoundFiles) -> str:
    """Return the commit that has the files; empty if none has them so."""
    names = [found.path.name, *(each.name for each in found.files[1:])]
    return read_commit(found.path.absolute().parent, names)


def put_into_force(target: Target, found: FoundFiles, report: Report, commit: str) -> Done:
    """Write the files, have the Hub read them, and wait until they are in force.

    Raises
    ------
    HubFaultsError
        Raised if the Hub finds faults in them all the same.
    PlatformError
        Raised if something else came into force meanwhile, or they are not in force in time.
    """
    if target.api is None:
        done = _start(target, found)
    else:
        done = _reload(target, target.api, found, report)
    schema = _read_schema(target)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    note_applied(target.state, Applied(found.digest, done.revision, commit, now, schema))
    return done


def _start(target: Target, found: FoundFiles) -> Done:
    state = target.state
    path = state / _POLICY
    written = write_policy(found, path)
    ready = start_in_background(state, path, _tell)
    with open_target(Hub(None, target.hub.state)) as started:
        if started.api is None:
            raise PlatformError(started.silence)
        if started.api.call("readHealth")["policy"]["digest"] != found.digest:
            _ask_to_reload(started.api)
        health = _wait(started.api, found.digest)
    admins = parse_files(found.files, found.name).policy.admins()
    login = next(((name, ready["people"].get(name)) for name in admins), ("", None))
    return Done(health["revision"], 0, found.digest, str(ready["url"]), written, login)


def _reload(target: Target, api: PlatformApi, found: FoundFiles, report: Report) -> Done:
    health = api.call("readHealth")["policy"]
    path = Path(health["file"])
    revision = report.plan.revision
    if health["revision"] != revision:
        raise PlatformError(
            f"Revision {health['revision']} came into force while revision {revision} was planned "
            "for. Nothing was changed. Apply it again."
        )
    written: list[str] = []
    if found.digest not in {health["digest"], health["file_digest"]}:
        written = _write(target, found, path)
    if health["digest"] != found.digest:
        _tell(f"Asking {target.url} to put it into force.")
        _ask_to_reload(api)
        health = _wait(api, found.digest)
    return Done(health["revision"], revision, found.digest, target.url, written)


def _write(target: Target, found: FoundFiles, path: Path) -> list[str]:
    if path.exists() and path.samefile(found.path):
        return []
    if not path.parent.is_dir() or not path.is_relative_to(target.state.directory):
        raise PlatformError(
            f"The Hub at {target.url} reads {path}, which is not in {target.state.directory}. "
            f"Bring {found.path} there in the way that this Hub is deployed, and run `jhp policy "
            "reload`. Nothing was changed."
        )
    written = write_policy(found, path)
    _tell(f"Wrote {path}.")
    return written


def _ask_to_reload(api: PlatformApi) -> None:
    try:
        api.call("reload", body={})
    except HubRefusedError as error:
        faults = error.body.get("faults")
        if isinstance(faults, list):
            raise HubFaultsError(tuple(map(str, faults))) from None
        raise


def _wait(api: PlatformApi, digest: str) -> dict[str, Any]:
    """Return the health of the policy once it has a digest."""
    deadline = time.monotonic() + IN_FORCE_SECONDS
    while time.monotonic() < deadline:
        health: dict[str, Any] = api.call("readHealth")["policy"]
        if health["digest"] == digest:
            return health
        if health["faults"] and health["file_digest"] is None:
            raise HubFaultsError(tuple(map(str, health["faults"])))
        time.sleep(0.2)
    raise PlatformError(
        f"The files are written, and not in force after {IN_FORCE_SECONDS} s. `jhp doctor` says "
        "what the Hub is about; apply again then."
    )


def _read_schema(target: Target) -> str:
    with open_target(target.hub) as now:
        if now.api is None:
            return ""
        return str(now.api.call("readHealth")["store"]["schema"] or "")


def echo_done(done: Done, report: Report, hub: Hub, *, as_json: bool) -> None:
    """Say what was done, and what takes it back."""
    if as_json:
        echo_json(
            {
                "revision": done.revision,
                "previous": done.previous,
                "digest": done.digest,
                "url": done.url,
                "written": done.written,
                "changed": done.revision != done.previous,
            }
        )
        return
    if done.revision == done.previous:
        click.echo(f"Nothing to do: revision {done.revision} at {done.url} is these files.")
        return
    plan = report.plan
    changed, users = count(plan.objects_count, "object"), count(plan.concerned, "user")
    click.echo(
        f"Revision {done.revision} is in force at {done.url}: {changed} changed, {users} concerned."
    )
    name, password = done.login
    if name:
        how = f"with the password {password}" if password else "with their own password"
        click.echo(f"Log in at {done.url} as {name}, {how}.")
        _tell("It runs in the background, and `jhp down` ends it.")
    echo_undo(f"jhp rollback{hub.options}")


def _tell(text: str) -> None:
    click.echo(as_pasted(text), err=True)
