"""Settings of notices: what is off, what is refused, and where secrets come from."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from jupyterhub_platform.core.notices import Channel
from jupyterhub_platform.hub.notices.addresses import Addresses, is_address
from jupyterhub_platform.hub.notices.settings import NoticeTraits

MAIL: dict[str, Any] = {"mail_server": "smtp.example.org", "mail_from": "hub@example.org"}
URL = "https://chat.example.org/hooks/T0/very-secret"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PLATFORM_WEBHOOK_URL", "PLATFORM_WEBHOOK_SECRET", "PLATFORM_MAIL_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_a_hub_without_a_webhook_needs_no_library_for_one() -> None:
    program = "import sys; from jupyterhub_platform.hub import configure, platform\n"
    program += "print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"False\n"


def test_all_is_off_by_default() -> None:
    settings = NoticeTraits().read_notice_settings()
    assert settings.channels == frozenset()
    assert settings.before == timedelta(days=1)
    assert list(NoticeTraits().find_weakened_notices()) == []


def test_secrets_come_from_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("a secret of a file\n")
    monkeypatch.setenv("PLATFORM_WEBHOOK_URL", URL)
    monkeypatch.setenv("PLATFORM_WEBHOOK_SECRET", "a secret of the environment")
    webhook = NoticeTraits().read_notice_settings().webhook
    assert webhook is not None
    assert (webhook.url, webhook.secret) == (URL, "a secret of the environment")
    assert webhook.host == "chat.example.org"
    traits = NoticeTraits(
        webhook_secret_file=str(file), mail_user="hub", mail_password_file=str(file), **MAIL
    )
    settings = traits.read_notice_settings()
    assert settings.channels == frozenset(Channel)
    assert settings.webhook is not None
    assert settings.mail is not None
    assert settings.webhook.secret == settings.mail.password == "a secret of a file"
    assert "secret of a file" not in repr(settings)
    file.unlink()
    with pytest.raises(TraitError, match="webhook_secret_file cannot be read"):
        traits.read_notice_settings()


@pytest.mark.parametrize(
    ("security", "server", "host", "port"),
    [
        ("starttls", "smtp.example.org", "smtp.example.org", 587),
        ("tls", "smtp.example.org", "smtp.example.org", 465),
        ("none", "localhost", "localhost", 25),
        ("starttls", "[::1]:2525", "::1", 2525),
    ],
)
def test_ports_follow_from_how_the_server_is_spoken_to(
    security: str, server: str, host: str, port: int
) -> None:
    traits = NoticeTraits(**MAIL | {"mail_server": server, "mail_security": security})
    mail = traits.read_notice_settings().mail
    assert mail is not None
    assert (mail.host, mail.port, mail.security) == (host, port, security)


@pytest.mark.parametrize(
    "url",
    [
        "http://chat.example.org/hook",
        "http://169.254.169.254/latest",
        "http://127.0.0.1.example.org/",
        "https://user:word@chat.example.org/",
        "https:///hook",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://chat.example.org:0/",
        "https://chat.example.org:port/",
        "https://chat.example.org/\r\nX: y",
        "https://chat.example.org/a b",
        "https://[::1/",
        "chat.example.org/hook",
    ],
)
def test_an_address_that_notices_may_not_go_to_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(TraitError, match="no address that notices may go to") as refused:
        NoticeTraits(webhook_url=url)
    assert url not in str(refused.value)


@pytest.mark.parametrize(
    "url", [URL, "http://127.0.0.1:8000/", "http://[::1]/", "http://localhost/"]
)
def test_https_and_this_machine_are_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_WEBHOOK_SECRET", "x" * 16)
    assert NoticeTraits(webhook_url=url).read_notice_settings().webhook is not None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"webhook_url": URL}, "needs a secret of 16 characters or more"),
        ({"mail_server": "smtp.example.org"}, "without c.Platform.mail_from"),
        (MAIL | {"mail_user": "hub"}, "mail_user has no password"),
        (MAIL | {"mail_server": "a:b"}, "write HOST or HOST:PORT"),
        (MAIL | {"mail_server": "u@smtp.example.org"}, "write HOST or HOST:PORT"),
        (MAIL | {"mail_server": "smtp.example.org/x"}, "write HOST or HOST:PORT"),
    ],
)
def test_what_is_missing_or_wrong_is_said(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(TraitError, match=said):
        NoticeTraits(**settings).read_notice_settings()


@pytest.mark.parametrize(
    "settings",
    [
        {"mail_from": "Hub <hub@example.org>"},
        {"mail_from": "hub"},
        {"mail_from": "hub@example.org\r\nBcc: x@y"},
        {"mail_domain": "example.org>"},
        {"mail_security": "plain"},
        {"grant_notice_hours": 0},
        {"grant_notice_hours": 1000},
    ],
)
def test_values_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(TraitError):
        NoticeTraits(**settings)


def test_a_password_is_never_sent_in_clear_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_MAIL_PASSWORD", "word")
    traits = NoticeTraits(**MAIL, mail_user="hub", mail_security="none")
    with pytest.raises(TraitError, match="in clear text"):
        traits.read_notice_settings()


def test_mail_without_tls_is_a_weakened_setting() -> None:
    (weak,) = NoticeTraits(**MAIL, mail_security="none").find_weakened_notices()
    assert weak.setting.name == "c.Platform.mail_security"
    assert "can be read on the way" in weak.sentence
    here = NoticeTraits(mail_server="127.0.0.1:25", mail_security="none")
    assert list(here.find_weakened_notices()) == []


@pytest.mark.parametrize(
    "text",
    [
        "a@b\r\nRCPT TO:<x@y>",
        "a b@c",
        "a@b@c",
        "<a@b>",
        "a@",
        "@b",
        "a@-b",
        "ä@b",
        "a" * 250 + "@b.c",
        "",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert not is_address(text)


class _Authenticator:
    enable_auth_state = False


class _App:
    authenticator = _Authenticator()


async def test_a_name_is_an_address_or_one_at_the_domain() -> None:
    app = _App()
    assert await Addresses(app, "").find("ada@example.org") == "ada@example.org"
    assert await Addresses(app, "").find("ada") == ""
    assert await Addresses(app, "example.org").find("ada") == "ada@example.org"
    assert await Addresses(app, "example.org").find("a b") == ""
