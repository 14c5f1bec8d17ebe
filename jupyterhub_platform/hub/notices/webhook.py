"""Posts notices to the one address that the operator configured, signed, and follows nothing."""

import asyncio
import hashlib
import hmac
import json
import ssl
import time
from typing import Final

import httpx

from jupyterhub_platform.core.notices import Channel, Notice
from jupyterhub_platform.hub.notices.message import Message, UndeliveredError
from jupyterhub_platform.hub.notices.settings import WebhookSettings

TIMEOUT_SECONDS: Final = 10.0
"""How long all of a call may take, however slowly it is answered."""


class Webhook:
    """Sends notices to a webhook. Belongs to the Hub's loop, and never blocks it."""

    channel = Channel.WEBHOOK

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        # The system's certificates; what else the environment says would lead elsewhere.
        self._tls = ssl.create_default_context()

    @property
    def target(self) -> str:
        """Where it is, as may be shown."""
        return self._settings.host

    async def send(self, notice: Notice, message: Message) -> None:
        """Post a notice once.

        Raises
        ------
        UndeliveredError
            Raised unless the answer has a status of 2xx.
        """
        body = json.dumps(message.to_json(), ensure_ascii=False).encode("utf-8", "replace")
        now = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "jupyterhub-platform",
            "X-Platform-Notice": notice.id,
            "X-Platform-Timestamp": now,
            "X-Platform-Signature": f"sha256={sign(self._settings.secret, now, body)}",
        }
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status = await self._post(body, headers)
        except TimeoutError:
            raise UndeliveredError("The webhook did not answer in time.") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # Its text may have the address, whose path is often its secret.
            what = type(error).__name__
            raise UndeliveredError(f"The webhook does not answer ({what}).") from None
        if not 200 <= status < 300:
            raise UndeliveredError(f"The webhook answered {status}.")

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Return the status of the answer, whose body is not read."""
        async with (
            httpx.AsyncClient(
                verify=self._tls, trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS
            ) as client,
            client.stream("POST", self._settings.url, content=body, headers=headers) as answer,
        ):
            return answer.status_code


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of timestamp, a dot and the body, in hexadecimal."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
