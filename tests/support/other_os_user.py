"""A user of this machine who is neither root nor a user whose servers run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support import port_hijacker

OTHER_USER: Final = 65_533
EVERY_ADDRESS: Final = ("127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as other users")


def as_other_os_user() -> None:
    """Become that user, in a process that has just been forked."""
    os.setgid(OTHER_USER)
    os.setuid(OTHER_USER)


@contextmanager
def hijacking(
    port: int,
    addresses: Sequence[str] = EVERY_ADDRESS,
    shared: Sequence[str] = ("127.0.0.9", "127.0.0.10"),
) -> Iterator[list[str]]:
    """Have that user try to listen at a port all the while; give what could be had, at the end."""
    # Where that user can read it, too: the checkout may be closed to others.
    command = [sys.executable, "-I", "-S", "-c", Path(port_hijacker.__file__).read_text()]
    got: list[str] = []
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, str(port), " ".join(addresses), " ".join(shared)],
        preexec_fn=as_other_os_user,
        stdin=pipe,
        stdout=pipe,
        text=True,
        cwd="/",
        env={},
    ) as thief:
        assert thief.stdout is not None
        while (line := thief.stdout.readline().strip()) != "trying":
            assert line, "the thief did not start"
            got.append(line)
        try:
            yield got
        finally:
            said, _ = thief.communicate()
    lines = said.splitlines()
    assert re.fullmatch(r"rounds [1-9]\d*", lines[-1]), lines
    got += lines[:-1]
