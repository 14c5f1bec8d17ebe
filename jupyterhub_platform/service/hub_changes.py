"""Passes a change on to the Hub, with the caller's own token: the service may change nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from aiohttp import ClientConnectorError, ClientError, ClientTimeout
from jupyterhub.httpclient import fetch

from jupyterhub_platform.service.errors import RefusalError

_SECONDS: Final = ClientTimeout(total=30.0, connect=5.0)
_MAX_NAME: Final = 255
_UNSENT: Final = "The Hub does not answer; nothing was changed. Try again in a moment."
_UNKNOWN: Final = (
    "The Hub does not answer, so it is unknown whether this was changed. Look at the history of "
    "the policy before you try again."
)


@dataclass(frozen=True, slots=True)
class HubAnswer:
    """What the Hub answered; ``body`` is its JSON."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether the Hub did it."""
        return 200 <= self.status < 300

    @property
    def sentence(self) -> str:
        """Why the Hub refused."""
        reason = self.body.get("detail") or self.body.get("message")
        return str(reason or f"The Hub answered {self.status} and gave no reason.")

    @property
    def code(self) -> str:
        """The code of the refusal."""
        return str(self.body.get("code") or "platform.hub")

    @property
    def faults(self) -> tuple[str, ...]:
        """Each fault of what was sent."""
        found = self.body.get("faults")
        return tuple(map(str, found)) if isinstance(found, list) else ()

    def refuse(self) -> RefusalError:
        """Return the same refusal, as an answer of the service."""
        status = self.status if 400 <= self.status < 600 else 502
        return RefusalError(status, self.sentence, self.code)


async def send_change(
    api_url: str,
    token: str,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HubAnswer:
    """Ask the Hub at ``path`` below ``platform/``, on behalf of the owner of ``token``.

    Refusals are answers; so is a Hub that does not answer, which counts as 503.
    """
    try:
        response = await fetch(
            f"{api_url.rstrip('/')}/platform/{path}",
            method=method,
            headers={
                "Authorization": f"token {token}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
            data=None if body is None else json.dumps(body),
            timeout=_SECONDS,
            allow_redirects=False,
            raise_for_status=False,
        )
        answer = json.loads(await response.read() or b"{}")
        return HubAnswer(response.status, answer if isinstance(answer, dict) else {})
    except ClientConnectorError:
        return _unanswered(_UNSENT)
    except (ClientError, OSError, ValueError):
        return _unanswered(_UNSENT if method == "GET" else _UNKNOWN)


def place_of(*names: str) -> str:
    """Return a path of the Hub's API made of ``names``.

    Raises
    ------
    RefusalError
        Raised for a name that no object has, and that could lead to another address.
    """
    for name in names:
        if not name or name in {".", ".."} or len(name) > _MAX_NAME or not name.isprintable():
            raise RefusalError(404, "There is nothing of this name.", "platform.not_found")
    return "/".join(quote(name, safe="") for name in names)


def _unanswered(sentence: str) -> HubAnswer:
    return HubAnswer(503, {"detail": sentence, "code": "platform.hub"})
