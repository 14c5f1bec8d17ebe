"""The entry point of ``jhp``: its verbs, and what becomes of their errors."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import click

from jupyterhub_platform.cli.exit_codes import MISUSED, REFUSED
from jupyterhub_platform.cli.own_command import as_pasted
from jupyterhub_platform.cli.verb_names import NoVerbError
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.managed import Kind

DISTRIBUTION: Final = "jupyterhub-platform"

VERBS: Final = {
    "up": "jupyterhub_platform.cli.local.up:up",
    "down": "jupyterhub_platform.cli.local.down:down",
    "identity": "jupyterhub_platform.cli.objects.identity:identity",
    "plan": "jupyterhub_platform.cli.deploy.plan:plan",
    "apply": "jupyterhub_platform.cli.deploy.apply:apply",
    "drift": "jupyterhub_platform.cli.deploy.drift:drift",
    "rollback": "jupyterhub_platform.cli.deploy.rollback:roll_back",
    "validate": "jupyterhub_platform.cli.policy.validate:validate",
    "init": "jupyterhub_platform.cli.deploy.init:init",
    "render": "jupyterhub_platform.cli.deploy.render:write_rendered",
    "schema": "jupyterhub_platform.cli.policy.schema:schema",
    "doctor": "jupyterhub_platform.cli.doctor.command:doctor",
    "audit": "jupyterhub_platform.cli.audit.command:audit",
    "login": "jupyterhub_platform.cli.hub.login:login",
    "logout": "jupyterhub_platform.cli.hub.login:logout",
    "whoami": "jupyterhub_platform.cli.hub.login:whoami",
    "invite": "jupyterhub_platform.cli.hub.invite:invite",
    "suspend": "jupyterhub_platform.cli.hub.suspend:suspend",
    "resume": "jupyterhub_platform.cli.hub.suspend:resume",
    "why": "jupyterhub_platform.cli.hub.why:why",
    "usage": "jupyterhub_platform.cli.hub.usage:usage",
    "overview": "jupyterhub_platform.cli.servers.overview:overview",
    "ls": "jupyterhub_platform.cli.servers.command:list_servers",
    "start": "jupyterhub_platform.cli.servers.start:start",
    "stop": "jupyterhub_platform.cli.servers.command:stop",
    "logs": "jupyterhub_platform.cli.servers.logs:logs",
    "explain": "jupyterhub_platform.cli.servers.explain:explain",
    "who-can": "jupyterhub_platform.cli.servers.explain:who_can",
    "request": "jupyterhub_platform.cli.objects.request:request",
    "undeclared": "jupyterhub_platform.cli.objects.undeclared:undeclared",
    "notices": "jupyterhub_platform.cli.hub.notices:notices",
    "policy": "jupyterhub_platform.cli.objects.policy:policy",
    "bulk": "jupyterhub_platform.cli.objects.bulk_changes:bulk",
    "api": "jupyterhub_platform.cli.hub.api:api",
    "adopt": "jupyterhub_platform.cli.objects.adopt:adopt",
    "release": "jupyterhub_platform.cli.objects.adopt:release",
    **{noun: f"jupyterhub_platform.cli.objects.verbs:{noun}" for noun in map(str, Kind)},
}
"""Every verb and the command behind it; loaded only when it is used."""


class LazyGroup(click.Group):
    """Loads a verb when it is used, and turns the platform's errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs, in the order of :data:`VERBS`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command behind a verb."""
        if cmd_name not in VERBS:
            return None
        module, name = VERBS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), name)
        for each in (command, *getattr(command, "commands", {}).values()):
            each.help = as_pasted(each.help or "")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; for one that does not exist, name those that are spelled nearly so."""
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            raise NoVerbError(args[0], VERBS, ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; an error of the platform is its sentence on stderr, never a traceback."""
        try:
            return super().invoke(ctx)
        except PlatformError as error:
            click.echo(as_pasted(str(error)), err=True)
            ctx.exit(REFUSED)
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            click.echo(f"{name}{error.strerror or error}; check the name and try again", err=True)
            ctx.exit(MISUSED)


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    try:
        number = version(DISTRIBUTION)
    except PackageNotFoundError:
        number = "(not installed)"
    click.echo(f"{DISTRIBUTION} {number}")
    ctx.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
def main() -> None:
    """Permission levels, resource tiers and quotas, governed inside JupyterHub.

    \b
      jhp validate .jupyterhub-platform/platform.yaml
      jhp schema > platform.schema.json

    Data goes to stdout, progress to stderr. The exit code is 0 for success, 1 if the answer is
    no, 2 if the command was misused.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
