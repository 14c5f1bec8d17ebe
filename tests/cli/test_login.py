"""``jhp login`` before a Hub has answered: what it warns of, and what it does not believe."""

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from jupyterhub_platform.cli.hub.stored_logins import StoredLogin, find_login, keep
from jupyterhub_platform.cli.main import main
from tests.cli.test_hub_client import answering


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("JUPYTERHUB_API_TOKEN", "PLATFORM_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def jhp(*words: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(main, words)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://hub.invalid", True),
        ("http://192.0.2.1:1", True),
        ("http://127.0.0.1:1", False),
        ("http://[::1]:1", False),
        ("http://localhost:1", False),
        ("https://hub.invalid", False),
    ],
)
@pytest.mark.usefixtures("home")
def test_an_address_that_is_not_encrypted_is_warned_of(
    url: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("httpx.Client.request", _never_answer)
    done = jhp("login", "--hub", url, "--no-browser")
    assert ("others on the network can read your token" in done.stderr) is warned
    assert (done.exit_code, "does not answer" in done.stderr) == (1, True)


def _never_answer(client: httpx.Client, method: str, path: str, **_named: object) -> None:
    raise httpx.ConnectError("no route", request=client.build_request(method, path))


@pytest.mark.usefixtures("home")
def test_a_token_of_the_environment_goes_first_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "given")
    assert "goes before this login" in jhp("login", "--hub", "http://127.0.0.1:1").stderr


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("page", ["file:///etc/passwd", "javascript:alert(1)", ""])
def test_a_page_that_is_none_is_not_opened(page: str) -> None:
    body = json.dumps({"page": page, "code_seconds": 120}).encode()
    with answering(200, body) as url:
        done = jhp("login", "--hub", url)
    assert (done.exit_code, "named a page that is none" in done.stderr) == (1, True)


@pytest.mark.usefixtures("home")
def test_a_hub_that_does_not_answer_keeps_no_login_here() -> None:
    url = "http://127.0.0.1:1"
    keep(StoredLogin(url, "kim", "secret-word", "a1", "2099-01-01T00:00:00+00:00"))
    done = jhp("logout")
    assert done.exit_code == 1
    assert "deleted here, and not revoked: it works until 01 Jan 2099" in done.stderr
    assert "secret-word" not in done.output
    assert find_login(url) is None
