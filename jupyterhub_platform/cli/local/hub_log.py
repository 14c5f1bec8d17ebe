"""The Hub's log file, whose size no stranger can drive up without limit.

A flood is cut: its start is kept, and the number of dropped lines. Nothing that a request carries
moves the cursor of a terminal, or begins its own line.
"""

import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, Final

MAX_BYTES: Final = 16 * 2**20
"""Size of one file; three older ones are kept beside it: ``hub.log.1`` is the newest of them."""
KEPT_FILES: Final = 3
BURST_BYTES: Final = 2 * 2**20
BYTES_PER_SECOND: Final = 2**15
"""The sustained rate; a day of it is 2.8 GB, of which the last files are kept."""
LINE_BYTES: Final = 2**14

_RESUMING_BYTES: Final = BURST_BYTES // 8
_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"
} | {code: f"\\u{code:04x}" for code in (0x2028, 0x2029)}


def list_files(path: Path) -> list[Path]:
    """Return the files of a log, the oldest first."""
    older = [path.with_name(f"{path.name}.{number}") for number in range(KEPT_FILES, 0, -1)]
    return [each for each in (*older, path) if each.is_file()]


class HubLog:
    """Writes lines up to a rate that suits a file, and counts the others."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._budget = float(BURST_BYTES)
        self._at = clock()
        self._left_out = 0
        self._file = self._open()

    def write(self, line: str) -> bool:
        """Keep a line; return whether it was kept.

        Raises
        ------
        OSError
            Raised if the disk does not take it. The line is lost then, and not retried.
        """
        now = self._clock()
        self._budget = min(BURST_BYTES, self._budget + (now - self._at) * BYTES_PER_SECOND)
        self._at = now
        data = line.encode(errors="replace")
        if self._budget < (_RESUMING_BYTES if self._left_out else len(data)):
            self._left_out += 1
            return False
        self.tell_left_out()
        self._put(data)
        return True

    def tell_left_out(self) -> None:
        """Say how many lines are missing here, if any."""
        if self._left_out:
            notice = f"[jhp] {self._left_out} lines are left out here: they came too fast.\n"
            self._left_out = 0
            self._put(notice.encode())

    def close(self) -> None:
        """Stop writing."""
        try:
            self.tell_left_out()
        finally:
            self._file.close()

    def _put(self, data: bytes) -> None:
        self._budget -= len(data)
        if os.fstat(self._file.fileno()).st_size + len(data) > MAX_BYTES:
            self._rotate()
        self._file.write(data)

    def _rotate(self) -> None:
        self._file.close()
        names = [self._path.name, *(f"{self._path.name}.{n + 1}" for n in range(KEPT_FILES))]
        files = [self._path.with_name(name) for name in names]
        for newer, older in reversed(list(pairwise(files))):
            if newer.exists():
                newer.replace(older)
        self._file = self._open()

    def _open(self) -> IO[bytes]:
        # Unbuffered: what a full disk does not take is lost, not retried with the next line.
        file = self._path.open("ab", buffering=0)
        self._path.chmod(0o600)
        return file


def read_lines(output: IO[bytes]) -> Iterator[str]:
    """Yield a program's output by lines: long ones are cut, and control characters escaped."""
    is_rest = False
    while part := output.readline(LINE_BYTES):
        ends = part.endswith(b"\n")
        if not is_rest:
            text = part.decode(errors="replace").rstrip("\r\n").translate(_CONTROLS)
            yield f"{text}\n" if ends else f"{text} (a line of more than {LINE_BYTES} bytes)\n"
        is_rest = not ends
