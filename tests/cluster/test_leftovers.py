"""A cluster that has ended has never been there, however it ended."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CoreV1Api

from tests.cluster.building import build, render_path
from tests.cluster.control_plane import ControlPlane
from tests.cluster.node import Node
from tests.cluster.objects import render_pod, wait_for
from tests.cluster.processes import MARK, end_process, read_start_time, run
from tests.cluster.state import State, list_folders, remove_kept

ROOT = Path(__file__).parents[2]
NAMES_OF_NODE = re.compile(r"cluster|cni|containerd|kube|netns|/pods|runc|xtables")
KINDS = [
    pytest.param(ControlPlane, marks=pytest.mark.cluster, id="api"),
    pytest.param(Node, marks=pytest.mark.node, id="node"),
]


def list_processes(name: str) -> list[int]:
    """Return the processes of a cluster, in pods or beside them."""
    mark = f"{MARK}={name}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            groups = (process / "cgroup").read_text()
            if mark in (process / "environ").read_bytes() or f"/jhp-{name}" in groups:
                found.append(int(process.name))
    return found


def see_cluster(name: str) -> dict[str, Any]:
    """Return what there is of a cluster."""
    return {
        "processes": list_processes(name),
        "control groups": list(Path("/sys/fs/cgroup").glob(f"**/jhp-{name}")),
        "folders": [each for each in list_folders() if each.name == name],
    }


def see_machine() -> dict[str, Any]:
    """Return what a cluster could have changed about this machine.

    Others are at work here meanwhile: links of other clusters come and go, whose names say that
    they are such, and so do mounts and files that no node makes.
    """
    settings = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
    places = [Path("/run"), Path("/run/netns"), Path("/var/lib"), Path("/var/log")]
    mounts = Path("/proc/mounts").read_text().splitlines()
    files = [each for place in places for each in place.glob("*")]
    seen: dict[str, Any] = {
        "mounts": {line for line in mounts if NAMES_OF_NODE.search(line)},
        "links": {each.name for each in Path("/sys/class/net").glob("*")} - list_links(),
        "settings": {name: Path("/proc/sys", name).read_text() for name in settings},
        "files": {str(each) for each in files if NAMES_OF_NODE.search(str(each))},
    }
    if os.geteuid() == 0:
        routes = run("ip", "route", "show", "table", "all").splitlines()
        seen["routes"] = {route for route in routes if " dev jhp" not in route}
        search_path = render_path([])
        seen["rules"] = run("nft", "list", "ruleset", environ={"PATH": search_path})
    return seen


def list_links() -> set[str]:
    return {each.name for each in Path("/sys/class/net").glob("jhp*")}


@contextmanager
def owned_by_another(kind: type[ControlPlane]) -> Iterator["subprocess.Popen[str]"]:
    """Have a process of its own make a cluster, and wait until it is up."""
    build(kind.use)
    code = (
        f"from {kind.__module__} import {kind.__name__} as kind\n"
        "with kind() as cluster:\n    print(cluster.state.folder, flush=True)\n    input()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True, cwd=ROOT
    ) as owner:
        try:
            yield owner
        finally:
            owner.kill()


def is_gone(cluster: dict[str, Any]) -> bool:
    return not any(cluster.values())


@pytest.mark.parametrize("kind", KINDS)
def test_end_leaves_nothing_behind(kind: type[ControlPlane]) -> None:
    before = see_machine()
    with kind() as cluster:
        name = cluster.state.folder.name
        links = set((cluster.state.folder / "links").read_text().split()) if kind is Node else set()
        core = CoreV1Api(cluster.client)
        core.create_namespaced_pod("default", render_pod("server", "serve", "hello"))
        if kind is Node:
            wait_for(
                lambda: core.read_namespaced_pod("server", "default").status.phase == "Running",
                "the pod to run",
            )
        during = see_cluster(name)
        assert links <= list_links()

    assert len(during["processes"]) >= 4
    assert is_gone(see_cluster(name)), see_cluster(name)
    assert not links & list_links()
    assert see_machine() == before


@pytest.mark.parametrize("kind", KINDS)
def test_next_cluster_clears_what_a_killed_owner_left(kind: type[ControlPlane]) -> None:
    before = see_machine()
    with owned_by_another(kind) as owner:
        assert owner.stdout is not None
        name = Path(owner.stdout.readline().strip()).name
        assert list_processes(name)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait(10)

    # The kernel ends them at once; the folder waits for the next one who looks.
    wait_for(lambda: not list_processes(name), "its processes to end")
    assert see_cluster(name)["folders"]
    State.create(is_kept=False).remove()

    assert is_gone(see_cluster(name)), see_cluster(name)
    assert see_machine() == before


@pytest.mark.cluster
def test_cluster_of_a_living_owner_is_left_alone() -> None:
    with owned_by_another(ControlPlane) as owner:
        assert owner.stdout is not None
        assert owner.stdin is not None
        folder = Path(owner.stdout.readline().strip())

        State.create(is_kept=False).remove()

        assert folder in list_folders()
        owner.stdin.write("\n")
        owner.stdin.close()
        assert owner.wait(20) == 0
    assert folder not in list_folders()


def test_process_that_took_over_a_number_is_not_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        began = read_start_time(bystander.pid)
        end_process(bystander.pid, str(int(began) - 1))
        assert bystander.poll() is None

        end_process(bystander.pid, began)
        assert bystander.wait(10) == -signal.SIGKILL


def test_kept_cluster_waits_for_down_or_for_the_machine_to_start_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept, lost = State.create(is_kept=True), State.create(is_kept=True)
    (lost.folder / "kept").write_text("the machine has started again since")

    State.create(is_kept=False).remove()

    assert list_folders() == [kept.folder]
    assert remove_kept() == [kept.folder]
    assert list_folders() == []
