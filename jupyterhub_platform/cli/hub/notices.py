"""``jhp notices``: what people were told, what did not arrive, and whether the channels work."""

import time
from typing import Any, Final

import click

from jupyterhub_platform.cli.exit_codes import REFUSED
from jupyterhub_platform.cli.hub.options import Hub, with_hub, with_json
from jupyterhub_platform.cli.hub.platform_client import PlatformApi
from jupyterhub_platform.cli.terminal import echo_json, echo_table, printable
from jupyterhub_platform.cli.verb_names import VerbGroup
from jupyterhub_platform.core.notices import NoticeState
from jupyterhub_platform.core.times import describe_instant, read_stored

_TITLES: Final = ("notice", "state", "by", "to", "at", "attempts", "subject", "error")
_LOOK_SECONDS: Final = 0.5


@click.group(cls=VerbGroup, short_help="Look after notices by webhook and e-mail.")
def notices() -> None:
    """Look after notices: which wait or failed, send them again, and try the channels.

    \b
      jhp notices list --only failed
      jhp notices test --to ada
    """  # noqa: D301 click reads a backspace as: leave the lines as they are


@notices.command("list", short_help="List notices, newest first.")
@click.option(
    "--only",
    "wanted",
    type=click.Choice(tuple(map(str, NoticeState))),
    help="Only those in this state.",
)
@with_hub
@with_json
def list_notices(wanted: str | None, hub: Hub, as_json: bool) -> None:
    """List the newest notices, and what has become of them.

    \b
      jhp notices list
      jhp notices list --only waiting --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    query = {"state": wanted} if wanted else {}
    with PlatformApi.of(hub) as api:
        lines = api.call("listNotices", query=query)["items"]
    if as_json:
        echo_json(lines)
    else:
        echo_table(_TITLES, [_render_row(each) for each in lines], "There are no notices to list.")


@notices.command(short_help="Send a notice again.")
@click.argument("name", metavar="NOTICE")
@with_hub
@with_json
def retry(name: str, hub: Hub, as_json: bool) -> None:
    """Send a notice again at once that was not delivered.

    \b
      jhp notices retry 4f2a
      jhp notices retry 4f2a --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        answer = api.call("retryNotice", name)
    if as_json:
        echo_json(answer)
    else:
        click.echo(printable(f"Notice {answer['id']} is sent again: {answer['subject']}"))


@notices.command(short_help="Try the channels.")
@click.option("--to", "user", default="", metavar="USER", help="Whom the e-mail is for.")
@click.option("--wait", "seconds", default=15.0, show_default=True, help="How long to wait.")
@with_hub
@with_json
def test(user: str, seconds: float, hub: Hub, as_json: bool) -> None:
    """Send a test by each channel that is configured, and say whether it has arrived.

    \b
      jhp notices test --to ada
      jhp notices test --to ada --json
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    with PlatformApi.of(hub) as api:
        sent = api.call("testNotices", body={"user": user} if user else {})["items"]
        lines = _wait_for(api, [each["id"] for each in sent], seconds)
    if as_json:
        echo_json(lines)
    else:
        echo_table(_TITLES, [_render_row(each) for each in lines], "Nothing was sent.")
    if any(each["state"] != NoticeState.DELIVERED for each in lines):
        raise SystemExit(REFUSED)


def _wait_for(api: PlatformApi, ids: list[str], seconds: float) -> list[dict[str, Any]]:
    """Return notices once each was tried, or when the time is over."""
    end = time.monotonic() + seconds
    while True:
        lines = [each for each in api.call("listNotices")["items"] if each["id"] in ids]
        untried = [e for e in lines if e["state"] == NoticeState.WAITING and not e["error"]]
        if not untried or time.monotonic() > end:
            return lines
        time.sleep(_LOOK_SECONDS)


def _render_row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        each["id"],
        each["state"],
        each["channel"],
        " ".join(each["recipients"]),
        describe_instant(read_stored(each["at"])),
        str(each["attempts"]),
        each["subject"],
        each["error"],
    )
