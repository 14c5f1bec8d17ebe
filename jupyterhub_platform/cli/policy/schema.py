"""``jhp schema``: the JSON Schema from which editors complete a platform file."""

import json

import click

from jupyterhub_platform.core.document.schema import render_schema


@click.command()
@click.option("--included", is_flag=True, help="Print that of a file that another one includes.")
def schema(included: bool) -> None:
    """Print the JSON Schema of a platform file, for editors.

    \b
      jhp schema > platform.schema.json
      jhp schema | python3 -m json.tool

    An editor with the YAML language server completes and explains the keys of a file that begins
    with "# yaml-language-server: $schema=platform.schema.json".
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    click.echo(json.dumps(render_schema(included=included), indent=2, ensure_ascii=False))
