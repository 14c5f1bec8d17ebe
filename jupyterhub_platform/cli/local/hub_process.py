"""The Hub as a child process of ``jhp up``: its configuration, its log, its end."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx

from jupyterhub_platform.cli.local.enforced_config import URL_FILE, EnforcedConfig
from jupyterhub_platform.cli.local.hub_log import HubLog, read_lines
from jupyterhub_platform.cli.state import State, write_private
from jupyterhub_platform.core.errors import PlatformError

_OURS: Final = re.compile(r"^jupyterhub_platform\b| platform:\d+$")
_TRACE: Final = "Traceback (most recent call last):"
START_SECONDS: Final = 120
STOP_SECONDS: Final = 30
_PR_SET_PDEATHSIG: Final = 1
_HEAD: Final = re.compile(
    r"\[(?P<level>[DIWEC]) \d{4}-\d\d-\d\d (?P<time>[\d:]+)[\d.]* "
    r"(?P<where>[^\]]*)\] ?(?P<text>.*)"
)
_OF_OTHERS: Final = re.compile(r"\[[DIWECF] \d|\d{4}-\d\d-\d\d[T ]\d\d:")
"""How the proxy and most services begin a line."""


def write_configuration(state: State, enforced: EnforcedConfig, site: Path | None) -> Path:
    """Write this start's decisions, around the configuration of the site, and return the file."""
    lines = ["# Written by `jhp up` at every start; changes here are lost.", ""]
    lines += ["from pathlib import Path, PosixPath", ""]
    lines += ["from jupyterhub_platform.cli.local.enforced_config import EnforcedConfig"]
    lines += ["from jupyterhub_platform.hub.upstream.proxy_socket import pass_socket_to_proxy", ""]
    lines += [f"_enforced = {enforced!r}", "_enforced.set(c)"]
    if site is None:
        lines += ["", "from jupyterhub_platform.hub.configure import configure", "", "configure(c)"]
    else:
        # Not load_subconfig: that hides from the site what is set above.
        lines += ["", f"site = Path({str(site)!r})"]
        lines += ['exec(compile(site.read_text(), site, "exec"))']
    lines += ["_enforced.keep(c)", "pass_socket_to_proxy(_enforced.listener, _enforced.port)"]
    (state / URL_FILE).unlink(missing_ok=True)
    return write_private(state / "jupyterhub_config.py", "\n".join(lines) + "\n")


class ShownLines:
    """Chooses what of the Hub's output the terminal shows: what is ours, and every error.

    A message goes on with lines that are indented. Proxy and services write beside the Hub: what
    they say begins a line, and is no part of it.
    """

    def __init__(self, log_path: Path) -> None:
        self._log_path = log_path
        self._showing = False

    def choose(self, line: str, *, is_lasting: bool) -> str | None:
        """Return how to show a line; with its time once the Hub lasts. ``None`` hides it."""
        head = _HEAD.match(line)
        if head is not None:
            self._showing = bool(_OURS.search(head["where"])) or head["level"] in "EC"
            at = f"{head['time']}  " if is_lasting else ""
            line = f"{at}{head['text']}"
        elif line.strip() == _TRACE:
            # A traceback is for developers; the log has all of it.
            showing, self._showing = self._showing, False
            return f"    The traceback is in {self._log_path}" if showing else None
        elif _OF_OTHERS.match(line) or (is_lasting and not line.startswith((" ", "\t", "\n"))):
            self._showing = False
        return line.rstrip("\n") if self._showing and not _is_request(line) else None


class HubProcess:
    """A running Hub. Its output goes into its log; important lines also to the terminal."""

    def __init__(
        self,
        configuration: Path,
        state: State,
        environment: dict[str, str],
        descriptors: tuple[int, ...],
        tell: Callable[[str], None],
    ) -> None:
        self.log_path = state / "logs" / "hub.log"
        self._state = state
        self._tell = tell
        self._is_lasting = False
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and configuration
            [sys.executable, "-m", "jupyterhub", "-f", str(configuration)],
            cwd=state.directory,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=descriptors,
            preexec_fn=_die_with_parent,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The Hub's process id."""
        return self._process.pid

    def _read(self) -> None:
        output = self._process.stdout
        if output is None:
            return
        log = HubLog(self.log_path)
        try:
            self._copy(read_lines(output), log)
        finally:
            with suppress(OSError):
                log.close()

    def _copy(self, lines: Iterable[str], log: HubLog) -> None:
        shown, is_kept = ShownLines(self.log_path), True
        for line in lines:
            was_kept = is_kept
            try:
                is_written, is_kept = log.write(line), True
            except OSError:
                # The Hub blocks until its output is read.
                is_written, is_kept = True, False
            if was_kept and not is_kept:
                self._tell(f"The Hub's log cannot be written: {self.log_path}. Check its disk.")
            chosen = shown.choose(line, is_lasting=self._is_lasting) if is_written else None
            if chosen is not None:
                self._tell(chosen)

    def wait_until_ready(self, socket: Path) -> str:
        """Wait until the Hub answers, at its socket and through its proxy; return its address.

        Raises
        ------
        PlatformError
            Raised if it ends first, or takes too long.
        """
        deadline = time.monotonic() + START_SECONDS
        place = self._state / URL_FILE
        self._wait_for(place.exists, deadline)
        url = place.read_text().strip()
        inside = httpx.HTTPTransport(uds=str(socket))
        with httpx.Client(transport=inside, base_url="http://hub", timeout=2) as client:
            self._wait_for(lambda: _answers(client, httpx.URL(url).path), deadline)
        # The socket at that address is ours: its peer needs no certificate.
        with httpx.Client(base_url=url, timeout=2, verify=False, trust_env=False) as client:  # noqa: S501
            # Polled too often, the proxy fills the log with routes that it does not have yet.
            self._wait_for(lambda: _answers(client, ""), deadline, every=0.5)
        return url.rstrip("/")

    def _wait_for(self, check: Callable[[], bool], deadline: float, every: float = 0.1) -> None:
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._reader.join(timeout=5)
                raise PlatformError(
                    f"The Hub ended with {self._process.returncode} while it started. "
                    f"Its log says why: {self.log_path}"
                )
            if check():
                return
            time.sleep(every)
        raise PlatformError(
            f"The Hub does not answer after {START_SECONDS} s. Its log may say why: {self.log_path}"
        )

    def wait(self) -> int:
        """Wait until the Hub exits, and return its exit code; its output carries timestamps."""
        self._is_lasting = True
        return self._process.wait()

    def stop(self) -> None:
        """Shut the Hub down gracefully, then kill it if it does not end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def finish_log(self) -> None:
        """Wait for the last lines; a surviving proxy would keep the pipe open."""
        self._reader.join(timeout=5)


def _is_request(line: str) -> bool:
    return line.lstrip().startswith("HTTPServerRequest(")


def _answers(client: httpx.Client, prefix: str) -> bool:
    try:
        return client.get(f"{prefix}hub/api/").status_code == 200
    except httpx.HTTPError:
        return False


def _die_with_parent() -> None:
    """Have the kernel shut the Hub down gracefully when ``jhp`` is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
