"""A login is kept for its user alone, and not believed where others could read or write it."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterhub_platform.cli.hub import access
from jupyterhub_platform.cli.hub.access import Place, find_access, find_login_at
from jupyterhub_platform.cli.hub.stored_logins import (
    StoredLogin,
    find_file,
    find_login,
    forget,
    keep,
    list_logins,
    normalise_url,
)
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.settings import STATE_DIRECTORY

URL = "https://hub.example.org/lab"
LOGIN = StoredLogin(URL, "kim", "secret-word", "a1", "2099-01-01T00:00:00+00:00")
NOWHERE = Path(STATE_DIRECTORY)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config" / "jhp"


def test_is_kept_in_a_private_file_of_a_private_folder(folder: Path) -> None:
    old = os.umask(0)
    try:
        path = keep(LOGIN)
    finally:
        os.umask(old)
    assert path.parent == folder
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (find_login(URL), list_logins()) == (LOGIN, [LOGIN])
    assert [each.name for each in folder.iterdir()] == [path.name]
    forget(URL)
    assert (find_login(URL), list_logins()) == (None, [])


def test_a_folder_that_others_may_enter_is_closed(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o777)
    folder.chmod(0o777)
    keep(LOGIN)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("url", [f"{URL}/", "HTTPS://HUB.example.org:443/lab", f"{URL}//"])
def test_each_way_to_write_an_address_is_one_hub(url: str) -> None:
    keep(LOGIN)
    assert normalise_url(url) == URL
    assert find_login(url) == LOGIN


@pytest.mark.parametrize(
    "url", ["http://hub.example.org/lab", "https://hub.example.org:8443/lab", "https://evil/lab"]
)
def test_a_token_goes_to_no_other_hub(url: str) -> None:
    keep(LOGIN)
    assert find_login(url) is None
    with pytest.raises(PlatformError, match="There is no token for"):
        find_access(url, NOWHERE)


def test_a_long_address_has_a_file_too() -> None:
    long = f"https://hub.example.org/{'x' * 300}"
    assert keep(StoredLogin(long, "kim", "t", "a1", LOGIN.expires_at)).exists()
    assert find_login(long) is not None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o777])
def test_a_file_that_others_can_reach_is_not_used(mode: int) -> None:
    path = keep(LOGIN)
    path.chmod(mode)
    with pytest.raises(PlatformError, match="Others can read the token") as error:
        find_access(URL, NOWHERE)
    assert "secret-word" not in str(error.value)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o720])
def test_a_folder_that_others_can_change_is_not_used(folder: Path, mode: int) -> None:
    keep(LOGIN)
    folder.chmod(mode)
    with pytest.raises(PlatformError, match="Others can write in"):
        find_login(URL)


def test_a_file_of_another_user_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(LOGIN)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PlatformError, match="belongs to another user"):
        find_login(URL)
    with pytest.raises(PlatformError, match="belongs to another user"):
        keep(LOGIN)


def test_a_link_and_a_pipe_are_not_followed(tmp_path: Path) -> None:
    path = keep(LOGIN)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        find_login(URL)
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(PlatformError, match="is not a regular file"):
        find_login(URL)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense", '{"url": 1}', '{"url": "x", "token": "y"}', "\x00" * 9]
)
def test_a_damaged_file_is_named(text: str) -> None:
    path = keep(LOGIN)
    path.write_text(text)
    with pytest.raises(PlatformError, match="is damaged"):
        find_login(URL)


def test_a_damaged_end_is_named() -> None:
    keep(StoredLogin(URL, "kim", "t", "a1", "soon"))
    with pytest.raises(PlatformError, match="is damaged"):
        find_login(URL)


def test_an_environment_token_goes_first_for_a_named_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(LOGIN)
    assert find_access(URL, NOWHERE).token == "secret-word"
    monkeypatch.setenv(access.TOKEN_VARIABLE, "given")
    found = find_access(URL, NOWHERE)
    assert (found.token, found.login) == ("given", None)


def test_the_only_login_is_used_where_no_platform_is(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="No platform was started from"):
        find_access(None, NOWHERE)
    keep(LOGIN)
    assert find_access(None, NOWHERE).place.url == URL
    with pytest.raises(PlatformError, match="No platform was started from"):
        find_access(None, tmp_path / "named")
    keep(StoredLogin("https://other.example.org", "kim", "t", "a2", LOGIN.expires_at))
    with pytest.raises(PlatformError, match=r"logged in at .*Name one of them with --url"):
        find_access(None, NOWHERE)


def test_a_login_is_of_one_platform_on_this_machine() -> None:
    keep(replace(LOGIN, instance="first"))
    assert find_login_at(Place(URL, instance="second")) is None
    assert find_login_at(Place(URL, instance="first")) is not None
    assert find_login_at(Place(URL)) is not None
    keep(LOGIN)
    assert find_login_at(Place(URL, instance="second")) == LOGIN


def test_a_login_that_has_ended_says_so() -> None:
    keep(StoredLogin(URL, "kim", "t", "a1", "2020-01-01T00:00:00+00:00"))
    with pytest.raises(PlatformError, match=r"Your login as kim .* ended 01 Jan 2020"):
        find_access(URL, NOWHERE)


def test_without_a_home_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setattr(Path, "home", _no_home)
    with pytest.raises(PlatformError, match="Set XDG_CONFIG_HOME"):
        find_file(URL)


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")
