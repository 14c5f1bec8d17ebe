"""``jhp logs``: what a server has written, on this machine or in a pod."""

import os
import sys
from collections import deque
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Final

import click

from jupyterhub_platform.cli.hub.options import with_state
from jupyterhub_platform.cli.servers.command import split_server
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.typed_names import render_command
from jupyterhub_platform.deploy.cluster.connection import ClusterRefusedError, Connection
from jupyterhub_platform.deploy.cluster.logs import find_pod, read_log
from jupyterhub_platform.hub.local.machine import locate_log

_NO_RIGHTS: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@click.command(short_help="Print the end of what a server has written.")
@click.argument("server", metavar="USER[/SERVER]")
@click.option(
    "--lines",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="How many at most.",
)
@with_state
@click.option("--namespace", help="Read a pod in this namespace, by the kubeconfig.")
@click.option("--context", help="Read a pod by this context of the kubeconfig.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Read a pod by this kubeconfig.",
)
def logs(
    server: str,
    lines: int,
    state: Path,
    namespace: str | None,
    context: str | None,
    kubeconfig: Path | None,
) -> None:
    """Print the end of what a server has written. USER alone is the default server of USER.

    \b
      jhp logs dev1
      jhp logs dev1/train --lines 1000 --namespace jupyter

    Without a namespace or context it reads the file that `jhp up` keeps, also of a server that has
    ended; within a pod of the cluster it reads the cluster.
    """  # noqa: D301 click reads a backspace as: leave the lines as they are
    user, name = split_server(server)
    is_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    if namespace or context or kubeconfig or is_pod:
        is_outside = context or kubeconfig or not is_pod
        connection = Connection.outside(kubeconfig, context) if is_outside else Connection.inside()
        with closing(connection):
            text = _read_pod(connection, namespace or connection.namespace, user, name, lines)
    else:
        text = _read_file(locate_log(state.absolute(), user, name), lines, server)
    if not text:
        click.echo(f"{server} has written nothing yet.", err=True)
    # What a server wrote may hold anything: a terminal gets text, a pipe gets it as it is.
    sys.stdout.write(_clean(text) if sys.stdout.isatty() else text)


def _read_file(path: Path, lines: int, server: str) -> str:
    try:
        with path.open(errors="replace") as file:
            return "".join(deque(file, lines))
    except FileNotFoundError:
        raise PlatformError(
            f"There is no log of {server}: {path} does not exist. It was never started from this "
            "state directory; --state names another, --namespace a cluster."
        ) from None


def _read_pod(connection: Connection, namespace: str, user: str, server: str, lines: int) -> str:
    try:
        pod = find_pod(connection, namespace, user, server)
        if not pod:
            what = f"{server} of {user}" if server else f"the default server of {user}"
            why = render_command("jhp why", f"{user}/{server}" if server else user)
            raise PlatformError(
                f"No pod in {namespace} is {what}. A pod that has ended is gone with its log; "
                f"{why} says how it ended."
            )
        return read_log(connection, namespace, pod, lines)
    except ClusterRefusedError as error:
        raise PlatformError(explain_refusal(error.status, str(error))) from None


def explain_refusal(status: int, reason: str) -> str:
    """Say why a cluster gives no log, and what to do: of rights, of the container, or of its node.

    The API server asks the node, whose kubelet has the log; what that answers comes through it.
    """
    if status in _NO_RIGHTS:
        return (
            f"The cluster refuses that ({status}): {reason}. Your account there needs list of pods "
            "and get of pods/log."
        )
    if status == HTTPStatus.BAD_REQUEST:
        return (
            f"The server has written nothing yet: {reason}. Try again once its container runs; jhp "
            "why says what it waits for."
        )
    if status == HTTPStatus.NOT_FOUND:
        return f"The pod is gone, and its log with it: {reason}. jhp why says how the server ended."
    return (
        f"The API server cannot read the log from the pod's node ({status}): {reason}. Check that "
        "the node is ready, and that its kubelet can be reached at port 10250."
    )


def _clean(text: str) -> str:
    kept = (c if c.isprintable() or c in "\n\t" else "�" for c in text)
    return "".join(kept)
