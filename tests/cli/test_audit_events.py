"""``jhp audit list``, ``show`` and ``export``: rows as lines for people, and as JSON Lines."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.main import main
from jupyterhub_platform.origin import RequestOrigin
from jupyterhub_platform.store import audit
from jupyterhub_platform.store.store import Store
from tests.support.policies import NOW

ESCAPE = "\x1b[2Jgone\n"


@pytest.fixture
def state(store: Store, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state directory, beside a store with rows that the environment names."""
    for name in ("PLATFORM_URL", "PLATFORM_STATE_DIR", "PLATFORM_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLATFORM_DB_URL", store_url)
    with store.begin() as tx:
        for number in range(230):
            audit.append(
                tx,
                at=NOW,
                actor="admin" if number % 10 else "dev1",
                action="person.suspended",
                subject=f"dev{number}",
                detail={"reason": ESCAPE},
                result="done" if number % 10 else "refused",
                origin=RequestOrigin("cli", "10.1.2.3"),
            )
    return tmp_path


def jhp(state: Path, *words: str) -> Result:
    command = ["audit", *words, "--state", str(state)]
    return CliRunner(catch_exceptions=False).invoke(main, command)


def numbers(done: Result) -> list[int]:
    assert (done.exit_code, done.stderr) == (0, "")
    return [json.loads(line)["number"] for line in done.stdout.splitlines()]


def test_list_shows_the_newest_and_no_control_characters(state: Path) -> None:
    done = jhp(state, "list")
    lines = done.stdout.splitlines()
    assert (done.exit_code, len(lines)) == (0, 50)
    assert "admin suspended dev229: \\x1b[2Jgone  (cli 10.1.2.3)" in lines[0]
    assert "[refused] dev1 tried to suspend dev220" in lines[9]
    assert "\x1b" not in done.stdout


def test_list_goes_on_to_its_limit_and_to_the_end(state: Path) -> None:
    assert numbers(jhp(state, "list", "--json", "--limit", "215")) == list(range(230, 15, -1))
    assert len(numbers(jhp(state, "list", "--json", "--limit", "900"))) == 230
    found = numbers(jhp(state, "list", "--json", "--actor", "dev1", "--result", "refused"))
    assert found == list(range(221, 0, -10))


def test_export_is_in_order_and_goes_on_where_it_ended(state: Path) -> None:
    assert numbers(jhp(state, "export")) == list(range(1, 231))
    assert numbers(jhp(state, "export", "--after", "228")) == [229, 230]
    assert numbers(jhp(state, "export", "--after", "230")) == []
    assert numbers(jhp(state, "export", "--after", "3", "--before", "7")) == [4, 5, 6]
    assert len(numbers(jhp(state, "export", "--before", "210"))) == 209


def test_show_is_the_whole_row(state: Path) -> None:
    row = json.loads(jhp(state, "show", "3", "--json").stdout)
    assert (row["number"], row["address"], len(row["hash"])) == (3, "10.1.2.3", 64)
    assert "\x1b" not in jhp(state, "show", "3").stdout
    gone = jhp(state, "show", "231")
    assert (gone.exit_code, gone.stderr) == (
        1,
        "The audit has no row 231. The newest are: jhp audit list\n",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--since", "yesterday"), "write for example 30d, 2026-01-31 or"),
        (("list", "--result", "good"), "is not one of"),
        (("export", "--after", "-1"), "is not in the range"),
        (("export", "--before", "9", "--follow"), "exclude each other"),
    ],
)
def test_misuse_is_said(state: Path, words: tuple[str, ...], said: str) -> None:
    done = jhp(state, *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_without_a_store_it_says_where_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLATFORM_DB_URL", raising=False)
    done = jhp(tmp_path, "list")
    assert (done.exit_code, "--state or PLATFORM_DB_URL" in done.stderr) == (2, True)
