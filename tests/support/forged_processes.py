"""Processes that say of themselves what is not so, by every means that an ordinary user has."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from jupyterhub_platform.hub.local.processes import (
    INSTANCE_MARK,
    ISOLATED,
    RESERVATION_MARK,
    SERVER_MARK,
)

SYSTEM_PYTHON: Final = "/usr/bin/python3"

_BEGIN: Final = """
import ctypes, os, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.sbrk.restype = ctypes.c_void_p
def field(number):
    return int(open("/proc/self/stat").read().rpartition(")")[2].split()[number - 3])
"""

NOT_DUMPABLE: Final = "libc.prctl(4, 0, 0, 0, 0)\n"

CALLED_LIKE_A_SUPERVISOR: Final = f"""
start, length = field(48), field(49) - field(48)
told = b"\\0".join([b"python3", *(word.encode() for word in {ISOLATED!r}), b"--", b"x", b""])
ctypes.memmove(start, told.ljust(length, b"\\0"), length)
"""

# 2 GiB of environment that take only the memory of the process that reads them.
ENDLESS_ENVIRONMENT: Final = """
size = 2 << 30
where = libc.mmap(None, ctypes.c_size_t(size), 3, 0x4022, -1, ctypes.c_long(0))
places = [field(n) for n in (26, 27, 45, 46, 47)] + [libc.sbrk(0)]
places += [field(n) for n in (28, 48, 49)] + [where, where + size]
told = struct.pack("11QQII", *places, 0, 0, 0xFFFFFFFF)
assert libc.prctl(35, 14, ctypes.create_string_buffer(told, len(told)), len(told), 0) == 0
"""

# The first thread ends, so that the process looks dead, and another goes on.
FIRST_THREAD_ENDED: Final = """
threading.Thread(target=time.sleep, args=(300,)).start()
print("up", flush=True)
libc.syscall(60, 0)
"""

IN_A_USER_NAMESPACE: Final = """
assert libc.unshare(0x10000000) == 0, os.strerror(ctypes.get_errno())
for file, line in (("setgroups", "deny"), ("uid_map", "0 %d 1"), ("gid_map", "0 %d 1")):
    with open(f"/proc/self/{file}", "w") as opened:
        opened.write(line % own if "%" in line else line)
os.setuid(0)
"""


def called(name: bytes) -> str:
    """Return code by which a process gives itself a name."""
    return f"libc.prctl(15, {name!r}, 0, 0, 0)\n"


def marks(instance: str, server: str, reservation: str) -> dict[str, str]:
    """Return the variables that mark a process."""
    return {INSTANCE_MARK: instance, SERVER_MARK: server, RESERVATION_MARK: reservation}


@contextmanager
def process_of(uid: int, code: str = "", **environment: str) -> Iterator[int]:
    """Run code as a user id, below no supervisor, and give the process once it has begun."""
    program = f"{_BEGIN}\nown = {uid}\n{code}\nprint('up', flush=True)\ntime.sleep(300)"
    with subprocess.Popen(
        [SYSTEM_PYTHON, "-c", program, "x" * 500],
        user=uid,
        group=uid,
        extra_groups=[],
        env={"PATH": os.defpath, **environment},
        stdout=subprocess.PIPE,
        cwd="/",
    ) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == b"up\n"
            yield started.pid
        finally:
            started.kill()
