"""Where Jupyter is told to have kernels listen, and what of the debugger is left."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jupyterhub_platform.http.sockets import Sockets
from jupyterhub_platform.hub.upstream import kernel_sockets
from jupyterhub_platform.hub.upstream.jupyter_kernels import WITHOUT_PORTS
from jupyterhub_platform.hub.upstream.kernel_sockets import (
    DEBUGGER_OFF,
    DEBUGGER_ON,
    hide_kernels,
    say_debugger,
)

UID = 200_001


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    with TemporaryDirectory() as directory:
        yield Sockets(Path(directory))


def read(environment: dict[str, str], name: str) -> dict[str, object]:
    first = Path(environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0])
    found: dict[str, object] = json.loads((first / f"{name}.json").read_text())
    return found


def test_kernels_listen_at_unix_sockets_below_the_home(sockets: Sockets, tmp_path: Path) -> None:
    found = hide_kernels(sockets, UID, tmp_path, {}, debugger=False)
    assert read(found, "jupyter_config")["ConnectionFileMixin"] == {"transport": "ipc"}
    assert str(WITHOUT_PORTS) in found["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    runtime = Path(found["JUPYTER_RUNTIME_DIR"])
    assert runtime.parent.resolve() == tmp_path.resolve()


def test_the_link_follows_a_home_that_moves(sockets: Sockets, tmp_path: Path) -> None:
    for home in (tmp_path / "a", tmp_path / "b", tmp_path / "b"):
        home.mkdir(exist_ok=True)
        found = hide_kernels(sockets, UID, home, {}, debugger=False)
        assert Path(found["JUPYTER_RUNTIME_DIR"]).parent.readlink() == home
    assert len([each for each in sockets.directory.iterdir() if each.is_symlink()]) == 1


def test_messages_of_the_debugger_pass_only_where_it_is_on(
    sockets: Sockets, tmp_path: Path
) -> None:
    off = read(hide_kernels(sockets, UID, tmp_path, {}, debugger=False), "jupyter_config")
    on = hide_kernels(sockets, UID, tmp_path, {}, debugger=True)
    assert "MappingKernelManager" not in read(on, "jupyter_config")
    allowed = off["MappingKernelManager"]
    assert allowed == {"allowed_message_types": list(kernel_sockets._MESSAGES)}
    assert "debug_request" not in kernel_sockets._MESSAGES
    assert "execute_request" in kernel_sockets._MESSAGES


def test_every_user_can_read_it_and_nobody_else_write(sockets: Sockets, tmp_path: Path) -> None:
    hide_kernels(sockets, UID, tmp_path, {}, debugger=False)
    for path in (sockets.directory / "jupyter").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_the_longest_path_of_a_socket_fits() -> None:
    runtime = f"/run/jupyterhub-platform/{2**32 - 2:x}/{kernel_sockets._RUNTIME}"
    longest = f"{runtime}/kernel-{uuid.uuid4()}-ipc-5"
    assert len(longest.encode()) <= 107


def test_a_user_without_an_id_of_their_own_needs_nothing(sockets: Sockets, tmp_path: Path) -> None:
    assert hide_kernels(sockets, None, tmp_path, {}, debugger=False) == {}
    assert list(sockets.directory.iterdir()) == []


def test_state_of_the_debugger_is_described() -> None:
    assert say_debugger(isolated=True, debugger=False) == DEBUGGER_OFF
    assert say_debugger(isolated=True, debugger=True) == DEBUGGER_ON
    assert say_debugger(isolated=False, debugger=True) == ""
