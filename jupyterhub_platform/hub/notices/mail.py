"""Sends notices as plain e-mails, in a thread of their own."""

import asyncio
import contextlib
import functools
import smtplib
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final

from jupyterhub_platform.core.notices import Channel, Notice, one_line
from jupyterhub_platform.hub.notices.addresses import Addresses
from jupyterhub_platform.hub.notices.message import Message, UndeliveredError
from jupyterhub_platform.hub.notices.settings import MailSettings

STEP_SECONDS: Final = 10.0
"""How long the server may take to answer one command."""
TOTAL_SECONDS: Final = 45.0
"""How long all of it may take: a server that answers a letter at a time holds up no others."""


class NoAddressError(Exception):
    """Raised if no address of the recipient is known."""


class Mail:
    """Sends notices through a mail server. Belongs to the Hub's loop, and never blocks it."""

    channel = Channel.MAIL

    def __init__(self, settings: MailSettings, addresses: Addresses) -> None:
        self._settings = settings
        self._addresses = addresses
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mail")

    @property
    def target(self) -> str:
        """Where it is, as may be shown."""
        return f"{self._settings.host}:{self._settings.port}"

    async def send(self, notice: Notice, message: Message) -> None:
        """Send an e-mail once.

        Raises
        ------
        NoAddressError
            Raised if no address of the recipient is known.
        UndeliveredError
            Raised unless the server has taken it.
        """
        address = await self._addresses.find(notice.recipients[0])
        if not address:
            raise NoAddressError
        letter = compose(message, self._settings.sender, address)
        call = functools.partial(deliver, self._settings, letter)
        await asyncio.get_running_loop().run_in_executor(self._thread, call)


def compose(message: Message, sender: str, address: str) -> EmailMessage:
    """Return the e-mail; no text that users wrote ends a header."""
    notice, domain = message.notice, sender.partition("@")[2]
    letter = EmailMessage(policy=SMTP)
    letter["From"] = sender
    letter["To"] = address
    letter["Subject"] = one_line(f"[{message.platform}] {message.subject}")
    letter["Date"] = notice.at
    letter["Message-ID"] = f"<{notice.id}@{domain}>"
    letter["X-Platform-Notice"] = notice.id
    letter["X-Platform-Event"] = str(notice.event)
    letter["List-Id"] = f"<notices.{domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter["X-Auto-Response-Suppress"] = "All"
    end = [message.link, one_line(f"{message.platform}, notice {notice.id}")]
    text = "\n\n".join([message.text, "\n".join(filter(None, end))]) + "\n"
    letter.set_content(text.encode("utf-8", "replace").decode())
    return letter


def deliver(settings: MailSettings, letter: EmailMessage) -> None:
    """Hand an e-mail to the server; takes some seconds.

    Raises
    ------
    UndeliveredError
        Raised unless the server has taken it.
    """
    try:
        with _connect(settings) as connection:
            if settings.security == "starttls":
                connection.starttls(context=ssl.create_default_context())
            if settings.user:
                connection.login(settings.user, settings.password)
            connection.send_message(letter)
    except smtplib.SMTPRecipientsRefused as error:
        code = max((code for code, _ in error.recipients.values()), default=0)
        raise UndeliveredError(
            f"The mail server refuses the recipient ({code}).", for_good=500 <= code < 600
        ) from None
    except smtplib.SMTPDataError as error:
        raise UndeliveredError(
            f"The mail server refuses the e-mail ({error.smtp_code}).",
            for_good=500 <= error.smtp_code < 600,
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise UndeliveredError(
            f"The mail server refuses name or password ({error.smtp_code})."
        ) from None
    except smtplib.SMTPNotSupportedError:
        raise UndeliveredError(
            "The mail server offers neither STARTTLS nor login as configured."
        ) from None
    except smtplib.SMTPResponseException as error:
        raise UndeliveredError(f"The mail server answered {error.smtp_code}.") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise UndeliveredError(f"The mail server does not answer: {_say(error)}.") from None


class _Timed(smtplib.SMTP):
    """Ends a connection that takes too long as a whole: timeouts are for one answer each."""

    _timer: threading.Timer | None = None

    def connect(self, *arguments: Any, **named: Any) -> Any:
        """Connect, and wait for the greeting."""
        self._timer = threading.Timer(TOTAL_SECONDS, self._end)
        self._timer.daemon = True
        self._timer.start()
        try:
            return super().connect(*arguments, **named)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        super().close()
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


class _TimedTls(_Timed, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


def _connect(settings: MailSettings) -> smtplib.SMTP:
    here = socket.gethostname()
    server = (settings.host, settings.port, here)
    if settings.security == "tls":
        tls = ssl.create_default_context()
        return _TimedTls(*server, timeout=STEP_SECONDS, context=tls)
    return _Timed(*server, timeout=STEP_SECONDS)


def _say(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS fails ({getattr(error, 'verify_message', '') or error.reason or 'SSLError'})"
    return one_line(getattr(error, "strerror", None) or type(error).__name__)[:100]
