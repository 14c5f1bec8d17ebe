"""``jhp identity``: who a user would be by their provider's claims, without a login."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.client import HubClient
from jupyterhub_platform.cli.hub.options import hub_options
from jupyterhub_platform.cli.terminal import echo_json, printable
from jupyterhub_platform.core.claims import ProviderIdentity
from jupyterhub_platform.core.errors import ClaimsError, PolicyError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.times import describe_instant
from jupyterhub_platform.documents import ReadPolicy
from jupyterhub_platform.policy_files import read_policy
from jupyterhub_platform.usecases.claims_trial import Trial, try_claims

MAX_BYTES: Final = 2**20


@click.group(short_help="Try what claims of an identity provider make of a user.")
def identity() -> None:
    """Try what the rules of a platform file make of a user, by their provider's claims."""


@identity.command("try", short_help="Say who a user with these claims would be.")
@click.argument("claims", type=click.File("rb"))
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    default=Path("platform.yaml"),
    show_default=True,
    help="The platform file.",
)
@click.option("--provider", default="", help="Whose claims they are, if there are several.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def try_(ctx: click.Context, claims: Any, file: Path, provider: str, as_json: bool) -> None:
    """Say who a user with these claims would be, and by which rule. Nothing is changed.

    \b
      jhp identity try claims.json --file .jupyterhub-platform/platform.yaml
      jhp identity try - --provider company < claims.json

    CLAIMS is a JSON object, as an ID token or the userinfo of the provider has it; - for stdin. The
    exit code is 1 if they would not be let in, and 2 if a file cannot be read.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    sent, read = _read_claims(claims), _read_file(file)
    key = _choose_provider(read.policy, provider)
    issuer, subject = read.policy.identity.providers[key].issuer, str(sent.get("sub") or "nobody")
    try:
        trial = try_claims(read, ProviderIdentity(key, issuer, subject, sent), datetime.now(UTC))
    except ClaimsError as error:
        if as_json:
            echo_json({"let_in": False, "why_not": str(error)})
        else:
            click.echo(printable(f"Not let in: {error}."))
        ctx.exit(REFUSED)
    if as_json:
        echo_json(_render(trial))
    else:
        click.echo("\n".join(map(printable, _list_lines(trial))))
    ctx.exit(0 if trial.is_let_in else REFUSED)


@identity.command(short_help="Forget which user of a provider has a name.")
@click.argument("name")
@click.option("--reason", required=True, help="Why, for readers of the audit.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@hub_options
def forget(name: str, reason: str, yes: bool, url: str | None, state: Path, as_json: bool) -> None:
    """Forget which user of an identity provider is NAME, with all that a rule gives them.

    \b
      jhp identity forget kim --reason "left; the name goes to another Kim"
      jhp identity forget kim --reason "wrong account" --yes --json

    Their files and servers stay. This cannot be undone: a user who logs in as NAME next, as far as
    the rules let them, has these. To keep a user out, suspend them.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    if not yes:
        click.confirm(f"Forget the login of {name}? This cannot be undone.", abort=True, err=True)
    with HubClient.find(url, state) as hub:
        path = f"platform/users/{quote(name, safe='')}/forget-login"
        answer = hub.post(path, {"reason": reason}, keys=("user", "message"))
    if as_json:
        echo_json(answer)
    else:
        click.echo(printable(f"Forgotten: {name}. {answer['message']}"))


def _read_claims(file: Any) -> dict[str, Any]:
    text = file.read(MAX_BYTES + 1)
    try:
        sent = json.loads(text) if len(text) <= MAX_BYTES else None
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        raise click.UsageError("CLAIMS is not a JSON object of at most 1 MiB.")
    return sent


def _read_file(file: Path) -> ReadPolicy:
    try:
        return read_policy(file)
    except PolicyError as error:
        raise click.UsageError("\n".join(map(str, error.faults))) from None
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from None


def _choose_provider(policy: Policy, name: str) -> str:
    known = tuple(policy.identity.providers)
    if name in known:
        return name
    if not known:
        raise click.UsageError("The file declares no provider, under identity.providers.")
    if name or len(known) > 1:
        raise click.UsageError(f"Name a provider with --provider: {', '.join(known)}.")
    return known[0]


def _list_lines(trial: Trial) -> Iterator[str]:
    if trial.is_let_in:
        yield f"{trial.name} is let in, with the level {trial.person.level}."
    else:
        yield f"{trial.name} is not let in: {trial.why_not}."
    claimed = trial.person.claimed
    if trial.person.is_own:
        yield f"Declared: users.{trial.name}{_at(trial, f'users.{trial.name}')}"
    if claimed is not None and claimed.rule:
        yield f"Rule: {claimed.rule}{_at(trial, claimed.rule)}"
        if claimed.until is not None:
            yield f"Until: {describe_instant(claimed.until)}"
    for group, path in trial.groups.items():
        yield f"Group: {group}, by {path}{_at(trial, path)}"


def _at(trial: Trial, path: str) -> str:
    while path and path not in trial.lines:
        path = path.rpartition(".")[0]
    return f", {trial.lines[path]}" if path else ""


def _render(trial: Trial) -> dict[str, Any]:
    claimed = trial.person.claimed
    until = claimed.until if claimed else None
    return {
        "let_in": trial.is_let_in,
        "why_not": trial.why_not,
        "name": trial.name,
        "level": str(trial.person.level),
        "rule": claimed.rule if claimed else "",
        "until": until.isoformat() if until else None,
        "groups": trial.groups,
    }
