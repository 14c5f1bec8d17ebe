"""``jhp doctor``: checks Hub and cluster, changes nothing, and reports faults with their fixes."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from jupyterhub_platform.cli.doctor.facts import (
    NamedCluster,
    find_cluster,
    find_file,
    find_hub,
    find_record,
    note_homes,
    read_node,
)
from jupyterhub_platform.cli.doctor.report import render_json, render_report
from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.options import which_hub
from jupyterhub_platform.cli.own_command import as_pasted
from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Result, Status
from jupyterhub_platform.deploy.doctor.table import examine


@click.command(short_help="Report what is wrong with Hub and cluster, why it matters, and the fix.")
@which_hub
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    envvar="PLATFORM_FILE",
    help="The policy file whose tiers are compared with the cluster.",
)
@click.option(
    "--namespace", help="The namespace of the Hub and its servers; by default the context's."
)
@click.option("--context", help="The context of the kubeconfig; by default its current one.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The kubeconfig; by default kubectl's own, or the pod that this runs in.",
)
@click.option("--account", help="The Hub's service account; by default the one of its pods.")
@click.option(
    "--absent-node",
    "absent_nodes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A node of a pool that has none now, from `kubectl get node NAME -o json`.",
)
@click.option("--strict", is_flag=True, help="Count warnings and unknown results as failures.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as described above.")
@click.pass_context
def doctor(
    ctx: click.Context,
    url: str | None,
    state: Path,
    file: Path | None,
    namespace: str | None,
    context: str | None,
    kubeconfig: Path | None,
    account: str | None,
    absent_nodes: tuple[Path, ...],
    strict: bool,
    as_json: bool,
) -> None:
    """Check a Hub and its cluster. Nothing is changed.

    \b
      jhp doctor
      jhp doctor --namespace jupyterhub --file platform.yaml

    A cluster is checked if --namespace, --context or --kubeconfig names it, or from a pod in it.
    All requests to it are GET, or ask what an account may do.

    The exit code is 0 if nothing failed, 1 if something did, 2 if there was nothing to check.

    \b
    With --json:
      ok        whether the exit code is 0
      checks    a list of code, status (ok, unknown, warning, failed), message (what is well),
                findings (a list of status, what, why, fix)
      skipped   a list of sentences: what was not checked, and how to have it checked
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    skipped: list[str] = []
    read = find_file(file, skipped)
    named = NamedCluster(kubeconfig, context, namespace, account)
    facts = DoctorFacts(
        file=read,
        hub=find_hub(url, state, skipped),
        cluster=find_cluster(named, read.policy if read else None, skipped),
        record=find_record(url, state),
        absent_nodes=tuple(map(read_node, absent_nodes)),
    )
    if all(part is None for part in (facts.hub, facts.file, facts.cluster, facts.record)):
        raise click.UsageError("There is nothing to check. " + " ".join(skipped))
    note_homes(facts, skipped)
    results = examine(facts)
    ok = _is_ok(results, strict=strict)
    _print(results, skipped, ok=ok, as_json=as_json)
    ctx.exit(0 if ok else REFUSED)


def _is_ok(results: Sequence[Result], *, strict: bool) -> bool:
    worst = Status.OK if strict else Status.WARNING
    return all(result.status.severity <= worst.severity for result in results)


def _print(results: Sequence[Result], skipped: Sequence[str], *, ok: bool, as_json: bool) -> None:
    if as_json:
        click.echo(render_json(results, skipped, ok=ok))
        return
    report = as_pasted(render_report(results, skipped))
    click.echo(report, color=False if "NO_COLOR" in os.environ else None)
