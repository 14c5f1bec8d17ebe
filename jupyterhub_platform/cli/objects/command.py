"""The commands of objects: ``jhp user|group|tier|image|grant ls|show|add|set|retire``."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import click

from jupyterhub_platform.cli.hub.client import HubRefusedError
from jupyterhub_platform.cli.hub.options import Hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.hub.until import read_end
from jupyterhub_platform.cli.objects.changes import change_options, echo_change, explain_lost
from jupyterhub_platform.cli.objects.examples import EXAMPLES
from jupyterhub_platform.cli.objects.fields import GROUP_OF_USER, merge, unset, with_fields
from jupyterhub_platform.cli.objects.listing import list_command
from jupyterhub_platform.cli.objects.people_table import add_from_csv
from jupyterhub_platform.cli.objects.show import show_command
from jupyterhub_platform.cli.verb_names import VerbGroup
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.typed_names import render_command
from jupyterhub_platform.documents import MAX_BYTES, parse_object
from jupyterhub_platform.rest.managed import PolicyObject

_STDIN: Final = "-"


def make_noun(kind: Kind) -> click.Group:
    """Return the group of commands of a kind of object."""
    examples = EXAMPLES[kind]
    head = f"{examples.title}\n\n\b\n  jhp {kind} ls\n  jhp {kind} show {examples.name}"
    noun = VerbGroup(str(kind), help=head, short_help=examples.title)
    add = _add_grant if kind is Kind.GRANT else _add_named(kind)
    noun.add_command(list_command(kind))
    noun.add_command(show_command(kind))
    noun.add_command(_finish(kind, add, f"Make a new {kind}.", examples.add))
    noun.add_command(_finish(kind, _set(kind), f"Change {_with_article(kind)}.", examples.set))
    retiring = (f'{examples.name} --reason "done"', f'{examples.name} --reason "done" --dry-run')
    noun.add_command(_finish(kind, _retire(kind), f"Retire {_with_article(kind)}.", retiring))
    return noun


def _with_article(kind: Kind) -> str:
    return f"{'an' if kind is Kind.IMAGE else 'a'} {kind} that is managed in the Hub"


def _finish(
    kind: Kind, command: click.Command, what: str, examples: tuple[str, str]
) -> click.Command:
    """Give a command its help, which opens with two examples."""
    notes = {
        "add": "It must be new. What no option says, --document says: what would stand below its "
        "name in the policy file.",
        "set": "Text is replaced, amounts are set one by one, names are added. A change that "
        "someone else made meanwhile is never lost: then this one is refused.",
        "retire": "Its revisions stay, so that it can be brought back.",
    }
    verb = str(command.name)
    lines = "\n".join(f"  jhp {kind} {verb} {each}" for each in examples)
    command.help = f"{what}\n\n\b\n{lines}\n\n{notes[verb]}"
    command.short_help = what
    return command


def _document_option(command: Any) -> Any:
    return click.option(
        "--document",
        type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
        help="YAML of what it says; - for stdin. Options come on top.",
    )(command)


def _read_document(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    if str(path) == _STDIN:
        return parse_object(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")
    with path.open("rb") as file:
        return parse_object(file.read(MAX_BYTES + 1), str(path))


def _add_named(kind: Kind) -> click.Command:
    @click.command("add")
    @click.argument("name", required=kind is not Kind.USER)
    @with_fields(kind, removes=False)
    @_only_for(
        kind is Kind.USER,
        click.option(
            "--from",
            "--from-csv",
            "table",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="A CSV file with the columns name, level, title and groups: all or nothing.",
        ),
    )
    @_document_option
    @change_options
    def add(
        name: str | None,
        document: Path | None,
        reason: str,
        dry_run: bool,
        hub: Hub,
        as_json: bool,
        table: Path | None = None,
        **given: Any,
    ) -> None:
        if (name is None) == (table is None):
            raise click.UsageError("Name one user, or a CSV file with --from.")
        if table is not None:
            add_from_csv(table, reason, hub, dry_run=dry_run, as_json=as_json)
            return
        # A managed group lists its members; the Hub knows which one is.
        groups = given.pop(GROUP_OF_USER.parameter, ())
        merged = merge(kind, _read_document(document), given)
        body: dict[str, Any] = {"document": merged, "reason": reason}
        if groups:
            body["groups"] = list(groups)
        with PlatformApi.of(hub) as api:
            try:
                changed = api.put(kind, str(name), body, dry_run=dry_run)
            except HubRefusedError as error:
                raise explain_lost(error, merged) from None
        echo_change(changed, hub, as_json=as_json)

    return add


def _only_for(wanted: bool, *options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in reversed(options if wanted else ()):
            command = option(command)
        return command

    return add


def _end_options(command: Any) -> Any:
    for option in (
        click.option("--until", help="When it ends: a time with its zone, or 2d from now."),
        click.option("--for", "during", help="How long it lasts from now: 8h, 2d."),
    ):
        command = option(command)
    return command


def _end(during: str | None, until: str | None) -> dict[str, str]:
    if during is not None and until is not None:
        raise click.UsageError("--for and --until exclude each other; leave one out.")
    option = "--until" if during is None else "--for"
    end = read_end(during or until, datetime.now(UTC), option)
    return {} if end is None else {"until": end}


@click.command("add")
@with_fields(Kind.GRANT, removes=False)
@_end_options
@_document_option
@change_options
def _add_grant(
    during: str | None,
    until: str | None,
    document: Path | None,
    reason: str,
    dry_run: bool,
    hub: Hub,
    as_json: bool,
    **given: Any,
) -> None:
    merged = merge(Kind.GRANT, {"reason": reason, **_read_document(document)}, given)
    merged |= _end(during, until)
    if "until" not in merged:
        raise click.UsageError("Say when it ends: --for 2d, or --until TIME.")
    if "by" not in merged and hub.url is None:
        raise click.UsageError(
            "Say who decided it: --by admin. The token of this machine is no user's; with --url "
            "and a token of yours it is you."
        )
    with PlatformApi.of(hub) as api:
        body = {"document": merged, "reason": reason}
        changed = api.make_grant(body, uuid4().hex, dry_run=dry_run)
    echo_change(changed, hub, as_json=as_json)


def _set(kind: Kind) -> click.Command:
    @click.command("set")
    @click.argument("name")
    @with_fields(kind, removes=True)
    @_only_for(kind is Kind.GRANT, _end_options)
    @click.option("--unset", "unset_paths", multiple=True, help="A key to take out: quota.cpu.")
    @_document_option
    @change_options
    def set_(
        name: str,
        unset_paths: tuple[str, ...],
        document: Path | None,
        reason: str,
        dry_run: bool,
        hub: Hub,
        as_json: bool,
        during: str | None = None,
        until: str | None = None,
        **given: Any,
    ) -> None:
        with PlatformApi.of(hub) as api:
            seen = api.read(kind, name)
            _check_managed(seen.object)
            before = unset(seen.object.document, unset_paths)
            merged = merge(kind, {**before, **_read_document(document)}, given)
            merged |= _end(during, until)
            if merged == seen.object.document:
                raise click.UsageError(f"That is what {name} says already; name what to change.")
            body = {"document": merged, "reason": reason}
            try:
                changed = api.put(kind, name, body, seen=seen.etag, dry_run=dry_run)
            except HubRefusedError as error:
                raise explain_lost(error, merged) from None
        echo_change(changed, hub, as_json=as_json)

    return set_


def _retire(kind: Kind) -> click.Command:
    @click.command("retire")
    @click.argument("name")
    @change_options
    def retire(name: str, reason: str, dry_run: bool, hub: Hub, as_json: bool) -> None:
        with PlatformApi.of(hub) as api:
            seen = api.read(kind, name)
            _check_managed(seen.object)
            changed = api.retire(kind, name, reason, seen=seen.etag, dry_run=dry_run)
        echo_change(changed, hub, as_json=as_json)

    return retire


def _check_managed(found: PolicyObject) -> None:
    if found.source == "declared":
        where = found.declared_at or "the policy file"
        raise PlatformError(
            f"The {found.kind} {found.name} is declared at {where}. Change it there, or move it "
            f"into the Hub: {render_command(f'jhp release {found.kind}', found.name)}"
        )
