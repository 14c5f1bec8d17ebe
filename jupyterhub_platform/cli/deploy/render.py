"""``jhp render``: the values, manifests and engine's files that a policy file is rendered to."""

from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.terminal import count, echo_json
from jupyterhub_platform.deploy.render.folder import (
    FileChange,
    compare_folder,
    render_folder,
    write_folder,
)
from jupyterhub_platform.policy_files import read_policy

POLICY: Final = Path("platform.yaml")
_DONE: Final = {"add": "added", "change": "changed", "remove": "removed"}


@click.command("render", short_help="Render values, manifests and the lock from the policy file.")
@click.argument("file", type=click.Path(path_type=Path), default=POLICY)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if anything would change.")
@click.option("--force", is_flag=True, help="Also replace files that were changed by hand.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def write_rendered(ctx: click.Context, file: Path, check: bool, force: bool, as_json: bool) -> None:
    """Render what deployment: in a policy file says, beside that file.

    \b
      jhp render
      jhp render --check platform.yaml

    That is helm-values/, manifests/, kustomization.yaml, the folder of the GitOps engine and
    platform.lock: the same bytes for the same file, and no secret. Your own values belong into
    helm-values/overlays/, which is never written to. A rendered file that was changed by hand is
    kept, and the exit code is 1; --force replaces it.

    \b
    With --json:
      changed  a list of path, action (add, change, remove), edited
      edited   those that were changed by hand, and are kept without --force
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    _, rendered = render_folder(read_policy(file))
    folder = file.parent
    changes = compare_folder(folder, rendered.files)
    edited = [each for each in changes if each.edited]
    refused = bool(edited) and not force
    if not check and not refused:
        write_folder(folder, changes)
    if as_json:
        shown = [{k: v for k, v in asdict(c).items() if k not in {"old", "new"}} for c in changes]
        echo_json({"changed": shown, "edited": [each.path for each in edited]})
    else:
        _report(changes, len(rendered.files), written=not check and not refused)
    if refused:
        click.echo(_explain(edited), err=True)
    ctx.exit(REFUSED if refused or (check and changes) else 0)


def _report(changes: list[FileChange], number: int, *, written: bool) -> None:
    for each in changes:
        click.echo(f"{_DONE[each.action] if written else each.action:8} {each.path}")
    if not changes:
        click.echo(f"Nothing to do: {count(number, 'file')} as rendered.", err=True)
    elif written:
        click.echo(f"{count(len(changes), 'file')} of {number} written.", err=True)
    else:
        click.echo(f"{count(len(changes), 'file')} of {number} would change.", err=True)


def _explain(edited: list[FileChange]) -> str:
    names = ", ".join(each.path for each in edited)
    return (
        f"Changed by hand, and so kept: {names}. Nothing was written. Move your changes to "
        "platform.yaml or helm-values/overlays/, then run jhp render --force."
    )
