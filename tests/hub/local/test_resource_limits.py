"""Limits that are said to be enforced are; others are said to be advisory."""

import os
import sys
from pathlib import Path

import pytest

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.local.cgroups import (
    Parent,
    find_groups,
    group_name,
    list_places,
    members,
    remove_groups,
    render_control_files,
)
from jupyterhub_platform.hub.local.resource_limits import probe_limiter
from tests.hub.local.conftest import read_log, wait_until

_ALLOCATE = "import sys; block = bytearray(int(sys.argv[1])); print(len(block))"


def _needs(dimension: str) -> None:
    found = probe_limiter()
    if dimension not in found.enforced:
        pytest.skip(f"by choice: {found.why_not}")


async def test_a_server_that_allocates_more_memory_than_it_may_is_killed(servers):
    _needs("memory")
    limit = Resources.of({"memory": 96 * 2**20})
    argv = (sys.executable, "-S", "-c", _ALLOCATE)

    over, wait_over = servers.start(*argv, str(200 * 2**20), resources=limit)
    under, wait_under = servers.start(*argv, str(20 * 2**20), resources=limit)

    assert wait_over() == 128 + 9
    assert "more memory than it may" in read_log(over)
    assert wait_under() == 0
    await servers.end(over)
    await servers.end(under)


async def test_the_cpu_limit_is_written_where_the_kernel_reads_it(servers):
    _needs("cpu")
    limit = Resources.of({"cpu": 1500})
    record, _ = servers.start("/bin/sleep", "300", resources=limit)
    (group,) = servers.groups(record)
    assert (group / "cpu.max").read_text().split()[0] == "150000"
    wait_until(lambda: any("sleep" in name for name in _names_in([group])))
    await servers.end(record)


def _names_in(groups):
    pids = {pid for group in groups for pid in (group / "cgroup.procs").read_text().split()}
    return [Path(f"/proc/{pid}/comm").read_text() for pid in pids]


async def test_a_server_cannot_have_more_processes_than_its_limit(servers):
    parent = servers.machine.limiter.parent
    if parent is None or "pids" not in parent.controllers:
        pytest.skip("by choice: the number of processes cannot be limited here")
    script = (
        "import os, time\n"
        "try:\n"
        "    for _ in range(100):\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(300)\n"
        "except BlockingIOError:\n"
        "    os._exit(3)\n"
    )
    record, wait = servers.start(sys.executable, "-S", "-c", script, processes=10)
    assert wait() == 3
    await servers.end(record)


async def test_resource_without_a_limit_stays_unlimited(servers):
    record, _ = servers.start("/bin/sleep", "300")
    for group in servers.groups(record):
        for name in ("memory.max", "cpu.max"):
            if (group / name).exists():
                assert (group / name).read_text().split()[0] in {"max", "-1"}
    await servers.end(record)


def test_each_dimension_is_either_enforced_or_advisory_with_the_reason():
    found = probe_limiter()
    assert found.enforced | found.advisory == {"cpu", "memory"}
    assert not found.enforced & found.advisory
    assert bool(found.why_not) == bool(found.advisory)


def test_the_probe_leaves_no_group_behind():
    probe_limiter()
    assert find_groups("probe") == []


def test_a_limit_that_cannot_be_written_leaves_no_group_behind():
    parent = probe_limiter().parent
    if parent is None:
        pytest.skip("by choice: no control group can be made here")
    wrong = Parent(parent.path, frozenset({"nothing_such"}))
    with pytest.raises(OSError, match=r"subtree_control|Invalid"):
        wrong.make(group_name("wrong", "", "w1"), Resources.of({"memory": 2**28}), 0)
    assert find_groups("wrong") == []


def test_a_controller_is_active_in_a_group_that_needs_it():
    parent = probe_limiter().parent
    if parent is None:
        pytest.skip("by choice: no control group can be made here")
    active = parent.path / "cgroup.subtree_control"
    before = set(active.read_text().split())
    name = next(iter(sorted((parent.path / "cgroup.controllers").read_text().split())), None)
    if name is None:
        pytest.skip("by choice: no controller is left to control groups of version 2 here")
    limiting = Parent(parent.path, frozenset({name}))
    group = limiting.make(group_name("active", "", "a1"), Resources(), 0)
    try:
        assert name in (group / "cgroup.controllers").read_text().split()
        assert name in active.read_text().split()
    finally:
        assert remove_groups([group]) == []
        if name not in before:
            active.write_text(f"-{name}")


@pytest.mark.parametrize(
    ("resources", "processes", "files"),
    [
        ({}, 0, {}),
        ({"servers": 1, "nvidia.com/gpu": 1}, 0, {}),
        ({"cpu": 1500}, 0, {"cpu.max": "150000 100000"}),
        ({"cpu": 1}, 0, {"cpu.max": "1000 100000"}),
        ({"memory": 2**30}, 0, {"memory.max": "1073741824", "memory.swap.max": "0"}),
        ({}, 64, {"pids.max": "64"}),
    ],
)
def test_limits_are_written_as_the_kernel_reads_them(resources, processes, files):
    assert render_control_files(Resources.of(resources), processes) == files


def test_groups_inside_ours_are_removed_with_them():
    parent = probe_limiter().parent
    if parent is None:
        pytest.skip("by choice: no control group can be made here")
    path = parent.make(group_name("nested", "ada/", "n1"), Resources(), 0)
    (path / "a" / "b").mkdir(parents=True)
    assert find_groups("nested") == [path]
    assert find_groups("nested", "ada/") == [path]
    assert find_groups("nested", "ada/", "n1") == [path]
    assert find_groups("nested", "ada/", "n2") == []
    assert find_groups("nested", "ada/x") == []
    assert remove_groups([path]) == []
    assert find_groups("nested") == []


@pytest.mark.parametrize("name", ["../x", "", "a/b", "-a", ".x", "a b", "a" * 200])
def test_an_id_that_is_no_plain_name_makes_no_group(name):
    with pytest.raises(ValueError, match="control group"):
        group_name("abc", "ada/", name)


def test_the_first_place_is_where_the_kernel_says_this_process_is():
    places = list_places()
    if not places:
        pytest.skip("by choice: no control groups of version 2 are mounted here")
    assert os.getpid() in members(places[:1])
    assert all(
        later in places[0].parents for later in places[1:] if later.is_relative_to(places[-1])
    )
