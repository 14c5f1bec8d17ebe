"""``jhp up``: what it refuses before anything starts, and what a restart finds again."""

import json
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.hub_fixtures import PLAIN_TIER
from tests.support.live_hub import LiveHub, Session, hidden_xsrf, running

POLICY = (
    """\
version: 1
name: Up
defaults: {tier: small}
users:
  admin: {level: admin}
  dev1: {level: developer}
groups:
  vision: {members: [dev1, admin], member_quota: {servers: 1}}
"""
    + PLAIN_TIER
)
WORDS = "four words that nobody guesses"


def up(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``jhp up`` where it is expected to end by itself."""
    command = [sys.executable, "-m", "jupyterhub_platform", "up", "--state", str(state)]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_broken_file_is_refused_line_by_line_and_nothing_starts(tmp_path: Path) -> None:
    policy = tmp_path / "platform.yaml"
    policy.write_text(POLICY.replace("servers: 1", "servers: -1").replace("[lab]", "[lob]"))
    ready = tmp_path / "ready.json"
    refused = up(tmp_path / "state", "--file", str(policy), "--ready-file", str(ready))
    assert refused.returncode == 1
    lines = refused.stderr.splitlines()
    assert [re.match(rf"{policy}:(\d+): ", line)[1] for line in lines] == ["8", "12"]  # type: ignore[index]
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "state" / "logs" / "hub.log").exists()
    assert not ready.exists()


def test_jhp_up_waits_for_a_hub_without_being_one() -> None:
    # JupyterHub is a second of a processor's to import: the Hub pays it, once.
    program = "import sys; import jupyterhub_platform.cli.local.up as _; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "jupyterhub.app" not in ended.stdout.split()


def test_missing_files_are_a_misuse(tmp_path: Path) -> None:
    refused = up(tmp_path / "state", "--file", str(tmp_path / "none.yaml"))
    assert (refused.returncode, "There is no file" in refused.stderr) == (2, True)
    assert up(tmp_path / "state", "--config", "none.py").returncode == 2


def test_port_of_another_program_is_refused(tmp_path: Path) -> None:
    policy = tmp_path / "platform.yaml"
    policy.write_text(POLICY)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused = up(tmp_path / "state", "--file", str(policy), "--port", port)
    assert refused.returncode == 1
    assert f"Port {port} is taken by another program. Stop that, or name another: --port." in (
        refused.stderr
    )
    assert not (tmp_path / "state" / "logs" / "hub.log").exists()


def _change_password(hub: LiveHub, name: str) -> None:
    session = hub.login(name)
    form = {"_xsrf": hidden_xsrf(session.get("/hub/password").text)}
    form |= {"current": hub.passwords[name], "password": WORDS, "again": WORDS}
    assert session.post("/hub/password", data=form).status_code == 200


def _assert_private(directory: Path) -> None:
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    # The Hub writes its proxy's number for all to read; the directory is closed to them.
    for path in set(directory.rglob("*")) - {directory / "proxy.pid"}:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} has {mode:o}"


@pytest.mark.hub
def test_second_start_is_refused_and_a_restart_finds_everything(
    make_directory: Callable[[], Path],
) -> None:
    with running(LiveHub(make_directory(), POLICY)) as hub:
        assert stat.S_IMODE(hub.ready_file.stat().st_mode) == 0o600
        _assert_private(hub.state)
        second = up(hub.state, "--file", str(hub.policy), "--ready-file", str(hub.ready_file))
        assert second.returncode == 1
        assert second.stderr.startswith(f"A platform runs from {hub.state} already. Stop it, or")
        assert hub.ready_file.exists(), "it is that of the platform that runs"
        said = hub.terminal.read_text()
        assert f"Up runs at {hub.url}" in said
        assert hub.passwords["dev1"] in said
        assert "can try to log in" not in said
        ports = (hub.state / "ports.json").read_text()
        before, url = dict(hub.passwords), hub.url
        _change_password(hub, "dev1")
        assert hub.stop() == 0
        assert not hub.ready_file.exists()
        hub.start()
        assert (hub.state / "ports.json").read_text() == ports
        assert hub.url == url
        people = json.loads(hub.ready_file.read_text())["people"]
        assert people == {"admin": before["admin"], "dev1": None}
        with Session(hub.url, "dev1") as session:
            assert session.submit_login(before["dev1"]).status_code == 403
            assert session.submit_login(WORDS).status_code == 302
        assert WORDS not in hub.terminal.read_text()
        _assert_private(hub.state)
        assert hub.stop(number=signal.SIGTERM) == 0
        assert hub.list_marked() == []


@pytest.mark.hub
def test_address_that_others_reach_is_warned_of(make_directory: Callable[[], Path]) -> None:
    hub = LiveHub(make_directory(), POLICY)
    command = [sys.executable, "-m", "jupyterhub_platform", "up", "--host", "0.0.0.0"]
    command += ["--state", str(hub.state), "--file", str(hub.policy)]
    command += ["--config", str(hub.configuration), "--ready-file", str(hub.ready_file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "Ctrl-C stops it." not in said and (line := process.stderr.readline()):
            said += line
        process.send_signal(signal.SIGINT)
        said += process.stderr.read()
    assert process.returncode == 0, said
    assert "Every machine that reaches 0.0.0.0:" in said
    assert "Put a proxy with TLS in front of it." in said
    assert re.search(r"Up runs at http://127\.0\.0\.1:\d+", said)
    assert not hub.ready_file.exists()
    assert not (hub.state / "proxy.pid").exists()
