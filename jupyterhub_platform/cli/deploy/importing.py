"""``jhp import``: a platform file from the configuration of a platform that exists already."""

from pathlib import Path
from typing import Final

import click

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.cli.exit_codes import MISUSED, REFUSED
from jupyterhub_platform.cli.terminal import echo_json, printable
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.deploy.importing.findings import Imported, Kind
from jupyterhub_platform.deploy.importing.report import render_json, render_markdown, render_text
from jupyterhub_platform.deploy.importing.source import MAX_BYTES, import_sources
from jupyterhub_platform.documents import render_mapping

_READABLE: Final = 0o644
_HEAD: Final = "# Made by jhp import of {of}. Read its report before this is in force.\n"


@click.command("import", short_help="Make a platform file of a configuration that exists.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--as",
    "kind",
    type=click.Choice([str(each) for each in Kind]),
    help="The format of FILES; absent: recognised by what they say.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the platform file there; absent: to stdout.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, as described above.")
@click.option("--markdown", is_flag=True, help="Print the report as Markdown.")
@click.pass_context
def import_(
    ctx: click.Context,
    files: tuple[Path, ...],
    kind: str | None,
    output: Path | None,
    force: bool,
    as_json: bool,
    markdown: bool,
) -> None:
    """Make a platform file, and report what became of each setting.

    \b
      jhp import values.yaml --output platform.yaml
      jhp import common.yaml production.yaml --markdown > platform.yaml

    FILES is a nebari-config.yaml, a jupyterhub_config.py, or values of Zero to JupyterHub; several
    files of values are laid over each other, as Helm does. Code is read and never executed, and
    secrets are never written. The report goes to stdout with --output, else to stderr. The exit
    code is 0 if everything came over, 1 if something is impossible, 2 if a file cannot be read or
    the output is there.

    \b
    With --json:
      files, kind  kind is nebari, values or config
      counts       carried, changed, impossible
      findings     a list of outcome, file, line, key, became (paths in the document), stays, why
      document     what the platform file says
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    if as_json and markdown:
        raise click.UsageError("--json and --markdown are two reports; choose one")
    _check_output(output, files)
    if output is not None and output.exists() and not force:
        click.echo(f"{output} is there; name another file, or write over it with --force", err=True)
        ctx.exit(MISUSED)
    try:
        sources = [(str(file), _read(file)) for file in files]
        imported = import_sources(sources, Kind(kind) if kind else None)
    except PolicyError as error:
        click.echo("\n".join(str(fault) for fault in error.faults), err=True)
        ctx.exit(MISUSED)
    text = _render(imported, files)
    if output is not None:
        rewrite(output, text, mode=_READABLE)
    elif not as_json:
        click.echo(text, nl=False)
    _tell_report(imported, files, to_error=output is None, as_json=as_json, markdown=markdown)
    ctx.exit(REFUSED if imported.lost else 0)


def _tell_report(
    imported: Imported, files: tuple[Path, ...], *, to_error: bool, as_json: bool, markdown: bool
) -> None:
    names = [str(each) for each in files]
    if as_json:
        echo_json(render_json(imported, names))
    else:
        report = render_markdown(imported, names) if markdown else render_text(imported)
        click.echo(report, err=to_error)


def _render(imported: Imported, files: tuple[Path, ...]) -> str:
    """Render the platform file, with a line that says what it is made of."""
    names = printable(", ".join(each.name for each in files))
    return _HEAD.format(of=names) + render_mapping(imported.document)


def _check_output(output: Path | None, files: tuple[Path, ...]) -> None:
    if output is not None and output.resolve() in {each.resolve() for each in files}:
        raise click.UsageError("the platform file would take the place of what is imported")


def _read(file: Path) -> bytes:
    with file.open("rb") as source:
        return source.read(MAX_BYTES + 1)
