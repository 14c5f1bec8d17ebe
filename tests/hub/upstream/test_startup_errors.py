"""A Hub that cannot start with its settings says so in one sentence."""

import asyncio
import logging
from pathlib import Path

import pytest
from jupyterhub.app import JupyterHub
from traitlets import TraitError
from traitlets.config import Config

from jupyterhub_platform.hub.upstream.startup_errors import (
    KNOWN,
    STEPS,
    exit_with_a_sentence,
    say_refusal,
)
from tests.hub.upstream.stock_hub import recorded


@pytest.fixture(autouse=True)
def unpatched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take JupyterHub's own steps, and leave them so."""
    monkeypatch.chdir(tmp_path)
    for name in (*STEPS, "init_eventlog", "update_config"):
        step = getattr(JupyterHub, name)
        while hasattr(step, "__wrapped__") and step.__module__.startswith("jupyterhub_platform"):
            step = step.__wrapped__
        monkeypatch.setattr(JupyterHub, name, getattr(step, "__wrapped__", step))


@pytest.fixture
def app() -> JupyterHub:
    made = JupyterHub(db_url="sqlite:///:memory:")
    made.log = logging.getLogger("starting")
    return made


def test_every_step_that_reads_settings_is_one_of_jupyterhubs() -> None:
    assert [name for name in STEPS if not hasattr(JupyterHub, name)] == []


async def test_a_step_that_fails_ends_the_hub_with_its_sentence(app: JupyterHub) -> None:
    exit_with_a_sentence(lambda _app: "")
    app.load_roles = [{"name": "a", "scopes": ["no:such"]}]
    app.init_db()
    with recorded(app.log) as records, pytest.raises(SystemExit) as ended:
        await app.init_role_creation()
    assert ended.value.code == 1
    told = [each.getMessage() for each in records.kept if each.levelno >= logging.CRITICAL]
    assert len(told) == 1
    assert told[0].startswith("The Hub does not start: ")
    assert "Look at c.JupyterHub.load_roles" in told[0]
    app.db.close()
    app.session_factory.kw["bind"].dispose()


def test_a_setting_that_was_overwritten_ends_the_hub_before_the_first_step(
    app: JupyterHub, caplog: pytest.LogCaptureFixture
) -> None:
    exit_with_a_sentence(lambda _app: "c.JupyterHub.load_roles was replaced")
    exit_with_a_sentence(lambda _app: "the first one counts")
    with pytest.raises(SystemExit):
        app.init_eventlog()
    assert caplog.messages == ["The Hub does not start: c.JupyterHub.load_roles was replaced."]


def test_a_value_that_a_check_fails_on_is_an_error_of_the_configuration(
    app: JupyterHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_app: JupyterHub, _config: Config) -> None:
        raise ValueError("Port could not be cast to integer")

    monkeypatch.setattr(JupyterHub, "update_config", fail)
    exit_with_a_sentence(lambda _app: "")
    with pytest.raises(TraitError, match=r"integer\. Look at the value"):
        app.update_config(Config())


def test_a_step_that_succeeds_is_unchanged(app: JupyterHub) -> None:
    before = asyncio.iscoroutinefunction(JupyterHub.init_role_creation)
    exit_with_a_sentence(lambda _app: "")
    assert asyncio.iscoroutinefunction(JupyterHub.init_role_creation) == before
    app.init_db()
    assert app.db is not None
    app.db.close()
    app.session_factory.kw["bind"].dispose()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("It is\n  wrong."), "It is wrong. Look at X in the configuration"),
        (KeyError("users"), "users. Look at X in the configuration"),
        (ValueError(), "ValueError. Look at X in the configuration"),
        (OSError(13, "no"), "[Errno 13] no. Look at X in the configuration"),
    ],
)
def test_a_refusal_says_what_and_where(error: Exception, said: str) -> None:
    assert say_refusal(error, "X").startswith(said)


@pytest.mark.parametrize("begins", KNOWN)
def test_a_text_that_does_not_explain_itself_is_replaced(begins: str) -> None:
    assert say_refusal(ValueError(f"{begins} …"), "X") == KNOWN[begins]
