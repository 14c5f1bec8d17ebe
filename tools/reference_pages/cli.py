"""The page of the verbs of ``jhp``, from their own help."""

import inspect

import click

from jupyterhub_platform.cli.main import VERBS, main
from reference_pages.markdown import render_table


def _render_verb(name: str, command: click.Command, context: click.Context) -> str:
    usage = command.get_usage(click.Context(command, info_name=f"jhp {name}"))
    text = inspect.cleandoc(command.help or "").replace("\b\n", "").replace("\\b\n", "")
    rows = []
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            default = parameter.get_default(context)
            shown = f" Default: `{default}`." if parameter.show_default else ""
            shown += f" Env: `{parameter.envvar}`." if parameter.envvar else ""
            rows.append((f"`{parameter.opts[0]}`", f"{parameter.help}{shown}"))
    parts = [f"## jhp {name}", f"```text\n{usage}\n\n{text}\n```"]
    return "\n\n".join(
        [*parts, *([render_table(("Option", "What it does"), rows)] if rows else [])]
    )


def _list_commands(verb: str, command: click.Command) -> list[tuple[str, click.Command]]:
    """Return a verb, or what there is below it."""
    if not isinstance(command, click.Group):
        return [(verb, command)]
    return [(f"{verb} {name}", below) for name, below in command.commands.items()]


def render_cli() -> str:
    """Render the verbs of ``jhp``."""
    context = click.Context(main, info_name="jhp")
    found = ((name, main.get_command(context, name)) for name in VERBS)
    verbs = [(name, command) for name, command in found if command is not None]
    return "\n\n".join(
        [
            "# jhp",
            (
                "`jhp` is short for `jupyterhub-platform`. Data goes to stdout, progress to "
                "stderr. The exit code is 0 for success, 1 if the answer is no, 2 if the command "
                "was misused. Every verb has `--help`."
            ),
            *(
                _render_verb(name, command, context)
                for verb, group in verbs
                for name, command in _list_commands(verb, group)
            ),
        ]
    )
