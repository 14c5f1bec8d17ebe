"""Have kernels listen where no other user of the machine can eavesdrop or impersonate them.

Jupyter has kernels listen at loopback ports, which every user of a machine can connect to: the
messages of a kernel are signed, but not encrypted, and its output goes to every subscriber. So
where users have their own user ids, kernels listen at Unix sockets below their home, which is
closed to others. Jupyter reads this configuration before a user's own, so that programs in a
terminal follow it too. Users' own changes affect only themselves.

::

    SOCKETS/jupyter…/          configuration, which only root can change
    SOCKETS/UID                a link to the home: a socket's path may have 107 bytes only

Upstream: jupyter-client 8, ipykernel 7
Issue: ipython/ipykernel#1258 (the debugger), ipython/ipykernel#925 (closed: kernels, if configured)
Ends when: kernels and their debugger listen at Unix sockets unless a user asks for ports.
"""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.http.sockets import Sockets
from jupyterhub_platform.hub.upstream.jupyter_kernels import WITHOUT_PORTS
from jupyterhub_platform.hub.upstream.jupyter_server import read_before_others

DEBUGGER_OFF: Final = (
    "The debugger of notebooks is off here: it would listen at a port of this machine, where any "
    "other user could run code as you."
)
DEBUGGER_ON: Final = (
    "The debugger of notebooks is on: while you use it, it listens at a port of this machine, "
    "where any other user can run code as you."
)

# As short as possible: with it, the longest path just fits.
_RUNTIME: Final = ".r"
_UNIX_SOCKETS: Final = {"ConnectionFileMixin": {"transport": "ipc"}}
# The messages of Jupyter's protocol that clients send, except "debug_request".
_MESSAGES: Final = (
    "comm_close",
    "comm_info_request",
    "comm_msg",
    "comm_open",
    "complete_request",
    "connect_request",
    "create_subshell_request",
    "delete_subshell_request",
    "execute_request",
    "history_request",
    "input_reply",
    "inspect_request",
    "interrupt_request",
    "is_complete_request",
    "kernel_info_request",
    "list_subshell_request",
    "shutdown_request",
    "usage_request",
)
_NO_DEBUGGER: Final = {"MappingKernelManager": {"allowed_message_types": list(_MESSAGES)}}
_NO_BUTTON: Final = {"disabledExtensions": {"@jupyterlab/debugger-extension": True}}


def say_debugger(*, isolated: bool, debugger: bool) -> str:
    """Say whether notebooks can be debugged, and why; empty where users are not isolated."""
    if not isolated:
        return ""
    return DEBUGGER_ON if debugger else DEBUGGER_OFF


def hide_kernels(
    sockets: Sockets, uid: int | None, home: Path, environment: Mapping[str, str], *, debugger: bool
) -> dict[str, str]:
    """Make what kernels of a user with this id and home need; return variables that lead there.

    Those of a user without an id of their own need nothing.

    Raises
    ------
    OSError
        Raised if the system refuses.
    """
    if uid is None:
        return {}
    directory = sockets.directory / ("jupyter-debugger" if debugger else "jupyter")
    _write(directory, "jupyter_config", _UNIX_SOCKETS | ({} if debugger else _NO_DEBUGGER))
    if not debugger:
        _write(directory / "labconfig", "page_config", _NO_BUTTON)
    return {
        **read_before_others(environment, directory, WITHOUT_PORTS),
        "JUPYTER_RUNTIME_DIR": str(_link_home(sockets, uid, home) / _RUNTIME),
    }


def _link_home(sockets: Sockets, uid: int, home: Path) -> Path:
    # Hexadecimal is shorter.
    link = sockets.directory / f"{uid:x}"
    if not link.is_symlink() or link.readlink() != home:
        fresh = link.with_name(f".{uuid.uuid4().hex}")
        fresh.symlink_to(home)
        fresh.replace(link)
    return link


def _write(directory: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write a world-readable file in one step: running servers may be reading it."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o755)
    text = json.dumps(content, indent=2) + "\n"
    path = directory / f"{name}.json"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        rewrite(path, text, mode=0o644)
