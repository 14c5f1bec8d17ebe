"""A server's log keeps its end, within its size, and its user cannot reach it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jupyterhub_platform.hub.local.machine import Machine
from jupyterhub_platform.hub.local.processes import ISOLATED
from tests.hub.local.conftest import (
    Servers,
    as_root,
    assert_gone,
    processes_in,
    read_log,
    wait_until,
)
from tests.support.forged_processes import SYSTEM_PYTHON

MIB = 2**20

_FLOOD = """
import os, sys, time
began = time.monotonic()
line = b"x" * 1023 + b"\\n"
for _ in range(30 * 1024):
    os.write(1, line)
took = time.monotonic() - began
print(f"wrote it in {took:.1f} s", flush=True)
print("the last word", flush=True)
"""

# As a kernel does what its user writes: below the server, in a session of its own.
_ERASE = """
import json, os, sys
found = {}
for fd in os.listdir("/proc/self/fd"):
    try:
        os.ftruncate(int(fd), 0)
        found[fd] = "cut"
    except OSError as error:
        found[fd] = type(error).__name__
links = {}
for pid in (os.getpid(), os.getppid()):
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            links[f"{pid}/{fd}"] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            pass
print("erased", flush=True)
json.dump({"cut": found, "links": links}, open(sys.argv[1], "w"))
"""


async def test_log_beyond_its_limit_keeps_its_end(servers):
    command = f"echo begun; {SYSTEM_PYTHON} -c '{_FLOOD}'; exec sleep 300"
    record, _ = servers.start("/bin/sh", "-c", command, log_bytes=MIB)
    log = Path(record.log)
    largest = _watch(log, until="the last word")

    assert largest <= MIB + 1024
    assert largest > MIB // 2
    assert len(read_log(record)) > MIB // 8, "nothing but the end was kept"
    took = next(line for line in read_log(record).splitlines() if "wrote it in" in line)
    assert float(took.split()[3]) < 20, "the server was held up"
    await servers.end(record)
    assert "the last word" in read_log(record)
    assert "bytes came too fast to be kept" in read_log(record)


def _watch(log: Path, until: str) -> int:
    """Wait until something is in a log, and return how large that ever was."""
    largest = 0
    deadline = time.monotonic() + 60
    while until not in log.read_text():
        largest = max(largest, log.stat().st_size)
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return largest


async def test_all_that_is_written_at_an_ordinary_pace_is_there(servers):
    lines = "".join(f"line {number}\n" for number in range(20_000))
    code = f"import sys; sys.stderr.write({lines!r}); sys.exit(3)"
    script = servers.machine.os_users.provide("ada").home / "write.py"
    script.write_text(code)
    record, wait = servers.start(SYSTEM_PYTHON, str(script))
    assert wait() == 3
    assert read_log(record) == lines
    await servers.end(record)


async def test_the_last_words_before_an_end_are_there(servers):
    code = "import os; os.write(2, b'x' * (3 << 20)); os.write(2, b'the last word'); os._exit(3)"
    for _ in range(5):
        record, wait = servers.start(SYSTEM_PYTHON, "-c", code)
        assert wait() == 3
        assert read_log(record).endswith("the last word")
        await servers.end(record)


async def test_a_log_at_its_limit_begins_anew_in_its_middle(servers):
    code = (
        "import time\n"
        "for number in range(400):\n"
        "    print(f'{number:04}', 'x' * 1000, flush=True)\n"
        "    time.sleep(0.002)\n"
    )
    record, wait = servers.start(SYSTEM_PYTHON, "-c", code, log_bytes=100_000)
    assert wait() == 0
    found = read_log(record)
    numbers = [
        int(line[:4]) for line in found.splitlines() if line.endswith("x") and line[4:5] == " "
    ]
    assert numbers == list(range(numbers[0], 400))
    assert numbers[0] > 300
    assert len(found) <= 101_000
    assert "[supervisor] what came before is gone" in found
    await servers.end(record)


@pytest.mark.parametrize("own_uid", [False, pytest.param(True, marks=as_root)])
async def test_a_log_is_out_of_reach_of_what_runs_in_the_server(
    machine, isolated, tmp_path, own_uid
):
    servers = Servers(isolated if own_uid else machine)
    person = servers.machine.os_users.provide("ada")
    found = person.home / "found.json"
    child = f"setsid {SYSTEM_PYTHON} -c '{_ERASE}' {found}"
    record, wait = servers.start("/bin/sh", "-c", f"echo kept; {child}; echo after", person=person)
    assert wait() == 0
    told = json.loads(found.read_text())
    assert told["cut"]
    assert "cut" not in told["cut"].values()
    assert not [
        link
        for link in told["links"].values()
        if link.startswith(str(servers.machine.state / "logs"))
    ]
    assert read_log(record).split() == ["kept", "erased", "after"]
    await servers.end(record)


@pytest.mark.parametrize("size", [1, 65536])
async def test_a_flood_costs_the_supervisor_little(servers, size):
    flood = f"import os\nblock = b'x' * {size}\nwhile True: os.write(2, block)"
    record, _ = servers.start(SYSTEM_PYTHON, "-c", flood, log_bytes=MIB)
    supervisor = psutil.Process(record.supervisor.pid)
    wait_until(lambda: Path(record.log).stat().st_size > MIB // 4)
    before = sum(supervisor.cpu_times()[:2])
    time.sleep(3)  # noqa: ASYNC251 that is what is measured
    used = sum(supervisor.cpu_times()[:2]) - before
    assert used < 0.6, f"{used} of 3 seconds"
    assert supervisor.memory_info().rss < 100 * MIB
    await servers.end(record)


async def test_the_pipe_in_the_hands_of_another_process_holds_up_no_end(servers, tmp_path):
    pids = tmp_path / "pids"
    record, wait = servers.start("/bin/sh", "-c", f"echo $$ > {pids}; echo said; exec sleep 300")
    (running,) = processes_in(pids, 1)
    held = os.open(f"/proc/{running.pid}/fd/1", os.O_WRONLY)
    try:
        began = time.monotonic()
        await servers.end(record)
        assert time.monotonic() - began < 5
        assert_gone([running, record.supervisor])
        assert wait() == 128 + 15
        assert read_log(record).startswith("said\n")
    finally:
        os.close(held)


def test_a_disk_that_is_full_holds_up_no_server():
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, *ISOLATED, "--", SYSTEM_PYTHON, "-c", _FLOOD],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0
    assert done.stderr == b""


def test_a_server_that_closes_its_output_goes_on():
    code = "import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(5)"
    done = subprocess.run(
        [sys.executable, *ISOLATED, "--", SYSTEM_PYTHON, "-c", code], timeout=20, check=False
    )
    assert done.returncode == 5


def test_the_logs_of_a_user_who_names_ever_new_servers_are_bounded(machine: Machine):
    for number in range(70):
        handle, path = machine.open_log("eve", f"n{number}")
        os.close(handle)
        os.utime(path, (number, number))
    others = []
    for name in ("eve-n", "eve.log", "eve.log.1", "eve.logs"):
        handle, path = machine.open_log(name, "")
        os.close(handle)
        os.utime(path, (0, 0))
        others.append(path.name)
    handle, newest = machine.open_log("eve", "last")
    os.close(handle)
    kept = {path.name for path in newest.parent.iterdir()}
    assert len(kept) == 60 + len(others)
    assert {*others, newest.name, "eve--n69.log"} <= kept
    assert "eve--n0.log" not in kept
