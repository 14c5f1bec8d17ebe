"""``jhp audit``: says what happened, and proves that the record was not changed."""

import json
from pathlib import Path

import click

from jupyterhub_platform.cli.audit.events import export, list_events, show
from jupyterhub_platform.cli.audit.record import find_log, find_settings, read_heads, verify_record
from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.usecases.audit_key import AuditKeyError, PublicKey
from jupyterhub_platform.usecases.audit_verification import (
    Head,
    VerificationReport,
    read_head,
    render_head,
)


class _HeadType(click.ParamType[Head]):
    name = "NUMBER:HASH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        head = read_head(value)
        if head is None:
            self.fail(
                f"{value[:100]!a} is not a head; it is written as 1234:HASH, with the 64 small "
                "hexadecimal digits that `jhp audit verify` and the Hub's log show.",
                param,
                ctx,
            )
        return head


class _KeyType(click.ParamType[PublicKey]):
    name = "KEY"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> PublicKey:
        try:
            return PublicKey.parse(value)
        except AuditKeyError as error:
            self.fail(f"{error}.", param, ctx)


@click.group(short_help="List what happened, and prove that the record was not changed.")
def audit() -> None:
    """List what happened, and prove that the record was not changed.

    \b
      jhp audit list --since 2d
      jhp audit verify
    """  # noqa: D301 click reads a backspace as: leave the lines as they are


audit.add_command(list_events)
audit.add_command(show)
audit.add_command(export)


@audit.command(short_help="Verify every row on record, and name those that were changed.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="The state directory with the store; PLATFORM_DB_URL names another database.",
)
@click.option(
    "--head",
    "heads",
    type=_HeadType(),
    multiple=True,
    help="A head that was noted elsewhere. Only a head reveals rows removed from the end, or a "
    "rewritten chain. May be given several times.",
)
@click.option(
    "--log",
    "logs",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
    multiple=True,
    help="A log of the Hub, with the heads that it noted; by default logs/hub.log in the state "
    "directory. May be given several times.",
)
@click.option(
    "--no-log", is_flag=True, help="Read no log, for example after a backup was restored."
)
@click.option(
    "--key",
    type=_KeyType(),
    help="The Hub's public key, if rows were removed by age; by default audit-key.pub in the state "
    "directory.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as described above.")
@click.pass_context
def verify(
    ctx: click.Context,
    state: Path | None,
    heads: tuple[Head, ...],
    logs: tuple[Path, ...],
    no_log: bool,
    key: PublicKey | None,
    as_json: bool,
) -> None:
    """Verify the audit chain, the rows that it refers to, the ledger and the database's triggers.

    \b
      jhp audit verify
      jhp audit verify --head 1234:5f0c…
      kubectl logs deploy/hub > hub.log && jhp audit verify --log hub.log

    It reads the store directly, and changes nothing. The Hub may run. Progress goes to stderr.

    The exit code is 0 if nothing was changed, 1 if something was, 2 if nothing was verified.

    \b
    With --json:
      whole      whether the exit code is 0
      rows       how many rows of the audit were verified
      head       NUMBER:HASH of the last intact row: note it elsewhere; null if there is none
      compared   with how many heads that were noted elsewhere it was compared
      findings   a list of part, row, what, fix
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    settings = find_settings(state)
    if no_log and logs:
        raise click.UsageError("--log and --no-log exclude each other; leave one out.")
    noted = [*heads, *read_heads(() if no_log else logs or find_log(settings))]
    report = verify_record(settings, noted, key)
    click.echo(_render_json(report, len(noted)) if as_json else _render(report, len(noted)))
    ctx.exit(0 if report.is_whole else REFUSED)


def _render(report: VerificationReport, compared: int) -> str:
    rows = "1 row" if report.rows == 1 else f"{report.rows:,} rows"
    if not report.is_whole:
        count = len(report.findings)
        lines = [f"Not what was written, at {'1 place' if count == 1 else f'{count} places'}:"]
        for finding in report.findings:
            lines += ["", str(finding), f"  fix  {finding.fix}"]
        return "\n".join(lines)
    if report.head is None:
        return "Whole: the audit has no rows yet."
    with_what = (
        f"and the {'head that was' if compared == 1 else f'{compared:,} heads that were'} noted"
        if compared
        else "but no head was noted elsewhere: rows removed from the end would not be missed"
    )
    return f"Whole: {rows} of the audit, {with_what}.\nHead: {render_head(report.head)}"


def _render_json(report: VerificationReport, compared: int) -> str:
    rendered = {
        "whole": report.is_whole,
        "rows": report.rows,
        "head": render_head(report.head) if report.head else None,
        "compared": compared,
        "findings": [
            {"part": each.part, "row": each.row, "what": each.what, "fix": each.fix}
            for each in report.findings
        ],
    }
    return json.dumps(rendered, indent=2, ensure_ascii=False)
