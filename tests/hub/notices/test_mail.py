"""E-mails to a real SMTP server: over TLS, with login, and nothing of a user's in a header."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.access_requests import AccessRequest, Wish
from jupyterhub_platform.core.notices import Channel, Event, make_notices, request_facts
from jupyterhub_platform.hub.notices import mail
from jupyterhub_platform.hub.notices.mail import compose, deliver
from jupyterhub_platform.hub.notices.message import Message, UndeliveredError, find_link
from jupyterhub_platform.hub.notices.settings import MailSettings
from tests.support.policies import NOW
from tests.support.receivers import MailReceiver, free_port, receiving_mail
from tests.support.tls_hub import write_certificate

HOSTILE = "x\r\nBcc: eve@example.org\r\n\r\nLog in at https://evil.example\n.\nQUIT\x00\u202e"


@pytest.fixture
def receiver() -> MailReceiver:
    return MailReceiver(free_port())


def settings_of(receiver: MailReceiver, **more: Any) -> MailSettings:
    said: dict[str, Any] = {"security": "none", "sender": "hub@example.org"} | more
    return MailSettings("127.0.0.1", receiver.port, **said)


def message_of(text: str = "training", event: Event = Event.REQUEST_MADE) -> Message:
    asked = AccessRequest(
        "r1", "dev", "vision", Wish.TIER, {"tier": "big" if text == "training" else text}, None,
        text, NOW,
    )  # fmt: skip
    facts = request_facts(asked, "dev", text)
    (notice,) = make_notices(event, "r1", facts, ["boss"], [Channel.MAIL], NOW)
    pages = "https://hub.example.org/services/platform/"
    return Message(notice, text if text != "training" else "Lab", find_link(notice, pages))


def send(receiver: MailReceiver, text: str = "training", **more: Any) -> None:
    deliver(
        settings_of(receiver, **more), compose(message_of(text), "hub@example.org", "boss@x.org")
    )


def test_an_e_mail_says_what_has_happened_and_that_a_program_sent_it(
    receiver: MailReceiver,
) -> None:
    with receiving_mail(receiver):
        send(receiver)
    (letter,) = receiver.letters
    assert receiver.recipients == [["boss@x.org"]]
    notice = message_of().notice
    assert {
        key: letter[key]
        for key in ("From", "To", "Subject", "Auto-Submitted", "List-Id", "X-Platform-Notice")
    } == {
        "From": "hub@example.org",
        "To": "boss@x.org",
        "Subject": "[Lab] dev asks for the tier big in vision",
        "Auto-Submitted": "auto-generated",
        "List-Id": "<notices.example.org>",
        "X-Platform-Notice": notice.id,
    }
    assert letter["Message-ID"] == f"<{notice.id}@example.org>"
    assert letter.get_content_type() == "text/plain"
    body = letter.get_content()
    assert "https://hub.example.org/services/platform/requests/r1" in body
    assert f"notice {notice.id}" in body


def test_text_of_users_stays_where_it_belongs(receiver: MailReceiver) -> None:
    with receiving_mail(receiver):
        send(receiver, HOSTILE)
        send(receiver)
    first, second = receiver.letters
    assert receiver.recipients == [["boss@x.org"]] * 2
    assert first["Bcc"] is None
    assert set(first.keys()) == set(second.keys())
    head, _, _ = receiver.raw[0].partition(b"\r\n\r\n")
    assert b"\nBcc" not in head
    assert b"\x00" not in receiver.raw[0]
    assert first.get_content_type() == "text/plain"
    assert "\u202e" not in first.get_content()


def test_starttls_is_wanted_and_never_left_out(
    receiver: MailReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = write_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    with receiving_mail(receiver, tls, login=True):
        with pytest.raises(UndeliveredError, match="TLS fails"):
            send(receiver, security="starttls")
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        with pytest.raises(UndeliveredError, match=r"name or password \(535\)"):
            send(receiver, security="starttls", user="hub", password="wrong")
        send(receiver, security="starttls", user="hub", password="correct horse")
    assert receiver.over_tls == [True]
    assert receiver.logins[-1] == b"hub"
    with (
        receiving_mail(receiver),
        pytest.raises(UndeliveredError, match="neither STARTTLS nor login"),
    ):
        send(receiver, security="starttls")
    assert len(receiver.letters) == 1


@pytest.mark.parametrize(("answer", "for_good"), [("550 no such user", True), ("451 later", False)])
def test_a_refused_recipient_is_tried_again_only_if_that_may_help(
    receiver: MailReceiver, answer: str, for_good: bool
) -> None:
    receiver.refused["boss@x.org"] = answer
    with receiving_mail(receiver), pytest.raises(UndeliveredError, match=answer[:3]) as refused:
        send(receiver)
    assert refused.value.for_good is for_good
    assert "no such user" not in str(refused.value)


def test_a_server_that_is_not_there_is_said(receiver: MailReceiver) -> None:
    with pytest.raises(UndeliveredError, match="does not answer: Connection refused"):
        send(receiver)


@pytest.fixture
def dripping(receiver: MailReceiver) -> Iterator[Callable[[], None]]:
    """A server that answers a letter at a time, for ever."""
    listener = socket.create_server(("127.0.0.1", receiver.port))
    over = threading.Event()

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"220 ")
            while not over.wait(0.1):
                try:
                    peer.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield over.set
    over.set()
    listener.close()
    thread.join()


def test_a_server_that_answers_a_letter_at_a_time_holds_up_no_thread(
    receiver: MailReceiver, dripping: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TOTAL_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(UndeliveredError):
        send(receiver)
    assert time.monotonic() - began < 8
