"""Programs of the machine that the tests start: which are missing, and how they are installed."""

import os
import shutil
import sys
from pathlib import Path

from go import find_go
from progress import StepError, run_logged, timed

_PROGRAMS_OF_NODE = {
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
    "iptables": "iptables",
    "ipset": "ipset",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
}


def needs_go(venv: Path) -> bool:
    """Tell whether the tests on Kubernetes have to be built, and cannot be."""
    is_wanted = os.environ.get("KUBERNETES") != "off" and not os.environ.get("TEST_KUBECONFIG")
    return is_wanted and find_go(venv) is None


def _needs_node() -> bool:
    """Tell whether a node of Kubernetes can be had here, and is wanted."""
    is_wanted = not (os.environ.get("KUBERNETES") or os.environ.get("TEST_KUBECONFIG"))
    return is_wanted and sys.platform == "linux" and os.geteuid() == 0


def _list_missing_programs() -> list[str]:
    missing = []
    if not any(map(shutil.which, ("chromium", "chromium-browser"))):
        missing.append("chromium")
    if not (shutil.which("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))):
        missing.append("postgresql")
    if not any(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")):
        missing.append("libfaketime")
    if _needs_node():
        missing += [
            package
            for name, package in _PROGRAMS_OF_NODE.items()
            if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        ]
    return missing


def install_programs(log: Path) -> None:
    """Install what the tests start, or say what a person has to install.

    Raises
    ------
    StepError
        Raised if a program is missing and cannot be installed from here.
    """
    missing = _list_missing_programs()
    if not missing:
        return
    words = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise StepError(
            f"The tests start programs that this machine lacks: {words}. Install them "
            f"(Debian, Ubuntu: sudo apt-get install {words}), then run make again."
        )
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ("apt-get", "install", "--yes", "--no-install-recommends", *missing)
    with timed(f"Installing {words} with apt-get"):
        # Not told about the lock: a server that the package starts would keep it for ever.
        for command in (("apt-get", "update"), install):
            run_logged(command, log, environ=quiet)
