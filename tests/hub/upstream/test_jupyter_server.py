"""A user's Jupyter server listens at the socket that it was passed, or says why it does not."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from jupyterhub_platform.hub.upstream.jupyter_server import CONFIG_PATH, PASSED_LISTENER
from tests.hub.local.conftest import wait_until

# As the supervisor passes it: descriptor 3, whatever number it has here.
PASS = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.execv(sys.argv[2], sys.argv[2:])"
CLOSE = "import os, sys; os.closerange(3, 9); os.execv(sys.argv[2], sys.argv[2:])"


def run(
    wrapper: str, listener: socket.socket, home: Path, code: Sequence[str]
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", wrapper, str(listener.fileno()), sys.executable, *code],
        env={
            "PATH": os.defpath,
            "HOME": str(home),
            "LISTEN_FDS": "1",
            CONFIG_PATH: str(PASSED_LISTENER),
            "JUPYTER_CONFIG_DIR": str(home),
        },
        pass_fds=[listener.fileno()],
        stderr=subprocess.PIPE,
        text=True,
    )


def server(path: Path) -> list[str]:
    # A tests' own process may be root.
    words = ["--allow-root", "--ServerApp.port=8888", "--ServerApp.log_level=ERROR"]
    return ["-m", "jupyter_server", f"--ServerApp.sock={path}", *words]


def bind(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    return bound


def test_server_listens_at_the_passed_socket_and_passes_it_to_no_child(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with bind(path) as listener:
        before = path.stat().st_ino
        process = run(PASS, listener, tmp_path, server(path))

    def answers() -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            try:
                client.connect(str(path))
            except ConnectionRefusedError:
                return False
            client.sendall(b"GET /api HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")

    try:
        wait_until(answers, 30)
        assert path.stat().st_ino == before
    finally:
        process.kill()
        process.communicate()
    assert path.exists(), "it is not its own to remove"


def test_a_socket_that_did_not_arrive_is_said(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    for wrapper, place in ((CLOSE, path), (PASS, tmp_path / "other")):
        with bind(place) as listener:
            process = run(wrapper, listener, tmp_path, server(path))
            try:
                said = process.communicate(timeout=60)[1]
            finally:
                process.kill()
        assert process.returncode == 1
        assert f"passed the socket {path} as descriptor 3, and it did not arrive" in said
        assert "take it out of c.Spawner.cmd" in said


def test_a_jupyter_program_in_a_terminal_of_a_server_looks_for_none(tmp_path: Path) -> None:
    # What the server is executed with is taken out of what it executes in turn.
    code = (
        "import os; "
        "from jupyter_core.application import JupyterApp as App; "
        "app = App(); app.load_config_file(); "
        "assert 'LISTEN_FDS' not in os.environ; app.load_config_file()"
    )
    with bind(tmp_path / "sock") as listener:
        process = run(PASS, listener, tmp_path, ["-c", code])
        assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0
