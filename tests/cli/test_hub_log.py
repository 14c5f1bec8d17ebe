"""The Hub's log has an end, whatever is said to the Hub."""

import io
import os
import stat
from pathlib import Path

import pytest

from jupyterhub_platform.cli.local import hub_log
from jupyterhub_platform.cli.local.hub_log import (
    BURST_BYTES,
    BYTES_PER_SECOND,
    KEPT_FILES,
    LINE_BYTES,
    MAX_BYTES,
    HubLog,
    read_lines,
)
from jupyterhub_platform.cli.local.hub_process import ShownLines

FAULT = (
    "[E 2026-11-29 17:00:39.123 jupyterhub_platform.hub.policy_faults policy_faults:2] The file:"
)


@pytest.mark.parametrize("is_lasting", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        "2026-11-29T17:04:29.377Z [ConfigProxy] info: 200 GET /api/routes",
        "2026-11-29 17:04:29,377 INFO a service says so",
        "[W 2026-11-29 16:59:13,693 tornado.application] Detected unused OAuth state cookies",
        "[I 261129 16:59:13 app:3] idle culler",
        "[I 2026-11-29 16:59:13.693 JupyterHub log:192] 200 GET /hub/api",
    ],
)
def test_a_line_of_another_program_is_no_part_of_a_message(other: str, is_lasting: bool) -> None:
    shown = ShownLines(Path("hub.log"))
    said = [
        shown.choose(f"{line}\n", is_lasting=is_lasting)
        for line in (FAULT, "    line 3: no", other, "    at the other program")
    ]
    assert said[0] == f"{'17:00:39  ' * is_lasting}The file:"
    assert said[1:] == ["    line 3: no", None, None]


def test_a_bare_line_goes_on_with_a_message_only_while_the_hub_starts() -> None:
    for is_lasting, expected in ((False, "(see https://sqlalche.me/)"), (True, None)):
        shown = ShownLines(Path("hub.log"))
        shown.choose(f"{FAULT}\n", is_lasting=is_lasting)
        assert shown.choose("(see https://sqlalche.me/)\n", is_lasting=is_lasting) == expected


def test_an_error_is_shown_and_its_traceback_is_named() -> None:
    shown = ShownLines(Path("hub.log"))
    head = "[E 2026-11-29 17:00:39.123 JupyterHub app:9] broken\n"
    lines = (head, "    Traceback (most recent call last):\n", "      File x\n", "ValueError: 1\n")
    said = [shown.choose(line, is_lasting=True) for line in lines]
    assert said == ["17:00:39  broken", "    The traceback is in hub.log", None, None]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def size_of(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir())


def test_a_flood_keeps_its_start_and_says_how_much_is_missing(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "hub.log"
    log = HubLog(path, clock)
    flood = "[E asyncio] accept: too many open files\n"
    assert log.write("[W] the first sign of it\n")
    kept = sum(log.write(flood) for _ in range(1_000_000))
    assert path.stat().st_size <= BURST_BYTES
    assert kept == (BURST_BYTES - len("[W] the first sign of it\n")) // len(flood)
    # One more minute of it, a thousand lines a second.
    for _ in range(60_000):
        clock.now += 0.001
        log.write(flood)
    log.close()
    text = path.read_text()
    assert len(text) <= BURST_BYTES + 60 * BYTES_PER_SECOND
    assert text.startswith("[W] the first sign of it\n[E asyncio]")
    counted = [line for line in text.splitlines() if line.startswith("[jhp] ")]
    assert counted
    assert len(counted) < 20
    missing = sum(int(line.split()[1]) for line in counted)
    assert missing + text.count("too many open files") == 1_060_000


def test_lines_after_a_flood_are_kept_again(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "hub.log"
    log = HubLog(path, clock)
    while log.write("x" * 999 + "\n"):
        pass
    clock.now += 60
    assert log.write("[I] all is well\n")
    log.close()
    assert path.read_text().endswith("they came too fast.\n[I] all is well\n")


def test_old_files_are_kept_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_log, "MAX_BYTES", 1_000)
    path = tmp_path / "hub.log"
    log = HubLog(path)
    for number in range(200):
        assert log.write(f"line {number:04}" + "." * 90 + "\n")
    log.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "hub.log",
        *(f"hub.log.{n + 1}" for n in range(KEPT_FILES)),
    ]
    assert size_of(tmp_path) <= (KEPT_FILES + 1) * 1_000
    order = [path.with_name(f"hub.log.{n}") for n in range(KEPT_FILES, 0, -1)] + [path]
    numbers = [int(x[5:9]) for each in order for x in each.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 200))
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in tmp_path.iterdir())
    # What is there at the next start counts.
    log = HubLog(path)
    assert log.write("again\n")
    log.close()
    assert path.read_text().endswith("again\n")


def test_hub_log_is_bounded_in_all(tmp_path: Path) -> None:
    assert (KEPT_FILES + 1) * MAX_BYTES <= 64 * 2**20


def test_a_line_without_an_end_is_cut() -> None:
    output = io.BytesIO(b"x" * (10 * LINE_BYTES) + b"\nnext\n" + b"y" * (LINE_BYTES + 5))
    first, second, third = read_lines(output)
    assert len(first) < LINE_BYTES + 60
    assert first.endswith("(a line of more than 16384 bytes)\n")
    assert second == "next\n"
    assert third.startswith("yyy")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"a \x1b[2J\x1b]0;title\x07 b\n", "a \\x1b[2J\\x1b]0;title\\x07 b\n"),
        (b"user\r[E 2026-01-01 00:00:00.0 JupyterHub app:1] gone\n", None),
        ("C1 \x9b31m\n".encode(), "C1 \\x9b31m\n"),
        ("\u2028[E] forged\n".encode(), "\\u2028[E] forged\n"),
        (b"\xff\xfe\x00\n", "\ufffd\ufffd\\x00\n"),
        (b"tab\tand \xc3\xbc stay\r\n", "tab\tand ü stay\n"),
    ],
)
def test_log_text_cannot_forge_a_line_or_move_the_cursor(said: bytes, kept: str | None) -> None:
    (line,) = read_lines(io.BytesIO(said))
    assert kept is None or line == kept
    assert "\r" not in line
    assert "\x1b" not in line
    assert len(line.splitlines()) == 1


def test_a_disk_that_is_full_loses_a_line_and_no_more(tmp_path: Path) -> None:
    log = HubLog(tmp_path / "hub.log")
    log._file.close()
    log._file = Path("/dev/full").open("ab", buffering=0)  # noqa: SIM115
    with pytest.raises(OSError, match=os.strerror(28)):
        log.write("lost\n")
    log._file.close()
    log._file = log._open()
    assert log.write("kept\n")
    log.close()
    assert (tmp_path / "hub.log").read_text() == "kept\n"
