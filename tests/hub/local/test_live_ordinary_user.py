"""Without root: servers run as the operator of the platform, and all users are told."""

import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.live_hub import LiveHub, running

pytestmark = pytest.mark.hub

SENTENCE = "they are not isolated from each other or from the Hub"


def test_says_on_terminal_and_page_that_people_are_not_isolated(
    make_directory: Callable[[], Path],
) -> None:
    directory = make_directory()
    user = None
    environment = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody").pw_uid
        os.chown(directory, user, -1)
        environment = {"PYTHONPATH": str(_copy_where_all_may_read(directory / "code"))}
    hub = LiveHub(
        directory, Path("examples/local/platform.yaml"), user=user, environment=environment
    )
    with running(hub):
        dev1 = hub.token("dev1")
        assert dev1.start("dev1", tier="small").status_code in {201, 202}
        dev1.wait_until_ready("dev1")
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in hub.list_marked()}
        assert owners == {user if user is not None else os.geteuid()}
        page = hub.login("dev1").get("/hub/spawn/dev1/other")
        assert SENTENCE in page.text
        assert SENTENCE in hub.terminal.read_text()
        dev1.stop("dev1")


def _copy_where_all_may_read(code: Path) -> Path:
    """Copy what runs: the checkout may be closed to everybody but root."""
    for name in ("jupyterhub_platform", "node_modules"):
        shutil.copytree(name, code / name)
    return code
