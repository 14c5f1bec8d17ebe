"""What the Hub says about its own settings: asked in the name of whoever looks at the page."""

import json
from typing import Final

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

_SECONDS: Final = 3.0


async def read_weakened(api_url: str, token: str) -> tuple[str, ...]:
    """Return a sentence for each setting that the site made weaker; none if the Hub says nothing.

    The page is worth showing without them: the Hub has said the same in its log.
    """
    try:
        answer = await AsyncHTTPClient().fetch(
            f"{api_url.rstrip('/')}/platform/settings",
            headers={"Authorization": f"token {token}"},
            connect_timeout=_SECONDS,
            request_timeout=_SECONDS,
            follow_redirects=False,
        )
        found = json.loads(answer.body)["weakened"]
        return tuple(str(each["sentence"]) for each in found)
    except (HTTPClientError, OSError, ValueError, KeyError, TypeError):
        return ()
