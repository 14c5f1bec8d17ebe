"""With which key what providers give is encrypted."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.crypto import CryptKeeper
from traitlets.config import Config

from jupyterhub_platform.hub.auth.auth_state_key import KEY_FILE, keep_auth_state
from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator


@pytest.fixture
def keeper() -> Iterator[CryptKeeper]:
    """The only one of this process, without keys, and as it was afterwards."""
    keeper = CryptKeeper.instance(config=Config())
    before, keeper.keys = keeper.keys, []
    yield keeper
    keeper.keys = before


def app_of(**settings: Any) -> Any:
    config = Config()
    config.Authenticator = Config(settings)
    return SimpleNamespace(config=config, authenticator=PlatformAuthenticator())


def test_without_a_key_one_is_made_once(
    keeper: CryptKeeper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    app = app_of()
    keep_auth_state(app, tmp_path)
    assert app.authenticator.enable_auth_state
    (made,) = keeper.keys
    assert len(made) == 32
    assert "JUPYTERHUB_CRYPT_KEY" in caplog.text
    assert made.hex() not in caplog.text
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
    keeper.keys = []
    keep_auth_state(app_of(), tmp_path)
    assert keeper.keys == [made]


def test_a_key_of_the_site_stays(keeper: CryptKeeper, tmp_path: Path) -> None:
    keeper.keys = ["ab" * 32]
    app = app_of()
    keep_auth_state(app, tmp_path)
    assert app.authenticator.enable_auth_state
    assert keeper.keys == [bytes.fromhex("ab" * 32)]
    assert list(tmp_path.iterdir()) == []


def test_a_site_that_keeps_nothing_is_told_what_follows(
    keeper: CryptKeeper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_of(enable_auth_state=False)
    keep_auth_state(app, tmp_path)
    assert not app.authenticator.enable_auth_state
    assert "users who are removed there stay" in caplog.text
    assert keeper.keys == []
