"""``jhp rollback``: applies what an earlier commit had, in place of what was applied last."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from jupyterhub_platform.cli.deploy.applied import Applied, list_applied
from jupyterhub_platform.cli.deploy.apply import (
    echo_done,
    exit_if_refused,
    put_into_force,
)
from jupyterhub_platform.cli.deploy.found_files import find_files
from jupyterhub_platform.cli.deploy.lease import hold_lease
from jupyterhub_platform.cli.deploy.plan import allow_option, echo_faults, file_argument
from jupyterhub_platform.cli.deploy.rendered import refuse_cluster
from jupyterhub_platform.cli.deploy.target import HubFaultsError, find_settings, open_target
from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.options import Hub, with_hub
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.deploy.git import (
    find_commit,
    list_commits,
    say_commit,
    write_files,
)
from jupyterhub_platform.documents import parse_files
from jupyterhub_platform.factory import read_schema_version


@click.command("rollback", short_help="Apply what an earlier commit had.")
@file_argument
@click.option("--to", "to", metavar="REV", help="The git revision; by default the one before.")
@allow_option
@with_hub
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_context
def roll_back(
    ctx: click.Context, file: Path, to: str | None, allow: tuple[str, ...], hub: Hub, as_json: bool
) -> None:
    """Apply FILE as an earlier commit had it: the one that was applied before, or REV.

    \b
      jhp rollback
      jhp rollback --to v1.4

    The repository stays as it is; revert the commit there, or the next apply brings it back. It is
    refused if the database was migrated since: no commit takes that back. Changes of objects that
    are managed in the Hub are undone by `jhp policy rollback`.

    The exit code is 0 if it is in force, 1 if it cannot be, 2 if it is destructive and that is not
    allowed.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    folder, state = file.absolute().parent, State(hub.state)
    try:
        with hold_lease(state), TemporaryDirectory() as scratch:
            applied = list_applied(state)
            commit = find_commit(folder, to) if to else find_earlier(folder, applied)
            check_migration(state, applied, commit)
            root = write_files(folder, commit, Path(scratch))
            found = find_files(root / file.name, f"{file} of {commit[:10]}")
            refuse_cluster(parse_files(found.files, found.name))
            with open_target(hub) as target:
                report = target.plan(found, frozenset(allow))
                exit_if_refused(ctx, report)
                done = put_into_force(target, found, report, commit)
    except (PolicyError, HubFaultsError) as error:
        echo_faults(file, error.faults)
        ctx.exit(REFUSED)
    click.echo(f"Rolled back to {say_commit(folder, commit)}.", err=True)
    echo_done(done, report, hub, as_json=as_json)
    click.echo("The repository stays as it is: revert the later commits there as well.", err=True)


def find_earlier(folder: Path, applied: list[Applied]) -> str:
    """Return the commit that was applied before the last one, or that comes before it in git.

    Raises
    ------
    PlatformError
        Raised if there is none.
    """
    if not applied or not applied[0].commit:
        raise PlatformError(
            "What was applied last was in no commit, so none comes before it. Name one with --to."
        )
    last = applied[0]
    for each in applied[1:]:
        if each.commit and each.digest != last.digest:
            return each.commit
    commits = list_commits(folder, last.commit)
    if len(commits) < 2:
        raise PlatformError("No commit comes before the one that was applied last.")
    return commits[1]


def check_migration(state: State, applied: list[Applied], commit: str) -> None:
    """Refuse a commit that was in force with another schema of the database than it has now.

    Raises
    ------
    PlatformError
        Raised then.
    """
    before = next((each.schema for each in applied if each.commit == commit), "")
    now = read_schema_version(find_settings(state))
    if before and now and before != now:
        raise PlatformError(
            f"The database was migrated from {before} to {now} since {commit[:10]} was in force, "
            "which no commit takes back. Restore a backup from before, with the version of the "
            "platform that made it; or correct the file, and apply it."
        )
