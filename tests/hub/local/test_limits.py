"""Limits that are said to be enforced are; others are said to be advisory."""

import os
import sys
from pathlib import Path

import pytest

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.hub.local.cgroups import (
    Hierarchy,
    find_groups,
    group_name,
    hierarchies,
    make_group,
    remove_groups,
)
from jupyterhub_platform.hub.local.limits import (
    Parent,
    probe_enforcement,
    probe_limiter,
)
from tests.hub.local.conftest import read_log, wait_until

_ALLOCATE = "import sys; block = bytearray(int(sys.argv[1])); print(len(block))"


def _needs(dimension: str) -> None:
    if dimension not in probe_enforcement().enforced:
        pytest.skip(probe_enforcement().why_not)


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
    found = {}
    for group in record.groups:
        for name in ("cpu.max", "cpu.cfs_quota_us"):
            if (group / name).exists():
                found[name] = (group / name).read_text().split()[0]
    assert list(found.values()) == ["150000"]
    wait_until(lambda: any("sleep" in name for name in _names_in(record.groups)))
    await servers.end(record)


def _names_in(groups):
    pids = {pid for group in groups for pid in (group / "cgroup.procs").read_text().split()}
    return [Path(f"/proc/{pid}/comm").read_text() for pid in pids]


async def test_a_server_cannot_have_more_processes_than_its_limit(servers):
    if not any("pids" in parent.controllers for parent in servers.machine.limiter.parents):
        pytest.skip("the number of processes cannot be limited here")
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


async def test_what_is_not_limited_stays_unlimited(servers):
    record, _ = servers.start("/bin/sleep", "300")
    for group in record.groups:
        for name in ("memory.max", "cpu.max", "cpu.cfs_quota_us"):
            if (group / name).exists():
                assert (group / name).read_text().split()[0] in {"max", "-1"}
    await servers.end(record)


def test_each_dimension_is_either_enforced_or_advisory_with_the_reason():
    found = probe_enforcement()
    assert found.enforced | found.advisory == {"cpu", "memory"}
    assert not found.enforced & found.advisory
    assert bool(found.why_not) == bool(found.advisory)
    assert bool(found.how) == bool(found.enforced)


def test_the_probe_leaves_no_group_behind():
    probe_limiter()
    assert find_groups("probe") == []


def test_a_limit_that_cannot_be_written_leaves_no_group_behind():
    for parent in probe_limiter().parents:
        wrong = Parent(parent.path, 3 - parent.version, frozenset({"memory"}))
        with pytest.raises(OSError, match=r"memory|cgroup|subtree"):
            wrong.make(group_name("wrong", "w1"), Resources.of({"memory": 2**28}), 0)
    assert find_groups("wrong") == []


def test_groups_inside_ours_are_removed_with_them():
    parents = probe_limiter().parents
    if not parents:
        pytest.skip("no control group can be made here")
    path = make_group(parents[0].path, group_name("nested", "n1"), (), parents[0].version)
    (path / "a" / "b").mkdir(parents=True)
    assert find_groups("nested") == [path]
    assert find_groups("nested", "n1") == [path]
    assert find_groups("nested", "n2") == []
    assert remove_groups([path]) == []
    assert find_groups("nested") == []


@pytest.mark.parametrize("name", ["../x", "", "a/b", "-a", ".x", "a b", "a" * 200])
def test_an_id_that_is_no_plain_name_makes_no_group(name):
    with pytest.raises(ValueError, match="control group"):
        group_name("abc", name)


def test_a_place_is_looked_for_from_our_own_group_upwards(tmp_path):
    hierarchy = Hierarchy(tmp_path, 2, frozenset(), tmp_path / "a" / "b")
    assert list(hierarchy.places()) == [tmp_path / "a" / "b", tmp_path / "a", tmp_path]


def test_hierarchies_are_where_the_kernel_says_this_process_is():
    for hierarchy in hierarchies():
        procs = (hierarchy.own / "cgroup.procs").read_text().split()
        assert str(os.getpid()) in procs
