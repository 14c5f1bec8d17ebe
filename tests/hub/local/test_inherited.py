"""A server has nothing of what the Hub or its operator holds: keys, rights, favours or signals."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from jupyterhub_platform.core.errors import LocalSpawnerError
from jupyterhub_platform.hub.local.processes import ISOLATED
from jupyterhub_platform.hub.local.reachability import check_reachable
from tests.hub.local.conftest import as_root
from tests.support.forged_processes import SYSTEM_PYTHON

pytestmark = as_root

USER: Final = 199_998
OTHER: Final = 199_997

KEYS: Final = """
import ctypes, json, os, signal, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, REQUEST_KEY, KEYCTL = {"x86_64": (248, 249, 250)}.get(os.uname().machine, (217, 218, 219))
SESSION, USER, USER_SESSION = -3, -4, -5
def call(*arguments):
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    found = libc.syscall(*given)
    return found if found >= 0 else os.strerror(ctypes.get_errno())
def add_key(name, payload, ring):
    return call(ADD_KEY, b"user", name, payload, len(payload), ring)
def read_key(key):
    buffer = ctypes.create_string_buffer(100)
    found = call(KEYCTL, 11, key, buffer, 100)
    return buffer.raw[:found].decode() if isinstance(found, int) else found
"""

# What a Hub is started with; then it starts a server, as another user.
HUB: Final = KEYS + "{before}\nos.execv(sys.argv[1], sys.argv[1:])"
OPERATORS_KEY: Final = """
assert call(KEYCTL, 1, None) > 0
key = add_key(b"cloud", b"operator's secret", SESSION)
assert key > 0, key
# As little as an operator may have thought of: the holder of the keyring may do anything.
assert call(KEYCTL, 5, key, 0x3F3F0000) == 0
os.environ["KEY"] = str(key)
"""
LOOK: Final = (
    KEYS
    + """
found = {
    "by name": call(REQUEST_KEY, b"user", b"cloud", None, 0),
    "by search": call(KEYCTL, 10, SESSION, b"user", b"cloud", 0),
    "by number": read_key(int(os.environ["KEY"])),
    "seen": "cloud" in open("/proc/keys").read(),
}
print(json.dumps(found))
"""
)


def start(before: str, server: str, uid: int = USER) -> tuple[int, str]:
    """Start a server from a Hub that has done ``before``; return its status and what it wrote."""
    supervisor = [sys.executable, *ISOLATED, "--uid", str(uid), "--", SYSTEM_PYTHON, "-c", server]
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", HUB.replace("{before}", before), *supervisor],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd="/",
        start_new_session=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def find(before: str, server: str) -> dict[str, Any]:
    status, said = start(before, server)
    assert status == 0, said
    found: dict[str, Any] = json.loads(said)
    return found


def test_the_operators_keys_are_out_of_a_servers_reach() -> None:
    found = find(OPERATORS_KEY, LOOK)
    assert found == {
        "by name": "Required key not available",
        "by search": "Required key not available",
        "by number": "Permission denied",
        "seen": False,
    }


@pytest.fixture
def full_of_keys() -> Iterator[None]:
    """Have the user use up the keys that one may have, which outlast the process."""
    fill = """
while isinstance(add_key(os.urandom(8).hex().encode(), b"x", USER), int):
    pass
print(ctypes.get_errno())
"""
    status, said = start("", KEYS + fill)
    assert (status, said) == (0, "122\n"), "the quota is not used up"
    yield
    assert start("", KEYS + "print(call(KEYCTL, 7, USER))") == (0, "0\n")


@pytest.mark.usefixtures("full_of_keys")
def test_a_user_without_room_for_a_keyring_does_not_keep_the_operators() -> None:
    assert find(OPERATORS_KEY, LOOK)["by number"] == "Permission denied"


def test_keys_of_one_users_server_are_no_other_users() -> None:
    hold = (
        KEYS
        + """
call(KEYCTL, 8, USER, SESSION)
keys = [add_key(name, b"mine", ring) for name, ring in ((b"s", SESSION), (b"u", USER))]
print(json.dumps([*keys, *map(read_key, keys)]), flush=True)
signal.pause()
"""
    )
    supervisor = [sys.executable, *ISOLATED, "--uid", str(USER), "--", SYSTEM_PYTHON, "-c", hold]
    with subprocess.Popen(supervisor, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        *keys, session, user = json.loads(first.stdout.readline())
        # Linked into its own keyring or read by its number, from a Hub that holds none of them.
        look = f"""
print(json.dumps([[call(KEYCTL, 8, key, SESSION), read_key(key)] for key in {keys}]))"""
        status, said = start("", KEYS + look, OTHER)
        first.send_signal(signal.SIGINT)
    assert (session, user) == ("mine", "mine")
    assert (status, json.loads(said)) == (0, [["Permission denied"] * 2] * 2)


# Denies a system call with an error, as containers do.
DENY: Final = """
def deny(number, error):
    lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number)]
    lines += [(6, 0, 0, 0x50000 | error), (6, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = struct.pack("HxxxxxxQ", len(lines), ctypes.addressof(code))
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0) == 0
"""


@pytest.mark.parametrize("error", [1, 38])
def test_a_container_that_denies_keys_still_starts_servers(error: int) -> None:
    found = find(f"{OPERATORS_KEY}\n{DENY}\ndeny(KEYCTL, {error})", LOOK)
    assert found["by search"] in {"Operation not permitted", "Function not implemented"}
    assert found["by number"] in {"Operation not permitted", "Function not implemented"}


def test_server_does_not_start_when_the_keyring_cannot_be_left() -> None:
    status, said = start(f"{OPERATORS_KEY}\n{DENY}\ndeny(KEYCTL, 122)", LOOK)
    assert status == 126
    assert "cannot start" in said
    assert "quota exceeded" in said


def test_the_python_that_is_tried_as_a_user_has_none_of_it_either() -> None:
    script = f"""
{OPERATORS_KEY}
sys.path[:0] = {[str(Path(__file__).parents[3]), *sys.path]!r}
from pathlib import Path
from jupyterhub_platform.hub.local.reachability import _try_as
look = "import os; os.environ['KEY'] = '%i'" % key + {LOOK!r} + "assert not found['seen']"
print(_try_as({USER}, [{SYSTEM_PYTHON!r}, "-c", look]))
"""
    done = subprocess.run(
        [sys.executable, "-c", KEYS + script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "None\n", done.stderr


RIGHTS: Final = """
# With these bits a change of user takes no capability away, and these outlast a new program.
everything = struct.pack("6I", *(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFF, 0xFF, 0xFF))
allowed = int(next(l for l in open("/proc/self/status") if l.startswith("CapBnd")).split()[1], 16)
low, high = allowed & 0xFFFFFFFF, allowed >> 32
data = struct.pack("6I", low, low, low, high, high, high)
header = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
assert libc.capset(header, ctypes.create_string_buffer(data)) == 0
for number in range(64):
    if allowed >> number & 1:
        assert libc.prctl(47, 2, number, 0, 0) == 0
assert libc.prctl(28, 0b100, 0, 0, 0) == 0
"""
FAVOURS: Final = """
os.nice(-7)
try:
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("-900")
except PermissionError:
    pass  # This root may not.
for number in signal.valid_signals() - {9, 19}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
"""
HELD: Final = """
import json, os, re
status = open("/proc/self/status").read()
found = dict(re.findall(r"^((?:Cap|Sig|Shd)[A-Z]\\w+):\\t(\\w+)$", status, re.M))
found["nice"], found["spared"] = os.nice(0), int(open("/proc/self/oom_score_adj").read())
found["privileges"] = re.search(r"NoNewPrivs:\\t(\\d)", status)[1]
found["umask"] = re.search(r"Umask:\\t(\\d+)", status)[1]
found["open"] = sorted(map(int, os.listdir("/proc/self/fd")))[:-1]
found["leader"] = os.tcgetpgrp(0) if os.isatty(0) else None
try:
    os.open("/dev/tty", os.O_RDWR)
    found["terminal"] = True
except OSError:
    found["terminal"] = False
print(json.dumps(found))
"""


@pytest.mark.parametrize("before", ["", RIGHTS, FAVOURS, RIGHTS + FAVOURS])
def test_neither_rights_nor_favours_of_the_hub_are_passed_on(before: str) -> None:
    found = find(before, HELD)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(found[kind], 16) == 0, kind
    assert (found["nice"], found["spared"]) == (0, 0)
    assert found["privileges"] == "1"
    assert found["umask"] == "0077"
    assert int(found["SigBlk"], 16) == 0
    # Python itself ignores these two: SIGPIPE and SIGXFSZ. Two are the C library's own, and no
    # program can set them.
    settable = sum(1 << number - 1 for number in signal.valid_signals())
    assert int(found["SigIgn"], 16) & settable == 1 << 12 | 1 << 24
    # The last is where it listens.
    assert found["open"] == [0, 1, 2, 3]
    assert not found["terminal"]
    assert found["leader"] is None


def test_a_hub_that_the_system_holds_back_does_not_favour_its_servers() -> None:
    before = "os.setpriority(os.PRIO_PROCESS, 0, 3)\n"
    before += "open('/proc/self/oom_score_adj', 'w').write('300')"
    found = find(before, HELD)
    assert (found["nice"], found["spared"]) == (3, 300)


def test_reason_why_a_user_cannot_run_python_is_reported() -> None:
    with pytest.raises(LocalSpawnerError, match=r"cannot start /nowhere/python: .*No such file"):
        check_reachable(Path("/var/lib"), program="/nowhere/python", module="json")
