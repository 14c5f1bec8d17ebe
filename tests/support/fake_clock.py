"""A clock that a test moves while a Hub runs, by Debian's libfaketime."""

from pathlib import Path

_SITE = """
import os, sys
if "FAKETIME_TIMESTAMP_FILE" not in os.environ:
    os.environ.update({environment!r})
    os.execv(sys.executable, [sys.executable, "-m", "jupyterhub", *sys.argv[1:]])
# It works in this process now; the proxy does not bear it.
os.environ.pop("LD_PRELOAD", None)
"""


class FakeClock:
    """The time of day of one Hub; how long things take stays true."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self.move(0)
        (library, *_) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
        self._environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    @property
    def site(self) -> str:
        """What the configuration of the Hub begins with."""
        return _SITE.format(environment=self._environment)

    def move(self, seconds: int) -> None:
        """Set the clock to ``seconds`` away from the true time, within a second."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self._file)
