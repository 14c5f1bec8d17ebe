"""A Kubernetes for trying things out: ``python -m tests.cluster up api``."""

import argparse
import signal
import sys

from tests.cluster.building import build
from tests.cluster.control_plane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.installed.images import build_images
from tests.cluster.node import Node
from tests.cluster.program_sets import NEEDED
from tests.cluster.state import remove_kept
from tools.progress import say, timed

_IMAGES = "images"
_TERMINATED = 128 + signal.SIGTERM
_USES = (*NEEDED, _IMAGES)
_KINDS = {kind.use: kind for kind in (ControlPlane, Node)}


def main() -> int:
    """Do what was asked for, and return the exit code."""
    arguments = _parse()
    # A process that is told to end tidies up, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        if arguments.command == "build":
            for use in arguments.uses or _KINDS:
                for path in build_images() if use == _IMAGES else build(use).values():
                    _write(str(path))
        elif arguments.command == "up":
            _up(_KINDS[arguments.kind])
        else:
            _down()
    except ClusterError as error:
        say(f"Stopped. {error}")
        return 1
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    text = "build the programs or images that are missing, and say where all of them are"
    building = commands.add_parser("build", help=text, description=text)
    building.add_argument("uses", nargs="*", metavar="USE", help=f"of {', '.join(_USES)}")
    text = "start a cluster that stays until `down`, and say how to reach it"
    starting = commands.add_parser("up", help=text, description=text)
    starting.add_argument(
        "kind",
        choices=_KINDS,
        help="api: no pod runs, no root is needed; node: pods run, as root on Linux",
    )
    text = "end every cluster that `up` started"
    commands.add_parser("down", help=text, description=text)
    arguments = parser.parse_args()
    if arguments.command == "build" and (unknown := set(arguments.uses) - set(_USES)):
        parser.error(f"there is no use {', '.join(sorted(unknown))}")
    return arguments


def _up(kind: type[ControlPlane]) -> None:
    with timed(f"Starting a cluster ({kind.use})"):
        cluster = kind(is_kept=True)
        cluster.start()
    _write(f"export KUBECONFIG={cluster.kubeconfig}")


def _down() -> None:
    removed = remove_kept()
    say(f"{len(removed)} ended." if removed else "There is no cluster that `up` started.")


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
