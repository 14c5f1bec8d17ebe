"""What ``jhp up`` keeps between starts."""

import json
from pathlib import Path

import pytest

from jupyterhub_platform.cli.state import State, write_private
from jupyterhub_platform.core.errors import PlatformError


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "state")
    made.open()
    return made


def modes(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in directory.rglob("*")}


def test_directory_is_closed_to_others_even_if_it_was_open(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    directory.mkdir(mode=0o755)
    (directory / "jupyterhub.sqlite").touch(mode=0o644)
    state = State(directory)
    state.open()
    state.sample_passwords(["dev1"])
    state.keep_secrets("http://127.0.0.1:8000")
    state.close()
    assert directory.stat().st_mode & 0o777 == 0o700
    found = modes(directory)
    assert {mode for name, mode in found.items() if name != "logs"} == {0o600}, found
    assert found["logs"] == 0o700


def test_only_one_platform_at_a_time(state: State) -> None:
    second = State(state.directory)
    with pytest.raises(PlatformError, match=r"A platform runs from .* already. Stop it, or name"):
        second.open()
    second.close()
    state.close()
    second.open()
    second.close()


def test_damaged_file_is_named_with_what_to_do(state: State) -> None:
    (state / "ports.json").write_text("{half")
    with pytest.raises(PlatformError, match=r"ports.json is damaged: .* Remove it; the next start"):
        state.read_json("ports.json")


def test_sample_passwords_are_random_legible_and_kept(state: State) -> None:
    first = state.sample_passwords(["dev1", "dev2"])
    assert len(set(first.values())) == 2
    for password in first.values():
        assert len(password) == 19
        assert not set(password) & set("01ilo")
    later = State(state.directory).sample_passwords(["dev2", "dev3"])
    assert list(later) == ["dev2", "dev3"]
    assert later["dev2"] == first["dev2"]
    assert State(state.directory).sample_passwords(["dev1"]) == {"dev1": first["dev1"]}


def test_secrets_stay_and_differ_between_platforms(state: State, tmp_path: Path) -> None:
    first = state.keep_secrets("http://127.0.0.1:8000")
    assert State(state.directory).keep_secrets("http://127.0.0.1:8001") == first
    assert json.loads((state / "command.json").read_text())["url"] == "http://127.0.0.1:8001"
    other = State(tmp_path / "other")
    other.open()
    assert not set(other.keep_secrets("x").values()) & set(first.values())
    other.close()


def test_private_file_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.touch(mode=0o644)
    write_private(path, "secret\n")
    assert modes(tmp_path) == {"ready.json": 0o600}
    assert path.read_text() == "secret\n"
