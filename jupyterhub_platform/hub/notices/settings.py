"""Settings of notices in ``c.Platform``, and which of them weaken security."""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from traitlets import Enum, Float, TraitError, Unicode, default, validate
from traitlets.config import LoggingConfigurable

from jupyterhub_platform.core.notices import Channel
from jupyterhub_platform.hub.configuration.hardening import Setting, Weakened
from jupyterhub_platform.hub.notices.addresses import is_address

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_LONGEST_BEFORE: Final = 24.0 * 14
MIN_SECRET: Final = 16


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where the webhook is, and what its messages are signed with."""

    url: str
    secret: str = field(repr=False)

    @property
    def host(self) -> str:
        """Its host, which may be shown: the path of an address is often its secret."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The mail server, how it is spoken to, and who e-mails come from."""

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    domain: str = ""


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """The configuration of notices; a channel without an address is off."""

    webhook: WebhookSettings | None
    mail: MailSettings | None
    before: timedelta

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels that are on."""
        found = {Channel.WEBHOOK: self.webhook, Channel.MAIL: self.mail}
        return frozenset(channel for channel, settings in found.items() if settings)


class NoticeTraits(LoggingConfigurable):
    """The settings of notices."""

    webhook_url = Unicode(
        help="""
        Where notices about requests and grants are posted as JSON; empty: nowhere. An https
        address, or http on this machine. Env: PLATFORM_WEBHOOK_URL. Needs a secret of 16 characters
        or more, with which each message is signed: env PLATFORM_WEBHOOK_SECRET, or
        c.Platform.webhook_secret_file.
        """
    ).tag(config=True)

    webhook_secret_file = Unicode(
        help="File with the secret that messages of the webhook are signed with."
    ).tag(config=True)

    mail_server = Unicode(
        help="""
        HOST or HOST:PORT of the SMTP server that e-mails are sent through; empty: none are sent.
        """
    ).tag(config=True)

    mail_security = Enum(
        ("starttls", "tls", "none"),
        default_value="starttls",
        help="How the mail server is spoken to. Without TLS, others on the network read e-mails.",
    ).tag(config=True)

    mail_from = Unicode(help="The address that e-mails come from, such as hub@example.org.").tag(
        config=True
    )

    mail_user = Unicode(
        help="""
        The name to log in to the mail server with; empty: no login. The password is in env
        PLATFORM_MAIL_PASSWORD, or in c.Platform.mail_password_file.
        """
    ).tag(config=True)

    mail_password_file = Unicode(help="File with the password of the mail server.").tag(config=True)

    mail_domain = Unicode(
        help="""
        Users without an address of their identity provider get e-mails at NAME@mail_domain; empty:
        they get none.
        """
    ).tag(config=True)

    grant_notice_hours = Float(
        24.0,
        help="""
        So many hours before a grant ends, its holder is told. A grant shorter than twice that is
        announced when half of it is over.
        """,
    ).tag(config=True)

    @default("webhook_url")
    def _default_webhook_url(self) -> str:
        return os.environ.get("PLATFORM_WEBHOOK_URL", "")

    @validate("webhook_url")
    def _is_safe_url(self, proposal: Mapping[str, Any]) -> str:
        url: str = proposal["value"]
        if url and not _may_be_posted_to(url):
            # Not shown: the path of such an address is often its secret.
            raise TraitError(
                "c.Platform.webhook_url is no address that notices may go to. Write "
                "https://HOST/PATH without name and password, or http://127.0.0.1:PORT/PATH"
            )
        return url

    @validate("mail_from")
    def _is_sender(self, proposal: Mapping[str, Any]) -> str:
        text: str = proposal["value"]
        if text and not is_address(text):
            raise TraitError(
                f"c.Platform.mail_from is {text!a}, which is no e-mail address; write for example "
                "hub@example.org"
            )
        return text

    @validate("mail_domain")
    def _is_domain(self, proposal: Mapping[str, Any]) -> str:
        text: str = proposal["value"]
        if text and not is_address(f"user@{text}"):
            raise TraitError(
                f"c.Platform.mail_domain is {text!a}, which is no domain; write for example "
                "example.org"
            )
        return text

    @validate("grant_notice_hours")
    def _is_some_time(self, proposal: Mapping[str, Any]) -> float:
        hours: float = proposal["value"]
        if not 0 < hours <= _LONGEST_BEFORE:
            raise TraitError(
                f"c.Platform.grant_notice_hours is {hours:g}; write more than 0 and at most "
                f"{_LONGEST_BEFORE:g}"
            )
        return hours

    def read_notice_settings(self) -> NoticeSettings:
        """Return the configuration with its secrets.

        Raises
        ------
        traitlets.TraitError
            Raised if something is missing that a channel needs.
        """
        before = timedelta(hours=self.grant_notice_hours)
        return NoticeSettings(self._read_webhook(), self._read_mail(), before)

    def _read_webhook(self) -> WebhookSettings | None:
        if not self.webhook_url:
            return None
        secret = _read_secret("PLATFORM_WEBHOOK_SECRET", "webhook_secret_file", self)
        if len(secret) < MIN_SECRET:
            raise TraitError(
                f"c.Platform.webhook_url needs a secret of {MIN_SECRET} characters or more: "
                "receivers could not tell our messages from forged ones. Set "
                "PLATFORM_WEBHOOK_SECRET, or name a file in c.Platform.webhook_secret_file"
            )
        return WebhookSettings(self.webhook_url, secret)

    def _read_mail(self) -> MailSettings | None:
        if not self.mail_server:
            return None
        host, port = _split(self.mail_server, _PORTS[self.mail_security])
        if not self.mail_from:
            raise TraitError(
                "c.Platform.mail_server is set without c.Platform.mail_from; write the address "
                "that e-mails come from"
            )
        password = _read_secret("PLATFORM_MAIL_PASSWORD", "mail_password_file", self)
        if self.mail_user and not password:
            raise TraitError(
                "c.Platform.mail_user has no password; set PLATFORM_MAIL_PASSWORD, or name a file "
                "in c.Platform.mail_password_file"
            )
        if self.mail_user and self.mail_security == "none" and not is_here(host):
            raise TraitError(
                "c.Platform.mail_security is none, which would send the password of the mail "
                "server in clear text; use starttls or tls"
            )
        return MailSettings(
            host,
            port,
            str(self.mail_security),
            self.mail_from,
            self.mail_user,
            password,
            self.mail_domain,
        )

    def find_weakened_notices(self) -> Iterator[Weakened]:
        """Yield what of notices is weaker than the platform's default."""
        host, _ = _split(self.mail_server, 0) if self.mail_server else ("", 0)
        if self.mail_security == "none" and host and not is_here(host):
            yield Weakened(_MAIL_SECURITY, "none")


_MAIL_SECURITY: Final = Setting(
    "Platform",
    "mail_security",
    "starttls",
    "who asks for what, and why, can be read on the way to the mail server",
    lambda value: value != "none",
)


def is_here(host: str) -> bool:
    """Tell whether a host is this machine, which nothing leaves."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _may_be_posted_to(text: str) -> bool:
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        return False
    if not host or "@" in url.netloc or url.fragment or port == 0:
        return False
    if any(not 32 < ord(each) < 127 for each in text):
        return False
    return url.scheme == "https" or (url.scheme == "http" and is_here(host))


def _split(server: str, port: int) -> tuple[str, int]:
    try:
        url = urlsplit(f"//{server}")
        host, found = url.hostname or "", url.port or port
    except ValueError:
        host, found = "", port
    if not host or url.netloc != server or "@" in server:
        raise TraitError(
            f"c.Platform.mail_server is {server!a}; write HOST or HOST:PORT, such as "
            "smtp.example.org:587"
        )
    return host, found


def _read_secret(variable: str, trait: str, traits: NoticeTraits) -> str:
    """Return a secret of the environment, or of a file that a setting names."""
    path: str = getattr(traits, trait)
    if not path:
        return os.environ.get(variable, "")
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise TraitError(f"c.Platform.{trait} cannot be read: {path}: {why}") from None
