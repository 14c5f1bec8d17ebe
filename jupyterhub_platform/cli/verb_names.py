"""Suggests verbs for one that does not exist: those that are spelled nearly so."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

import click

_CLOSE: Final = 0.5


class NoVerbError(click.UsageError):
    """Raised for a verb that does not exist."""

    def __init__(self, verb: str, known: Iterable[str], ctx: click.Context) -> None:
        found = get_close_matches(verb.lower(), list(known), n=3, cutoff=_CLOSE)
        meant = f" Did you mean {' or '.join(found)}?" if found else ""
        super().__init__(f"{ctx.command_path} has no verb {verb[:64]!a}.{meant}", ctx)


class VerbGroup(click.Group):
    """A noun with its verbs, which suggests others for one that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; for one that does not exist, name those that are spelled nearly so."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise NoVerbError(args[0], self.commands, ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which they were added."""
        return list(self.commands)
