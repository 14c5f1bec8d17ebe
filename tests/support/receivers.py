"""Who receives notices: a webhook, and a mail server, on ports of this machine."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


def free_port() -> int:
    """Return a port that nothing listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Posted:
    """One message of a webhook, as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass
class WebhookReceiver:
    """Keeps what is posted, and answers with ``status`` and ``answer``."""

    port: int
    status: int = 204
    answer: bytes = b""
    location: str = ""
    posted: list[Posted] = field(default_factory=list)
    gets: list[str] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    """While it is set, what is posted is kept and not answered."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook/very-secret"

    def events(self) -> list[str]:
        """Return the events of which it was told, in order."""
        return [each.json["event"] for each in self.posted]


@contextmanager
def receiving_webhook(receiver: WebhookReceiver) -> Iterator[WebhookReceiver]:
    """Serve a receiver until the end of the block; it can be served again."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posted.append(Posted(dict(self.headers.items()), body))
            while receiver.hold.is_set():
                time.sleep(0.05)
            self.send_response(receiver.status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            if receiver.status != 204:
                self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        def do_GET(self) -> None:
            receiver.gets.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing: the test looks at what came."""

    class Reusable(ThreadingHTTPServer):
        allow_reuse_address = True
        daemon_threads = True

    server = Reusable(("127.0.0.1", receiver.port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailReceiver:
    """Keeps the e-mails that it is handed; refuses recipients in ``refused``."""

    port: int
    refused: dict[str, str] = field(default_factory=dict)
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 a name of aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, unless it is to be refused."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 a name of aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep an e-mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        letter = BytesParser(policy=default).parsebytes(content)
        assert isinstance(letter, EmailMessage)
        self.raw.append(content)
        self.letters.append(letter)
        self.recipients.append(list(envelope.rcpt_tos))
        self.over_tls.append(session.ssl is not None)
        return "250 OK"

    def log_in(self, *said: Any) -> AuthResult:
        """Let in who says the password ``correct horse``."""
        data = said[-1]
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        return AuthResult(success=data.password == b"correct horse", handled=False)

    def subjects_to(self, address: str) -> list[str]:
        """Return the subjects of the e-mails to an address, in order."""
        return [str(each["Subject"]).strip() for each in self.letters if each["To"] == address]


@contextmanager
def receiving_mail(
    receiver: MailReceiver, tls: ssl.SSLContext | None = None, *, login: bool = False
) -> Iterator[MailReceiver]:
    """Serve a mail server until the end of the block; with ``tls`` it wants STARTTLS."""
    more: dict[str, Any] = {}
    if tls is not None:
        more |= {"tls_context": tls, "require_starttls": True}
    if login:
        more |= {"authenticator": receiver.log_in, "auth_required": True}
    server = Controller(receiver, hostname="127.0.0.1", port=receiver.port, **more)
    server.start()
    try:
        yield receiver
    finally:
        server.stop()
