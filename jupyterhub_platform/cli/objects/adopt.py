"""``jhp adopt`` and ``jhp release``: from managed in the Hub to declared in the file, and back."""

import json
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.cli.hub.options import Hub
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.objects.changes import change_options, echo_undo
from jupyterhub_platform.cli.terminal import echo_json, printable
from jupyterhub_platform.core.document.names import fold_user
from jupyterhub_platform.core.errors import PlatformError, PolicyError
from jupyterhub_platform.core.managed import Key, Kind
from jupyterhub_platform.core.typed_names import render_command
from jupyterhub_platform.document_writer import add_object
from jupyterhub_platform.documents import ReadPolicy, decode
from jupyterhub_platform.file_texts import path_of
from jupyterhub_platform.policy_files import read_policy
from jupyterhub_platform.rest.managed import PolicyObject
from jupyterhub_platform.usecases.adoption import Rewritten, remove_declared

_KINDS: Final = click.Choice(tuple(map(str, Kind)))
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(short_help="Move a managed object into the policy file.")
@click.argument("kind", type=_KINDS)
@click.argument("name")
@click.option("--into", type=_FILE, help="The file; by default the one that the Hub reads.")
@click.option(
    "--part",
    metavar="PATH",
    help="Of the files that it includes, the one to write into; by default it is written itself.",
)
@click.option("--take-file", is_flag=True, help="Let the file win where it says something else.")
@change_options
def adopt(
    kind: str,
    name: str,
    into: Path | None,
    part: str | None,
    take_file: bool,
    reason: str,
    dry_run: bool,
    hub: Hub,
    as_json: bool,
) -> None:
    """Move an object that is managed in the Hub into the policy file.

    \b
      jhp adopt group vision --reason "into git"
      jhp adopt user kim --part people/vision.yaml --reason "into git"
      jhp adopt tier gpu --into platform.yaml --take-file --reason "the file is right"

    It is written at the end of its section, and nothing else of the files changes. Then the Hub
    retires the managed object and puts the file into force, in one change. Interrupted between the
    two, it stays managed, and the same command goes on.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    key = _key(kind, name)
    with PlatformApi.of(hub) as api:
        found = api.read(key.kind, name).object
        if found.source == "declared":
            click.echo(f"The {kind} {printable(name)} is declared already at {found.declared_at}.")
            return
        path = into or _find_file(api)
        read = read_policy(path)
        new = None if _declares(read, key, found) else _write_in(read, part, key, found)
        path = new.path if new else path
        if not dry_run:
            if new:
                _rewrite(new)
                click.echo(f"Wrote the {kind} {printable(name)} into {path}.", err=True)
            body = {"kind": kind, "name": name, "reason": reason, "take_file": take_file}
            answer = api.call("adopt", body=body)
    if dry_run:
        click.echo(
            f"The {kind} {printable(name)} would be declared in {path}. Nothing was changed."
        )
    elif as_json:
        echo_json(answer)
    else:
        sentence = f"The {kind} {printable(name)} is declared in {path} now"
        click.echo(f"{sentence}: revision {answer['revision']}.")
        echo_undo(render_command(f"jhp release {kind}", name, f"{hub.options} --reason …"))


@click.command(short_help="Move an object of the policy file into the Hub.")
@click.argument("kind", type=_KINDS)
@click.argument("name")
@click.option(
    "--from", "source", type=_FILE, help="The file; by default the one that the Hub reads."
)
@change_options
def release(
    kind: str,
    name: str,
    source: Path | None,
    reason: str,
    dry_run: bool,
    hub: Hub,
    as_json: bool,
) -> None:
    """Move an object that the policy file declares into the Hub, where it can be changed.

    \b
      jhp release group vision --reason "changes daily"
      jhp release user kim --from platform.yaml --reason "changes daily" --dry-run

    The Hub manages it first; then it is taken out of the file, whose comments stay. Interrupted
    between the two, it is managed, and the same command goes on.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    key = _key(kind, name)
    with PlatformApi.of(hub) as api:
        found = api.read(key.kind, name).object
        path = source or _find_file(api)
        left = _take_out(path, key)
        if left is None and found.source == "managed":
            click.echo(f"The {kind} {printable(name)} is managed in the Hub already.")
            return
        answer: dict[str, Any] = {}
        if found.source == "declared":
            body = {"kind": kind, "name": name, "reason": reason}
            query = {"dry_run": "true"} if dry_run else {}
            answer = api.call("release", query=query, body=body)
    if dry_run:
        click.echo(
            f"The {kind} {printable(name)} would be managed in the Hub. Nothing was changed."
        )
        return
    if left is None:
        raise PlatformError(
            f"The {kind} {name} is managed in the Hub now, and {path} does not declare it. "
            "Remove it from the file that the Hub reads: until then the Hub reports a duplicate."
        )
    _rewrite(left)
    if as_json and answer:
        echo_json(answer)
        return
    is_without = f"{left.path} is without it"
    click.echo(f"The {kind} {printable(name)} is managed in the Hub now; {is_without}.")
    echo_undo(render_command(f"jhp adopt {kind}", name, f"{hub.options} --reason …"))


def _key(kind: str, name: str) -> Key:
    return Key(Kind(kind), fold_user(name) if kind == Kind.USER else name)


def _find_file(api: PlatformApi) -> Path:
    """Return the file that the Hub reads, if it is on this machine."""
    path = Path(api.call("readHealth")["policy"]["file"])
    if not path.is_file():
        raise click.UsageError(
            f"The Hub reads {path}, which is not on this machine. Name your copy of it, and bring "
            "it there when it is written."
        )
    return path


def _entries(read: ReadPolicy, key: Key) -> list[Any]:
    section = read.document.get(key.kind.section) or {}
    if key.kind is Kind.GRANT:
        return list(section)
    fold = fold_user if key.kind is Kind.USER else str
    return [each for name, each in section.items() if fold(name) == key.name]


def _declares(read: ReadPolicy, key: Key, found: PolicyObject) -> bool:
    entries = _entries(read, key)
    return found.document in entries if key.kind is Kind.GRANT else bool(entries)


def _write_in(read: ReadPolicy, part: str | None, key: Key, found: PolicyObject) -> Rewritten:
    """Return the policy with the object in a file, read again and found to say just that."""
    file = next((each for each in read.files if part in {None, each.name}), None)
    if file is None:
        raise click.UsageError(f"{read.file} does not include {part}.")
    where = path_of(read.file, file.name)
    section, is_grant = key.kind.section, key.kind is Kind.GRANT
    text = add_object(decode(file.text), section, None if is_grant else found.name, found.document)
    try:
        written = read.with_text(file.name, text)
    except PolicyError as error:
        faults = "\n".join(map(str, error.faults))
        raise PlatformError(
            f"The file would have faults with the {key.kind} {found.name}:\n{faults}\nAdopt what "
            "it names first: users, then groups, images, tiers and grants. Nothing was changed."
        ) from None
    before = read.document.get(section)
    both: Any = (
        [*(before or ()), found.document]
        if is_grant
        else {**(before or {}), found.name: found.document}
    )
    if _plain(written.document) != _plain({**read.document, section: both}):
        raise PlatformError(f"{where} cannot be changed without touching more than {found.name}.")
    return Rewritten(Path(where), text, written)


def _take_out(path: Path, key: Key) -> Rewritten | None:
    """Return the file without the object; ``None`` if it does not declare it."""
    read = read_policy(path)
    if key.kind is Kind.GRANT or not _entries(read, key):
        return None
    return remove_declared(read, key)


def _rewrite(new: Rewritten) -> None:
    """Write the file in place of what is there, also where a link leads to it."""
    real = new.path.resolve()
    rewrite(real, new.text, mode=real.stat().st_mode & 0o777)


def _plain(document: Any) -> Any:
    plain = json.loads(json.dumps(document))
    # One that is written into a file stands before those of the next.
    plain["grants"] = sorted(map(json.dumps, plain.get("grants") or ()))
    return plain
