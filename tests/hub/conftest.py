"""Places for real Hubs."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def make_directory() -> Iterator[Callable[[], Path]]:
    """Make directories that other users may pass through, unlike those of pytest."""
    made: list[Path] = []

    def make() -> Path:
        directory = Path(tempfile.mkdtemp(prefix="jupyterhub-platform-test-"))
        directory.chmod(0o755)
        made.append(directory)
        return directory

    yield make
    for directory in made:
        shutil.rmtree(directory)
