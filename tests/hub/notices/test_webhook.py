"""A webhook gets signed JSON; what it answers is not read, followed or shown."""

import socket
import threading
import time

import pytest

from jupyterhub_platform.core.notices import Channel, Event, make_notices
from jupyterhub_platform.hub.notices import webhook
from jupyterhub_platform.hub.notices.message import Message, UndeliveredError
from jupyterhub_platform.hub.notices.settings import WebhookSettings
from jupyterhub_platform.hub.notices.webhook import Webhook, sign
from tests.support.policies import NOW
from tests.support.receivers import WebhookReceiver, free_port, receiving_webhook

SECRET = "0123456789abcdef"
(NOTICE,) = make_notices(Event.TEST, "t1", {}, ["dev", "eve"], [Channel.WEBHOOK], NOW)


async def post(receiver: WebhookReceiver) -> None:
    message = Message(NOTICE, "Lab", "https://hub.example.org/services/platform/")
    await Webhook(WebhookSettings(receiver.url, SECRET)).send(NOTICE, message)


@pytest.fixture
def receiver() -> WebhookReceiver:
    return WebhookReceiver(free_port())


async def test_a_message_is_signed_with_its_time(receiver: WebhookReceiver) -> None:
    with receiving_webhook(receiver):
        await post(receiver)
    (posted,) = receiver.posted
    assert posted.json == {
        "version": 1,
        "id": NOTICE.id,
        "event": "test",
        "at": NOW.isoformat(),
        "platform": "Lab",
        "recipients": ["dev", "eve"],
        "subject": "Test of notices",
        "text": "This is a test of notices. Nothing has happened.",
        "link": "https://hub.example.org/services/platform/",
        "request": None,
        "grant": None,
    }
    stamp = posted.headers["X-Platform-Timestamp"]
    assert abs(time.time() - int(stamp)) < 60
    expected = sign(SECRET, stamp, posted.body)
    assert posted.headers["X-Platform-Signature"] == f"sha256={expected}"
    assert sign(SECRET, str(int(stamp) + 1), posted.body) != expected
    assert posted.headers["X-Platform-Notice"] == NOTICE.id


async def test_a_redirect_is_a_refusal(receiver: WebhookReceiver) -> None:
    receiver.status, receiver.location = 302, f"http://127.0.0.1:{receiver.port}/inner"
    with receiving_webhook(receiver), pytest.raises(UndeliveredError, match="answered 302"):
        await post(receiver)
    assert (len(receiver.posted), receiver.gets) == (1, [])


async def test_an_answer_is_neither_read_nor_shown(receiver: WebhookReceiver) -> None:
    receiver.status, receiver.answer = 500, b"inner secret" * 5_000_000
    began = time.monotonic()
    with receiving_webhook(receiver), pytest.raises(UndeliveredError) as refused:
        await post(receiver)
    assert str(refused.value) == "The webhook answered 500."
    assert time.monotonic() - began < 5


async def test_a_failure_does_not_name_the_address(receiver: WebhookReceiver) -> None:
    with pytest.raises(UndeliveredError) as refused:
        await post(receiver)
    assert str(refused.value) == "The webhook does not answer (ConnectError)."
    assert refused.value.for_good is False
    settings = WebhookSettings(receiver.url, SECRET)
    assert SECRET not in repr(settings)


async def test_a_proxy_of_the_environment_is_not_asked(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    with receiving_webhook(receiver):
        await post(receiver)
    assert len(receiver.posted) == 1


async def test_an_answer_that_never_ends_is_given_up(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 1.0)
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", receiver.port))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.1):
                try:
                    peer.sendall(b"X-A: b\r\n")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with pytest.raises(UndeliveredError, match="not answer in time"):
        await post(receiver)
    over.set()
    thread.join()
    listener.close()
