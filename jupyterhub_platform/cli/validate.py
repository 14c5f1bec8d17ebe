"""``jhp validate``: everything that is wrong with a platform file, at once."""

import json
from pathlib import Path
from typing import Any

import click

from jupyterhub_platform.cli.main import REFUSED
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.documents import ReadPolicy, read_policy


@click.command(short_help="Say everything that is wrong with a platform file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as described above.")
@click.pass_context
def validate(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Check a platform file: every fault with its line, what is wrong and the fix.

    \b
      jhp validate .jupyterhub-platform/platform.yaml
      jhp validate --json .jupyterhub-platform/platform.yaml

    One line for each fault on stdout. The exit code is 0 if the file is valid, 1 if it has faults,
    2 if it cannot be read.

    \b
    With --json:
      file, valid
      digest   sha256 of the file, null if it has faults
      counts   people, groups, tiers, images, grants; null if it has faults
      faults   a list of file, line, path (a list of keys), what, fix
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    try:
        read = read_policy(file)
    except PolicyError as error:
        if as_json:
            click.echo(_render_json(file, None, error.faults))
        else:
            click.echo("\n".join(str(fault) for fault in error.faults))
            click.echo(f"{_count(len(error.faults), 'fault')} in {file}", err=True)
        ctx.exit(REFUSED)
    click.echo(_render_json(file, read, ()) if as_json else f"Valid: {_summarise(read.policy)}.")


def _counts(policy: Policy) -> dict[str, int]:
    return {
        "people": len(policy.people),
        "groups": len(policy.groups),
        "tiers": len(policy.tiers),
        "images": len(policy.images),
        "grants": len(policy.grants),
    }


def _summarise(policy: Policy) -> str:
    counts = _counts(policy)
    people = "1 person" if counts["people"] == 1 else f"{counts['people']} people"
    rest = [_count(counts[f"{noun}s"], noun) for noun in ("group", "tier", "grant")]
    return ", ".join([people, *rest])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _render_json(file: Path, read: ReadPolicy | None, faults: tuple[Fault, ...]) -> str:
    rendered: dict[str, Any] = {
        "file": str(file),
        "valid": read is not None,
        "digest": read.digest if read else None,
        "counts": _counts(read.policy) if read else None,
        "faults": [
            {
                "file": fault.file,
                "line": fault.line,
                "path": list(fault.path),
                "what": fault.what,
                "fix": fault.fix,
            }
            for fault in faults
        ],
    }
    return json.dumps(rendered, indent=2, ensure_ascii=False)
