"""What the Hub's own API answers, asked in the name of whoever looks at a page."""

import json
from typing import Any, Final

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from jupyterhub_platform.service.refusals import RefusalError, unknown

_SECONDS: Final = 3.0


async def read_hub(api_url: str, token: str, path: str) -> Any:
    """Return what the Hub's API answers below ``platform/``, with the token of whoever asks.

    Raises
    ------
    RefusalError
        Raised with 404 if the Hub says that it is not there or not theirs, with 503 if it does not
        answer.
    """
    try:
        answer = await AsyncHTTPClient().fetch(
            f"{api_url.rstrip('/')}/platform/{path}",
            headers={"Authorization": f"token {token}"},
            connect_timeout=_SECONDS,
            request_timeout=_SECONDS,
            follow_redirects=False,
        )
        return json.loads(answer.body)
    except HTTPClientError as error:
        if 400 <= error.code < 500:
            raise unknown("server") from None
    except (OSError, ValueError):
        pass
    raise RefusalError(
        503, "The Hub does not answer. Try again in a moment.", "platform.hub", retry_after=5
    )
