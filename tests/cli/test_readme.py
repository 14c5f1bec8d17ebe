"""What the README tells a newcomer to type works as it is pasted, and answers what it shows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub
from tests.test_docs import EXAMPLE, ROOT, list_fences

pytestmark = pytest.mark.hub

README = ROOT / "README.md"
FIRST_ADDRESS = "http://127.0.0.1:8000"


hub = hub_of(EXAMPLE)


@pytest.fixture
def checkout(hub: LiveHub, tmp_path: Path) -> Path:
    """Return a folder that looks like the checkout in which the platform was started."""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (tmp_path / ".jupyterhub-platform").symlink_to(hub.state)
    if not (hub.state / "platform.yaml").exists():
        (hub.state / "platform.yaml").symlink_to(hub.policy)
    return tmp_path


def find_block(word: str) -> str:
    (block,) = (
        block for language, block in list_fences(README) if language == "sh" and word in block
    )
    return block


def paste(block: str, hub: LiveHub, folder: Path) -> str:
    """Paste a block into a shell, at the address that this platform has."""
    script = block.replace(FIRST_ADDRESS, hub.url)
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", script],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_commands_of_jhp_are_found_and_answer(hub: LiveHub, checkout: Path) -> None:
    answer = paste(find_block("jhp doctor"), hub, checkout)
    assert "all well" in answer
    assert "Valid: " in answer


def test_third_server_is_refused_with_the_words_that_are_shown(
    hub: LiveHub, checkout: Path
) -> None:
    shown = next(block for _, block in list_fences(README) if block.startswith('{"status"'))
    answer = paste(find_block("TOKEN="), hub, checkout)
    # Starts that are under way answer with nothing, or with the server.
    assert json.loads(answer[answer.index('{"status"') :]) == json.loads(shown)
