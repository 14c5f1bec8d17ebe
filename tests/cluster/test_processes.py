"""A program that does not come up says why, in its own words."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError
from tests.cluster.processes import Processes


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path, os.environ["PATH"], dies_with_owner=True)
    yield made
    made.end_all()


def test_program_that_ends_is_quoted(processes: Processes) -> None:
    processes.start("etcd", "sh", "-c", "echo the disk is full >&2; exit 3")

    with pytest.raises(ClusterError, match=r"(?s)etcd ended with exit code 3\..*the disk is full"):
        processes.wait_until(lambda: False, "etcd", of="etcd", seconds=20)


def test_program_that_takes_too_long_is_quoted(processes: Processes) -> None:
    processes.start("etcd", "sh", "-c", "echo looking for friends; exec sleep 60")
    log = processes.logs / "etcd.log"
    processes.wait_until(log.read_text, "its first words", of="etcd", seconds=20)

    with pytest.raises(ClusterError, match=r"(?s)its members was not there.*looking for friends"):
        processes.wait_until(lambda: False, "its members", of="etcd", seconds=0.1)


def test_end_of_one_that_has_ended_lets_the_others_be_ended(processes: Processes) -> None:
    processes.start("steady", "sleep", "60")
    processes.start("hasty", "true")
    with pytest.raises(ClusterError, match="hasty ended"):
        processes.wait_until(lambda: False, "nothing", of="hasty", seconds=20)

    processes.end_all()
    assert list((processes.logs.parent / "processes").iterdir()) == []
