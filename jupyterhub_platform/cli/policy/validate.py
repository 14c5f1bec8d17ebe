"""``jhp validate``: reports every fault of a platform file at once."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.policy_warnings import find_warnings, say_warning
from jupyterhub_platform.documents import (
    CONFIG_MAP_BYTES,
    MAX_BYTES,
    ReadPolicy,
    parse_policy,
)
from jupyterhub_platform.file_texts import path_of
from jupyterhub_platform.policy_files import read_policy

STDIN: Final = "-"


@click.command(short_help="Report every fault of a platform file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Let warnings count as faults in the exit code.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as described above.")
@click.pass_context
def validate(ctx: click.Context, file: Path, strict: bool, as_json: bool) -> None:
    """Check a platform file: every fault with its line, what is wrong and the fix.

    \b
      jhp validate .jupyterhub-platform/platform.yaml
      jhp validate --json .jupyterhub-platform/platform.yaml

    FILE is - for stdin. Each fault is a line on stdout. A warning is about something valid that is
    probably a mistake. The exit code is 0 if the file is valid, 1 if it has faults, 2 if it cannot
    be read.

    \b
    With --json:
      file, valid
      digest   sha256 of the file, null if it has faults
      counts   people, groups, tiers, images, grants; null if it has faults
      faults   a list of file, line, path (a list of keys), what, fix
      warnings the same, of what is valid and probably a mistake
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    try:
        read = _read(file)
    except PolicyError as error:
        if as_json:
            click.echo(_render_json(file, None, error.faults, ()))
        else:
            click.echo("\n".join(str(fault) for fault in error.faults))
            click.echo(f"{_count(len(error.faults), 'fault')} in {file}", err=True)
        ctx.exit(REFUSED)
    warnings = (*_warn_of_size(read), *find_warnings(read.policy))
    if as_json:
        click.echo(_render_json(file, read, (), warnings))
    else:
        noted = f"; {_count(len(warnings), 'warning')}" if warnings else ""
        lines = [*map(say_warning, warnings), f"Valid: {_summarise(read.policy)}{noted}."]
        click.echo("\n".join(lines))
    ctx.exit(REFUSED if strict and warnings else 0)


def _read(file: Path) -> ReadPolicy:
    if str(file) != STDIN:
        return read_policy(file)
    return parse_policy(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")


def _warn_of_size(read: ReadPolicy) -> Iterator[Fault]:
    """Warn of files that are too large for the usual way into Kubernetes."""
    for file in read.files:
        size = len(file.text)
        if size > CONFIG_MAP_BYTES:
            limit = "a ConfigMap on Kubernetes holds 1 MiB in all its keys"
            what = f"the file has {size / 2**20:.1f} MiB, and {limit}"
            fix = "split it, and name the parts under include, as docs/policy.md says"
            yield Fault((), what, fix, path_of(read.file, file.name), 1)


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


def _render_json(
    file: Path,
    read: ReadPolicy | None,
    faults: tuple[Fault, ...],
    warnings: tuple[Fault, ...],
) -> str:
    rendered: dict[str, Any] = {
        "file": str(file),
        "valid": read is not None,
        "digest": read.digest if read else None,
        "counts": _counts(read.policy) if read else None,
        "faults": [_to_json(fault) for fault in faults],
        "warnings": [_to_json(warning) for warning in warnings],
    }
    return json.dumps(rendered, indent=2, ensure_ascii=False)


def _to_json(fault: Fault) -> dict[str, Any]:
    return {
        "file": fault.file,
        "line": fault.line,
        "path": list(fault.path),
        "what": fault.what,
        "fix": fault.fix,
    }
