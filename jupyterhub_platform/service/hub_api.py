"""What the Hub's own API answers, asked in the name of whoever looks at a page."""

import json
from typing import Any, Final

from aiohttp import ClientError, ClientResponseError, ClientTimeout
from jupyterhub.httpclient import fetch

from jupyterhub_platform.service.errors import RefusalError, unknown

_SECONDS: Final = ClientTimeout(total=3.0)


async def read_hub(api_url: str, token: str, path: str) -> Any:
    """Return what the Hub's API answers below ``platform/``, with the token of whoever asks.

    Raises
    ------
    RefusalError
        Raised with 404 if the Hub says that it is not there or not theirs, with 503 if it does not
        answer.
    """
    try:
        answer = await fetch(
            f"{api_url.rstrip('/')}/platform/{path}",
            headers={"Authorization": f"token {token}"},
            timeout=_SECONDS,
            allow_redirects=False,
        )
        return json.loads(await answer.read())
    except ClientResponseError as error:
        if 400 <= error.status < 500:
            raise unknown("server") from None
    except (ClientError, OSError, ValueError):
        pass
    raise RefusalError(
        503, "The Hub does not answer. Try again in a moment.", "platform.hub", retry_after=5
    )


async def find_proxies(api_url: str, token: str) -> list[str]:
    """Return the addresses and networks of proxies, which the Hub knows, with our own token."""
    return [str(each) for each in (await read_hub(api_url, token, "proxies"))["addresses"]]
