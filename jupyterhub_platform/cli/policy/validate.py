"""``jhp validate``: reports every fault of a platform file at once."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.policy.annotations import render_annotations
from jupyterhub_platform.cli.policy.sarif import render_sarif
from jupyterhub_platform.cli.terminal import echo_json
from jupyterhub_platform.core.deployment_warnings import find_deployment_warnings
from jupyterhub_platform.core.document.schema_deployment import (
    DeclaredDeployment,
    read_deployment,
)
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.policy_warnings import find_warnings, say_warning
from jupyterhub_platform.deploy.overlays import OverlayFaults, check_overlay
from jupyterhub_platform.deploy.render.rendering import OVERLAYS
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
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF, for GitHub and GitLab.")
@click.option("--annotations", is_flag=True, help="Print what GitHub's runners show at the lines.")
@click.pass_context
def validate(
    ctx: click.Context,
    file: Path,
    strict: bool,
    as_json: bool,
    as_sarif: bool,
    annotations: bool,
) -> None:
    """Check a platform file: every fault with its line, what is wrong and the fix.

    \b
      jhp validate .jupyterhub-platform/platform.yaml
      jhp validate --json .jupyterhub-platform/platform.yaml

    FILE is - for stdin. Each fault is a line on stdout. A warning is about something valid that is
    probably a mistake. Values of the site's own in helm-values/overlays/ beside a file with a
    deployment are checked, too. The exit code is 0 if all is valid, 1 if there are faults, 2 if
    the file cannot be read.

    \b
    With --json:
      file, valid
      digest   sha256 of the file, null if it has faults
      counts   people, groups, tiers, images, grants; null if it has faults
      faults   a list of file, line, path (a list of keys), what, fix
      warnings the same, of what is valid and probably a mistake
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    found = _find(file)
    if as_json:
        click.echo(_render_json(file, found))
    elif as_sarif:
        echo_json(render_sarif(str(file), None, found.faults, found.warnings))
    elif annotations:
        click.echo("\n".join(render_annotations(found.faults, found.warnings)))
    else:
        _echo(file, found)
    ctx.exit(REFUSED if found.faults or (strict and found.warnings) else 0)


@dataclass(frozen=True, slots=True)
class _Findings:
    """What was read, if it has no faults of its own, and what was found in it and beside it."""

    read: ReadPolicy | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...] = ()


def _find(file: Path) -> _Findings:
    try:
        read = _read(file)
    except PolicyError as error:
        return _Findings(None, error.faults)
    deployment = read_deployment(read.document)
    warnings = (
        *_warn_of_size(read),
        *find_warnings(read.policy),
        *find_deployment_warnings(read.policy, deployment),
    )
    overlays = () if deployment is None or str(file) == STDIN else _check_overlays(file, deployment)
    return _Findings(
        read,
        tuple(fault for each in overlays for fault in each.faults),
        (*warnings, *(warning for each in overlays for warning in each.warnings)),
    )


def _check_overlays(file: Path, deployment: DeclaredDeployment) -> tuple[OverlayFaults, ...]:
    found = sorted((file.parent / OVERLAYS).rglob("*.yaml"))
    if not found:
        return ()
    # Imports all of JupyterHub, which nothing else here needs.
    from jupyterhub_platform.hub.known_traits import find_traits

    return tuple(check_overlay(e.read_bytes(), str(e), deployment, find_traits) for e in found)


def _echo(file: Path, found: _Findings) -> None:
    lines = [*map(str, found.faults), *map(say_warning, found.warnings)]
    if found.read is not None and not found.faults:
        number = len(found.warnings)
        noted = f"; {_count(number, 'warning')}" if number else ""
        lines.append(f"Valid: {_summarise(found.read.policy)}{noted}.")
    click.echo("\n".join(lines))
    if found.faults:
        click.echo(f"{_count(len(found.faults), 'fault')} in {file}", err=True)


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


def _render_json(file: Path, found: _Findings) -> str:
    read = found.read
    rendered: dict[str, Any] = {
        "file": str(file),
        "valid": not found.faults,
        "digest": read.digest if read else None,
        "counts": _counts(read.policy) if read else None,
        "faults": [_to_json(fault) for fault in found.faults],
        "warnings": [_to_json(fault) for fault in found.warnings],
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
